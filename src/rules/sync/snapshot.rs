//! SYNC-5: what was missed while the socket was away is read again.

use std::collections::BTreeSet;

use crate::domain::contract::{Apply, Contract, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Fact, Frame, ScreenName};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A snapshot follows every connect that the server did not recover
    ///
    /// # Why
    /// Events that were sent while a client was away are gone. Unless the server says that it
    /// recovered the session (same `pid` in CONNECT's answer), what the app loaded before and
    /// events keep up to date must be read again after each connect, or come whole by an event.
    ///
    /// # How it is judged
    /// Judged for resources that the app had read: those of the screen it shows, if it says which,
    /// or at least one. What the backend asked to wait for (429 or 503 with `Retry-After`) has the
    /// time from then on.
    ///
    /// # How to keep it
    /// Read the snapshot in the `connect` handler unless `socket.recovered`; buffer events until it
    /// is there.
    ///
    /// # Source
    /// Socket.IO delivery guarantees (at most once by default)
    pub(super) SNAPSHOT: "SYNC-5", App, from [Wire],
        needs [Feed],
        set by ["realtime.live-within", "realtime.events[].updates"]
}

#[derive(Default)]
pub(super) struct Snapshot {
    screen: Option<ScreenName>,
    loaded: BTreeSet<String>,
    waiting: Option<Waiting>,
}

struct Waiting {
    connected: Moment,
    socket: u64,
    missed: Missed,
}

/// What must be read again.
enum Missed {
    All(BTreeSet<String>),
    OneOf(BTreeSet<String>),
}

impl Rule for Snapshot {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        match &context.entry.fact {
            Fact::SocketClosed { socket, .. } => {
                self.waiting.take_if(|waiting| waiting.socket == *socket);
            }
            Fact::Act(act) => self.act(act),
            Fact::App(AppFact::Screen { screen }) => self.screen = Some(screen.clone()),
            _ => {}
        }
        if let Some((socket, packet)) = context.packet_down() {
            self.packet(socket, packet, context);
        }
        // Whoever says good-bye has missed nothing.
        if let Some((socket, Frame::Disconnect { .. })) = context.packet_up() {
            self.waiting.take_if(|waiting| waiting.socket == socket);
        }
        if !context.session.is_wanted() {
            self.loaded.clear();
        }
        if !context.session.is_wanted() || context.may_be_blocked() || context.world.is_blind() {
            self.waiting = None;
        }
        if let Some(request) = context.request()
            && let Some(Role::Resource(name)) = &request.role
        {
            self.read(name, context);
        }
        if let Some(ended) = context.ended()
            && let Some(Role::Resource(name)) = &ended.request.role
            && ended.succeeded()
        {
            self.read(name, context);
            self.loaded.insert(name.clone());
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let (Some(waiting), Some(feed)) = (&self.waiting, &context.contract.realtime) {
            let had = context.now - waiting.connected.at;
            context.lacked(&SNAPSHOT, "a connect of the feed", had, feed.live_within);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Snapshot {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Launch | Act::Kill => {
                self.loaded.clear();
                self.waiting = None;
            }
            Act::Background | Act::Offline | Act::SignOut => self.waiting = None,
            _ => {}
        }
    }

    fn packet(&mut self, socket: u64, packet: &Frame, context: &Context<'_>) {
        match packet {
            Frame::Connect { namespace, .. } if context.is_feed(namespace) => {
                self.connected(socket, context);
            }
            Frame::Event { name, .. } if self.waiting.is_some() => {
                if let Some(resource) = brought_whole(name, &context.contract) {
                    self.read(resource, context);
                }
            }
            Frame::Disconnect { .. } => self.waiting = None,
            _ => {}
        }
    }

    fn connected(&mut self, socket: u64, context: &Context<'_>) {
        if context.sockets.get(socket).is_some_and(|own| own.recovered) {
            return;
        }
        let Some(missed) = self.missed(&context.contract) else {
            return;
        };
        self.waiting = Some(Waiting {
            connected: context.moment(),
            socket,
            missed,
        });
    }

    /// What events keep up to date of what was loaded: all that the screen shows of it, or else
    /// any.
    fn missed(&self, contract: &Contract) -> Option<Missed> {
        let events = contract.realtime.iter().flat_map(|feed| &feed.events);
        let loaded: BTreeSet<String> = events
            .filter(|event| matches!(event.apply, Apply::Merge | Apply::Replace))
            .filter_map(|event| event.updates.as_ref())
            .filter(|resource| self.loaded.contains(*resource))
            .cloned()
            .collect();
        let screen = self
            .screen
            .as_ref()
            .and_then(|name| contract.screen(name.as_str()));
        let shown =
            |resource: &&String| screen.is_some_and(|screen| screen.resources.contains(*resource));
        let visible: BTreeSet<String> = loaded.iter().filter(shown).cloned().collect();
        if !visible.is_empty() {
            return Some(Missed::All(visible));
        }
        (!loaded.is_empty()).then_some(Missed::OneOf(loaded))
    }

    fn read(&mut self, resource: &str, context: &Context<'_>) {
        let whole = self.waiting.take_if(|waiting| match &mut waiting.missed {
            Missed::All(missed) => missed.remove(resource) && missed.is_empty(),
            Missed::OneOf(missed) => missed.contains(resource),
        });
        if whole.is_some() {
            context.exercised(&SNAPSHOT);
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let limit = feed.live_within;
        let is_over = |waiting: &mut Waiting| {
            let (Missed::All(missed) | Missed::OneOf(missed)) = &waiting.missed;
            let from = waiting.connected.at.max(context.waits.until(missed));
            context.now > from + limit
        };
        let Some(waiting) = self.waiting.take_if(is_over) else {
            return;
        };
        let (Missed::All(missed) | Missed::OneOf(missed)) = waiting.missed;
        let missed: Vec<String> = missed.into_iter().collect();
        context.violated(
            &SNAPSHOT,
            Violation::new("after a connect the app does not read again what it may have missed")
                .expected(format!(
                    "a request for {} within {}",
                    missed.join(", "),
                    show(limit)
                ))
                .observed(format!(
                    "none for {}",
                    show(context.now - waiting.connected.at)
                ))
                .evidence([waiting.connected.id]),
        );
    }
}

/// The resource that an event brings as a whole.
fn brought_whole<'c>(name: &str, contract: &'c Contract) -> Option<&'c String> {
    let event = contract.event(name)?;
    event
        .updates
        .as_ref()
        .filter(|_| event.apply == Apply::Replace)
}
