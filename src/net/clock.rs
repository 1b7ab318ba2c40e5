//! The clock of a run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The time of virtual runs at their beginning: 2026-01-05 09:00:00 UTC, a Monday.
const VIRTUAL_EPOCH: Duration = Duration::from_secs(1_767_603_600);

/// Time since the run began, and the wall clock that goes with it.
///
/// Both follow tokio's clock, so a paused runtime moves them, and token lifetimes pass as fast as
/// timers do.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Duration,
    start: Instant,
}

impl Clock {
    /// A clock that starts now, at the fixed moment that every virtual run starts at.
    #[must_use]
    pub fn virtual_time() -> Self {
        Self {
            epoch: VIRTUAL_EPOCH,
            start: Instant::now(),
        }
    }

    /// A clock that starts now, at the machine's own time.
    #[must_use]
    pub fn real_time() -> Self {
        let epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(VIRTUAL_EPOCH);
        Self {
            epoch,
            start: Instant::now(),
        }
    }

    /// A clock that starts now and takes this for the time since 1970.
    #[must_use]
    pub fn beginning(at: Duration) -> Self {
        Self {
            epoch: at,
            start: Instant::now(),
        }
    }

    /// Time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Time since 1970.
    #[must_use]
    pub fn unix(&self) -> Duration {
        self.epoch + self.elapsed()
    }

    /// Time since 1970 at which the run began.
    #[must_use]
    pub fn epoch(&self) -> Duration {
        self.epoch
    }

    /// The instant at which `elapsed` is or was `at`.
    #[must_use]
    pub fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }
}
