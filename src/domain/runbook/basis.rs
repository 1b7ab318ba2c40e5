//! A runbook as one contract leaves it: all that an answer needs beside what scenarios show.
//!
//! It is data, so that a run file can keep it, and what was played in parts is answered as a whole
//! long after suite and contract have changed.

use serde::{Deserialize, Serialize};

use super::{Attestation, Check, Group, Proof, Watched};
use crate::domain::coverage::Coverage;

/// What is asked of a run, before anything was played.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The runbook's name.
    pub name: String,
    /// The version that is answered.
    pub version: String,
    /// Whether that version is frozen.
    pub published: bool,
    /// The groups, in the runbook's order.
    pub groups: Vec<Group>,
    /// The items, in the runbook's order.
    pub items: Vec<Claim>,
    /// What came of the checks of the team's own project, if they were run.
    pub checks: Vec<Check>,
    /// What has a build pulled, in the runbook's order. Older run files know nothing of it.
    #[serde(default)]
    pub rollback: Vec<Watched>,
    /// What of the contract there is to be put to the test.
    pub untested: Coverage,
}

/// An item, and what the contract makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// What has to be so.
    pub title: String,
    /// The id of its group.
    pub group: String,
    /// The version that brought it, where that is a later one than is answered.
    pub later: Option<String>,
    /// What the contract lacks for it to mean anything.
    pub lacks: Option<String>,
    /// What proves it, all of them together.
    pub proofs: Vec<Asked>,
    /// Whether a person has to vouch for it.
    pub vouched: bool,
    /// The person's word, if there is one.
    pub attested: Option<Attestation>,
}

/// Something that proves an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What.
    pub proof: Proof,
    /// Why the contract leaves no room for it, where that is so.
    pub left_out: Option<String>,
}
