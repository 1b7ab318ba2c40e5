//! KILL-5: a backend that says when to come back is believed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::{Role, is_safe};
use crate::domain::duration::show;
use crate::domain::journal::{Answer, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Milestone;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::wait_named;
use crate::rules::violation::Violation;

rule! {
    /// After 503 or 429 with Retry-After nothing is repeated before the time
    ///
    /// # Why
    /// Retry-After is how an overloaded backend spreads its return.
    ///
    /// # How it is judged
    /// A request that was answered so, in seconds or as a date, does not come again before nine
    /// tenths of the time, unless the user asks or the kill-switch is lifted. Absurd values are
    /// capped at the contract's largest retry delay, but at no less than 30 s. The feed's own
    /// requests are left out: its client does not read the header. So is an answer of the status
    /// that is how the kill-switch says that it is on.
    ///
    /// # How to keep it
    /// Read both forms of the header, cap them, and let them override the back-off's own delay;
    /// hold pollers too.
    ///
    /// # Source
    /// RFC 9110 §10.2.3 and §15.6.4; RFC 6585 §4
    pub(super) RETRY_AFTER: "KILL-5", App, from [Wire],
        set by ["retry.delay-max"]
}

/// How long what was on its way may take: the very same request can be only a repetition, another
/// one of the same path may belong to the same wish.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// How long an answer is on its way to the app, which may have asked meanwhile.
const CROSSING: Duration = Duration::from_millis(50);
/// How many waits are remembered.
const WAITS: usize = 64;

/// What is not to be repeated, by method, service and path.
#[derive(Default)]
pub(super) struct RetryAfter(BTreeMap<String, Wait>);

/// The backend named a time.
struct Wait {
    target: String,
    answer: Milestone,
    wait: Duration,
}

impl Rule for RetryAfter {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(request) = context.request() {
            self.asked(request, context);
        }
        if let Some(ended) = context.ended() {
            self.answered(&ended, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for wait in self.0.values() {
            let (had, takes) = (context.now - wait.answer.at, wait.least());
            if had >= takes {
                context.exercised(&RETRY_AFTER);
            } else {
                let since = "an answer that named a time";
                context.lacked(&RETRY_AFTER, since, had, takes);
            }
        }
    }
}

impl RetryAfter {
    fn asked(&mut self, request: &Request, context: &Context<'_>) {
        let key = key(request);
        let Some(wait) = self.0.get(&key) else {
            return;
        };
        if wait.is_over(context) {
            if context.now >= wait.answer.at + wait.least() {
                context.exercised(&RETRY_AFTER);
            }
            self.0.remove(&key);
        } else if wait.is_repeated_by(request, context) {
            let entry = context.entry;
            context.violated(
                &RETRY_AFTER,
                Violation::new("the app came back before the time that the backend had named")
                    .expected(format!("no {key} for {}", show(wait.wait)))
                    .observed(format!("again after {}", show(entry.at - wait.answer.at)))
                    .evidence([wait.answer.id, entry.id])
                    .exchanges([wait.answer.exchange, request.exchange]),
            );
        }
    }

    fn answered(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let Some(answer) = ended.answer else {
            return;
        };
        if ended.request.role == Some(Role::Realtime) || is_switch_on(ended, answer, context) {
            return;
        }
        let now = context.unix(context.entry.at);
        let Some(wait) = wait_named(answer, now, &context.contract) else {
            return;
        };
        if self.0.len() >= WAITS {
            self.0.pop_first();
        }
        self.0.insert(
            key(ended.request),
            Wait {
                target: ended.request.target.clone(),
                answer: Milestone::of(context.entry, answer.exchange),
                wait,
            },
        );
    }
}

impl Wait {
    /// How much of the time is enough.
    fn least(&self) -> Duration {
        self.wait.mul_f64(0.9)
    }

    /// Whether enough of the time has passed, or something else asks for the request.
    fn is_over(&self, context: &Context<'_>) -> bool {
        // That the kill-switch was lifted is later news than the time that was named under it.
        let reopened = context.switch.reopened;
        context.entry.at >= self.answer.at + self.least()
            || reopened.is_some_and(|own| own.id > self.answer.id)
            || context.world.acted_since(self.answer.id)
            || !context.world.same_process_since(self.answer.id)
    }

    /// Whether a request can be only a repetition of the one that was to wait.
    fn is_repeated_by(&self, request: &Request, context: &Context<'_>) -> bool {
        let Milestone { at, .. } = self.answer;
        let now = context.now;
        now > at + ON_ITS_WAY || now > at + CROSSING && request.target == self.target
    }
}

/// A kill-switch that speaks by its status is asked again as often as was agreed: KILL-6.
fn is_switch_on(ended: &Ended<'_>, answer: &Answer, context: &Context<'_>) -> bool {
    let switch = context.contract.kill_switch.as_ref();
    ended.request.role == Some(Role::Status)
        && switch.is_some_and(|switch| answer.blocks(switch) == Some(true))
}

fn key(request: &Request) -> String {
    let Request {
        method,
        service,
        role,
        ..
    } = request;
    let path = request.bare_target();
    match role {
        Some(role) if !is_safe(method) => format!("{method} {service} {path} ({role})"),
        _ => format!("{method} {service} {path}"),
    }
}
