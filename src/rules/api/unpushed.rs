//! What is found in events waits until it is known that the harness did not have them sent: with what it
//! likes, and written down somewhat later than they come.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::domain::change::Change;
use crate::rules::context::Context;
use crate::rules::state::AFTERMATH;

/// How much later than the event itself its lever may be written down.
const WRITTEN: Duration = Duration::from_secs(3);
/// How many findings wait at once.
const WAITING: usize = 64;

/// Findings about events, until it is known that the harness did not have them sent.
pub(super) struct Unpushed<T> {
    waiting: VecDeque<(String, Duration, T)>,
    /// When the harness last had each event sent.
    pushed: BTreeMap<String, Duration>,
}

impl<T> Default for Unpushed<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            pushed: BTreeMap::new(),
        }
    }
}

impl<T> Unpushed<T> {
    /// Follows what the harness has sent.
    pub(super) fn follow(&mut self, context: &Context<'_>) {
        if let Some(Change::Push { event, .. }) = context.entry.fact.change() {
            self.pushed.insert(event.clone(), context.now);
        }
    }

    /// Takes in what was found in an event that has just come.
    pub(super) fn add(&mut self, event: &str, found: T, context: &Context<'_>) {
        if self.waiting.len() < WAITING {
            let waiting = (event.to_owned(), context.now, found);
            self.waiting.push_back(waiting);
        }
    }

    /// What the harness is not behind, as far as that is known by now.
    pub(super) fn settled(&mut self, context: &Context<'_>) -> Vec<T> {
        self.until(context.now.saturating_sub(WRITTEN))
    }

    /// What the harness is not behind, where nothing more will come.
    pub(super) fn rest(&mut self, context: &Context<'_>) -> Vec<T> {
        self.until(context.now)
    }

    fn until(&mut self, until: Duration) -> Vec<T> {
        let mut settled = Vec::new();
        while self.waiting.front().is_some_and(|(_, at, _)| *at <= until)
            && let Some((event, at, found)) = self.waiting.pop_front()
        {
            let pushed = self.pushed.get(&event);
            if pushed.is_none_or(|pushed| *pushed + AFTERMATH < at) {
                settled.push(found);
            }
        }
        settled
    }
}
