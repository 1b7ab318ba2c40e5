//! What the app waits for, each thing at most once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::App;
use super::effect::{Effect, TimerId};

/// What a timer is for. A resource is named by its place in the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Ask the kill-switch again.
    Status,
    /// Refresh the session ahead of its token's expiry.
    RefreshAhead,
    /// Try a failed refresh again.
    RefreshRetry,
    /// Go on after the network has come back.
    Resume,
    /// Load a resource again.
    Load(usize),
    /// Read a resource of which an event said that it changed, or that has a gap.
    Refetch(usize),
    /// Fall back to polling.
    Fallback,
    /// Poll.
    Poll,
    /// The second poller that only a quirk has.
    SecondPoll,
    /// Open a new socket after the server has sent the app away.
    Reopen,
    /// Try again to leave long-polling.
    Upgrade,
    /// Look at the age of what is shown.
    Age,
    /// The last request of a session that is over, which only a quirk sends.
    Leftover,
}

/// The timers that are set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    last: u64,
    by_purpose: BTreeMap<Timer, TimerId>,
}

impl Timers {
    /// What a due timer is for; nothing, if it was cleared meanwhile.
    pub(super) fn due(&mut self, id: TimerId) -> Option<Timer> {
        let timer = *self
            .by_purpose
            .iter()
            .find(|(_, own)| **own == id)
            .map(|(timer, _)| timer)?;
        self.by_purpose.remove(&timer);
        Some(timer)
    }

    /// Whether a timer runs.
    pub(super) fn runs(&self, timer: Timer) -> bool {
        self.by_purpose.contains_key(&timer)
    }
}

impl App {
    /// Sets a timer, in the place of one that runs for the same purpose.
    pub(super) fn set_timer(&mut self, timer: Timer, after: Duration) {
        self.clear_timer(timer);
        self.timers.last += 1;
        let id = TimerId(self.timers.last);
        self.timers.by_purpose.insert(timer, id);
        self.out.push(Effect::SetTimer { id, after });
    }

    /// Clears a timer, if it runs.
    pub(super) fn clear_timer(&mut self, timer: Timer) {
        if let Some(id) = self.timers.by_purpose.remove(&timer) {
            self.out.push(Effect::ClearTimer(id));
        }
    }

    /// Clears all timers.
    pub(super) fn clear_all_timers(&mut self) {
        for id in std::mem::take(&mut self.timers.by_purpose).into_values() {
            self.out.push(Effect::ClearTimer(id));
        }
    }
}
