//! Who uses a target.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// When it began: seconds since 1970.
    pub since: u64,
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "process {}", self.pid)?;
        let since = i64::try_from(self.since).ok();
        match since.and_then(|since| jiff::Timestamp::from_second(since).ok()) {
            Some(since) => write!(out, " (since {since})"),
            None => Ok(()),
        }
    }
}
