//! KILL-6: how often the kill-switch is asked.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, is_success};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::is_blocked;
use crate::rules::violation::Violation;

rule! {
    /// The kill-switch is asked no more often than agreed, with jitter, and more rarely in the
    /// background
    ///
    /// # Why
    /// Every device asks all day, so an interval that is half as long doubles the load of the
    /// platform.
    ///
    /// # How it is judged
    /// Judged on the gaps between status requests that nothing else explains (a start, a
    /// foreground, the user, a failed attempt): four in a row below half the agreed interval; eight
    /// in a row that are the same to within twenty milliseconds, which keeps all devices in step
    /// that started together; and, while the app is marked to be in the background, three in a row
    /// that on average are no longer than a quarter above the agreed interval.
    ///
    /// # How to keep it
    /// One timer, restarted after each answer, with the agreed interval and some jitter; stop it,
    /// or slow it down, in the background.
    ///
    /// # Source
    /// runbook S9.7
    pub(super) FLOOR: "KILL-6", App, from [Wire],
        needs [KillSwitch],
        set by ["kill_switch.every"]
}

/// How many short gaps in a row make a pattern.
const SHORT: u32 = 4;
/// How many equal gaps in a row show that nothing varies, and how near to each other they are.
const EQUAL: u32 = 8;
const NEAR: Duration = Duration::from_millis(20);
/// How many gaps in the background show that it makes no difference.
const BEHIND: usize = 3;
const SHARE: u32 = 3;

#[derive(Default)]
pub(super) struct Floor {
    last: Option<(EntryId, Duration)>,
    failed: bool,
    short: u32,
    /// The gap that the last ones were equal to, and how many they were.
    equal: (Duration, u32),
    /// The last gaps in the background.
    behind: Vec<Duration>,
}

impl Rule for Floor {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(switch) = &context.contract.kill_switch else {
            context.unable(&FLOOR, "the contract has no kill-switch");
            return;
        };
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Status)
        {
            // An answer that says neither on nor off is none; a client may ask again soon.
            let says = ended
                .answer
                .is_some_and(|answer| answer.status == 304 || is_blocked(switch, answer).is_some());
            self.failed = !says || ended.status().is_none_or(|status| status >= 400);
            if !says && ended.status().is_some_and(is_success) {
                context.unable(
                    &FLOOR,
                    format!(
                        "{}, which does not say what the contract looks for",
                        ended.words()
                    ),
                );
            }
        }
        let Some(request) = context
            .request()
            .filter(|own| own.role == Some(Role::Status))
        else {
            return;
        };
        let last = self.last.replace((entry.id, entry.at));
        let Some((id, at)) = last else {
            return;
        };
        context.exercised(&FLOOR);
        let explained = self.failed
            || context.world.acted_since(id)
            || !context.world.same_process_since(id)
            || context
                .session
                .renewed
                .is_some_and(|renewed| renewed.id > id);
        let gap = entry.at - at;
        if explained {
            self.equal.1 = 0;
            self.behind.clear();
        } else {
            self.judge_pattern(entry, id, gap, context, switch.every);
        }
        if explained || gap >= switch.every / 2 {
            self.short = 0;
            return;
        }
        self.short += 1;
        if self.short >= SHORT {
            context.violated(
                &FLOOR,
                Violation::new("the app asks for the kill-switch far more often than agreed")
                    .kind("interval")
                    .expected(format!("a status request every {}", show(switch.every)))
                    .observed(format!(
                        "{} gaps in a row below half of it, the last of {}",
                        self.short,
                        show(entry.at - at)
                    ))
                    .evidence([id, entry.id])
                    .exchanges([request.exchange]),
            );
        }
    }
}

impl Floor {
    /// Jitter, and the background.
    fn judge_pattern(
        &mut self,
        entry: &Entry,
        before: EntryId,
        gap: Duration,
        context: &Context<'_>,
        every: Duration,
    ) {
        let (like, times) = self.equal;
        let equal = times > 0 && gap.abs_diff(like) <= NEAR;
        self.equal = if equal { (like, times + 1) } else { (gap, 1) };
        if context.world.visible {
            self.behind.clear();
        } else {
            self.behind.push(gap);
        }
        // A single gap says little: it may be jitter.
        let mean = self
            .behind
            .last_chunk::<BEHIND>()
            .map(|gaps| gaps.iter().sum::<Duration>() / SHARE);
        let (kind, message, expected, observed) = if self.equal.1 == EQUAL {
            (
                "jitter",
                "the app asks for the kill-switch in step with every other device",
                format!("gaps that vary around {}", show(every)),
                format!("{EQUAL} gaps in a row of {}", show(gap)),
            )
        } else if let Some(mean) = mean.filter(|mean| *mean <= every.mul_f64(1.25)) {
            self.behind.clear();
            (
                "background",
                "the app asks for the kill-switch in the background as often as in front",
                format!("no request, or gaps well above {}", show(every)),
                format!("{BEHIND} gaps in a row of {} on average", show(mean)),
            )
        } else {
            return;
        };
        context.violated(
            &FLOOR,
            Violation::new(message.to_owned())
                .kind(kind.to_owned())
                .expected(expected)
                .observed(observed)
                .evidence([before, entry.id]),
        );
    }
}
