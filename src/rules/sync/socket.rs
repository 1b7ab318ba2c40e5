//! SYNC-7 and -10: one socket, one subscription.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Content, EntryId, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Each connect is followed by one subscription
    ///
    /// # Why
    /// A handler that is added at each connect subscribes once more after each reconnect, and each
    /// event then has several effects.
    ///
    /// # How it is judged
    /// Judged on the subscriptions of the contract within two seconds of a connect: the same one,
    /// with the same arguments, is emitted once. One of each has come by the time after which the feed is
    /// live (`live-within`) on a socket that stays joined, unless the server recovered what was before.
    ///
    /// # How to keep it
    /// Register handlers once, outside the `connect` handler, and remove them with the screen.
    ///
    /// # Source
    /// Socket.IO guide: handlers registered inside `connect` multiply
    pub(super) ONE_SUBSCRIBE: "SYNC-7", App, from [Wire],
        needs [Feed, Subscription],
        set by ["realtime.subscribe"]
}

rule! {
    /// Never two joined sockets for one user
    ///
    /// # Why
    /// A socket that is opened per screen, or beside one that was forgotten, doubles connections
    /// and effects.
    ///
    /// # How it is judged
    /// Judged when two sockets of one process stay joined side by side for longer than a dead one goes
    /// unnoticed: ping interval and timeout of its handshake, a minute at most.
    ///
    /// # How to keep it
    /// Keep the socket in one place; close it before another is made.
    ///
    /// # Source
    /// runbook S9.6
    pub(super) ONE_SOCKET: "SYNC-10", App, from [Wire],
        needs [Feed]
}

/// How soon after connecting an app subscribes.
const SUBSCRIBES: Duration = Duration::from_secs(2);
/// How long two sockets may be joined at most: longer than ping interval and timeout of the stock server.
const SIDE_BY_SIDE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Subscriptions {
    /// What was subscribed since each socket was joined.
    sent: BTreeMap<u64, Vec<Subscription>>,
    /// What is still to be subscribed on each socket, and since when.
    awaited: BTreeMap<u64, Awaited>,
}

struct Awaited {
    joined: Moment,
    events: BTreeSet<String>,
}

struct Subscription {
    name: String,
    args: Content,
    id: EntryId,
}

impl Rule for Subscriptions {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let Fact::SocketClosed { socket, .. } = &context.entry.fact {
            self.sent.remove(socket);
            self.awaited.remove(socket);
        }
        if let Some((socket, Frame::Disconnect { .. })) =
            context.packet_down().or(context.packet_up())
        {
            self.awaited.remove(&socket);
        }
        if let Some((socket, Frame::Connect { namespace, .. })) = context.packet_down() {
            self.sent.remove(&socket);
            if context.is_feed(namespace) {
                self.joined(socket, context);
            }
        }
        if let Some((socket, packet)) = context.packet_up()
            && let Frame::Event {
                namespace,
                name,
                args,
                ..
            } = packet
            && context.is_feed(namespace)
            && context.contract.subscribes_by(name)
        {
            if let Some(awaited) = self.awaited.get_mut(&socket) {
                awaited.events.remove(name);
            }
            self.subscribes(socket, name, args, context);
        }
    }

    fn time_passes(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }
}

impl Subscriptions {
    fn joined(&mut self, socket: u64, context: &Context<'_>) {
        let feed = context.contract.realtime.iter();
        let events: BTreeSet<String> = feed
            .flat_map(|feed| &feed.subscribe)
            .map(|emit| emit.event.clone())
            .collect();
        let recovered = context.sockets.get(socket).is_some_and(|own| own.recovered);
        if !events.is_empty() && !recovered {
            let joined = context.moment();
            self.awaited.insert(socket, Awaited { joined, events });
        }
    }

    /// A socket that is joined for long and was not subscribed brings nothing.
    fn overdue(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let limit = feed.live_within.max(SUBSCRIBES);
        let is_over = |_: &u64, own: &mut Awaited| context.now > own.joined.at + limit;
        for (socket, own) in self.awaited.extract_if(.., is_over) {
            let is_free = context.session.is_wanted()
                && context.app_is_awake()
                && !context.may_be_blocked()
                && !context.world.is_blind();
            let is_joined = context
                .sockets
                .get(socket)
                .is_some_and(|own| own.connected.is_some());
            if own.events.is_empty() || !is_free || !is_joined {
                continue;
            }
            let missing: Vec<String> = own.events.into_iter().collect();
            context.exercised(&ONE_SUBSCRIBE);
            context.violated(
                &ONE_SUBSCRIBE,
                Violation::new("the app joins the feed and does not subscribe")
                    .expected(format!("{} within {}", missing.join(", "), show(limit)))
                    .observed(format!("none for {}", show(context.now - own.joined.at)))
                    .evidence([own.joined.id]),
            );
        }
    }

    fn subscribes(&mut self, socket: u64, name: &str, args: &Content, context: &Context<'_>) {
        let joined = context.sockets.get(socket).and_then(|own| own.connected);
        let Some(joined) = joined.filter(|joined| context.now <= joined.at + SUBSCRIBES) else {
            return;
        };
        context.exercised(&ONE_SUBSCRIBE);
        let id = context.entry.id;
        let sent = self.sent.entry(socket).or_default();
        let first = sent
            .iter()
            .find(|own| own.name == name && own.args == *args);
        let Some(first) = first else {
            sent.push(Subscription {
                name: name.to_owned(),
                args: args.clone(),
                id,
            });
            return;
        };
        context.violated(
            &ONE_SUBSCRIBE,
            Violation::new(format!(
                "the app subscribes by `{name}` more than once after one connect"
            ))
            .expected("one subscription for each connect")
            .observed(format!("`{name}` again with the same arguments"))
            .evidence([joined.id, first.id, id]),
        );
    }
}

#[derive(Default)]
pub(super) struct OneSocket {
    /// Since when there are two.
    both: Option<Moment>,
}

impl Rule for OneSocket {
    fn see(&mut self, context: &Context<'_>) {
        let live = context.sockets.live();
        if live > 0 {
            context.exercised(&ONE_SOCKET);
        }
        if live < 2 {
            self.both = None;
        } else {
            self.both.get_or_insert(context.moment());
        }
        self.judge(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge(context);
    }
}

impl OneSocket {
    fn judge(&mut self, context: &Context<'_>) {
        let Some(both) = self.both else {
            return;
        };
        let joined = || {
            context
                .sockets
                .iter()
                .filter(|(_, own)| own.connected.is_some())
        };
        let patience = joined().filter_map(|(_, own)| own.patience).max();
        let limit = patience.map_or(SIDE_BY_SIDE, |patience| {
            (patience + SUBSCRIBES).min(SIDE_BY_SIDE)
        });
        if !context.world.same_life_since(both.id) || context.now <= both.at + limit {
            return;
        }
        // As long once more side by side is another time.
        self.both = Some(Moment {
            at: context.now,
            ..both
        });
        let sockets = context.sockets.iter();
        let joined = sockets.filter_map(|(_, socket)| socket.connected);
        context.violated(
            &ONE_SOCKET,
            Violation::new("the app keeps two sockets joined")
                .expected("one joined socket")
                .observed(format!(
                    "{} for {}",
                    context.sockets.live(),
                    show(context.now - both.at)
                ))
                .evidence(joined.map(|moment| moment.id)),
        );
    }
}
