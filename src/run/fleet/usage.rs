//! What this process takes of the machine.

use std::time::Duration;

/// The processor time that it has taken so far.
#[cfg(unix)]
pub(super) fn processor() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike as _};

    let time = |value: TimeVal| {
        Duration::from_micros(u64::try_from(value.num_microseconds()).unwrap_or(0))
    };
    getrusage(UsageWho::RUSAGE_SELF).map_or(Duration::ZERO, |usage| {
        time(usage.user_time()) + time(usage.system_time())
    })
}

#[cfg(not(unix))]
pub(super) fn processor() -> Duration {
    Duration::ZERO
}

/// The bytes that it holds in memory; 0 where the system does not say.
pub(super) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Has the system hold memory in small pages: thousands of apps come and go in pieces, and each large page stays
/// whole for the last piece in it. Where it cannot be had, more memory is held.
pub(super) fn small_pages() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(true);
}

/// How many descriptors it may have open.
#[cfg(unix)]
pub(super) fn descriptors() -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit};

    getrlimit(Resource::RLIMIT_NOFILE)
        .ok()
        .map(|(soft, _)| soft)
}

#[cfg(not(unix))]
pub(super) fn descriptors() -> Option<u64> {
    None
}
