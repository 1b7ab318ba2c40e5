//! KILL-6: how often the kill-switch is asked.

use std::time::Duration;

use crate::domain::contract::{KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::is_blocked;
use crate::rules::violation::Violation;

rule! {
    /// The kill-switch is asked no more often than agreed, with jitter, and more rarely in the
    /// background
    ///
    /// # Why
    /// Every device asks all day, so an interval that is half as long doubles the load of the
    /// platform; intervals without jitter keep all devices in step that started together.
    ///
    /// # How it is judged
    /// The gaps between status requests count that nothing else explains (a start, a foreground,
    /// the user, a failed attempt, data that was refused, a feed that ended): four in a row below half the agreed interval; eight in a row
    /// that are the same to within twenty milliseconds; and, while the app is marked to be in the
    /// background, three in a row that on average are no longer than a quarter above the agreed
    /// interval.
    ///
    /// # How to keep it
    /// One timer, restarted after each answer, with the agreed interval and some jitter; stop it,
    /// or slow it down, in the background.
    ///
    /// # Source
    /// runbook S9.7
    pub(super) FLOOR: "KILL-6", App, from [Wire],
        needs [KillSwitch],
        set by ["kill-switch.every"]
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
    last: Option<Moment>,
    /// Whether the last attempt brought no valid answer.
    failed: bool,
    /// Whether something has happened since that looks like maintenance.
    suspicious: bool,
    /// How many gaps in a row were short.
    short: u32,
    /// The gap that the last ones were equal to, and how many they were.
    equal: (Duration, u32),
    /// The last gaps in the background.
    behind: Vec<Duration>,
}

impl Rule for Floor {
    fn see(&mut self, context: &Context<'_>) {
        let Some(switch) = &context.contract.kill_switch else {
            return;
        };
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Status)
        {
            self.answered(&ended, switch, context);
        }
        self.suspicious |= looks_like_maintenance(switch, context);
        if let Some(request) = context.request()
            && request.role == Some(Role::Status)
        {
            self.asked(request.exchange, switch.every, context);
        }
    }
}

impl Floor {
    /// An answer that says neither on nor off is none; a client may ask again soon.
    fn answered(&mut self, ended: &Ended<'_>, switch: &KillSwitch, context: &Context<'_>) {
        let says = ended
            .answer
            .is_some_and(|answer| answer.status == 304 || is_blocked(switch, answer).is_some());
        self.failed = !says || ended.status().is_none_or(|status| status >= 400);
        if !says && ended.succeeded() {
            context.unable(
                &FLOOR,
                format!(
                    "{}, which does not say what the contract looks for",
                    ended.words()
                ),
            );
        }
    }

    fn asked(&mut self, exchange: u64, every: Duration, context: &Context<'_>) {
        let now = context.moment();
        let Some(last) = self.last.replace(now) else {
            return;
        };
        context.exercised(&FLOOR);
        let suspicious = std::mem::take(&mut self.suspicious);
        if suspicious || self.is_explained(last.id, context) {
            self.short = 0;
            self.equal.1 = 0;
            self.behind.clear();
            return;
        }
        let gap = now.at - last.at;
        if let Some(pattern) = self.pattern(gap, every, context.world.visible) {
            context.violated(&FLOOR, pattern.evidence([last.id, now.id]));
        }
        self.short = if gap < every / 2 { self.short + 1 } else { 0 };
        if self.short >= SHORT {
            context.violated(
                &FLOOR,
                Violation::new("the app asks for the kill-switch far more often than agreed")
                    .expected(format!("a status request every {}", show(every)))
                    .observed(format!(
                        "{} gaps in a row below half of it, the last of {}",
                        self.short,
                        show(gap)
                    ))
                    .evidence([last.id, now.id])
                    .exchanges([exchange]),
            );
        }
    }

    /// Whether something beside the timer may have asked since the last request.
    fn is_explained(&self, last: EntryId, context: &Context<'_>) -> bool {
        let renewed = context.session.renewed;
        self.failed
            || context.world.acted_since(last)
            || !context.world.same_process_since(last)
            || renewed.is_some_and(|renewed| renewed.id > last)
    }

    /// Gaps that are all alike, or no longer in the background.
    fn pattern(&mut self, gap: Duration, every: Duration, visible: bool) -> Option<Violation> {
        let (like, times) = self.equal;
        let equal = times > 0 && gap.abs_diff(like) <= NEAR;
        self.equal = if equal { (like, times + 1) } else { (gap, 1) };
        if visible {
            self.behind.clear();
        } else {
            self.behind.push(gap);
        }
        if self.equal.1 == EQUAL {
            return Some(
                Violation::new("the app asks for the kill-switch in step with every other device")
                    .expected(format!("gaps that vary around {}", show(every)))
                    .observed(format!("{EQUAL} gaps in a row of {}", show(gap))),
            );
        }
        // A single gap says little: it may be jitter.
        let gaps = self.behind.last_chunk::<BEHIND>()?;
        let mean = gaps.iter().sum::<Duration>() / SHARE;
        if mean > every.mul_f64(1.25) {
            return None;
        }
        self.behind.clear();
        Some(
            Violation::new(
                "the app asks for the kill-switch in the background as often as in front",
            )
            .expected(format!("no request, or gaps well above {}", show(every)))
            .observed(format!(
                "{BEHIND} gaps in a row of {} on average",
                show(mean)
            )),
        )
    }
}

/// Whether an app has reason to ask at once: what it asked for was refused as it is in maintenance, or
/// its feed ended.
fn looks_like_maintenance(switch: &KillSwitch, context: &Context<'_>) -> bool {
    if matches!(context.entry.fact, Fact::SocketClosed { .. }) {
        return true;
    }
    context.ended().is_some_and(|ended| {
        let refused = ended.failed() || ended.status() == switch.data_refusal;
        refused && ended.request.role != Some(Role::Status)
    })
}
