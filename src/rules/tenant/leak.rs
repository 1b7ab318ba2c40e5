//! A leak: something of one account in what was sent to another.

use crate::domain::journal::EntryId;
use crate::rules::violation::Violation;

/// Something by which an account is recognized, and where it was learnt.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    pub(super) value: String,
    pub(super) learnt: EntryId,
}

impl Fingerprint {
    pub(super) fn new(value: impl Into<String>, learnt: EntryId) -> Self {
        Self {
            value: value.into(),
            learnt,
        }
    }
}

/// A fingerprint of one account in what was sent to another.
#[derive(Debug)]
pub(super) struct Leak {
    pub(super) fingerprint: Fingerprint,
    /// What it was found in, in words.
    pub(super) place: String,
    /// The answer or event that brought it.
    pub(super) entry: EntryId,
    pub(super) exchange: Option<u64>,
}

impl Leak {
    /// What is said of it. What one account gets of one other has one cause, however it shows.
    pub(super) fn violation(self, owner: &str, to: &str) -> Violation {
        Violation::new("the backend sends one account what belongs to another")
            .kind(format!("{owner} to {to}"))
            .expected(format!("nothing of `{owner}` in what is sent to `{to}`"))
            .observed(format!(
                "{}, holding {}",
                self.place, self.fingerprint.value
            ))
            .evidence([self.fingerprint.learnt, self.entry])
            .exchanges(self.exchange)
    }
}
