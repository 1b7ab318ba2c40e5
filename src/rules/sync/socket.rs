//! SYNC-7 and -10: one socket, one subscription.

use std::collections::BTreeMap;
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
    /// with the same arguments, is emitted once.
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
    /// Judged when two sockets of one process stay joined side by side for a minute, which is
    /// longer than a dead one goes unnoticed.
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
/// How long two sockets may be joined: longer than ping interval and timeout of the stock server.
const SIDE_BY_SIDE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Subscriptions {
    /// What was subscribed since each socket was joined.
    sent: BTreeMap<u64, Vec<Subscription>>,
}

struct Subscription {
    name: String,
    args: Content,
    id: EntryId,
}

impl Rule for Subscriptions {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::SocketClosed { socket, .. } = &context.entry.fact {
            self.sent.remove(socket);
        }
        if let Some((socket, Frame::Connect { .. })) = context.packet_down() {
            self.sent.remove(&socket);
        }
        if let Some((socket, packet)) = context.packet_up()
            && let Frame::Event {
                namespace,
                name,
                args,
                ..
            } = packet
            && context.is_feed(namespace)
            && is_subscription(name, context)
        {
            self.subscribes(socket, name, args, context);
        }
    }
}

impl Subscriptions {
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

fn is_subscription(event: &str, context: &Context<'_>) -> bool {
    let mut agreed = context
        .contract
        .realtime
        .iter()
        .flat_map(|feed| &feed.subscribe);
    agreed.any(|emit| emit.event == event)
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
        if !context.world.same_life_since(both.id) || context.now <= both.at + SIDE_BY_SIDE {
            return;
        }
        // The next minute side by side is another one.
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
