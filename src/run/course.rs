//! How a run goes on: how often something is tried, and when it is enough.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;

use super::board::Board;
use crate::domain::known_failure::{Known, KnownFailure};
use crate::domain::shard::Shard;
use crate::net::Pace;

/// How a run goes on. Unless told otherwise everything is played once, to the end.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// How often what fails is played again, alone.
    pub retries: u32,
    /// Whether what fails and then passes may pass as that.
    pub flaky_passes: bool,
    /// Whether nothing is begun any more once something has failed.
    pub fail_fast: bool,
    /// How long the whole run may take.
    pub timeout: Option<Duration>,
    /// With how many findings nothing is begun any more.
    pub max_findings: Option<usize>,
    /// What is known to fail.
    pub known: Vec<KnownFailure>,
    /// The day, by which what is known ends.
    pub today: Date,
    /// Where it is said what is played.
    pub board: Board,
    /// Which part of a run this is, if it is one.
    pub part: Option<Part>,
    /// How fast and how much the target is asked.
    pub pace: Pace,
}

/// A part of a run whose other parts are played elsewhere.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which one.
    pub shard: Shard,
    /// The scenarios that were selected as well and fall to other parts.
    pub elsewhere: BTreeSet<String>,
}

impl Course {
    /// What is known to fail at this target today.
    pub(super) fn known<'k>(&'k self, target: &'k str) -> Known<'k> {
        Known {
            failures: &self.known,
            target,
            today: self.today,
        }
    }
}
