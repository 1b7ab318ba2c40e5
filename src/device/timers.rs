//! The app's timers: a set of deadlines of which only the earliest is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::app::TimerId;

/// All timers of one process.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Duration, TimerId)>,
    by_id: BTreeMap<TimerId, Duration>,
}

impl Timers {
    /// Adds a timer that is due `at` this time of the run.
    pub(super) fn set(&mut self, id: TimerId, at: Duration) {
        self.clear(id);
        self.by_id.insert(id, at);
        self.due.insert((at, id));
    }

    /// Forgets a timer, if it is there.
    pub(super) fn clear(&mut self, id: TimerId) {
        if let Some(at) = self.by_id.remove(&id) {
            self.due.remove(&(at, id));
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the earliest timer, if it is due. Of two that are due at once the older one goes first.
    pub(super) fn take(&mut self, now: Duration) -> Option<TimerId> {
        let (at, id) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.clear(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_order_of_their_time_and_cleared_ones_never() {
        let mut timers = Timers::default();
        let second = Duration::from_secs(1);
        timers.set(TimerId(1), second * 3);
        timers.set(TimerId(3), second);
        timers.set(TimerId(2), second);
        timers.set(TimerId(4), second * 2);
        timers.clear(TimerId(4));
        assert_eq!(timers.next(), Some(second));
        assert_eq!(timers.take(second / 2), None);
        let mut taken = Vec::new();
        while let Some(id) = timers.take(second * 9) {
            taken.push(id.0);
        }
        assert_eq!(taken, [2, 3, 1]);
        assert_eq!(timers.next(), None);
    }
}
