//! KILL-1 and -6: when the kill-switch is asked, and how often.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, ClientOutcome, Entry, EntryId, Fact, is_success};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::is_blocked;
use crate::rules::violation::Violation;

rule! {
    /// The kill-switch is asked at cold start, and on foreground when its answer is old, before any
    /// data
    ///
    /// # Why
    /// An app that was closed while maintenance began must not touch the backend before it knows.
    ///
    /// # How it is judged
    /// Judged from the moments at which the app was started or brought back: the first request for
    /// data, or handshake of the feed, comes only when a status request of that start has been
    /// answered or has failed.
    ///
    /// # How to keep it
    /// Ask for the status first and hold everything else until it is answered or timed out.
    ///
    /// # Source
    /// runbook S4.1
    pub(super) ASKED_FIRST: "KILL-1", App, from [Wire],
        needs [KillSwitch],
        set by ["kill_switch.fresh_for", "request_timeout"]
}

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

/// How loosely somebody outside the app marks its starts.
const MARKS: Duration = Duration::from_secs(5);
/// How many short gaps in a row make a pattern.
const SHORT: u32 = 4;
/// How many equal gaps in a row show that nothing varies, and how near to each other they are.
const EQUAL: u32 = 8;
const NEAR: Duration = Duration::from_millis(20);
/// How many gaps in the background show that it makes no difference.
const BEHIND: usize = 3;
const SHARE: u32 = 3;

#[derive(Default)]
pub(super) struct AskedFirst {
    start: Option<Start>,
    /// Data that was asked for while the status of its start was still under way.
    hasty: Option<Hasty>,
    asked: Option<(u64, Duration)>,
}

struct Start {
    id: EntryId,
    what: &'static str,
    /// The status request of this start.
    asked: Option<(u64, Duration)>,
}

struct Hasty {
    start: Start,
    status: u64,
    data: EntryId,
    what: String,
    exchange: u64,
}

impl Rule for AskedFirst {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(switch) = &context.contract.kill_switch else {
            context.unable(&ASKED_FIRST, "the contract has no kill-switch");
            return;
        };
        match &entry.fact {
            Fact::Act(Act::Launch) => self.start = Some(self.begin(entry, context, "start")),
            Fact::Act(Act::Foreground) => {
                let fresh = context
                    .switch
                    .answered
                    .is_some_and(|last| last.at + switch.fresh_for >= entry.at);
                if !fresh && self.start.is_none() {
                    self.start = Some(self.begin(entry, context, "return to the foreground"));
                }
            }
            Fact::Act(Act::Kill) => {
                self.start = None;
                self.hasty = None;
                // What the process before asked tells the next one nothing.
                self.asked = None;
            }
            // A status request that could not even be sent was tried all the same.
            Fact::App(AppFact::Exchange(exchange))
                if exchange.service == switch.operation.service
                    && exchange.path.ends_with(&switch.operation.path)
                    && matches!(exchange.outcome, ClientOutcome::NotSent { .. }) =>
            {
                self.start = None;
            }
            _ => {}
        }
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::Status) => {
                    self.asked = Some((request.exchange, entry.at));
                    if let Some(start) = &mut self.start {
                        start.asked.get_or_insert((request.exchange, entry.at));
                    }
                }
                Some(Role::Resource(_)) => self.data(entry, context),
                Some(Role::Realtime) if request.is_handshake() => self.data(entry, context),
                _ => {}
            }
            if !context.world.acts_marked {
                context.unable(
                    &ASKED_FIRST,
                    "nobody marked when the app was started or brought back",
                );
            }
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Status)
        {
            let exchange = ended.request.exchange;
            if self
                .start
                .as_ref()
                .and_then(|start| start.asked)
                .is_some_and(|(own, _)| own == exchange)
            {
                context.exercised(&ASKED_FIRST);
                self.start = None;
            }
            if let Some(hasty) = self.hasty.take_if(|hasty| hasty.status == exchange)
                && ended.answer.is_some()
            {
                let observed = format!("{} while the status was still being asked", hasty.what);
                breach(&hasty.start, hasty.data, hasty.exchange, observed, context);
            }
        }
    }
}

impl AskedFirst {
    fn begin(&self, entry: &Entry, context: &Context<'_>, what: &'static str) -> Start {
        let early = self
            .asked
            .filter(|(_, at)| !context.world.simulated && *at + MARKS >= entry.at);
        Start {
            id: entry.id,
            what,
            asked: early,
        }
    }

    fn data(&mut self, entry: &Arc<Entry>, context: &Context<'_>) {
        let Some(request) = context.request() else {
            return;
        };
        let Some(start) = self.start.take() else {
            return;
        };
        let what = request.line();
        context.exercised(&ASKED_FIRST);
        match start.asked {
            Some((status, at)) => {
                let under_way = context
                    .under_way()
                    .any(|(_, other)| other.exchange == status);
                if under_way && entry.at < at + context.contract.request_timeout.mul_f64(0.9) {
                    self.hasty = Some(Hasty {
                        start,
                        status,
                        data: entry.id,
                        what,
                        exchange: request.exchange,
                    });
                }
            }
            None => {
                let unseen = context.world.is_blind()
                    || context.world.is_disturbed()
                    || !context.world.same_network_since(start.id)
                    || context
                        .world
                        .changed
                        .is_some_and(|changed| changed.id > start.id);
                if !unseen {
                    let observed = format!("{what} without a status request before it");
                    breach(&start, entry.id, request.exchange, observed, context);
                }
            }
        }
    }
}

fn breach(start: &Start, data: EntryId, exchange: u64, observed: String, context: &Context<'_>) {
    context.violated(
        &ASKED_FIRST,
        Violation::new(format!(
            "after its {} the app asked for data before it knew the kill-switch",
            start.what
        ))
        .kind(start.what.to_owned())
        .expected("a status request, and its answer, before the first request for data")
        .observed(observed)
        .evidence([start.id, data])
        .exchanges([exchange]),
    );
}

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
