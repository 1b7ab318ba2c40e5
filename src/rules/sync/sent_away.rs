//! SYNC-8: a server that sends the app away is not asked again at once, and not given up for good.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, EntryId, Fact, Frame, Request};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Sent away by the server, the app neither comes back in a loop nor stays away
    ///
    /// # Why
    /// After DISCONNECT by the server, and after a middleware's CONNECT_ERROR, the client library
    /// waits for the app. An app that calls `connect()` at once in the handler and nothing else
    /// turns each refusal into the next one; an app that expects the library to reconnect stays
    /// without a feed for ever.
    ///
    /// # How it is judged
    /// Judged on how soon the next attempt follows with nothing asked in between (three in a row
    /// within half of the shortest agreed delay), and on a disconnected app that is awake, signed
    /// in and not blocked and makes no attempt for two minutes.
    ///
    /// # How to keep it
    /// In `disconnect` with reason `io server disconnect`, and in `connect_error` while
    /// `socket.active` is false, find out why (status, token), then call `connect()` after a delay
    /// that grows.
    ///
    /// # Source
    /// Socket.IO client documentation: `io server disconnect` and CONNECT_ERROR end the automatic
    /// reconnection
    pub(super) SENT_AWAY: "SYNC-8", App, from [Wire],
        needs [Feed],
        set by ["realtime.client"]
}

/// How many attempts at once make a loop.
const LOOP: usize = 3;
/// How long an app may stay away: twice the longest pause that is still of use to a user.
const AWAY: Duration = Duration::from_secs(120);
/// How lately an app must have asked for something to be known to be awake.
const LATELY: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct SentAway {
    away: Option<Away>,
    /// Attempts that followed at once.
    quick: Vec<EntryId>,
    asked: Option<Duration>,
    /// The socket on which the client said good-bye itself.
    left: Option<u64>,
}

struct Away {
    moment: Moment,
    /// Whether the client was in before, so nothing about it is refused.
    was_in: bool,
    /// Whether the app asked for anything else since.
    asked: bool,
    /// From when on it could have come back.
    free: Duration,
}

impl Rule for SentAway {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        match &context.entry.fact {
            Fact::Act(Act::Launch | Act::Kill | Act::SignOut) => self.away = None,
            Fact::Act(_) => self.asks(),
            _ => {}
        }
        if let Some((socket, Frame::Disconnect { namespace })) = context.packet_up()
            && context.is_feed(namespace)
        {
            self.left = Some(socket);
        }
        if let Some((socket, packet)) = context.packet_down() {
            self.packet(socket, packet, context);
        }
        if let Some(request) = context.request() {
            self.request(request, context);
        }
        if let Some((_, Frame::Connect { namespace, .. })) = context.packet_up()
            && context.is_feed(namespace)
        {
            self.attempt(context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.judge_absence(context);
        if let Some(away) = self.away.as_ref().filter(|away| away.was_in) {
            let had = context.now.saturating_sub(away.free);
            context.lacked(&SENT_AWAY, "the server sent the app away", had, AWAY);
        }
    }
}

impl SentAway {
    fn packet(&mut self, socket: u64, packet: &Frame, context: &Context<'_>) {
        let (namespace, was_in) = match packet {
            Frame::Disconnect { namespace } => (namespace, true),
            Frame::ConnectError { namespace, .. } => (namespace, false),
            _ => return,
        };
        if context.is_feed(namespace) {
            if !was_in {
                context.exercised(&SENT_AWAY);
            }
            // Where its own good-bye and the server's crossed, it need not come back.
            let stays_away = was_in && self.left == Some(socket);
            self.away = (!stays_away).then(|| Away {
                moment: context.moment(),
                was_in,
                asked: false,
                free: context.now,
            });
        }
    }

    fn request(&mut self, request: &Request, context: &Context<'_>) {
        if request.is_handshake() {
            self.attempt(context);
        } else if request.role != Some(Role::Realtime) {
            self.asked = Some(context.now);
            self.asks();
        }
    }

    /// The app, or its user, does something before it comes back.
    fn asks(&mut self) {
        if let Some(away) = &mut self.away {
            away.asked = true;
        }
    }

    /// The client comes back.
    fn attempt(&mut self, context: &Context<'_>) {
        self.left = None;
        let (Some(away), Some(feed)) = (self.away.take(), &context.contract.realtime) else {
            return;
        };
        context.exercised(&SENT_AWAY);
        let client = &feed.client;
        let least = client.delay.mul_f64((1.0 - client.jitter).max(0.0) / 2.0);
        if away.asked || context.now - away.moment.at >= least {
            self.quick.clear();
            return;
        }
        self.quick.push(context.entry.id);
        if self.quick.len() < LOOP {
            return;
        }
        let mut evidence = std::mem::take(&mut self.quick);
        evidence.insert(evidence.len() - 1, away.moment.id);
        context.violated(
            &SENT_AWAY,
            Violation::new("the app comes back at once each time the server sends it away")
                .expected("a question why, or a growing pause, before the next attempt")
                .observed(format!(
                    "{LOOP} attempts in a row within {} of being sent away",
                    show(least)
                ))
                .evidence(evidence),
        );
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let free = context.app_is_free() && !context.world.is_disturbed();
        match &mut self.away {
            Some(away) if !free => away.free = context.now,
            Some(_) => self.judge_absence(context),
            None => {}
        }
    }

    fn judge_absence(&mut self, context: &Context<'_>) {
        let is_over = |away: &mut Away| away.was_in && context.now > away.free + AWAY;
        let Some(away) = self.away.take_if(is_over) else {
            return;
        };
        let seen = self.asked.is_some_and(|at| at + LATELY >= context.now);
        if !context.world.acts_marked && !seen {
            context.unable(
                &SENT_AWAY,
                "the app stayed away from its feed, \
                 and nobody marked whether it was in the foreground",
            );
            return;
        }
        context.violated(
            &SENT_AWAY,
            Violation::new("the app never comes back after the server has disconnected it")
                .expected(format!("an attempt within {}", show(AWAY)))
                .observed(format!("none for {}", show(context.now - away.moment.at)))
                .evidence([away.moment.id]),
        );
    }
}
