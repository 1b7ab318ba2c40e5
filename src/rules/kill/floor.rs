//! KILL-6: how often the kill-switch is asked.

use std::time::Duration;

use crate::domain::contract::{KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact};
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
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
    /// the user, a failed attempt, data that was refused, a feed that ended, a session that was
    /// renewed up to two seconds before); one that is explained is left out, and the row goes on.
    /// Found are four in a row below half the agreed interval; eight in a row that are the same to
    /// within twenty milliseconds, which is a remark unless the contract promises `jitter`; and,
    /// while the app is marked to be in the background, three in a row that on average are no longer
    /// than a quarter above the agreed interval. Where four and more
    /// had causes of their own and fewer than four were left, it is not judged, and the reason says
    /// how many are missing.
    ///
    /// # How to keep it
    /// One timer, restarted after each answer, with the agreed interval and some jitter; stop it,
    /// or slow it down, in the background.
    ///
    /// # Source
    /// runbook S9.7
    pub(super) FLOOR: "KILL-6", App, from [Wire],
        needs [KillSwitch],
        set by ["kill-switch.every", "kill-switch.jitter"]
}

/// How soon after its cause a question is explained by it.
const BECAUSE: Duration = Duration::from_secs(2);
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
    /// How many gaps there were that nothing explains, and how many that something does.
    seen: u32,
    explained: u32,
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
            self.asked(request.exchange, switch, context);
        }
    }

    /// A pattern needs quiet: where there was too little of it, that is said.
    fn end(&mut self, context: &Context<'_>) {
        if self.seen < SHORT && self.explained >= SHORT {
            context.unable(
                &FLOOR,
                format!(
                    "it takes {SHORT} intervals between status requests that nothing else explains; \
                     {} were seen, {} others had a cause of their own, so {} are missing: leave the \
                     app alone for longer",
                    self.seen,
                    self.explained,
                    SHORT - self.seen
                ),
            );
        }
    }
}

impl Floor {
    /// An answer that says neither on nor off is none; a client may ask again soon.
    fn answered(&mut self, ended: &Ended<'_>, switch: &KillSwitch, context: &Context<'_>) {
        let says = ended
            .answer
            .is_some_and(|answer| answer.status == 304 || answer.blocks(switch).is_some());
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

    fn asked(&mut self, exchange: u64, switch: &KillSwitch, context: &Context<'_>) {
        let every = switch.every;
        let now = context.moment();
        let Some(last) = self.last.replace(now) else {
            return;
        };
        context.exercised(&FLOOR);
        let suspicious = std::mem::take(&mut self.suspicious);
        if !context.world.same_process_since(last.id) {
            self.short = 0;
            self.equal.1 = 0;
        }
        if suspicious || self.is_explained(last.id, context) {
            self.explained += 1;
            if context.world.acted_since(last.id) {
                self.behind.clear();
            }
            return;
        }
        self.seen += 1;
        let gap = now.at - last.at;
        if let Some(pattern) = self.pattern(gap, switch, context.world.visible) {
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
            || renewed.is_some_and(|own| own.id > last && own.at + BECAUSE >= context.now)
    }

    /// Equal gaps break a promise only where there is one.
    fn in_step(&self, gap: Duration, switch: &KillSwitch) -> Violation {
        let severity = if switch.jitter {
            Severity::Violation
        } else {
            Severity::Information
        };
        Violation::new("the app asks for the kill-switch in step with every other device")
            .expected(format!("gaps that vary around {}", show(switch.every)))
            .observed(format!(
                "{EQUAL} gaps in a row of {}, of {} that were seen",
                show(gap),
                self.seen
            ))
            .severity(severity)
    }

    /// Gaps that are all alike, or no longer in the background.
    fn pattern(&mut self, gap: Duration, switch: &KillSwitch, visible: bool) -> Option<Violation> {
        let every = switch.every;
        let (like, times) = self.equal;
        let equal = times > 0 && gap.abs_diff(like) <= NEAR;
        self.equal = if equal { (like, times + 1) } else { (gap, 1) };
        if visible {
            self.behind.clear();
        } else {
            if self.behind.len() == BEHIND {
                self.behind.remove(0);
            }
            self.behind.push(gap);
        }
        if self.equal.1 == EQUAL {
            return Some(self.in_step(gap, switch));
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
