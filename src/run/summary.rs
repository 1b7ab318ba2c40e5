//! What scenarios come to together, and what one comes to that was not played.

use std::time::Duration;

use super::plan::Plan;
use super::runbook;
use crate::domain::coverage::Coverage;
use crate::domain::figures::Figures;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::{Basis, Shown};
use crate::domain::scenario::Scenario;
use crate::domain::verdict::{Outcome, ScopeTally, Verdict};

/// The result of a scenario that was not played, or of which nothing is known.
pub(super) fn unplayed(scenario: &Scenario, verdict: Verdict, wall: Duration) -> ScenarioResult {
    ScenarioResult {
        runbook: scenario.runbook.clone(),
        duration_wall: wall,
        ..unknown(&scenario.id, &scenario.name, &scenario.file, verdict)
    }
}

/// The same of a scenario of which only this is known.
pub(super) fn unknown(id: &str, name: &str, file: &str, verdict: Verdict) -> ScenarioResult {
    ScenarioResult {
        id: id.to_owned(),
        name: name.to_owned(),
        file: file.to_owned(),
        runbook: Vec::new(),
        shown: Shown::default(),
        outcome: Outcome {
            verdict,
            findings: Vec::new(),
            not_judged: Vec::new(),
            remarks: Vec::new(),
            scope: ScopeTally::default(),
            duration: Duration::ZERO,
        },
        duration_wall: Duration::ZERO,
        excerpt: Vec::new(),
        journal_entries: 0,
        levers: Vec::new(),
        figures: Figures::default(),
        coverage: Coverage::default(),
        attempts: Vec::new(),
        down: None,
    }
}

/// What a run of a plan came to.
pub(super) fn sum_up(
    plan: &Plan,
    basis: &Basis,
    scenarios: Vec<ScenarioResult>,
    interrupted: bool,
    wall: Duration,
) -> RunResult {
    let mut sum = sum(scenarios, basis);
    if plan.course.flaky_passes {
        let verdicts = sum.scenarios.iter().map(|own| match &own.outcome.verdict {
            Verdict::Flaky(_) => &Verdict::Passed,
            verdict => verdict,
        });
        sum.verdict = Verdict::of_all(verdicts);
    }
    if interrupted {
        // What was not begun any more is as if it had not been asked for.
        let mut begun = sum.scenarios.clone();
        begun.retain(|own| !matches!(own.outcome.verdict, Verdict::Skipped(_)));
        sum.runbook = runbook::answer(basis, &begun);
    }
    // Whether anything was played at all is for all parts together to say.
    let is_idle = |own: &ScenarioResult| matches!(own.outcome.verdict, Verdict::Skipped(_));
    let nothing_here = plan.course.part.is_some() && sum.scenarios.iter().all(is_idle);
    let verdict = match sum.verdict {
        Verdict::Inconclusive(_) if nothing_here && !interrupted => Verdict::Passed,
        Verdict::Passed if interrupted => {
            Verdict::Inconclusive("the run was interrupted".to_owned())
        }
        verdict => verdict,
    };
    RunResult {
        seed: plan.seed,
        target: plan.target.name().to_owned(),
        virtual_time: plan.virtual_time(),
        quirks: plan.quirk_names(),
        defects: plan.defect_names(),
        verdict,
        interrupted,
        duration_wall: wall,
        ..sum
    }
}

/// What scenarios come to together, whatever they were played against.
pub(super) fn sum(mut scenarios: Vec<ScenarioResult>, basis: &Basis) -> RunResult {
    let mut scope = ScopeTally::default();
    let mut figures = Figures::default();
    let mut coverage = basis.untested.clone();
    for scenario in &scenarios {
        scope.add(scenario.outcome.scope);
        figures.add(&scenario.figures);
        coverage.add(&scenario.coverage);
    }
    for scenario in &mut scenarios {
        scenario.runbook = runbook::proven_by(basis, &scenario.id);
    }
    RunResult {
        seed: 0,
        target: String::new(),
        virtual_time: false,
        quirks: Vec::new(),
        defects: Vec::new(),
        runbook: runbook::answer(basis, &scenarios),
        scope,
        figures,
        coverage,
        verdict: Verdict::of_all(scenarios.iter().map(|scenario| &scenario.outcome.verdict)),
        interrupted: false,
        changes: None,
        duration_wall: Duration::ZERO,
        scenarios,
    }
}
