//! How the gateway locks: decisions are made under a lock and acted on outside it, and none is held
//! across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that cannot be poisoned in a way that matters: what it guards is valid after every step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
