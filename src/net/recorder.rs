//! A shared handle on a run's journal, stamped by its clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Clock;
use crate::domain::journal::{Entry, Fact, Journal};

/// Appends to one journal from many places; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    clock: Clock,
    journal: Arc<Mutex<Journal>>,
    grown: Arc<Notify>,
}

impl Recorder {
    /// A recorder of a fresh journal.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            journal: Arc::new(Mutex::new(Journal::new())),
            grown: Arc::new(Notify::new()),
        }
    }

    /// The clock that stamps the entries.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Appends a fact, now.
    pub fn record(&self, fact: Fact) -> Arc<Entry> {
        let entry = self.journal().append(self.clock.elapsed(), fact);
        self.grown.notify_waiters();
        entry
    }

    /// The journal, for reading or for adding an observer. Not to be held across an await.
    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when something is appended after this call.
    pub fn grown(&self) -> Notified<'_> {
        self.grown.notified()
    }
}
