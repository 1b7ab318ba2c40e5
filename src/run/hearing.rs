//! From a journal to what it comes to: the same for a run, for an app behind the proxy and for a
//! journal that is judged years later.
//!
//! A hearing follows the journal entry by entry and reads nothing else, so that whoever has the
//! journal comes to the same verdict.

use std::sync::Arc;
use std::time::Duration;

use super::verdict::{self, Evidence};
use crate::domain::contract::Contract;
use crate::domain::journal::file::Case;
use crate::domain::journal::{Changed, Entry, Fact, HarnessFact, LeverHow, Observer};
use crate::domain::proof::{Proof, Prover};
use crate::domain::result::ScenarioResult;
use crate::domain::runbook::RunbookId;
use crate::domain::verdict::{Finding, Outcome, PROOF, STEP, ScopeTally, Severity};
use crate::rules::{self, Judge, JudgeSettings, JudgedFrom};

/// Follows one journal.
pub(super) struct Hearing {
    judge: Judge,
    prover: Prover,
    account: Account,
}

/// What the harness itself wrote about the course of things.
#[derive(Debug, Default)]
struct Account {
    entries: u64,
    last: Duration,
    began: bool,
    ended: bool,
    simulated: bool,
    interrupted: bool,
    unmet: Vec<Finding>,
    error: Option<String>,
    levers: Vec<String>,
}

impl Hearing {
    pub(super) fn new(contract: &Arc<Contract>, case: &Case) -> Self {
        let settings = JudgeSettings {
            waived: case.waivers.clone(),
        };
        Self {
            judge: Judge::new(Arc::clone(contract), settings),
            prover: Prover::new(Arc::clone(contract)),
            account: Account::default(),
        }
    }

    /// What the scope saw so far.
    pub(super) fn tally(&self) -> ScopeTally {
        self.judge.tally()
    }

    /// Whether the journal says how it ended, or at least began in a way that needs no end.
    pub(super) fn is_whole(&self) -> bool {
        self.account.ended || !self.account.began
    }

    /// What it comes to, given that the journal has ended. Asked once. `trouble` is what the
    /// entries cannot tell: why no more of them came, or why less is proven.
    pub(super) fn conclude(
        &mut self,
        case: &Case,
        trouble: Trouble,
        excerpt: impl FnOnce(&[Finding]) -> Vec<Arc<Entry>>,
    ) -> ScenarioResult {
        let judged = self.judge.finish();
        let account = std::mem::take(&mut self.account);
        let mut evidence = Evidence {
            findings: judged.findings,
            error: trouble.error.or(account.error),
            doubts: trouble.doubts,
        };
        let mut not_judged = judged.not_judged;
        evidence.findings.extend(account.unmet);
        let proven = self.prover.finish();
        match proven.proof {
            Proof::Broken(findings) => evidence.findings.extend(findings),
            Proof::Inconclusive(doubts) if !account.interrupted => evidence.doubts.extend(doubts),
            Proof::Inconclusive(_) | Proof::Holds => {}
        }
        if account.interrupted {
            // Whatever is missing is missing because of it.
            evidence.doubts.push("the run was interrupted".to_owned());
        }
        if !account.simulated {
            not_judged.extend(untold(&not_judged));
            not_judged.extend(
                proven
                    .notes
                    .into_iter()
                    .map(|note| (PROOF.to_owned(), note)),
            );
        }
        verdict::arrange(&mut evidence.findings);
        let runbook = case.runbook.iter().map(|id| RunbookId::parse(id));
        ScenarioResult {
            id: case.id.clone(),
            name: case.name.clone(),
            file: case.file.clone(),
            runbook: runbook.filter_map(Result::ok).collect(),
            excerpt: excerpt(&evidence.findings),
            outcome: Outcome {
                verdict: verdict::verdict(case.known_failure.as_deref(), &evidence),
                findings: evidence.findings,
                not_judged,
                scope: judged.tally,
                duration: account.last,
            },
            duration_wall: Duration::ZERO,
            journal_entries: account.entries,
            levers: account.levers,
        }
    }
}

/// Rules that only a client that tells about itself can be judged by.
fn untold(known: &[(String, String)]) -> Vec<(String, String)> {
    rules::catalogue()
        .filter(|rule| rule.judged_from == [JudgedFrom::Sim])
        .filter(|rule| !known.iter().any(|(id, _)| id == rule.id))
        .map(|rule| {
            let why = "it is judged from what the simulated app says about itself, and this app says nothing";
            (rule.id.to_owned(), why.to_owned())
        })
        .collect()
}

/// What entries cannot tell.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Why the environment or the harness failed.
    pub(super) error: Option<String>,
    /// Why nothing is proven.
    pub(super) doubts: Vec<String>,
}

impl Observer for Hearing {
    fn observe(&mut self, entry: &Arc<Entry>) {
        self.judge.observe(entry);
        self.prover.observe(entry);
        self.account.see(entry);
    }
}

impl Account {
    fn see(&mut self, entry: &Entry) {
        self.entries += 1;
        self.last = entry.at;
        match &entry.fact {
            Fact::Harness(fact) => self.harness(fact),
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
            HarnessFact::Unmet(step) => self.unmet.push(Finding {
                rule: STEP.to_owned(),
                subject: step.subject,
                message: step.message.clone(),
                expected: step.expected.clone(),
                observed: step.observed.clone(),
                evidence: step.evidence.clone(),
                request_ids: step.request_ids.clone(),
                severity: Severity::Violation,
            }),
            HarnessFact::Changed(Changed { change, how }) => {
                let Some(lever) = change.lever() else { return };
                let by = match how {
                    LeverHow::Mock => "mock",
                    LeverHow::Http => "http",
                    LeverHow::Gateway => "gateway",
                };
                self.levers
                    .push(format!("{lever}={} ({by})", change.state()));
            }
            _ => {}
        }
    }
}
