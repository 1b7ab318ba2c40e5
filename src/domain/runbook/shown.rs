//! What one scenario shows of whatever may prove an item.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::answer::Came;

/// An expectation that has a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelled {
    /// The label.
    pub label: String,
    /// The step's number; none where the contract lacks the part that the step depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
}

/// What a scenario shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Rules that were put to the test and kept.
    pub kept: BTreeSet<String>,
    /// Rules that could not be judged, with why.
    pub open: BTreeMap<String, String>,
    /// What its labelled expectations came to.
    pub expectations: BTreeMap<String, Came>,
    /// What all of its steps came to together.
    pub steps: Came,
}
