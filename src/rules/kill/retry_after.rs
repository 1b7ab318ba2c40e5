//! KILL-5: a backend that says when to come back is believed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Answer, EntryId, Request};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::is_blocked;
use crate::rules::violation::Violation;

rule! {
    /// After 503 or 429 with Retry-After nothing is repeated before the time
    ///
    /// # Why
    /// Retry-After is how an overloaded backend spreads its return.
    ///
    /// # How it is judged
    /// Judged for each request that was answered so, in seconds or as a date: the same request does
    /// not come again before nine tenths of the time, unless the user asks or the kill-switch is
    /// lifted. Absurd values are capped at the contract's largest retry delay, but at no less than
    /// 30 s. The feed's own requests are left out: its client does not read the header. So is an
    /// answer of the status that is how the kill-switch says that it is on.
    ///
    /// # How to keep it
    /// Read both forms of the header, cap them, and let them override the back-off's own delay;
    /// hold pollers too.
    ///
    /// # Source
    /// RFC 9110 §10.2.3 and §15.6.4; RFC 6585 §4
    pub(super) RETRY_AFTER: "KILL-5", App, from [Wire],
        set by ["retry.delay_max"]
}

/// How long what was on its way may take: the very same request can be only a repetition, another
/// one of the same path may belong to the same wish.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// How long an answer is on its way to the app, which may have asked meanwhile.
const CROSSING: Duration = Duration::from_millis(50);
/// How many waits are remembered.
const WAITS: usize = 64;

#[derive(Default)]
pub(super) struct RetryAfter {
    waits: BTreeMap<String, Wait>,
}

#[derive(Clone)]
struct Wait {
    target: String,
    id: EntryId,
    at: Duration,
    wait: Duration,
    exchange: u64,
}

impl Rule for RetryAfter {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if let Some(request) = context.request() {
            let key = key(request);
            let Some(wait) = self.waits.get(&key).cloned() else {
                return;
            };
            let over = entry.at >= wait.at + wait.wait.mul_f64(0.9);
            // That the kill-switch was lifted is later news than the time that was named under it.
            let lifted = context.switch.reopened.is_some_and(|it| it.id > wait.id);
            let explained = lifted
                || context.world.acted_since(wait.id)
                || !context.world.same_process_since(wait.id);
            if over || explained {
                self.waits.remove(&key);
            } else if entry.at > wait.at + ON_ITS_WAY
                || entry.at > wait.at + CROSSING && request.target == wait.target
            {
                context.violated(
                    &RETRY_AFTER,
                    Violation::new("the app came back before the time that the backend had named")
                        .kind("too early")
                        .expected(format!("no {key} for {}", show(wait.wait)))
                        .observed(format!("again after {}", show(entry.at - wait.at)))
                        .evidence([wait.id, entry.id])
                        .exchanges([wait.exchange, request.exchange]),
                );
            }
        }
        let Some(ended) = context.ended() else {
            return;
        };
        let Some(answer) = ended
            .answer
            .filter(|answer| matches!(answer.status, 429 | 503))
        else {
            return;
        };
        // A kill-switch that speaks by its status is asked again as often as was agreed: KILL-6.
        let switch = context.contract.kill_switch.as_ref();
        let spoken = ended.request.role == Some(Role::Status)
            && switch.is_some_and(|switch| is_blocked(switch, answer) == Some(true));
        if ended.request.role == Some(Role::Realtime) || spoken {
            return;
        }
        let cap = context
            .contract
            .retry
            .delay_max
            .max(Duration::from_secs(30));
        let Some(wait) = wait_of(answer, context.unix(entry.at)) else {
            return;
        };
        context.exercised(&RETRY_AFTER);
        if self.waits.len() >= WAITS {
            self.waits.pop_first();
        }
        self.waits.insert(
            key(ended.request),
            Wait {
                target: ended.request.target.clone(),
                id: entry.id,
                at: entry.at,
                wait: wait.min(cap),
                exchange: answer.exchange,
            },
        );
    }
}

fn key(request: &Request) -> String {
    format!(
        "{} {} {}",
        request.method,
        request.service,
        request.bare_target()
    )
}

fn wait_of(answer: &Answer, now: Option<u64>) -> Option<Duration> {
    let value = answer.headers.get("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(value)
        .ok()?
        .timestamp()
        .as_second();
    let until = u64::try_from(until).ok()?;
    Some(Duration::from_secs(until.saturating_sub(now?)))
}
