//! NET-5 and -9: what an app does first when it is back from where nothing could reach it.

use std::time::Duration;

use super::burst::Burst;
use crate::domain::contract::Role;
use crate::domain::journal::{Act, EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// After a long time in the background there is one reconcile, and no burst
    ///
    /// # Why
    /// A frozen process wakes with every timer overdue. An app that lets each of them fire asks in
    /// one moment for what it missed in hours.
    ///
    /// # How it is judged
    /// Judged in the first five seconds after a return from at least ten minutes in the background:
    /// no request, and no handshake of the feed, more often than one attempt, its retries and one
    /// more.
    ///
    /// # How to keep it
    /// Stop timers when the app is left; when it is back, refresh the session if needed, read once,
    /// connect once, and start each timer anew.
    ///
    /// # Source
    /// iOS and Android suspend timers in the background; runbook S9.6, S9.7
    pub(super) THAWED: "NET-5", App, from [Wire, Sim],
        set by ["retry.attempts"]
}

rule! {
    /// A token that ended meanwhile is renewed first, not tried by every request
    ///
    /// # Why
    /// After a night offline the access token is over, and the app can know it: the token or the
    /// answer that brought it says when. Requests that carry it all the same come back as a burst
    /// of 401, which looks like an attack and delays the first data.
    ///
    /// # How it is judged
    /// Judged on the return of the network or to the foreground, on a start, and on the first
    /// request after a minute of silence in which the token ended: at most one request may carry it
    /// before a refresh.
    ///
    /// # How to keep it
    /// Compare the expiry on resume, before anything else is sent, and let all requests wait for
    /// the one refresh.
    ///
    /// # Source
    /// RFC 6749 §1.5; runbook S9.4
    pub(super) SPENT_TOKEN: "NET-9", App, from [Wire],
        needs [Refresh],
        set by [
            "session.refresh", "session.sign-in.answer.expires-in",
            "session.sign-in.answer.expires-at"
        ]
}

/// How long an app must have been away for its timers to be overdue.
const LONG: Duration = Duration::from_secs(600);
/// How long after the return a burst is looked for.
const FIRST: Duration = Duration::from_secs(5);
/// How long a client that marks nothing must have been silent to have been away.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Thawed {
    left: Option<Moment>,
    /// What is asked for since the app is back after a long time.
    burst: Option<Burst>,
}

impl Rule for Thawed {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::Act(act) = &context.entry.fact {
            self.act(act, context);
        }
        if let (Some(burst), Some(request)) = (&mut self.burst, context.request()) {
            let what = match request.is_handshake() {
                true => "the feed's handshake".to_owned(),
                false => request.operation(),
            };
            burst.count(request, what, context);
        }
    }
}

impl Thawed {
    fn act(&mut self, act: &Act, context: &Context<'_>) {
        self.burst = None;
        match act {
            Act::Background => self.left = Some(context.moment()),
            Act::Foreground => {
                let left = self.left.take();
                if left.is_some_and(|left| context.now >= left.at + LONG) {
                    context.exercised(&THAWED);
                    let message = "the app bursts when it is back from the background";
                    self.burst = Some(Burst::new(&THAWED, message, context.moment(), FIRST));
                }
            }
            _ => {}
        }
    }
}

#[derive(Default)]
pub(super) struct SpentToken {
    /// Where the app came back with a token that had ended, until it renews it.
    back: Option<EntryId>,
    /// When the client last asked for anything.
    asked: Option<Duration>,
    /// The requests since that carried the token.
    spent: Vec<(EntryId, u64)>,
}

impl Rule for SpentToken {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::Act(Act::Online | Act::Foreground | Act::Launch) = &context.entry.fact {
            self.returns(context);
        }
        let Some(request) = context.request() else {
            return;
        };
        let last = self.asked.replace(context.now);
        if last.is_some_and(|last| was_away_since(last, context)) {
            self.returns(context);
        }
        let Some(back) = self.back else {
            return;
        };
        match &request.role {
            Some(Role::Refresh) => {
                context.exercised(&SPENT_TOKEN);
                self.back = None;
            }
            Some(Role::Resource(_)) if carries_the_current(request, context) => {
                self.carried(request.exchange, back, context);
            }
            _ => {}
        }
    }
}

impl SpentToken {
    fn returns(&mut self, context: &Context<'_>) {
        let is_over = ended_before(context, context.now) == Some(true);
        self.back = is_over.then_some(context.entry.id);
        self.spent.clear();
    }

    /// A request carries the current token.
    fn carried(&mut self, exchange: u64, back: EntryId, context: &Context<'_>) {
        if ended_before(context, context.now) != Some(true) {
            self.back = None;
            return;
        }
        self.spent.push((context.entry.id, exchange));
        if self.spent.len() < 2 {
            return;
        }
        self.back = None;
        let (ids, exchanges): (Vec<EntryId>, Vec<u64>) = self.spent.drain(..).unzip();
        let token = context.session.current();
        let label = token.map_or("", |token| token.label.as_str());
        context.violated(
            &SPENT_TOKEN,
            Violation::new(
                "the app comes back with a token that ended meanwhile, request after request",
            )
            .expected("a refresh before any request that carries the token")
            .observed(format!("{} requests with ‹{label}›", ids.len()))
            .evidence(std::iter::once(back).chain(ids))
            .exchanges(exchanges),
        );
    }
}

/// Whether the client was silent for so long that it was away, and left with a token that was good.
fn was_away_since(last: Duration, context: &Context<'_>) -> bool {
    last + SILENCE <= context.now && ended_before(context, last) == Some(false)
}

/// Whether the current access token ended before a moment; nothing if nobody knows when it ends.
fn ended_before(context: &Context<'_>, at: Duration) -> Option<bool> {
    let current = context.session.current()?;
    // One that had ended when it was handed out did not end meanwhile.
    let ends = current.ends.filter(|_| !current.is_over())?;
    Some(context.unix(at)? > ends)
}

fn carries_the_current(request: &Request, context: &Context<'_>) -> bool {
    let opened = context.opened(request.exchange);
    let credential = opened.and_then(|own| own.credential.as_ref());
    let current = context.session.current().map(|token| &token.label);
    credential.is_some() && credential == current
}
