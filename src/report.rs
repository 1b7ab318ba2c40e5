//! What a run came to, for people and for programs.
//!
//! Every reporter reads the one result model of [`crate::domain::result`]; none computes a verdict.

mod account;
mod changes;
pub mod ctrf;
mod document;
pub mod file;
pub mod fleet;
pub mod github;
pub mod har;
pub mod history;
pub mod html;
pub mod in_toto;
pub mod incident;
pub mod json;
pub mod junit;
pub mod notify;
mod replay;
mod rollback;
pub mod signoff;
pub mod summary;
pub mod tap;
pub mod terminal;
pub(crate) mod text;
mod timeline;

use std::time::Duration;

use crate::domain::verdict::{PROOF, STEP};
use crate::rules::{self, RuleInfo};

/// What formats say of a run beside what it came to.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// A name for the run that no other has.
    pub id: String,
    /// When it began, since 1970.
    pub started: Duration,
    /// What it was played from: each file's name and SHA-256, hex.
    pub files: Vec<(String, String)>,
    /// The run file's name and SHA-256, hex, where one is kept.
    pub run_file: Option<(String, String)>,
    /// What it was played by and what as, by name, for people.
    pub known: Vec<(&'static str, String)>,
    /// The arguments that name the same files again.
    pub again: Vec<String>,
}

impl About {
    /// A moment of the run in the form of RFC 3339, in UTC.
    #[must_use]
    pub fn moment(&self, after: Duration) -> String {
        rfc3339(self.started + after)
    }
}

/// A time since 1970 in the form of RFC 3339, in UTC and milliseconds.
fn rfc3339(since: Duration) -> String {
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.3}")
}

/// The title of what stands in a finding's `rule`: a rule, or one of the two judgements that are
/// the run's own.
fn title(rule: &str) -> Option<String> {
    match rule {
        STEP => Some("What the scenario expects did not come true".to_owned()),
        PROOF => Some("The never-called proof does not stand".to_owned()),
        _ => rules::find(rule).map(RuleInfo::title),
    }
}

#[cfg(test)]
mod samples;
