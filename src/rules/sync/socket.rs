//! SYNC-7 and -10: one socket, one subscription.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Content, Direction, EntryId, Fact, Frame};
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
    pub(super) ONE_SOCKET: "SYNC-10", App, from [Wire]
}

/// How soon after connecting an app subscribes.
const SUBSCRIBES: Duration = Duration::from_secs(2);
/// How long two sockets may be joined: longer than ping interval and timeout of the stock server.
const SIDE_BY_SIDE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Subscriptions {
    sent: BTreeMap<u64, Vec<(String, Content, EntryId)>>,
}

impl Rule for Subscriptions {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        match &entry.fact {
            Fact::SocketClosed { socket, .. }
            | Fact::Frame {
                direction: Direction::Down,
                packet: Frame::Connect { .. },
                socket,
                ..
            } => {
                self.sent.remove(socket);
            }
            _ => {}
        }
        let Some((
            socket,
            Frame::Event {
                namespace,
                name,
                args,
                ..
            },
        )) = context.packet_up()
        else {
            return;
        };
        let joined = context.sockets.get(socket).and_then(|own| own.connected);
        if *namespace != feed.namespace
            || !feed.subscribe.iter().any(|emit| emit.event == *name)
            || joined.is_none_or(|joined| entry.at > joined.at + SUBSCRIBES)
        {
            return;
        }
        context.exercised(&ONE_SUBSCRIBE);
        let sent = self.sent.entry(socket).or_default();
        let Some((_, _, first)) = sent
            .iter()
            .find(|(own, with, _)| own == name && with == args)
        else {
            sent.push((name.clone(), args.clone(), entry.id));
            return;
        };
        context.violated(
            &ONE_SUBSCRIBE,
            Violation::new(format!(
                "the app subscribes by `{name}` more than once after one connect"
            ))
            .kind(name.clone())
            .expected("one subscription for each connect")
            .observed(format!("`{name}` again with the same arguments"))
            .evidence(
                joined
                    .map(|joined| joined.id)
                    .into_iter()
                    .chain([*first, entry.id]),
            ),
        );
    }
}

#[derive(Default)]
pub(super) struct OneSocket {
    both: Option<Moment>,
}

impl Rule for OneSocket {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if context.sockets.live() > 0 {
            context.exercised(&ONE_SOCKET);
        }
        if context.sockets.live() < 2 {
            self.both = None;
        } else if self.both.is_none() {
            self.both = Some(Moment::of(entry));
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
        let joined = context
            .sockets
            .iter()
            .filter_map(|(_, socket)| socket.connected);
        context.violated(
            &ONE_SOCKET,
            Violation::new("the app keeps two sockets joined")
                .kind("side by side")
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
