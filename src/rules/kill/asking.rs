//! KILL-1 and -6: when the kill-switch is asked, and how often.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, ClientOutcome, Entry, EntryId, Fact};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, client_request, is_blocked, is_success};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static ASKED_FIRST: RuleInfo = RuleInfo {
    id: "KILL-1",
    title: "The kill-switch is asked at cold start, and on foreground when its answer is old, before any data",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S4.1",
    explanation: "An app that was closed while maintenance began must not touch the backend before it knows. Judged from the moments at which the app was started or brought back: the first request for data, or handshake of the feed, comes only when a status request of that start has been answered or has failed.",
    fix: "Ask for the status first and hold everything else until it is answered or timed out.",
    parameters: &["kill_switch.fresh_for", "request_timeout"],
};

pub(super) static FLOOR: RuleInfo = RuleInfo {
    id: "KILL-6",
    title: "The kill-switch is asked no more often than agreed, with jitter, and more rarely in the background",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S9.7",
    explanation: "Every device asks all day, so an interval that is half as long doubles the load of the platform. Judged on the gaps between status requests that nothing else explains (a start, a foreground, the user, a failed attempt): four in a row below half the agreed interval; eight in a row that are the same to within twenty milliseconds, which keeps all devices in step that started together; and, while the app is marked to be in the background, three in a row that on average are no longer than a quarter above the agreed interval.",
    fix: "One timer, restarted after each answer, with the agreed interval and some jitter; stop it, or slow it down, in the background.",
    parameters: &["kill_switch.every"],
};

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
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(switch) = &scene.contract.kill_switch else {
            ledger.unable(&ASKED_FIRST, "the contract has no kill-switch");
            return;
        };
        match &entry.fact {
            Fact::Act(Act::Launch) => self.start = Some(self.begin(entry, scene, "start")),
            Fact::Act(Act::Foreground) => {
                let fresh = scene
                    .switch
                    .answered
                    .is_some_and(|last| last.at + switch.fresh_for >= entry.at);
                if !fresh && self.start.is_none() {
                    self.start = Some(self.begin(entry, scene, "return to the foreground"));
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
        if let Some(request) = client_request(entry) {
            match &request.role {
                Some(Role::Status) => {
                    self.asked = Some((request.exchange, entry.at));
                    if let Some(start) = &mut self.start {
                        start.asked.get_or_insert((request.exchange, entry.at));
                    }
                }
                Some(Role::Resource(_)) => self.data(entry, scene, ledger),
                Some(Role::Realtime) if request.is_handshake() => self.data(entry, scene, ledger),
                _ => {}
            }
            if !scene.world.acts_marked {
                ledger.unable(
                    &ASKED_FIRST,
                    "nobody marked when the app was started or brought back",
                );
            }
        }
        if let Some(ended) = scene.ended_by_client(entry)
            && ended.request.role == Some(Role::Status)
        {
            let exchange = ended.request.exchange;
            if self
                .start
                .as_ref()
                .and_then(|start| start.asked)
                .is_some_and(|(own, _)| own == exchange)
            {
                ledger.occasion(&ASKED_FIRST);
                self.start = None;
            }
            if let Some(hasty) = self.hasty.take_if(|hasty| hasty.status == exchange)
                && ended.answer.is_some()
            {
                let observed = format!("{} while the status was still being asked", hasty.what);
                breach(&hasty.start, hasty.data, hasty.exchange, observed, ledger);
            }
        }
    }
}

impl AskedFirst {
    fn begin(&self, entry: &Entry, scene: &Scene, what: &'static str) -> Start {
        let early = self
            .asked
            .filter(|(_, at)| !scene.world.simulated && *at + MARKS >= entry.at);
        Start {
            id: entry.id,
            what,
            asked: early,
        }
    }

    fn data(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(request) = client_request(entry) else {
            return;
        };
        let Some(start) = self.start.take() else {
            return;
        };
        let what = request.line();
        ledger.occasion(&ASKED_FIRST);
        match start.asked {
            Some((status, at)) => {
                let under_way = scene.under_way().any(|(_, other)| other.exchange == status);
                if under_way && entry.at < at + scene.contract.request_timeout.mul_f64(0.9) {
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
                let unseen = scene.world.is_blind()
                    || scene.world.is_disturbed()
                    || !scene.world.same_network_since(start.id)
                    || scene
                        .world
                        .changed
                        .is_some_and(|changed| changed.id > start.id);
                if !unseen {
                    let observed = format!("{what} without a status request before it");
                    breach(&start, entry.id, request.exchange, observed, ledger);
                }
            }
        }
    }
}

fn breach(start: &Start, data: EntryId, exchange: u64, observed: String, ledger: &mut Ledger) {
    ledger.breach(
        &ASKED_FIRST,
        Breach {
            kind: start.what.to_owned(),
            message: format!(
                "after its {} the app asked for data before it knew the kill-switch",
                start.what
            ),
            expected: "a status request, and its answer, before the first request for data"
                .to_owned(),
            observed,
            evidence: vec![start.id, data],
            exchanges: vec![exchange],
            ..Breach::default()
        },
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
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(switch) = &scene.contract.kill_switch else {
            ledger.unable(&FLOOR, "the contract has no kill-switch");
            return;
        };
        if let Some(ended) = scene.ended_by_client(entry)
            && ended.request.role == Some(Role::Status)
        {
            // An answer that says neither on nor off is none; a client may ask again soon.
            let says = ended
                .answer
                .is_some_and(|answer| answer.status == 304 || is_blocked(switch, answer).is_some());
            self.failed = !says || ended.status().is_none_or(|status| status >= 400);
            if !says && ended.status().is_some_and(is_success) {
                ledger.unable(
                    &FLOOR,
                    format!(
                        "{}, which does not say what the contract looks for",
                        ended.words()
                    ),
                );
            }
        }
        let Some(request) = client_request(entry).filter(|own| own.role == Some(Role::Status))
        else {
            return;
        };
        let last = self.last.replace((entry.id, entry.at));
        let Some((id, at)) = last else {
            return;
        };
        ledger.occasion(&FLOOR);
        let explained = self.failed
            || scene.world.acted_since(id)
            || !scene.world.same_process_since(id)
            || scene.session.renewed.is_some_and(|renewed| renewed.id > id);
        let gap = entry.at - at;
        if explained {
            self.equal.1 = 0;
            self.behind.clear();
        } else {
            self.judge_pattern(entry, id, gap, scene, switch.every, ledger);
        }
        if explained || gap >= switch.every / 2 {
            self.short = 0;
            return;
        }
        self.short += 1;
        if self.short >= SHORT {
            ledger.breach(
                &FLOOR,
                Breach {
                    kind: "interval".to_owned(),
                    message: "the app asks for the kill-switch far more often than agreed"
                        .to_owned(),
                    expected: format!("a status request every {}", show(switch.every)),
                    observed: format!(
                        "{} gaps in a row below half of it, the last of {}",
                        self.short,
                        show(entry.at - at)
                    ),
                    evidence: vec![id, entry.id],
                    exchanges: vec![request.exchange],
                    ..Breach::default()
                },
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
        scene: &Scene,
        every: Duration,
        ledger: &mut Ledger,
    ) {
        let (like, times) = self.equal;
        let equal = times > 0 && gap.abs_diff(like) <= NEAR;
        self.equal = if equal { (like, times + 1) } else { (gap, 1) };
        if scene.world.visible {
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
        ledger.breach(
            &FLOOR,
            Breach {
                kind: kind.to_owned(),
                message: message.to_owned(),
                expected,
                observed,
                evidence: vec![before, entry.id],
                ..Breach::default()
            },
        );
    }
}
