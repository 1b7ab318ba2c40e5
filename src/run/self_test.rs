//! The harness put to its own test: every deliberate misbehaviour must be caught by the rules that
//! it names, with the right culprit, and where nobody misbehaves nothing may be found.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use super::interrupt::Interrupt;
use super::plan::{Plan, Target};
use super::supervise::perform;
use super::target::Unplayable;
use crate::app::Quirk;
use crate::domain::result::RunResult;
use crate::domain::runbook::Status;
use crate::domain::scenario::Scenario;
use crate::domain::verdict::{Finding, Severity, Subject, Verdict};
use crate::mock::Defect;
use crate::suite::Suite;

/// What one trial plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// An app that misbehaves.
    Quirk(Quirk),
    /// A backend that misbehaves.
    Defect(Defect),
}

impl Misbehaviour {
    /// Every one: quirks first.
    pub fn all() -> impl Iterator<Item = Self> {
        let quirks = Quirk::ALL.iter().copied().map(Self::Quirk);
        quirks.chain(Defect::ALL.iter().copied().map(Self::Defect))
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quirk(quirk) => quirk.name(),
            Self::Defect(defect) => defect.name(),
        }
    }

    /// What goes wrong, in one sentence.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Quirk(quirk) => quirk.what(),
            Self::Defect(defect) => defect.what(),
        }
    }

    /// The rules that notice it.
    #[must_use]
    pub fn trips(self) -> &'static [&'static str] {
        match self {
            Self::Quirk(quirk) => quirk.trips(),
            Self::Defect(defect) => defect.trips(),
        }
    }

    /// The id of the scenario in which it shows.
    #[must_use]
    pub fn stage(self) -> &'static str {
        match self {
            Self::Quirk(quirk) => quirk.stage(),
            Self::Defect(defect) => defect.stage(),
        }
    }

    /// Whom a finding must blame.
    #[must_use]
    pub fn culprit(self) -> Subject {
        match self {
            Self::Quirk(_) => Subject::App,
            Self::Defect(_) => Subject::Backend,
        }
    }
}

/// One play and what was found in it.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What misbehaved; nothing in a trial that must find nothing.
    pub misbehaviour: Option<Misbehaviour>,
    /// The scenario's id.
    pub stage: String,
    /// The verdict on the whole play.
    pub verdict: Verdict,
    /// What was found, remarks left out.
    pub findings: Vec<Finding>,
    /// The ids of the runbook's items that it turned.
    pub violated: Vec<String>,
}

impl Trial {
    fn of(misbehaviour: Option<Misbehaviour>, result: RunResult) -> Vec<Self> {
        let items = result.runbook.items.into_iter();
        let items = items.filter(|item| item.status == Status::Violated);
        let violated: Vec<String> = items.map(|item| item.id).collect();
        let trial = |scenario: crate::domain::result::ScenarioResult| {
            let mut findings = scenario.outcome.findings;
            findings.retain(|finding| finding.severity > Severity::Information);
            Self {
                misbehaviour,
                stage: scenario.id,
                verdict: scenario.outcome.verdict,
                findings,
                violated: violated.clone(),
            }
        };
        result.scenarios.into_iter().map(trial).collect()
    }

    /// The rules that found the culprit, each once.
    #[must_use]
    pub fn tripped(&self) -> BTreeSet<&str> {
        let right = |finding: &&Finding| !self.is_false(finding);
        let rules = self.findings.iter().filter(right);
        rules.map(|finding| finding.rule.as_str()).collect()
    }

    /// The rules that should have noticed and did not.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let tripped = self.tripped();
        let trips = self.misbehaviour.map_or(&[][..], Misbehaviour::trips);
        let missed = trips.iter().filter(|rule| !tripped.contains(*rule));
        missed.copied().collect()
    }

    /// Whether the misbehaviour was caught by every rule that it names; without one, whether the
    /// play passed.
    #[must_use]
    pub fn is_right(&self) -> bool {
        match self.misbehaviour {
            Some(_) => {
                self.verdict == Verdict::Failed
                    && self.missed().is_empty()
                    && !self.tripped().is_empty()
            }
            None => self.verdict == Verdict::Passed,
        }
    }

    /// What was found although it is not so: another one is blamed.
    pub fn false_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| self.is_false(finding))
    }

    fn is_false(&self, finding: &Finding) -> bool {
        let culprit = self.misbehaviour.map(Misbehaviour::culprit);
        culprit != Some(finding.subject)
            && !(culprit.is_some() && finding.subject == Subject::Unclear)
    }
}

/// What to play of the matrix, and how.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The shipped suite with the stages: see [`Suite::with_stages`].
    pub suite: Arc<Suite>,
    /// What every choice derives from.
    pub seed: u64,
    /// How many trials are played at once.
    pub jobs: usize,
}

/// Plays the matrix: every usual scenario and stage with nobody misbehaving, then every misbehaviour on
/// its stage. Trials are shown as they end, and returned in the order of the catalogue.
///
/// # Errors
/// When a scenario cannot be played at all.
pub fn self_test(
    matrix: &Matrix,
    interrupt: &Interrupt,
    progress: &mut dyn FnMut(&Trial),
) -> Result<Vec<Trial>, Unplayable> {
    let plays: Vec<Play<'_>> = matrix.plays().collect();
    let next = AtomicUsize::new(0);
    let (ended, news) = mpsc::channel();
    let mut trials = thread::scope(|scope| {
        for _ in 0..matrix.jobs.max(1) {
            let (ended, next, plays) = (ended.clone(), &next, &plays);
            scope.spawn(move || {
                while let Some((at, play)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    plays.get(at).map(|play| (at, play))
                } {
                    if interrupt.is_triggered() {
                        break;
                    }
                    let result = perform(&matrix.plan(play), interrupt, &mut |_| {});
                    let trials = result.map(|result| Trial::of(play.misbehaviour, result));
                    // Whoever asked has stopped listening when an earlier play could not be played.
                    let _ = ended.send((at, trials));
                }
            });
        }
        drop(ended);
        let mut trials = Vec::new();
        for (at, ended) in news {
            for trial in ended? {
                progress(&trial);
                trials.push((at, trial));
            }
        }
        Ok(trials)
    })?;
    trials.sort_by_key(|(at, _)| *at);
    Ok(trials.into_iter().map(|(_, trial)| trial).collect())
}

/// How many scenarios are played one after the other where nobody misbehaves: what the harness asks the
/// backend on its own account is asked once for all of them.
const TOGETHER: usize = 8;

/// What is played at once.
struct Play<'m> {
    misbehaviour: Option<Misbehaviour>,
    /// All under the same agreement.
    scenarios: Vec<&'m Arc<Scenario>>,
}

impl Matrix {
    fn plays(&self) -> impl Iterator<Item = Play<'_>> {
        let scenarios = &self.suite.scenarios;
        let usual: Vec<_> = scenarios.iter().filter(|own| own.is_usual()).collect();
        let agreed = usual.chunk_by(|one, next| one.is_closer() == next.is_closer());
        let together = agreed.flat_map(|all| all.chunks(TOGETHER));
        let clean: Vec<Play<'_>> = together
            .map(|all| Play {
                misbehaviour: None,
                scenarios: all.to_vec(),
            })
            .collect();
        let wrong = Misbehaviour::all().map(|one| Play {
            misbehaviour: Some(one),
            scenarios: scenarios
                .iter()
                .filter(|scenario| scenario.id == one.stage())
                .collect(),
        });
        clean.into_iter().chain(wrong)
    }

    fn plan(&self, play: &Play<'_>) -> Plan {
        let (mut quirks, mut defects) = (Vec::new(), Vec::new());
        match play.misbehaviour {
            Some(Misbehaviour::Quirk(quirk)) => quirks.push(quirk),
            Some(Misbehaviour::Defect(defect)) => defects.push(defect),
            None => {}
        }
        let first = play.scenarios.first();
        let suite = self.suite.for_stage(first.map_or("", |own| &own.id));
        Plan {
            scenarios: play.scenarios.iter().copied().cloned().collect(),
            quirks,
            defects,
            ..Plan::of(suite, Target::Mock, self.seed)
        }
    }
}
