//! The one model that every reporter reads: what a run of scenarios came to.
//!
//! A run file holds it as it stands here, a document for each scenario and one for the sum; keys that
//! come later must be able to be absent.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::coverage::Coverage;
use super::figures::Figures;
use super::journal::Entry;
use super::runbook::{Answer, Shown};
use super::scenario::SHIPPED_PLACE;
use super::verdict::{Finding, Outcome, ScopeTally, Verdict};

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunResult {
    /// The seed that every scenario's own seed derives from.
    pub seed: u64,
    /// The target's name.
    pub target: String,
    /// Whether time was virtual.
    pub virtual_time: bool,
    /// Quirks of the simulated app, by name.
    pub quirks: Vec<String>,
    /// Defects of the mock, by name.
    pub defects: Vec<String>,
    /// Every selected scenario, in the suite's order. In a run file each has a document of its own.
    #[serde(default, skip_serializing)]
    pub scenarios: Vec<ScenarioResult>,
    /// What it all says about the runbook.
    pub runbook: Answer,
    /// What the scope saw in all scenarios together.
    pub scope: ScopeTally,
    /// What was measured in all scenarios together.
    pub figures: Figures,
    /// What of the contract any of them put to the test.
    pub coverage: Coverage,
    /// The verdict on everything.
    pub verdict: Verdict,
    /// Whether a person stopped the run before its end.
    pub interrupted: bool,
    /// Wall time of the whole run.
    pub duration_wall: Duration,
    /// What it changes against the runs before it, where any are remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// One scenario of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its file; of a shipped one, `shipped:` and its path in the shipped suite.
    pub file: String,
    /// The runbook's items that it helps to prove.
    pub runbook: Vec<String>,
    /// What it shows of whatever may prove an item.
    pub shown: Shown,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took on the wall.
    pub duration_wall: Duration,
    /// Journal entries that findings cite, and those around them, in order.
    pub excerpt: Vec<Arc<Entry>>,
    /// How many entries the journal had.
    pub journal_entries: u64,
    /// How each lever was moved, in order: `maintenance=on (mock)`.
    pub levers: Vec<String>,
    /// What was measured in it.
    pub figures: Figures,
    /// What of the contract it put to the test.
    pub coverage: Coverage,
    /// Each time that it was played, the first one first, where that was more than once. What stands here
    /// otherwise is the one's that decides.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// What shows that the target was down, where that is why nothing is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<String>,
}

impl ScenarioResult {
    /// Its file, if that is a path: shipped scenarios, and some that were made in code, have none.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        let is_path = !self.file.is_empty() && !self.file.starts_with(SHIPPED_PLACE);
        is_path.then_some(self.file.as_str())
    }
}

/// One time of several that a scenario was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What came of it.
    pub verdict: Verdict,
    /// Every finding, the gravest first.
    pub findings: Vec<Finding>,
    /// How long it took on the scenario's own clock.
    pub duration: Duration,
    /// How long it took on the wall.
    pub duration_wall: Duration,
}

impl From<&ScenarioResult> for Attempt {
    fn from(scenario: &ScenarioResult) -> Self {
        Self {
            verdict: scenario.outcome.verdict.clone(),
            findings: scenario.outcome.findings.clone(),
            duration: scenario.outcome.duration,
            duration_wall: scenario.duration_wall,
        }
    }
}
