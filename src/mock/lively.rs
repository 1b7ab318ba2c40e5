//! What goes on by itself, as it stands: what is due when, and which numbers follow by what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::domain::world::Live;

/// Sets chance here apart from the chance that moves prices, so that neither changes the other.
const APART: u64 = 0x6c69_7665;

/// What goes on by itself.
pub(super) struct Lively {
    /// Whether anything does.
    pub(super) is_on: bool,
    pub(super) live: Arc<Live>,
    /// When each change happens next.
    pub(super) due: Vec<Duration>,
    /// By how much a number differs from what it moves with: by its place among those that follow, and by user.
    pub(super) differences: BTreeMap<(usize, usize), f64>,
    pub(super) rng: Rng,
}

impl Lively {
    pub(super) fn new(is_on: bool, seed: u64) -> Self {
        Self {
            is_on,
            live: Arc::default(),
            due: Vec::new(),
            differences: BTreeMap::new(),
            rng: Rng::with_seed(seed ^ APART),
        }
    }

    /// Between half the interval and one and a half of it.
    pub(super) fn next(&mut self, now: Duration, every: Duration) -> Duration {
        now + every.mul_f64(0.5 + self.rng.f64())
    }
}
