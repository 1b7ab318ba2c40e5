//! How many files and connections this process may have open, and what becomes of a file that is too long.

/// Raises the limit as far as the system lets it, which costs nothing: shells hand on the low one of old
/// programs, and a proxy has two descriptors for each connection.
#[cfg(unix)]
pub(super) fn raise() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    /// As many as anything here needs.
    const ENOUGH: u64 = 65_536;
    /// As many as macOS grants, whatever it says.
    const MODEST: u64 = 10_240;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    for wanted in [ENOUGH, MODEST] {
        let wanted = wanted.min(hard);
        // Where it cannot be raised, the limit that there is holds, and connections wait.
        if wanted <= soft || setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() {
            return;
        }
    }
}

#[cfg(not(unix))]
pub(super) fn raise() {}

/// Has the system say that a file may get no longer, as it says that a disk is full. Left alone it ends the
/// process, and with it every other report and what stands beside its place half written.
#[cfg(unix)]
pub(super) fn outlive_long_files() {
    use tokio::signal::unix::{SignalKind, signal};

    let heard = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    if let Ok(runtime) = heard {
        let _inside = runtime.enter();
        // Once heard it ends nothing for as long as the process lives. What cannot be heard stays as it is.
        drop(signal(SignalKind::from_raw(nix::libc::SIGXFSZ)));
    }
}

#[cfg(not(unix))]
pub(super) fn outlive_long_files() {}
