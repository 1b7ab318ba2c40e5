//! Scenarios that are played at once: who plays beside whom, what is tried again, and what is not begun.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{OnceLock, PoisonError, RwLock};

use super::interrupt::Interrupt;
use super::plan::{Plan, Target};
use super::probe::Permission;
use crate::domain::duration;
use crate::domain::journal::file::file_name;
use crate::domain::known_failure::is_beyond_excuse;
use crate::domain::result::{Attempt, ScenarioResult};
use crate::domain::scenario::Scenario;
use crate::domain::verdict::{Severity, Verdict};
use crate::runfile::Writer;
use crate::suite::config::LeverMeans;

/// Rules on secrets and on how sessions end: what breaks them once is broken.
const OF_TOKENS: [&str; 9] = [
    "SESSION-1",
    "SESSION-2",
    "SESSION-3",
    "SESSION-6",
    "SESSION-10",
    "SESSION-15",
    "SESSION-16",
    "SESSION-17",
    "API-9",
];

/// What scenarios that are played at once share.
pub(super) struct Going<'p> {
    plan: &'p Plan,
    /// Ends what is under way; a person's interrupt triggers it, too.
    halt: Interrupt,
    /// Why nothing is begun any more.
    enough: OnceLock<String>,
    findings: AtomicUsize,
    /// Held by everybody who plays, and by whoever must play alone.
    stage: RwLock<()>,
}

impl<'p> Going<'p> {
    pub(super) fn on(plan: &'p Plan, interrupt: &Interrupt) -> Self {
        let halt = Interrupt::new();
        let handle = halt.clone();
        interrupt.on_trigger(move || handle.trigger());
        let handle = halt.clone();
        plan.course.pace.when_spent(move || handle.trigger());
        Self {
            plan,
            halt,
            enough: OnceLock::new(),
            findings: AtomicUsize::new(0),
            stage: RwLock::new(()),
        }
    }

    /// In which order scenarios are begun: those last that are played alone.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.plan.scenarios.len()).collect();
        order.sort_by_key(|at| is_alone(self.plan, &self.plan.scenarios[*at]));
        order
    }

    /// Why a scenario is not begun any more, if it is not.
    pub(super) fn enough(&self) -> Option<String> {
        self.why().map(|why| format!("not played: {why}"))
    }

    fn why(&self) -> Option<String> {
        let spent = || self.plan.course.pace.overspent();
        let told = |budget| format!("the target's budget of {budget} requests was spent");
        self.enough.get().cloned().or_else(|| spent().map(told))
    }

    /// Ends the run when its time is up, unless `over` is heard before.
    pub(super) fn watch(&self, over: &mpsc::Receiver<()>) {
        let Some(timeout) = self.plan.course.timeout else {
            return;
        };
        if over.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
            let why = format!("the run's {} were over", duration::show(timeout));
            let _ = self.enough.set(why);
            self.halt.trigger();
        }
    }

    /// Plays a scenario, as often as it takes. `supervise` plays it once.
    pub(super) fn play(
        &self,
        scenario: &Scenario,
        supervise: impl Fn(&Interrupt) -> ScenarioResult,
    ) -> ScenarioResult {
        let known = self.plan.course.known(self.plan.target.name());
        let once = |alone: bool| {
            let mut result = if alone {
                let _alone = self.stage.write().unwrap_or_else(PoisonError::into_inner);
                supervise(&self.halt)
            } else {
                let _beside = self.stage.read().unwrap_or_else(PoisonError::into_inner);
                supervise(&self.halt)
            };
            self.plan.course.board.off(&scenario.id);
            self.blame(&mut result);
            known.excuse(&scenario.id, &mut result.outcome);
            result
        };
        let first = once(is_alone(self.plan, scenario));
        let journals = Journals {
            folder: self.plan.journal_dir.as_deref(),
            run_file: self.plan.run_file.as_ref(),
        };
        let mut result = again(self.plan.course.retries, first, journals, || {
            let over = self.why().is_some() || self.halt.is_triggered();
            (!over).then(|| once(true))
        });
        known.notice(&mut result);
        self.take_down(&result);
        result
    }

    /// Says what ended a scenario that the run's time ran out for.
    fn blame(&self, result: &mut ScenarioResult) {
        if let (Some(why), Verdict::Inconclusive(_)) = (self.why(), &result.outcome.verdict)
            && self.halt.is_triggered()
        {
            result.outcome.verdict = Verdict::Inconclusive(format!("cut short: {why}"));
        }
    }

    /// Looks whether it is enough.
    fn take_down(&self, result: &ScenarioResult) {
        let course = &self.plan.course;
        let verdict = &result.outcome.verdict;
        let fails = matches!(verdict, Verdict::Failed | Verdict::Errored(_));
        if course.fail_fast && fails {
            let _ = self
                .enough
                .set(format!("{} had {}", result.id, verdict.name()));
        }
        let findings = result.outcome.findings.iter();
        let violations = findings.filter(|own| own.severity > Severity::Information);
        let new = match verdict {
            Verdict::Failed => violations.count(),
            _ => 0,
        };
        let all = self.findings.fetch_add(new, Ordering::SeqCst) + new;
        if let Some(most) = course.max_findings.filter(|most| all >= *most) {
            let _ = self.enough.set(format!("there were {most} findings"));
        }
    }
}

/// Whether a scenario moves what all others stand on: then nothing else is played meanwhile.
fn is_alone(plan: &Plan, scenario: &Scenario) -> bool {
    let Target::Deployment(target) = &plan.target else {
        return false;
    };
    let moves = scenario.needs.iter().any(|lever| {
        let means = target.levers.get(lever);
        matches!(means, Some(LeverMeans::Calls { .. }))
    });
    // What is asked on the harness's own account may end sessions and tokens.
    moves || (target.probes && Permission::after(plan, scenario))
}

/// Plays what failed again, until it passes or has been tried often enough: then it is what it last was.
/// Whatever was found is kept.
fn again(
    retries: u32,
    first: ScenarioResult,
    journals: Journals<'_>,
    once: impl Fn() -> Option<ScenarioResult>,
) -> ScenarioResult {
    let mut attempts = vec![Attempt::from(&first)];
    let mut decisive = first;
    for _ in 0..retries {
        if !may_be_tried_again(&decisive) {
            break;
        }
        let kept = journals.keep(&decisive.id, attempts.len());
        let Some(next) = once() else {
            journals.bring_back(kept);
            break;
        };
        attempts.push(Attempt::from(&next));
        match next.outcome.verdict {
            // Who could not say more than before says nothing.
            Verdict::Inconclusive(_) | Verdict::Skipped(_) if is_failure(&decisive) => {
                journals.bring_back(kept);
                break;
            }
            _ => decisive = next,
        }
    }
    if attempts.len() > 1 {
        if decisive.outcome.verdict == Verdict::Passed
            && let Some(failed) = attempts.iter().find(|own| says_failure(&own.verdict))
        {
            decisive.outcome.verdict = Verdict::Flaky(flaky(failed, attempts.len()));
        }
        decisive.attempts = attempts;
    }
    decisive
}

fn may_be_tried_again(result: &ScenarioResult) -> bool {
    let verdict = &result.outcome.verdict;
    let doubtful = matches!(verdict, Verdict::Inconclusive(_));
    let mut findings = result.outcome.findings.iter();
    let is_final = findings.any(|own| {
        own.severity == Severity::ForbiddenWrite
            || is_beyond_excuse(&own.rule)
            || OF_TOKENS.contains(&own.rule.as_str())
    });
    (is_failure(result) || doubtful) && !is_final
}

fn is_failure(result: &ScenarioResult) -> bool {
    says_failure(&result.outcome.verdict)
}

fn says_failure(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed | Verdict::Errored(_))
}

fn flaky(failed: &Attempt, times: usize) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for finding in &failed.findings {
        if !rules.contains(&finding.rule.as_str()) {
            rules.push(&finding.rule);
        }
    }
    let why = match (failed.verdict.reason(), rules.is_empty()) {
        (Some(why), _) => format!("{}: {why}", failed.verdict.name()),
        (None, true) => failed.verdict.name().to_owned(),
        (None, false) => format!("{} by {}", failed.verdict.name(), rules.join(", ")),
    };
    format!("{why}, and it passed alone at attempt {times}")
}

/// Where the journals of attempts are kept.
#[derive(Debug, Clone, Copy)]
struct Journals<'p> {
    folder: Option<&'p Path>,
    run_file: Option<&'p Writer>,
}

/// The journal of an attempt that another one follows.
struct Kept {
    scenario: String,
    attempt: usize,
    /// Its number in the run file.
    number: u32,
}

impl Journals<'_> {
    /// Keeps the journal of an attempt beside the next one's.
    fn keep(self, id: &str, attempt: usize) -> Kept {
        let kept = Kept {
            scenario: id.to_owned(),
            attempt,
            number: self.run_file.map_or(0, |file| file.deciding(id)),
        };
        self.rename(id, None, Some(attempt));
        kept
    }

    /// Lets the journal of the attempt that decides stand where it is looked for.
    fn bring_back(self, kept: Kept) {
        let Kept {
            scenario,
            attempt,
            number,
        } = kept;
        self.rename(&scenario, None, Some(attempt + 1));
        self.rename(&scenario, Some(attempt), None);
        if let Some(file) = self.run_file {
            file.decides(&scenario, number);
        }
    }

    fn rename(self, id: &str, from: Option<usize>, to: Option<usize>) {
        let number = |attempt: Option<usize>| attempt.and_then(|own| u32::try_from(own).ok());
        if let Some(folder) = self.folder {
            let [from, to] = [from, to].map(|own| folder.join(file_name(id, number(own))));
            // One that was never written need not be kept.
            let _ = std::fs::rename(from, to);
        }
    }
}

#[cfg(test)]
mod tests;
