//! NET-5 and -9: what an app does first when it is back from where nothing could reach it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, Entry, EntryId, Fact, Request};
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
        set by ["session.refresh", "session.sign_in.answer.expiry"]
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
    back: Option<Moment>,
    counts: BTreeMap<String, (u32, EntryId)>,
}

impl Rule for Thawed {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Act(Act::Background) => {
                self.left = Some(Moment::of(entry));
                self.back = None;
            }
            Fact::Act(Act::Foreground) => {
                let long = self
                    .left
                    .take()
                    .is_some_and(|left| entry.at >= left.at + LONG);
                if long {
                    context.exercised(&THAWED);
                    self.counts.clear();
                }
                self.back = long.then(|| Moment::of(entry));
            }
            Fact::Act(_) => self.back = None,
            _ => {}
        }
        if let Some(request) = context.request()
            && let Some(back) = self.back
        {
            self.count(entry, request, back, context);
        }
    }
}

impl Thawed {
    fn count(&mut self, entry: &Entry, request: &Request, back: Moment, context: &Context<'_>) {
        if entry.at > back.at + FIRST {
            self.back = None;
            return;
        }
        let carries_on = request.role == Some(Role::Realtime) && !request.is_handshake();
        if carries_on || context.is_refetched(request.role.as_ref()) {
            return;
        }
        let what = if request.is_handshake() {
            "the feed's handshake".to_owned()
        } else {
            request.line()
        };
        let (count, first) = self.counts.entry(what.clone()).or_insert((0, entry.id));
        *count += 1;
        let bound = context.contract.retry.attempts + 1;
        if *count > bound {
            let evidence = vec![back.id, *first, entry.id];
            let observed = format!("{count} times {what} within {}", show(entry.at - back.at));
            context.violated(
                &THAWED,
                Violation::new("the app bursts when it is back from the background")
                    .kind("burst")
                    .expected(format!("at most {bound} attempts of one request"))
                    .observed(observed)
                    .evidence(evidence)
                    .exchanges([request.exchange]),
            );
        }
    }
}

#[derive(Default)]
pub(super) struct SpentToken {
    back: Option<EntryId>,
    asked: Option<Duration>,
    spent: Vec<(EntryId, u64)>,
}

impl Rule for SpentToken {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if context.contract.session.refresh.is_none() {
            context.unable(&SPENT_TOKEN, "the contract has no refresh request");
            return;
        }
        if let Fact::Act(Act::Online | Act::Foreground | Act::Launch) = &entry.fact {
            self.returns(entry, context);
        }
        let Some(request) = context.request() else {
            return;
        };
        let last = self.asked.replace(entry.at);
        let silent = last.is_some_and(|last| {
            last + SILENCE <= entry.at && ended_before(context, last) == Some(false)
        });
        if silent {
            self.returns(entry, context);
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
                if ended_before(context, entry.at) != Some(true) {
                    self.back = None;
                    return;
                }
                self.spent.push((entry.id, request.exchange));
                if self.spent.len() == 2 {
                    self.breach(back, context);
                }
            }
            _ => {}
        }
    }
}

impl SpentToken {
    fn returns(&mut self, entry: &Entry, context: &Context<'_>) {
        self.back = (ended_before(context, entry.at) == Some(true)).then_some(entry.id);
        self.spent.clear();
    }

    fn breach(&mut self, back: EntryId, context: &Context<'_>) {
        let (ids, exchanges): (Vec<EntryId>, Vec<u64>) = self.spent.drain(..).unzip();
        let label = context.session.current().map(|token| token.label.clone());
        context.violated(
            &SPENT_TOKEN,
            Violation::new(
                "the app comes back with a token that ended meanwhile, request after request",
            )
            .kind("spent")
            .expected("a refresh before any request that carries the token")
            .observed(format!(
                "{} requests with ‹{}›",
                ids.len(),
                label.unwrap_or_default()
            ))
            .evidence(std::iter::once(back).chain(ids))
            .exchanges(exchanges),
        );
        self.back = None;
    }
}

/// Whether the current access token ended before a moment; nothing if nobody knows when it ends.
fn ended_before(context: &Context<'_>, at: Duration) -> Option<bool> {
    let current = context.session.current()?;
    // One that had ended when it was handed out did not end meanwhile.
    let ends = current.ends.filter(|_| !current.is_over())?;
    Some(context.unix(at)? > ends)
}

fn carries_the_current(request: &Request, context: &Context<'_>) -> bool {
    let credential = context
        .opened(request.exchange)
        .and_then(|own| own.credential.as_ref());
    let current = context.session.current().map(|token| &token.label);
    credential.is_some() && credential == current
}
