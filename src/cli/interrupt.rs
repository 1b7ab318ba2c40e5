//! Ctrl-C: the first one ends things in order, the second one at once.

use std::io;
use std::thread;

use super::console;

/// The code of a process that was ended by a second Ctrl-C, as shells know it: 128 + SIGINT.
const AT_ONCE: i32 = 130;

/// Interrupts a run when a person, or whoever manages processes, asks for its end, and exits when
/// asked again, with what there is to say at last. It listens on a thread of its own, so that the run
/// need not.
///
/// # Errors
/// When the process may not listen to signals.
pub(super) fn forward(
    interrupt: impl FnOnce() + Send + 'static,
    last_words: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let listening = {
        let _inside = runtime.enter();
        Stop::listen()?
    };
    let thread = thread::Builder::new().name("ctrl-c".to_owned());
    let wait = async move {
        let again = listening.requested().await;
        interrupt();
        console::tell(
            "\nstopping: the world is put back first; press Ctrl-C again to stop at once\n",
        );
        again.requested().await;
        last_words();
        std::process::exit(AT_ONCE);
    };
    thread.spawn(move || runtime.block_on(wait)).map(drop)
}

/// Hears requests to stop: Ctrl-C, and on Unix also SIGTERM, and SIGHUP, which comes when the terminal is
/// closed or its connection drops.
pub(super) struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl Stop {
    /// Listens from now on. Must be called on a runtime.
    ///
    /// # Errors
    /// When the process may not listen to signals.
    pub(super) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Completes when somebody asks, and can be asked again.
    #[cfg(unix)]
    pub(super) async fn requested(mut self) -> Self {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
        self
    }

    /// Completes when somebody asks, and can be asked again.
    #[cfg(not(unix))]
    pub(super) async fn requested(self) -> Self {
        // Where Ctrl-C cannot be heard there is nothing to wait for: the system ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        self
    }
}
