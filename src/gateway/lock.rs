//! How the gateway locks, and in which order.
//!
//! Decisions are made under a lock and acted on outside it; none is held across an await. At most two
//! are held at once, the first of these kinds before the second:
//!
//! 1. the register of the live feed's sessions, or one session: never both, never two sessions;
//! 2. the vault, the levers, the recorder's journal, and whatever else guards one value: nothing is
//!    locked while one of these is held.
//!
//! What opens a session for a tunnel fills the tunnel's cell, which is before them all.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that cannot be poisoned in a way that matters: what it guards is valid after every step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
