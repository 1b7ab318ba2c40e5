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
    device: Option<Arc<str>>,
    journal: Arc<Mutex<Journal>>,
    grown: Arc<Notify>,
}

impl Recorder {
    /// A recorder of a fresh journal.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            device: None,
            journal: Arc::new(Mutex::new(Journal::new())),
            grown: Arc::new(Notify::new()),
        }
    }

    /// A recorder of the same journal for what is observed of one of several devices.
    #[must_use]
    pub fn of(&self, device: &str) -> Self {
        Self {
            device: Some(device.into()),
            ..self.clone()
        }
    }

    /// The clock that stamps the entries.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Appends a fact, now.
    pub fn record(&self, fact: Fact) -> Arc<Entry> {
        let mut journal = self.journal();
        // Asked for while nobody else appends, so that times go with numbers.
        let at = self.clock.elapsed();
        let entry = journal.append_of(self.device.as_deref(), at, fact);
        drop(journal);
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
