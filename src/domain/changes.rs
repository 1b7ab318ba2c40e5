//! What a run changes against those before it: what is new, mended, or still as it was, and since when.
//!
//! It stands in the run's result, so that reports which are made later say the same, whatever has
//! been remembered meanwhile.

use serde::{Deserialize, Serialize};

use super::verdict::Class;

/// What a run changes against those before it, of the same contract at the same target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The run before it.
    pub before: Before,
    /// What fails now and did not before.
    pub new: Vec<Change>,
    /// What failed before and does not now.
    pub fixed: Vec<Change>,
    /// What fails as it did before.
    pub still: Vec<Change>,
}

/// The run before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its name.
    pub id: String,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// The word of its verdict.
    pub verdict: String,
    /// When the first of the runs began that came to that without another verdict in between.
    pub since: u64,
}

/// Something that changed, or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Of what kind it is.
    pub what: What,
    /// Its id.
    pub id: String,
    /// When the first run began in which it failed; runs in which it was not tested change nothing.
    pub since: u64,
    /// Whose fault it is, of a scenario that fails.
    pub class: Option<Class>,
    /// What shows it.
    pub evidence: Option<String>,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A scenario.
    Scenario,
    /// A rule.
    Rule,
    /// An item of the runbook.
    Item,
}

impl What {
    /// The word for reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Rule => "rule",
            Self::Item => "item",
        }
    }
}

impl Changes {
    /// Whether anybody has to be told, of a run that came to this: something is new or mended, or the
    /// whole came to something else.
    #[must_use]
    pub fn is_news(&self, verdict: &str) -> bool {
        !self.new.is_empty() || !self.fixed.is_empty() || self.before.verdict != verdict
    }
}
