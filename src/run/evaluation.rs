//! From a journal to what it comes to: the same for a run, for an app behind the proxy and for a
//! journal that is judged years later.
//!
//! An evaluation follows the journal entry by entry and reads nothing else, so that whoever has the
//! journal comes to the same verdict.

mod devices;
mod lags;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::verdict::{self, Evidence};
use crate::domain::contract::Contract;
use crate::domain::coverage::Kind;
use crate::domain::journal::file::Case;
use crate::domain::journal::{
    AppFact, Changed, Entry, EntryId, Fact, HarnessFact, LeverHow, Observer, StepPhase, UnmetStep,
};
use crate::domain::proof::Proof;
use crate::domain::result::ScenarioResult;
use crate::domain::runbook::{Came, Shown};
use crate::domain::verdict::{Finding, Outcome, PROOF, STEP, ScopeTally, Severity};
use crate::rules::{self, JudgedFrom};
use devices::Devices;
use lags::Lags;

/// Follows one journal.
pub(super) struct Evaluation {
    devices: Devices,
    record: HarnessRecord,
}

/// What did not come true.
#[derive(Debug)]
struct Unmet {
    finding: Finding,
    step: usize,
    /// From when to when it was waited for, where more time might have changed it.
    overdue: Option<(Duration, Duration)>,
}

/// What the harness itself wrote, and how far the journal goes.
#[derive(Debug, Default)]
struct HarnessRecord {
    entries: u64,
    last: Duration,
    began: bool,
    ended: bool,
    simulated: bool,
    /// Whether whoever drives another app said anything of it.
    told: bool,
    interrupted: bool,
    unmet: Vec<Unmet>,
    /// What the harness itself lost, in real time.
    lags: Lags,
    /// The step that is played, and when it began.
    step: (usize, Duration),
    /// What each step has come to so far.
    steps: BTreeMap<usize, StepPhase>,
    error: Option<String>,
    levers: Vec<String>,
}

impl Evaluation {
    pub(super) fn new(contract: &Arc<Contract>, case: &Case) -> Self {
        Self {
            devices: Devices::of(contract, case),
            record: HarnessRecord::default(),
        }
    }

    /// What the scope saw so far.
    pub(super) fn tally(&self) -> ScopeTally {
        self.devices.tally()
    }

    /// What one client's judge found so far, but for the first `known` findings.
    pub(super) fn found(&self, known: usize) -> Vec<Finding> {
        self.devices.found(known)
    }

    /// Whether the journal says how it ended, or at least began in a way that needs no end.
    pub(super) fn is_whole(&self) -> bool {
        self.record.ended || !self.record.began
    }

    /// What it comes to, given that the journal has ended. Asked once.
    pub(super) fn conclude(
        &mut self,
        case: &Case,
        flaw: Option<&JournalFlaw>,
        excerpt: impl FnOnce(&[Finding]) -> Vec<Arc<Entry>>,
    ) -> ScenarioResult {
        let (judged, proven) = self.devices.finish();
        let mut record = std::mem::take(&mut self.record);
        let mut explained = record.forgive();
        let mut shown = record.shown(case);
        let (doubt, error) = match flaw {
            Some(flaw) if flaw.is_doubt() => (Some(flaw.to_string()), None),
            flaw => (None, flaw.map(ToString::to_string)),
        };
        let mut evidence = Evidence {
            findings: judged.findings,
            error: error.or(record.error),
            doubts: doubt.into_iter().collect(),
        };
        let mut not_judged = judged.not_judged;
        let unmet = record.unmet.into_iter();
        evidence.findings.extend(unmet.map(|unmet| unmet.finding));
        never_called(&mut shown, &proven.proof);
        weigh(&mut evidence, proven.proof, record.interrupted);
        let mut coverage = judged.coverage;
        let untold = match record.simulated {
            true => Vec::new(),
            false => untold(record.told, &judged.not_exercised, &not_judged),
        };
        for (id, why) in &untold {
            coverage.because(Kind::Rules, id, why);
        }
        not_judged.extend(untold);
        shown.open.extend(not_judged.iter().cloned());
        keep(&mut shown, &judged.not_exercised, &evidence);
        let notes = proven.notes.into_iter().filter(|_| !record.simulated);
        not_judged.extend(notes.map(|note| (PROOF.to_owned(), note)));
        verdict::arrange(&mut evidence.findings);
        let excerpt = excerpt(&evidence.findings);
        explained.extend(record.lags.forgive(&mut evidence.findings, &excerpt));
        doubt_what_is_explained(explained, &mut shown, &mut evidence);
        ScenarioResult {
            id: case.id.clone(),
            name: case.name.clone(),
            file: case.file.clone(),
            runbook: case.runbook.clone(),
            shown,
            excerpt,
            outcome: Outcome {
                verdict: verdict::verdict(case.known_failure.as_deref(), &evidence),
                remarks: with_flaw(judged.remarks, flaw, &evidence.findings),
                findings: evidence.findings,
                not_judged,
                scope: judged.tally,
                duration: record.last,
            },
            duration_wall: Duration::ZERO,
            journal_entries: record.entries,
            levers: record.levers,
            figures: judged.figures,
            coverage,
            attempts: Vec::new(),
            down: None,
        }
    }
}

/// The remarks, with what is wrong with the journal where what was found in it is the verdict.
fn with_flaw(
    mut remarks: Vec<(String, String)>,
    flaw: Option<&JournalFlaw>,
    findings: &[Finding],
) -> Vec<(String, String)> {
    let violated = |finding: &Finding| finding.severity > Severity::Information;
    if let Some(flaw) = flaw
        && findings.iter().any(violated)
    {
        remarks.push(("journal".to_owned(), flaw.to_string()));
    }
    remarks
}

/// What the harness itself may be behind is neither kept nor broken.
fn doubt_what_is_explained(
    explained: Vec<(String, String)>,
    shown: &mut Shown,
    evidence: &mut Evidence,
) {
    for (rule, why) in explained {
        shown.kept.remove(&rule);
        shown.open.insert(rule, why.clone());
        evidence.doubts.push(why);
    }
}

/// Adds what the never-called proof came to, and that the run was cut short.
fn weigh(evidence: &mut Evidence, proof: Proof, interrupted: bool) {
    match proof {
        Proof::Broken(findings) => evidence.findings.extend(findings),
        Proof::Inconclusive(doubts) if !interrupted => evidence.doubts.extend(doubts),
        Proof::Inconclusive(_) | Proof::Holds => {}
    }
    if interrupted {
        // Whatever is missing is missing because of it.
        evidence.doubts.push("the run was interrupted".to_owned());
    }
}

/// Takes down what the never-called proof came to, which counts as a rule.
fn never_called(shown: &mut Shown, proof: &Proof) {
    let why = match proof {
        Proof::Holds => {
            shown.kept.insert(PROOF.to_owned());
            return;
        }
        Proof::Inconclusive(doubts) => doubts.join("; "),
        Proof::Broken(_) => "a forbidden call was made".to_owned(),
    };
    shown.open.insert(PROOF.to_owned(), why);
}

/// Takes down which rules were put to the test and kept: those that are neither broken nor open.
fn keep(shown: &mut Shown, not_exercised: &[&str], evidence: &Evidence) {
    if evidence.error.is_some() {
        // Nobody knows what the rest would have shown.
        shown.kept.clear();
        return;
    }
    let tested = rules::catalogue().filter(|rule| !not_exercised.contains(&rule.id));
    let kept = tested.filter(|rule| !shown.open.contains_key(rule.id));
    let kept: Vec<String> = kept.map(|rule| rule.id.to_owned()).collect();
    shown.kept.extend(kept);
    for finding in &evidence.findings {
        if finding.severity > Severity::Information {
            shown.kept.remove(&finding.rule);
        }
    }
}

/// Rules that only a client that tells about itself can be judged by, and that nothing told of this one
/// put to the test.
fn untold(told: bool, not_exercised: &[&str], known: &[(String, String)]) -> Vec<(String, String)> {
    let why = match told {
        true => {
            "it is judged from what is told of the app, and nothing of what was told puts it to the test"
        }
        false => {
            "it is judged from what the simulated app says about itself, and this app says nothing"
        }
    };
    rules::catalogue()
        .filter(|rule| rule.judged_from == [JudgedFrom::Sim] && not_exercised.contains(&rule.id))
        .filter(|rule| !known.iter().any(|(id, _)| id == rule.id))
        .map(|rule| (rule.id.to_owned(), why.to_owned()))
        .collect()
}

/// What is wrong with a journal itself, which its entries cannot tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalFlaw {
    /// Nothing in it says that the run is over.
    #[error("the journal ends without saying that the run did: whatever wrote it was stopped")]
    Unfinished,
    /// It ends within a line.
    #[error("the journal breaks off in the middle of line {line}: whatever wrote it was stopped")]
    CutOff {
        /// The line, from 1.
        line: u64,
    },
    /// A line is no entry, so nothing after it can be trusted.
    #[error(
        "line {line} of {} is not an entry ({why}); what stands before it was judged, and nothing after it",
        path.display()
    )]
    Damaged {
        /// The journal file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with the line.
        why: String,
    },
    /// The file lacks entries that were judged.
    #[error("the journal could not be written from entry {from} on: {why}")]
    Unwritten {
        /// The first entry that is missing.
        from: EntryId,
        /// What the system says.
        why: String,
    },
}

impl JournalFlaw {
    /// Whether all that stands in the journal is right, so that only less is proven by it.
    fn is_doubt(&self) -> bool {
        matches!(self, Self::Unfinished | Self::CutOff { .. })
    }
}

impl Observer for Evaluation {
    fn observe(&mut self, entry: &Arc<Entry>) {
        self.devices.observe(entry);
        self.record.see(entry);
    }
}

/// What did not come true, as a finding.
fn unmet(step: &UnmetStep) -> Finding {
    Finding {
        rule: STEP.to_owned(),
        subject: step.subject,
        message: step.message.clone(),
        expected: step.expected.clone(),
        observed: step.observed.clone(),
        evidence: step.evidence.clone(),
        request_ids: step.request_ids.clone(),
        severity: Severity::Violation,
    }
}

impl HarnessRecord {
    /// Takes from what has not come in its time that it failed, where the harness's own lag may be why.
    fn forgive(&mut self) -> Vec<(String, String)> {
        let mut doubts = Vec::new();
        for unmet in &mut self.unmet {
            let lost = unmet
                .overdue
                .and_then(|(from, until)| self.lags.explains(from, until));
            if let Some(lost) = lost {
                unmet.finding.severity = Severity::Information;
                self.steps.insert(unmet.step, StepPhase::Failed);
                doubts.push((STEP.to_owned(), lags::why(STEP, lost)));
            }
        }
        doubts
    }

    /// What its steps came to.
    fn shown(&self, case: &Case) -> Shown {
        let came = |phase: Option<&StepPhase>| match phase {
            Some(StepPhase::Done) => Came::Kept,
            Some(StepPhase::Unmet) => Came::Broken,
            Some(StepPhase::Began | StepPhase::Failed) | None => Came::Open,
        };
        let expectations = case.labels.iter().map(|own| {
            let came = match own.step {
                Some(step) => came(self.steps.get(&step)),
                None => Came::LeftOut,
            };
            (own.label.clone(), came)
        });
        let phases = || self.steps.values();
        let steps = if phases().any(|phase| *phase == StepPhase::Unmet) {
            Came::Broken
        } else if self.error.is_some()
            || self.interrupted
            || !self.ended
            || self.steps.is_empty()
            || phases().any(|phase| *phase != StepPhase::Done)
        {
            Came::Open
        } else {
            Came::Kept
        };
        Shown {
            expectations: expectations.collect(),
            steps,
            ..Shown::default()
        }
    }

    fn see(&mut self, entry: &Entry) {
        self.entries += 1;
        self.last = entry.at;
        match &entry.fact {
            Fact::Harness(fact) => self.harness(fact),
            // What a driver says that an app shows is not said by the app.
            Fact::App(AppFact::Reported(_)) => self.told = true,
            Fact::App(_) => self.simulated = true,
            _ => {}
        }
    }

    fn harness(&mut self, fact: &HarnessFact) {
        match fact {
            HarnessFact::Began { .. } => self.began = true,
            HarnessFact::Ended => self.ended = true,
            HarnessFact::Interrupted => self.interrupted = true,
            HarnessFact::Failed { why } => {
                self.error.get_or_insert_with(|| why.clone());
            }
            HarnessFact::Late { what, by_us } => {
                self.error.get_or_insert_with(|| {
                    format!(
                        "in virtual time the {what} came {by_us} µs late although nobody delayed it"
                    )
                });
            }
            HarnessFact::Lagged { by_ms, over_ms } => {
                let (lost, over) = (
                    Duration::from_millis(*by_ms),
                    Duration::from_millis(*over_ms),
                );
                self.lags.add(self.last, lost, over);
            }
            HarnessFact::Step { step, phase, .. } => {
                if *phase == StepPhase::Began {
                    self.step = (*step, self.last);
                }
                self.steps.insert(*step, *phase);
            }
            HarnessFact::Unmet(step) => self.unmet.push(Unmet {
                finding: unmet(step),
                step: self.step.0,
                overdue: step.overdue.then_some((self.step.1, self.last)),
            }),
            HarnessFact::Changed(Changed { change, how }) => {
                let Some(lever) = change.lever() else { return };
                let by = match how {
                    LeverHow::Mock => "mock",
                    LeverHow::Http => "http",
                    LeverHow::Command => "command",
                    LeverHow::Gateway => "gateway",
                };
                self.levers
                    .push(format!("{lever}={} ({by})", change.state()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
