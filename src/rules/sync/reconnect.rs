//! SYNC-15: a feed that broke is tried again in time.

use std::time::Duration;

use crate::domain::contract::{Realtime, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Direction, Fact, Frame, SocketEnd};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// When its feed breaks the app tries to open it again within the agreed time
    ///
    /// # Why
    /// A client that lets its socket go at the first transport error shows numbers that stand
    /// still, or polls for the rest of its life, although nothing keeps it from the feed.
    ///
    /// # How it is judged
    /// Judged when a joined socket ends by the backend or the network and the app is awake, signed
    /// in, not blocked and not disturbed from then on: a new attempt, as it crosses the gateway,
    /// within `realtime.live-within` and one reconnection delay, and where polling is agreed on
    /// within its grace and three intervals more. A socket that the client closed
    /// itself, unasked, is its own affair, one that the server sent away is SYNC-8's. Without marks an app
    /// that asks for nothing at all may be in the background, so it is not judged.
    ///
    /// # How to keep it
    /// Leave `reconnection` on, or call `connect()` after a delay whenever `disconnect` comes with a
    /// reason that the library does not reconnect for.
    ///
    /// # Source
    /// Socket.IO client documentation: reconnection after `transport close`, `transport error` and
    /// `ping timeout`
    pub(super) TRIES_AGAIN: "SYNC-15", App, from [Wire],
        needs [Feed],
        set by ["realtime.live-within", "realtime.client", "polling"]
}

/// What queues and latencies may add.
const SLACK: Duration = Duration::from_secs(3);
/// What breaks as late as this was broken by whoever ended the session.
const AT_THE_END: Duration = Duration::from_secs(1);
/// With which poll at the latest an app that polls tries again.
const POLLS: u32 = 3;
/// How lately an app must have asked for something to be known to be awake.
const LATELY: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Reconnect {
    /// The loss of the feed, and from when on the app could have come back.
    lost: Option<(Moment, Duration)>,
    /// When the app last asked for anything else.
    asked: Option<Duration>,
    /// The session that the server has closed, whoever then hangs up first.
    ended: Option<u64>,
}

impl Rule for Reconnect {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let Some(request) = context.request() {
            if request.role == Some(Role::Realtime) {
                self.tried(context);
            } else {
                self.asked = Some(context.now);
            }
        }
        match &context.entry.fact {
            Fact::SocketOpened { .. } => self.tried(context),
            Fact::SocketClosed { socket, end } => self.closed(*socket, end, context),
            Fact::Frame {
                socket,
                packet: Frame::Close,
                direction: Direction::Down,
                ..
            } => self.ended = Some(*socket),
            // Whoever says good-bye has a reason.
            Fact::Frame {
                packet: Frame::Disconnect { namespace },
                ..
            } if context.is_feed(namespace) => self.lost = None,
            Fact::Frame {
                packet: Frame::Connect { .. },
                direction: Direction::Up,
                ..
            } => self.tried(context),
            _ => {}
        }
        if context.sockets.live() > 0 || !context.world.running || !context.session.is_wanted() {
            self.lost = None;
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        let lost = self
            .lost
            .filter(|(lost, _)| context.now > lost.at + AT_THE_END);
        if let (Some((_, free)), Some(feed)) = (lost, &context.contract.realtime) {
            let takes = limit(feed, context);
            context.lacked(&TRIES_AGAIN, "a feed that broke", context.now - free, takes);
        }
    }
}

impl Reconnect {
    fn tried(&mut self, context: &Context<'_>) {
        if self.lost.take().is_some() {
            context.exercised(&TRIES_AGAIN);
        }
    }

    fn closed(&mut self, socket: u64, end: &SocketEnd, context: &Context<'_>) {
        let entry = context.entry;
        let by_server = self.ended.take() == Some(socket);
        let is_loss = context.sockets.lost.is_some_and(|lost| lost.id == entry.id);
        if is_loss && (by_server || matches!(end, SocketEnd::Backend | SocketEnd::Network { .. })) {
            self.lost = Some((context.moment(), context.now));
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let (Some((lost, free)), Some(feed)) = (&mut self.lost, &context.contract.realtime) else {
            return;
        };
        let is_free = context.app_is_free()
            && !context.world.is_disturbed()
            && !context.world.backend_is_stopped();
        if !is_free {
            *free = context.now;
            return;
        }
        let limit = limit(feed, context);
        if context.now <= *free + limit {
            return;
        }
        let (lost, free) = (*lost, *free);
        self.lost = None;
        let is_awake = self
            .asked
            .is_some_and(|at| at > free && at + LATELY >= context.now);
        if !context.world.acts_marked && !is_awake {
            context.unable(
                &TRIES_AGAIN,
                "the app let its feed go, and nobody marked whether it was in the foreground",
            );
            return;
        }
        context.violated(
            &TRIES_AGAIN,
            Violation::new("the app does not try to open its feed again after it broke")
                .expected(format!("an attempt within {}", show(limit)))
                .observed(format!("none for {}", show(context.now - free)))
                .evidence([lost.id]),
        );
    }
}

/// How long the next attempt may take. An app that polls meanwhile may make it with one of its polls.
fn limit(feed: &Realtime, context: &Context<'_>) -> Duration {
    let polling = context.contract.polling.as_ref();
    let polls = polling.map_or(Duration::ZERO, |own| own.after + own.every * POLLS);
    feed.live_within + feed.client.delay_max + polls + SLACK
}
