//! What a run says about every item of a runbook.

use serde::{Deserialize, Serialize};

use super::{Attestation, Check, Group, Proof, Triggered};

/// What a run says about a runbook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The runbook's name.
    pub name: String,
    /// The version that is answered.
    pub version: String,
    /// Whether that version is published, and so frozen.
    pub published: bool,
    /// The groups, in the runbook's order.
    pub groups: Vec<Group>,
    /// Every item, in the runbook's order.
    pub items: Vec<Answered>,
    /// What came of the checks of the team's own project, if they were run.
    pub checks: Vec<Check>,
    /// What has a build pulled, in the runbook's order. Older run files know nothing of it.
    #[serde(default)]
    pub rollback: Vec<Triggered>,
}

/// What a run says about one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The item's id.
    pub id: String,
    /// What it says.
    pub title: String,
    /// The id of its group.
    pub group: String,
    /// What is known about it.
    pub status: Status,
    /// What it is known by.
    pub by: Vec<Ground>,
    /// Why it is neither proven nor attested: each reason once, the most telling first.
    pub reasons: Vec<String>,
    /// The word of a person that is there for it, in force or not.
    pub attested: Option<Attestation>,
}

/// What is known about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All that proves it was put to the test and kept.
    Proven,
    /// Something that proves it is broken.
    Violated,
    /// Something that proves it was not judged, or nobody vouches for it.
    Inconclusive,
    /// A person vouches for it.
    Attested,
    /// The contract has no such thing.
    NotApplicable,
    /// The version that is asked for does not have it.
    NotScored,
}

impl Status {
    /// Every one, in the order in which they are counted.
    pub const ALL: [Self; 6] = [
        Self::Proven,
        Self::Violated,
        Self::Inconclusive,
        Self::Attested,
        Self::NotApplicable,
        Self::NotScored,
    ];

    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Violated => "violated",
            Self::Inconclusive => "inconclusive",
            Self::Attested => "attested",
            Self::NotApplicable => "not applicable",
            Self::NotScored => "not scored",
        }
    }
}

/// One thing that proves an item, and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// What proves.
    pub proof: Proof,
    /// What it came to.
    pub came: Came,
    /// The scenarios in which it came to that.
    pub scenarios: Vec<String>,
    /// Why it did not come true, or was not judged.
    pub why: Option<String>,
}

/// What something that proves came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    /// It was put to the test and kept.
    Kept,
    /// It was broken.
    Broken,
    /// It was not judged, or nothing put it to the test.
    #[default]
    Open,
    /// The contract leaves no room for it.
    LeftOut,
    /// The target lacks what its scenario moves.
    Skipped,
}

impl Came {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Open => "open",
            Self::LeftOut => "left-out",
            Self::Skipped => "skipped",
        }
    }
}

impl Answered {
    /// All reasons in one line, if there are any.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        (!self.reasons.is_empty()).then(|| self.reasons.join("; "))
    }
}

impl Answer {
    /// How many items are known so far as this.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        let items = self.items.iter();
        items.filter(|item| item.status == status).count()
    }
}
