//! SYNC-5: what was missed while the socket was away is read again.

use std::collections::BTreeSet;

use crate::domain::contract::{Apply, Realtime, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Direction, Entry, Fact, Frame, ScreenName};
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
    /// or at least one.
    ///
    /// # How to keep it
    /// Read the snapshot in the `connect` handler unless `socket.recovered`; buffer events until it
    /// is there.
    ///
    /// # Source
    /// Socket.IO delivery guarantees (at most once by default)
    pub(super) SNAPSHOT: "SYNC-5", App, from [Wire],
        needs [Feed],
        set by ["realtime.live_within", "realtime.events[].updates"]
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
    /// What must be read again; one is enough when `any`.
    resources: BTreeSet<String>,
    any: bool,
}

impl Rule for Snapshot {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(feed) = &context.contract.realtime else {
            context.unable(&SNAPSHOT, "the contract has no live feed");
            return;
        };
        self.overdue(context);
        match &entry.fact {
            Fact::Frame {
                direction: Direction::Down,
                packet,
                socket,
                ..
            } => match packet {
                Frame::Connect { namespace, .. } if *namespace == feed.namespace => {
                    self.connected(entry, *socket, feed, context);
                }
                Frame::Event { name, .. } if self.waiting.is_some() => {
                    let whole = feed
                        .events
                        .iter()
                        .find(|event| event.name == *name && event.apply == Apply::Replace);
                    if let Some(resource) = whole.and_then(|event| event.updates.as_ref()) {
                        self.read(resource);
                    }
                }
                Frame::Disconnect { .. } => self.waiting = None,
                _ => {}
            },
            Fact::SocketClosed { socket, .. } => {
                self.waiting.take_if(|waiting| waiting.socket == *socket);
            }
            Fact::Act(Act::Launch | Act::Kill) => {
                self.loaded.clear();
                self.waiting = None;
            }
            Fact::Act(Act::Background | Act::Offline | Act::SignOut) => self.waiting = None,
            Fact::App(AppFact::Screen { screen }) => self.screen = Some(screen.clone()),
            _ => {}
        }
        if !context.session.is_wanted() {
            self.loaded.clear();
            self.waiting = None;
        }
        if context.may_be_blocked() || context.world.is_blind() {
            self.waiting = None;
        }
        if let Some(request) = context.request()
            && let Some(Role::Resource(name)) = &request.role
        {
            self.read(name);
        }
        if let Some(ended) = context.ended()
            && let Some(Role::Resource(name)) = &ended.request.role
            && ended.succeeded()
        {
            self.read(name);
            self.loaded.insert(name.clone());
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Snapshot {
    fn connected(&mut self, entry: &Entry, socket: u64, feed: &Realtime, context: &Context<'_>) {
        if context.sockets.get(socket).is_some_and(|own| own.recovered) {
            return;
        }
        let updated: BTreeSet<String> = feed
            .events
            .iter()
            .filter(|event| matches!(event.apply, Apply::Merge | Apply::Replace))
            .filter_map(|event| event.updates.clone())
            .filter(|resource| self.loaded.contains(resource))
            .collect();
        let shown = self
            .screen
            .as_ref()
            .and_then(|screen| context.contract.screen(screen.as_str()));
        let visible: Option<BTreeSet<String>> = shown.map(|screen| {
            updated
                .iter()
                .filter(|resource| screen.resources.contains(resource))
                .cloned()
                .collect()
        });
        let (resources, any) = match visible {
            Some(visible) if !visible.is_empty() => (visible, false),
            _ => (updated, true),
        };
        if resources.is_empty() {
            return;
        }
        context.exercised(&SNAPSHOT);
        self.waiting = Some(Waiting {
            connected: Moment::of(entry),
            socket,
            resources,
            any,
        });
    }

    fn read(&mut self, resource: &str) {
        if let Some(waiting) = &mut self.waiting
            && waiting.resources.remove(resource)
            && (waiting.any || waiting.resources.is_empty())
        {
            self.waiting = None;
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let limit = feed.live_within;
        let Some(waiting) = self
            .waiting
            .take_if(|waiting| context.now > waiting.connected.at + limit)
        else {
            return;
        };
        let missing: Vec<String> = waiting.resources.into_iter().collect();
        context.violated(
            &SNAPSHOT,
            Violation::new("after a connect the app does not read again what it may have missed")
                .kind("snapshot")
                .expected(format!(
                    "a request for {} within {}",
                    missing.join(", "),
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
