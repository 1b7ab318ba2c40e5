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

/// An entry of an exchange that later ones are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Milestone {
    pub(super) id: EntryId,
    pub(super) at: Duration,
    pub(super) exchange: u64,
}

impl Milestone {
    pub(super) fn of(entry: &Entry, exchange: u64) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            exchange,
        }
    }
}
