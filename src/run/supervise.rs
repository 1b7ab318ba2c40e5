//! Deals a run's scenarios out to threads, watches the wall clock and gathers results in the suite's
//! order.
//!
//! Every scenario has a thread, a single-threaded runtime and, against the mock, a clock of its
//! own; nothing is shared between scenarios but the plan.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::deployment::World;
use super::going::Going;
use super::interrupt::Interrupt;
use super::known_accounts::KnownAccounts;
use super::plan::{Plan, Target};
use super::runbook::{self, Book};
use super::summary::{sum_up, unplayed};
use super::target::{self, Unplayable};
use super::watchdog::{self, News, Patience, Waited};
use super::{applicability, play};
use crate::domain::change::Lever;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Came;
use crate::domain::scenario::{Action, Scenario, StepKind, Timing};
use crate::domain::verdict::Verdict;

/// How long a scenario in virtual time may take on the wall before it counts as stuck.
const STUCK_VIRTUAL: Duration = Duration::from_secs(120);

/// How much faster than its own clock a scenario of days runs at the very least, on a busy machine.
const SLOWEST_PACE: u32 = 2_000;

/// What a scenario in real time may take beyond the times that its steps name.
const STUCK_REAL: Duration = Duration::from_secs(180);

/// How long a scenario may take to end once it is asked to stop, beside what its levers may take.
const STUCK_GRACE: Duration = Duration::from_secs(5);

/// Plays the plan and shows each result as it comes.
///
/// # Errors
/// When the target cannot be played against at all: nothing listens, or something else does.
pub fn perform(
    plan: &Plan,
    interrupt: &Interrupt,
    progress: &mut dyn FnMut(&ScenarioResult),
) -> Result<RunResult, Unplayable> {
    let began = Instant::now();
    if !plan.scenarios.is_empty() {
        target::reach(plan, World::AsItShouldBe, interrupt)?;
    }
    let basis = Book::of(&plan.suite).basis();
    if let Some(file) = &plan.run_file {
        file.basis(&basis);
    }
    let results: Vec<OnceLock<ScenarioResult>> =
        plan.scenarios.iter().map(|_| OnceLock::new()).collect();
    let going = Going::on(plan, interrupt);
    let (order, next) = (going.order(), AtomicUsize::new(0));
    let (finished, arrivals) = mpsc::channel();
    let (over, heard) = mpsc::channel();
    let accounts = KnownAccounts::default();
    thread::scope(|scope| {
        let watched = &going;
        scope.spawn(move || watched.watch(&heard));
        for _ in 0..plan.jobs.max(1).min(plan.scenarios.len()) {
            let (finished, next, results) = (finished.clone(), &next, &results);
            let (accounts, basis, going, order) = (&accounts, &basis, &going, &order);
            scope.spawn(move || {
                while let Some(index) = order.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let scenario = &plan.scenarios[*index];
                    let mut result = match going.enough() {
                        Some(why) => unplayed(scenario, Verdict::Inconclusive(why), Duration::ZERO),
                        None => {
                            going.play(scenario, |halt| supervise(plan, scenario, halt, accounts))
                        }
                    };
                    result.runbook = runbook::proven_by(basis, &scenario.id);
                    if let Some(file) = &plan.run_file {
                        file.scenario(&result);
                    }
                    let _ = results[*index].set(result);
                    let _ = finished.send(());
                }
            });
        }
        drop(finished);
        // Results are shown in the suite's order, each as soon as those before it are there.
        let mut shown = 0;
        for () in arrivals {
            while let Some(result) = results.get(shown).and_then(OnceLock::get) {
                progress(result);
                shown += 1;
            }
        }
        drop(over);
    });
    let results = results.into_iter().filter_map(OnceLock::into_inner);
    let mut scenarios: Vec<ScenarioResult> = results.collect();
    notice_what_passes(plan, &mut scenarios);
    Ok(sum_up(
        plan,
        &basis,
        scenarios,
        interrupt.is_triggered(),
        began.elapsed(),
    ))
}

/// Says what passes although it is known to fail, which only all scenarios together tell.
fn notice_what_passes(plan: &Plan, scenarios: &mut [ScenarioResult]) {
    // What a pattern is known for may fail in what is not played.
    if plan.scenarios.len() < plan.suite.usual().len() {
        return;
    }
    let before: Vec<Verdict> = scenarios
        .iter()
        .map(|own| own.outcome.verdict.clone())
        .collect();
    let known = plan.course.known(plan.target.name());
    known.notice_all(scenarios);
    if let Some(file) = &plan.run_file {
        let changed = before.into_iter().zip(&*scenarios);
        let changed = changed.filter(|(before, own)| *before != own.outcome.verdict);
        changed.for_each(|(_, own)| file.scenario(own));
    }
}

/// Plays one scenario on a thread of its own and gives up on it when it is stuck.
fn supervise(
    plan: &Plan,
    scenario: &Arc<Scenario>,
    interrupt: &Interrupt,
    accounts: &KnownAccounts,
) -> ScenarioResult {
    let began = Instant::now();
    if let Some((verdict, came)) = unplayable(plan, scenario, interrupt, accounts) {
        let mut result = unplayed(scenario, verdict, began.elapsed());
        result.shown.steps = came;
        return result;
    }
    let limit = if plan.virtual_time() {
        STUCK_VIRTUAL + named_time(scenario) / SLOWEST_PACE
    } else {
        STUCK_REAL + named_time(scenario)
    };
    let (tell, news) = mpsc::channel();
    let heard = tell.clone();
    interrupt.on_trigger(move || {
        // Whoever has heard of the end listens no more.
        let _ = heard.send(News::Interrupted);
    });
    // A scenario's own handle, so that giving up on one does not stop the others.
    let own = interrupt.child();
    let spawned = {
        let (plan, scenario, own) = (plan.clone(), Arc::clone(scenario), own.clone());
        let accounts = accounts.clone();
        thread::Builder::new()
            .name(scenario.id.clone())
            .spawn(move || {
                let play = AssertUnwindSafe(|| {
                    let contract = &plan.suite.contract;
                    play::play_with(&plan, &scenario, &own, contract, &accounts)
                });
                let _ = tell.send(News::Ended(panic::catch_unwind(play).ok()));
            })
    };
    if let Err(error) = spawned {
        let verdict = Verdict::Errored(format!("no thread could be started: {error}"));
        return unplayed(scenario, verdict, began.elapsed());
    }
    let patience = Patience {
        limit,
        grace: grace(plan),
    };
    match watchdog::wait(&news, patience, || own.trigger()) {
        Waited::Ended(result) => result,
        Waited::Stuck(Some(mut result)) => {
            result.outcome.verdict = stuck(limit);
            result
        }
        Waited::Stuck(None) => unplayed(scenario, stuck(limit), began.elapsed()),
        Waited::Unresponsive => {
            let grace = patience.grace.as_secs();
            let why = format!("it had not stopped {grace} s after the run was interrupted");
            unplayed(scenario, Verdict::Errored(why), began.elapsed())
        }
        Waited::Panicked => {
            let why = "rehearsal itself panicked while it played this scenario; please report it";
            unplayed(scenario, Verdict::Errored(why.to_owned()), began.elapsed())
        }
    }
}

/// The verdict on a scenario that is not even begun, if it is not, and what its steps came to by that.
fn unplayable(
    plan: &Plan,
    scenario: &Scenario,
    interrupt: &Interrupt,
    accounts: &KnownAccounts,
) -> Option<(Verdict, Came)> {
    if interrupt.is_triggered() {
        let why = "the run was interrupted before it began";
        return Some((Verdict::Skipped(why.to_owned()), Came::Open));
    }
    if let Some(lacks) = applicability::lacks(plan, scenario) {
        return Some((Verdict::Skipped(lacks.to_string()), lacks.came()));
    }
    // To try again might lock an account.
    let own = scenario.accounts().into_iter();
    let refusal = accounts.refusal(plan.target.name(), own);
    refusal.map(|why| (Verdict::Misconfigured(why), Came::Open))
}

/// How long a scenario may take to put its world back, once it is asked to stop: giving up sooner than the
/// operator's calls do would leave switched what they still put back.
fn grace(plan: &Plan) -> Duration {
    let levers = match &plan.target {
        Target::Mock => return STUCK_GRACE,
        Target::Deployment(deployment) => &deployment.levers,
    };
    let each = levers.iter().map(|(lever, means)| match lever {
        // Each service may be stopped on its own.
        Lever::Backend => means.patience() * services(plan),
        _ => means.patience(),
    });
    STUCK_GRACE + each.sum::<Duration>()
}

fn services(plan: &Plan) -> u32 {
    u32::try_from(plan.suite.contract.services.len()).unwrap_or(u32::MAX)
}

fn stuck(limit: Duration) -> Verdict {
    Verdict::Errored(format!(
        "the watchdog ended it: no end after {} s",
        limit.as_secs()
    ))
}

/// The time that a scenario's steps name in all: what it may take in real time if all goes wrong.
fn named_time(scenario: &Scenario) -> Duration {
    let steps = scenario.steps.iter().chain(&scenario.finally);
    steps
        .map(|step| match &step.kind {
            StepKind::Do(Action::Wait(time)) => *time,
            StepKind::Expect {
                timing: Timing::Within(time) | Timing::For(time),
                ..
            } => *time,
            _ => Duration::ZERO,
        })
        .sum()
}
