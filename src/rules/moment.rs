//! When something happened, and where in the order of things.

use std::time::Duration;

use crate::domain::journal::{Entry, EntryId};

/// A moment of the journal. In virtual time much happens in one instant, so before and after are
/// told by `id`, and how long something took by `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) id: EntryId,
    pub(super) at: Duration,
}

impl Moment {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
        }
    }
}
