//! One violation, as a rule sees it.

use crate::domain::journal::EntryId;
use crate::domain::verdict::{Severity, Subject};

/// One violation. It begins with its message, and each method adds what shows it.
#[derive(Debug)]
#[must_use = "a violation counts once it is given to `Context::violated`"]
pub(super) struct Violation {
    /// What tells causes apart within a rule: violations of one kind become one finding.
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) expected: String,
    pub(super) observed: String,
    pub(super) evidence: Vec<EntryId>,
    pub(super) exchanges: Vec<u64>,
    pub(super) severity: Severity,
    pub(super) by: Option<Subject>,
}

impl Violation {
    /// What went wrong, in one sentence. It is also its kind, unless [`Violation::kind`] says another.
    pub(super) fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind: message.clone(),
            message,
            expected: String::new(),
            observed: String::new(),
            evidence: Vec::new(),
            exchanges: Vec::new(),
            severity: Severity::Violation,
            by: None,
        }
    }

    /// What tells this cause from others of the rule: violations of one kind become one finding.
    pub(super) fn kind(self, kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            ..self
        }
    }

    /// What should have been.
    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            ..self
        }
    }

    /// What was.
    pub(super) fn observed(self, observed: impl Into<String>) -> Self {
        Self {
            observed: observed.into(),
            ..self
        }
    }

    /// The entries that show it, the decisive one last.
    pub(super) fn evidence(mut self, entries: impl IntoIterator<Item = EntryId>) -> Self {
        self.evidence.extend(entries);
        self
    }

    /// The exchanges whose request ids belong to it, answered already or not.
    pub(super) fn exchanges(mut self, exchanges: impl IntoIterator<Item = u64>) -> Self {
        self.exchanges.extend(exchanges);
        self
    }

    /// How grave it is, where it is more or less than a rule that is broken.
    pub(super) fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Who did it, for a rule that binds both sides.
    pub(super) fn by(self, subject: Subject) -> Self {
        Self {
            by: Some(subject),
            ..self
        }
    }
}
