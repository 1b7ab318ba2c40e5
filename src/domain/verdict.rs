//! Findings and verdicts: what a run says.

use std::time::Duration;

pub use super::subject::Subject;

use serde::{Deserialize, Serialize};

use super::journal::EntryId;

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id, or [`STEP`], or [`PROOF`].
    pub rule: String,
    /// Who broke it.
    pub subject: Subject,
    /// In one sentence.
    pub message: String,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub observed: String,
    /// The entries that show it, the decisive one last.
    pub evidence: Vec<EntryId>,
    /// The backend's ids of the requests among them.
    pub request_ids: Vec<String>,
    /// How grave it is.
    pub severity: Severity,
}

/// Stands for a rule where an expectation of the scenario did not come true.
pub const STEP: &str = "STEP";

/// Stands for a rule where the never-called proof does not hold.
pub const PROOF: &str = "PROOF";

impl Finding {
    /// Whether a rule of the catalogue was broken.
    #[must_use]
    pub fn is_of_a_rule(&self) -> bool {
        ![STEP, PROOF].contains(&self.rule.as_str())
    }
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; changes no verdict.
    Information,
    /// A rule is broken.
    Violation,
    /// A forbidden write was attempted.
    ForbiddenWrite,
}

impl Severity {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Violation => "violation",
            Self::ForbiddenWrite => "forbidden-write",
        }
    }
}

/// What a run says about a scenario, or about everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything held.
    Passed,
    /// Something did not.
    Failed,
    /// Nothing was seen to fail, but what was seen does not prove that nothing did.
    Inconclusive(String),
    /// The environment or the harness failed.
    Errored(String),
    /// The configuration does not fit the target, so nothing can be said.
    Misconfigured(String),
    /// It was not played.
    Skipped(String),
    /// It failed, as announced.
    KnownFailure(String),
    /// It was announced to fail and passed.
    UnexpectedPass(String),
    /// It failed, and passed when it was played again alone.
    Flaky(String),
}

impl Verdict {
    /// The word for reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive(_) => "inconclusive",
            Self::Errored(_) | Self::Misconfigured(_) => "errored",
            Self::Skipped(_) => "skipped",
            Self::KnownFailure(_) => "known-failure",
            Self::UnexpectedPass(_) => "unexpected-pass",
            Self::Flaky(_) => "flaky",
        }
    }

    /// Whether it says that something is broken.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed | Self::KnownFailure(_))
    }

    /// The verdict on many: the gravest of theirs. What was skipped or failed as announced does not
    /// count against the rest, but skipping everything proves nothing.
    #[must_use]
    pub fn of_all<'a>(verdicts: impl Iterator<Item = &'a Self>) -> Self {
        let counting = verdicts.filter_map(|verdict| Some((verdict.gravity()?, verdict)));
        // Of equally grave ones the first.
        let gravest = counting.reduce(|first, next| if next.0 > first.0 { next } else { first });
        match gravest {
            None => Self::Inconclusive("no scenario was played".to_owned()),
            Some((_, Self::Passed | Self::KnownFailure(_))) => Self::Passed,
            Some((_, verdict)) => verdict.clone(),
        }
    }

    /// How much it counts among others; what was skipped does not.
    #[must_use]
    pub fn gravity(&self) -> Option<u8> {
        match self {
            Self::Failed => Some(4),
            Self::UnexpectedPass(_) | Self::Flaky(_) => Some(3),
            Self::Errored(_) | Self::Misconfigured(_) => Some(2),
            Self::Inconclusive(_) => Some(1),
            Self::Passed | Self::KnownFailure(_) => Some(0),
            Self::Skipped(_) => None,
        }
    }

    /// The reason that belongs to it.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed | Self::Failed => None,
            Self::Inconclusive(why)
            | Self::Errored(why)
            | Self::Misconfigured(why)
            | Self::Skipped(why)
            | Self::KnownFailure(why)
            | Self::UnexpectedPass(why)
            | Self::Flaky(why) => Some(why),
        }
    }
}

/// What the scope saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScopeTally {
    /// Requests of the client that were judged.
    pub requests_judged: u64,
    /// Packets of the client that were judged.
    pub frames_judged: u64,
    /// Forbidden ones among both.
    pub forbidden: u64,
    /// Undeclared writes among both.
    pub undeclared: u64,
    /// Marked calls of the harness that were sent.
    pub canaries_sent: u64,
    /// Marked calls that the gateway caught and kept from the backend.
    pub canaries_caught: u64,
}

impl ScopeTally {
    /// Adds another scenario's tally.
    pub fn add(&mut self, other: Self) {
        self.requests_judged += other.requests_judged;
        self.frames_judged += other.frames_judged;
        self.forbidden += other.forbidden;
        self.undeclared += other.undeclared;
        self.canaries_sent += other.canaries_sent;
        self.canaries_caught += other.canaries_caught;
    }
}

/// What came of one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Every finding, the gravest first.
    pub findings: Vec<Finding>,
    /// Rules that could not be judged, with why.
    pub not_judged: Vec<(String, String)>,
    /// What changes no verdict and must be known before it is believed: what it is about (a rule's
    /// id, or [`PROOF`]), and what was noticed.
    pub remarks: Vec<(String, String)>,
    /// What the scope saw.
    pub scope: ScopeTally,
    /// How long it took on the scenario's own clock.
    pub duration: Duration,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// App or backend do what they must not.
    Product,
    /// The target answered nothing.
    TargetDown,
    /// The harness, its machine or its configuration failed.
    Harness,
    /// The backend and the contract say different things, and nothing else is wrong.
    Drift,
    /// It fails, and passes when it is played again.
    Flaky,
    /// Somebody knows of it, and answers for it.
    Known,
}

impl Class {
    /// The word for reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::TargetDown => "target-down",
            Self::Harness => "harness",
            Self::Drift => "drift",
            Self::Flaky => "flaky",
            Self::Known => "known",
        }
    }
}
