//! What was on its way already when a piece of news crossed.
//!
//! A client that is told something may have sent more before it heard: a post beside a poll, the
//! same wish of another screen, a good-bye. None of that is an answer to the news.

use std::time::Duration;

/// How long what was on its way may take to cross a piece of news.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// How much of one kind a client has on its way at most.
const AT_MOST: u32 = 3;

/// What a client may have sent before some news reached it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crossing {
    at: Duration,
    count: u32,
}

impl Crossing {
    /// What may cross news of this moment.
    pub(super) fn of(at: Duration) -> Self {
        Self { at, count: 0 }
    }

    /// The same news comes again, to what was on its way.
    pub(super) fn told_again(&mut self, at: Duration) {
        self.at = at;
    }

    /// Whether what comes now may have been on its way when the news crossed. It is counted.
    pub(super) fn takes(&mut self, now: Duration) -> bool {
        let may_cross = now <= self.at + ON_ITS_WAY && self.count < AT_MOST;
        self.count += u32::from(may_cross);
        may_cross
    }
}
