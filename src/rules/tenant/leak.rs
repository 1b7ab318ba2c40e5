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
    /// Whether both had it from the first answer on, so that it may be either's.
    pub(super) is_either: bool,
}

impl Leak {
    /// What is said of it. What one account gets of one other has one cause, however it shows.
    pub(super) fn violation(self, owner: &str, to: &str) -> Violation {
        let (message, expected) = match self.is_either {
            true => (
                "the backend sends two accounts what belongs to one of them at most",
                format!("nothing that both `{owner}` and `{to}` get"),
            ),
            false => (
                "the backend sends one account what belongs to another",
                format!("nothing of `{owner}` in what is sent to `{to}`"),
            ),
        };
        Violation::new(message)
            .kind(format!("{owner} to {to}"))
            .expected(expected)
            .observed(format!(
                "{}, holding {}",
                self.place, self.fingerprint.value
            ))
            .evidence([self.fingerprint.learnt, self.entry])
            .exchanges(self.exchange)
    }
}
