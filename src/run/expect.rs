//! Expectations, answered by a fold over the journal and the app's view.
//!
//! Nothing here waits. [`Watch`] is shown every new entry once, when it is written, so a step that
//! watches five minutes of traffic looks at each packet once, however often it is woken.

use std::sync::Arc;

use serde_json::Value;

use crate::app::View;
use crate::domain::contract::TransportName;
use crate::domain::equal::is_equal;
use crate::domain::journal::{
    AppFact, DataSource, Direction, Entry, EntryId, Fact, Frame, Observer, Sender,
};
use crate::domain::scenario::Expectation;

/// Whether an expectation is true, and what was seen instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It is.
    Holds,
    /// It is not, but may become so.
    NotYet(String),
    /// It is not and will not be.
    Broken(String),
}

/// One expectation while it is watched.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    expectation: Expectation,
    seen: u64,
    last: Vec<EntryId>,
    /// Whether the next thing that is read is the snapshot that follows a connect: it shows that the
    /// resource can be read, and nothing about the feed.
    snapshot_due: bool,
}

/// How many matching entries a watch keeps as evidence: the newest ones.
const EVIDENCE: usize = 3;

impl Watch {
    /// A watch that has seen nothing. Whether the snapshot that follows a connect is still to come, is
    /// known to whoever has seen what came before.
    pub(crate) fn new(expectation: Expectation, snapshot_due: bool) -> Self {
        Self {
            expectation,
            seen: 0,
            last: Vec::new(),
            snapshot_due,
        }
    }

    /// What is watched for.
    pub(crate) fn expectation(&self) -> &Expectation {
        &self.expectation
    }

    /// How many entries have counted.
    #[cfg(test)]
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Forgets what was seen.
    pub(crate) fn reset(&mut self) {
        self.seen = 0;
        self.last.clear();
    }

    /// The newest entries that count for or against it.
    pub(crate) fn evidence(&self) -> &[EntryId] {
        &self.last
    }

    /// Takes notice of an entry.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        if let Fact::Frame {
            direction: Direction::Down,
            packet: Frame::Connect { .. },
            ..
        } = &entry.fact
        {
            self.snapshot_due = true;
        }
        if counts(&self.expectation, &entry.fact) && !self.is_snapshot(&entry.fact) {
            self.seen += 1;
            if self.last.len() == EVIDENCE {
                self.last.remove(0);
            }
            self.last.push(entry.id);
        }
    }

    /// Whether this is what an app reads because its feed was connected. Told of everything that
    /// happens, it knows of connects before its window too.
    fn is_snapshot(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::App(AppFact::Shown { source, .. }) => {
                *source != DataSource::Event && std::mem::take(&mut self.snapshot_due)
            }
            _ => false,
        }
    }

    /// Whether it is true now. `transport` is that of the newest living socket.
    pub(crate) fn truth(&self, view: &View, transport: Option<TransportName>) -> Truth {
        let seen = self.seen;
        match &self.expectation {
            Expectation::Screen(wanted) => holds(*view.screen == *wanted.as_str(), || {
                format!("the screen is `{}`", view.screen)
            }),
            Expectation::Link(wanted) => holds(view.link == *wanted, || {
                format!("the link is {:?}", view.link).to_lowercase()
            }),
            Expectation::Feed(wanted) => holds(view.feed == *wanted, || {
                format!("the feed is {:?}", view.feed).to_lowercase()
            }),
            Expectation::Session(wanted) => holds(view.session.is_some() == *wanted, || {
                format!("there is {} session", if *wanted { "no" } else { "a" })
            }),
            Expectation::Notice(wanted) => self.notice(view, wanted),
            Expectation::Shows(resource) => shows(view, resource),
            Expectation::Updates(resource) => holds(seen > 0, || {
                format!("nothing newer of `{resource}` was shown")
            }),
            Expectation::Complete(resource) => complete(view, resource),
            Expectation::Value {
                resource,
                pointer,
                equals,
            } => has_value(view, resource, pointer, equals),
            Expectation::Transport(wanted) => {
                holds(transport == Some(*wanted), || match transport {
                    Some(transport) => format!("the transport is {transport:?}").to_lowercase(),
                    None => "no socket is open".to_owned(),
                })
            }
            Expectation::Requests {
                at_least, at_most, ..
            } => self.requests(*at_least, *at_most),
            Expectation::Event(name) => holds(seen > 0, || format!("no event `{name}` arrived")),
            Expectation::NoEvent(name) => match seen {
                0 => Truth::Holds,
                _ => Truth::Broken(format!("{seen} events `{name}` arrived")),
            },
        }
    }

    fn notice(&self, view: &View, wanted: &str) -> Truth {
        let shown = self.seen > 0 || view.notice == Some(wanted);
        holds(shown, || match &view.notice {
            Some(notice) => format!("the notice is `{notice}`"),
            None => "no notice is shown".to_owned(),
        })
    }

    fn requests(&self, at_least: u64, at_most: Option<u64>) -> Truth {
        let seen = self.seen;
        let observed = || format!("{seen} such request{}", if seen == 1 { "" } else { "s" });
        if at_most.is_some_and(|most| seen > most) {
            Truth::Broken(observed())
        } else {
            holds(seen >= at_least, observed)
        }
    }

    /// Whether this is only about something to happen once in a window: it need not be true
    /// throughout, but at the end.
    pub(crate) fn is_cumulative(&self) -> bool {
        match &self.expectation {
            Expectation::Requests { at_least, .. } => *at_least > 0,
            Expectation::Updates(_) | Expectation::Event(_) | Expectation::Notice(_) => true,
            _ => false,
        }
    }
}

/// Whether an expectation is about something that must not happen, and so is true until it does.
pub(crate) fn is_negative(expectation: &Expectation) -> bool {
    match expectation {
        Expectation::Requests { at_least, .. } => *at_least == 0,
        Expectation::NoEvent(_) => true,
        _ => false,
    }
}

fn holds(condition: bool, observed: impl FnOnce() -> String) -> Truth {
    if condition {
        Truth::Holds
    } else {
        Truth::NotYet(observed())
    }
}

fn shows(view: &View, resource: &str) -> Truth {
    holds(view.shown.contains_key(resource), || {
        let shown: Vec<&str> = view.shown.keys().map(AsRef::as_ref).collect();
        format!(
            "no data of `{resource}` is shown; shown is [{}]",
            shown.join(", ")
        )
    })
}

fn complete(view: &View, resource: &str) -> Truth {
    let shown = view.shown.get(resource);
    holds(shown.is_some_and(|shown| shown.complete), || match shown {
        Some(shown) => format!("{} items of `{resource}`, and not the end", shown.items),
        None => format!("no data of `{resource}` is shown"),
    })
}

fn has_value(view: &View, resource: &str, pointer: &str, equals: &Value) -> Truth {
    let shown = view.shown.get(resource);
    let value = shown.and_then(|shown| shown.value.pointer(pointer));
    holds(
        value.is_some_and(|value| is_equal(value, equals)),
        || match value {
            Some(value) => format!("`{pointer}` of `{resource}` is {value}"),
            None => format!("nothing stands at `{pointer}` of `{resource}`"),
        },
    )
}

fn counts(expectation: &Expectation, fact: &Fact) -> bool {
    match (expectation, fact) {
        (Expectation::Requests { which, .. }, Fact::Request(request)) => {
            request.sender == Sender::Client
                && which.matches(
                    request.role.as_ref(),
                    &request.method,
                    &request.service,
                    &request.path,
                )
        }
        (
            Expectation::Event(wanted) | Expectation::NoEvent(wanted),
            Fact::Frame {
                direction: Direction::Down,
                packet: Frame::Event { name, .. },
                ..
            },
        ) => name == wanted,
        (
            Expectation::Updates(wanted),
            Fact::App(AppFact::Shown {
                resource, source, ..
            }),
        ) => resource == wanted && *source != DataSource::Storage,
        (Expectation::Notice(wanted), Fact::App(AppFact::Notice { name })) => name == wanted,
        _ => false,
    }
}

/// The transport of a device's newest living socket, folded from the journal.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    device: Option<String>,
    open: Vec<(u64, TransportName)>,
}

impl Observer for Sockets {
    fn observe(&mut self, entry: &Arc<Entry>) {
        if !entry.concerns(self.device.as_deref()) {
            return;
        }
        match &entry.fact {
            Fact::SocketOpened {
                socket, transport, ..
            } => self.open.push((*socket, *transport)),
            Fact::SocketUpgraded { socket } => {
                for open in &mut self.open {
                    if open.0 == *socket {
                        open.1 = TransportName::Websocket;
                    }
                }
            }
            Fact::SocketClosed { socket, .. } => self.open.retain(|(open, _)| open != socket),
            _ => {}
        }
    }
}

impl Sockets {
    /// Those of one device.
    pub(crate) fn of(device: Option<String>) -> Self {
        let open = Vec::new();
        Self { device, open }
    }

    /// The transport of the newest one.
    pub(crate) fn transport(&self) -> Option<TransportName> {
        self.open.last().map(|(_, transport)| *transport)
    }
}

/// How an expectation reads in a report.
pub(crate) fn describe(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Screen(screen) => format!("the screen is `{screen}`"),
        Expectation::Link(link) => format!("the link is {link:?}").to_lowercase(),
        Expectation::Feed(feed) => format!("the feed is {feed:?}").to_lowercase(),
        Expectation::Session(true) => "there is a session".to_owned(),
        Expectation::Session(false) => "there is no session".to_owned(),
        Expectation::Notice(name) => format!("the notice `{name}` is shown"),
        Expectation::Shows(resource) => format!("data of `{resource}` is shown"),
        Expectation::Updates(resource) => format!("newer data of `{resource}` is shown"),
        Expectation::Complete(resource) => format!("`{resource}` is read to its end"),
        Expectation::Value {
            resource,
            pointer,
            equals,
        } => {
            format!("`{pointer}` of `{resource}` is {equals}")
        }
        Expectation::Transport(transport) => {
            format!("the transport is {transport:?}").to_lowercase()
        }
        Expectation::Requests {
            which,
            at_least: 0,
            at_most: Some(0),
        } => {
            format!("no request `{which}`")
        }
        Expectation::Requests {
            which,
            at_least,
            at_most,
        } => match at_most {
            Some(most) if most == at_least => format!("{most} requests `{which}`"),
            Some(most) => format!("{at_least} to {most} requests `{which}`"),
            None => format!("at least {at_least} requests `{which}`"),
        },
        Expectation::Event(name) => format!("an event `{name}`"),
        Expectation::NoEvent(name) => format!("no event `{name}`"),
    }
}
