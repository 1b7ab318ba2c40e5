//! How many files and connections this process may have open.

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
