//! SYNC-9: an Engine.IO session that the server no longer knows is left for a new one.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, Answer, EntryId, Fact, Frame, Request};
use crate::rules::context::Context;
use crate::rules::crossing::Crossing;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A session id that the server does not know is recovered from
    ///
    /// # Why
    /// A restart or a load balancer without sticky sessions leads a long-polling client to a server
    /// that has never heard of it: 400 with code 1. The only way on is a new handshake.
    ///
    /// # How it is judged
    /// Judged from that answer: requests that go on with the same session id, and a client that is
    /// awake, signed in and not blocked and makes no new handshake within twice the time in which
    /// the feed must be live, half a minute at least. What was on its way when the answer crossed it
    /// (three requests, for a second) does not count, and a client that had said good-bye need not
    /// come back.
    ///
    /// # How to keep it
    /// Let the client library reconnect, and do not treat a transport error as final; on the server
    /// side use sticky sessions, or WebSocket only.
    ///
    /// # Source
    /// Engine.IO protocol: error code 1, `Session ID unknown`; Socket.IO troubleshooting (several
    /// servers without sticky sessions)
    pub(super) UNKNOWN_SESSION: "SYNC-9", App, from [Wire],
        needs [Feed],
        set by ["realtime.live-within"]
}

/// How many requests with a dead session show that it is clung to.
const CLINGS: usize = 2;
/// However soon the feed must be live, a client has so long.
const LEAST: Duration = Duration::from_secs(30);
/// How lately an app must have asked for something to be known to be awake.
const LATELY: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct UnknownSession {
    lost: Option<Lost>,
    asked: Option<Duration>,
    /// Whether the client said good-bye since it last came.
    left: bool,
}

struct Lost {
    moment: Moment,
    exchange: u64,
    sid: String,
    again: Vec<EntryId>,
    /// What was sent before the answer was read: a post, the probe of an upgrade, a good-bye.
    crossing: Crossing,
    /// From when on it could have been replaced.
    free: Duration,
}

impl Rule for UnknownSession {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let Fact::Act(Act::Launch | Act::Kill | Act::SignOut) = &context.entry.fact {
            self.lost = None;
        }
        if let Some((_, Frame::Disconnect { .. } | Frame::Close)) = context.packet_up() {
            self.left = true;
        }
        if let Some(request) = context.request() {
            self.request(request, context);
        }
        if let Some(ended) = context.ended() {
            self.ended(&ended, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let (Some(lost), Some(feed)) = (&self.lost, &context.contract.realtime) {
            let had = context.now.saturating_sub(lost.free);
            let since = "the server said that it does not know the session";
            context.lacked(
                &UNKNOWN_SESSION,
                since,
                had,
                LEAST.max(feed.live_within * 2),
            );
        }
    }
}

impl UnknownSession {
    fn request(&mut self, request: &Request, context: &Context<'_>) {
        if request.is_handshake() {
            self.left = false;
            if self.lost.take().is_some() {
                context.exercised(&UNKNOWN_SESSION);
            }
        } else if request.role == Some(Role::Realtime) {
            self.goes_on(request.query("sid"), context);
        } else {
            self.asked = Some(context.now);
        }
    }

    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        if ended.request.role == Some(Role::Realtime)
            && ended.answer.is_some_and(is_unknown_session)
            && let Some(sid) = ended.request.query("sid")
            && self.lost.as_ref().is_none_or(|lost| lost.sid != sid)
        {
            // The answer to a good-bye sends nobody back.
            self.lost = (!self.left).then(|| Lost {
                moment: context.moment(),
                exchange: ended.request.exchange,
                sid: sid.to_owned(),
                again: Vec::new(),
                crossing: Crossing::of(context.now),
                free: context.now,
            });
        }
    }

    fn goes_on(&mut self, sid: Option<&str>, context: &Context<'_>) {
        let lost = self.lost.as_mut();
        let Some(lost) = lost.filter(|lost| Some(lost.sid.as_str()) == sid) else {
            return;
        };
        if lost.crossing.takes(context.now) {
            return;
        }
        lost.again.push(context.entry.id);
        if lost.again.len() == CLINGS {
            lost.violated(
                &lost.again,
                format!("{CLINGS} more requests with it"),
                context,
            );
            self.lost = None;
        }
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let (Some(lost), Some(feed)) = (&mut self.lost, &context.contract.realtime) else {
            return;
        };
        if !context.app_is_free() {
            lost.free = context.now;
            return;
        }
        if context.now <= lost.free + LEAST.max(feed.live_within * 2) {
            return;
        }
        let seen = self.asked.is_some_and(|at| at + LATELY >= context.now);
        if context.world.acts_marked || seen {
            let silence = show(context.now - lost.moment.at);
            lost.violated(&[], format!("no handshake for {silence}"), context);
        } else {
            context.unable(
                &UNKNOWN_SESSION,
                "no new session was opened, \
                 and nobody marked whether the app was in the foreground",
            );
        }
        self.lost = None;
    }
}

impl Lost {
    fn violated(&self, again: &[EntryId], observed: String, context: &Context<'_>) {
        context.violated(
            &UNKNOWN_SESSION,
            Violation::new(
                "the app does not recover from a session id that the server does not know",
            )
            .expected("a new handshake after 400 with code 1")
            .observed(observed)
            .evidence(std::iter::once(self.moment.id).chain(again.iter().copied()))
            .exchanges([self.exchange]),
        );
    }
}

/// Whether an answer is Engine.IO's error 1.
fn is_unknown_session(answer: &Answer) -> bool {
    answer.status == 400
        && answer
            .body
            .json()
            .and_then(|body| body.get("code"))
            .is_some_and(|code| *code == 1)
}
