//! Where work on long bodies is done, so that it keeps nobody else waiting.
//!
//! A gateway has one thread, which costs least per request: with one for each processor the lock on the journal goes
//! from one to the other with every entry, and a request takes almost twice as much processor. What takes long is hashing
//! and judging a body of megabytes.

use crate::net::Net;

use super::observe::KEPT;

/// Where long work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    /// On another thread.
    Elsewhere,
    /// At once: in virtual time nobody waits, and the order of what happens is always the same.
    Here,
}

impl Aside {
    pub(super) fn of(net: Net) -> Self {
        match net {
            Net::Real => Self::Elsewhere,
            Net::Memory => Self::Here,
        }
    }

    /// Does work on so many bytes.
    pub(super) async fn perform<T: Send + 'static>(
        self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if self == Self::Here || bytes <= KEPT {
            return work();
        }
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is gone, and with it whoever waits here.
                Err(_) => std::future::pending().await,
            },
        }
    }
}
