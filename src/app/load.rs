//! One read of a resource: what it is for, and how far it is.

use super::paging::Page;

/// Why a resource is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its screen is open.
    Open,
    /// The user asked for it.
    User,
    /// The socket has connected, or missed something.
    Snapshot,
    /// An event said that it changed.
    Refetch,
    /// It is polled.
    Poll,
    /// A walk goes on.
    Walk,
}

/// One load, over all its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Load {
    /// The resource's place in the contract.
    pub(super) resource: usize,
    pub(super) page: Page,
    pub(super) cause: Cause,
    /// Attempts so far, this one included.
    pub(super) attempt: u32,
    /// How often it was replayed with another token.
    pub(super) replays: u32,
}

impl Load {
    /// A load of which nothing has been tried yet.
    pub(super) fn new(resource: usize, page: Page, cause: Cause) -> Self {
        Self {
            resource,
            page,
            cause,
            attempt: 0,
            replays: 0,
        }
    }
}

/// How far the load of a resource is.
#[derive(Debug, Default)]
pub(super) enum Progress {
    #[default]
    Idle,
    Flying,
    /// For its next attempt, until the timer is due.
    Waiting(Load),
    /// Given up for now; the timer begins a new load.
    Later(Load),
    /// For a new token.
    Parked(Load),
}
