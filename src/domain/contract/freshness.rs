//! What the backend promises of how often and how soon its events come, and how old data may be.

use std::time::Duration;

use super::{Contract, EventRule};
use crate::domain::selector::Selector;

/// Where data says of which moment it is, and how old that may be when it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// The place of the time: in an event's first argument, or in an answer.
    pub at: Selector,
    /// How old it may be.
    pub at_most: Duration,
}

/// What the backend promises of an event.
#[derive(Debug, Clone, Default)]
pub struct EventPromise {
    /// How often it comes at least to a socket that is joined.
    pub at_least_every: Option<Duration>,
    /// The changes of the backend's own that it follows.
    pub after: Vec<AfterChange>,
    /// Of which moment it is.
    pub as_of: Option<AsOf>,
}

/// An event that follows a change of the backend's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterChange {
    /// The lever that makes the change, as scenarios name it: `close-trade`.
    pub lever: String,
    /// How soon the event comes.
    pub within: Duration,
}

impl Contract {
    /// Every event of the feed, in the order of the file.
    pub fn events(&self) -> impl Iterator<Item = &EventRule> {
        self.realtime.iter().flat_map(|feed| &feed.events)
    }
}
