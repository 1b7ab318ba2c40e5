//! What scenarios come to together, and what one comes to that was not played.

use std::time::Duration;

use super::plan::Plan;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook;
use crate::domain::scenario::Scenario;
use crate::domain::verdict::{Outcome, ScopeTally, Verdict};

/// The result of a scenario that was not played, or of which nothing is known.
pub(super) fn unplayed(scenario: &Scenario, verdict: Verdict, wall: Duration) -> ScenarioResult {
    ScenarioResult {
        id: scenario.id.clone(),
        name: scenario.name.clone(),
        file: scenario.file.clone(),
        runbook: scenario.runbook.clone(),
        outcome: Outcome {
            verdict,
            findings: Vec::new(),
            not_judged: Vec::new(),
            remarks: Vec::new(),
            scope: ScopeTally::default(),
            duration: Duration::ZERO,
        },
        duration_wall: wall,
        excerpt: Vec::new(),
        journal_entries: 0,
        levers: Vec::new(),
    }
}

/// What a run of a plan came to.
pub(super) fn sum_up(
    plan: &Plan,
    scenarios: Vec<ScenarioResult>,
    interrupted: bool,
    wall: Duration,
) -> RunResult {
    let sum = sum(scenarios);
    let verdict = match sum.verdict {
        Verdict::Passed if interrupted => {
            Verdict::Inconclusive("the run was interrupted".to_owned())
        }
        verdict => verdict,
    };
    RunResult {
        seed: plan.seed,
        target: plan.target.name().to_owned(),
        virtual_time: plan.virtual_time(),
        quirks: plan
            .quirks
            .iter()
            .map(|quirk| quirk.name().to_owned())
            .collect(),
        defects: plan
            .defects
            .iter()
            .map(|defect| defect.name().to_owned())
            .collect(),
        verdict,
        interrupted,
        duration_wall: wall,
        ..sum
    }
}

/// What scenarios come to together, whatever they were played against.
pub(super) fn sum(scenarios: Vec<ScenarioResult>) -> RunResult {
    let mut scope = ScopeTally::default();
    scenarios
        .iter()
        .for_each(|scenario| scope.add(scenario.outcome.scope));
    let coverage: Vec<_> = scenarios
        .iter()
        .map(|scenario| {
            (
                scenario.id.as_str(),
                scenario.runbook.as_slice(),
                &scenario.outcome.verdict,
            )
        })
        .collect();
    RunResult {
        seed: 0,
        target: String::new(),
        virtual_time: false,
        quirks: Vec::new(),
        defects: Vec::new(),
        runbook: runbook::cover(&coverage),
        scope,
        verdict: Verdict::of_all(scenarios.iter().map(|scenario| &scenario.outcome.verdict)),
        interrupted: false,
        duration_wall: Duration::ZERO,
        scenarios,
    }
}
