//! What something came to in one run: one word for scenarios, rules and the runbook's items.

use crate::domain::runbook::Status;
use crate::domain::verdict::Verdict;

/// What something came to in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It held.
    Passed,
    /// It did not.
    Failed,
    /// It did not, and then did.
    Flaky,
    /// It did not, as announced.
    Known,
    /// It held, although it was announced that it would not.
    Unexpected,
    /// The environment or the harness failed.
    Errored,
    /// Nothing was proven.
    Open,
    /// It was left out.
    Skipped,
    /// It was measured, and nobody judged it here.
    Measured,
}

impl Sign {
    /// Every one, with its word and the character that stands for it in a row.
    pub const ALL: [(Self, &'static str, char); 9] = [
        (Self::Passed, "passed", '✓'),
        (Self::Failed, "failed", '✗'),
        (Self::Flaky, "flaky", '≈'),
        (Self::Known, "known-failure", '~'),
        (Self::Unexpected, "unexpected-pass", '+'),
        (Self::Errored, "errored", '!'),
        (Self::Open, "inconclusive", '?'),
        (Self::Skipped, "skipped", '-'),
        (Self::Measured, "measured", '='),
    ];

    /// The word, for files and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.entry().1
    }

    /// The character that stands for it in a row.
    #[must_use]
    pub fn mark(self) -> char {
        self.entry().2
    }

    fn entry(self) -> &'static (Self, &'static str, char) {
        let own = Self::ALL.iter().find(|(own, ..)| *own == self);
        own.unwrap_or(&Self::ALL[0])
    }

    /// The one of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let own = Self::ALL.iter().find(|(_, own, _)| *own == word);
        own.map(|(own, ..)| *own)
    }

    /// Whether somebody has to look.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Flaky | Self::Unexpected)
    }

    /// Whether nobody has to.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Passed | Self::Known)
    }

    /// Whether it was put to the test. What is inconclusive, errored or skipped leaves open what was
    /// known before.
    #[must_use]
    pub fn is_tested(self) -> bool {
        self.is_bad() || self.is_good()
    }
}

impl From<&Verdict> for Sign {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed => Self::Failed,
            Verdict::Flaky(_) => Self::Flaky,
            Verdict::KnownFailure(_) => Self::Known,
            Verdict::UnexpectedPass(_) => Self::Unexpected,
            Verdict::Errored(_) | Verdict::Misconfigured(_) => Self::Errored,
            Verdict::Inconclusive(_) => Self::Open,
            Verdict::Skipped(_) => Self::Skipped,
        }
    }
}

impl From<Status> for Sign {
    fn from(status: Status) -> Self {
        match status {
            Status::Proven | Status::Attested => Self::Passed,
            Status::Violated => Self::Failed,
            Status::Inconclusive => Self::Open,
            Status::NotApplicable | Status::NotScored => Self::Skipped,
        }
    }
}
