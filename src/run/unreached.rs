//! What a run comes to whose target is down before anything is played: nothing is proven, and nobody's
//! app is to blame.

use std::time::Duration;

use super::deployment::{Complaint, Unlike};
use super::plan::Plan;
use super::runbook::Book;
use super::summary::{sum_up, unplayed};
use super::target::Unplayable;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::verdict::Verdict;

/// What such a run comes to; nothing where something answers that is not what the contract says, which
/// somebody has to put right first.
#[must_use]
pub fn unreached(plan: &Plan, why: &Unplayable) -> Option<RunResult> {
    let Unplayable::Unreachable { target, complaints } = why else {
        return None;
    };
    let silent = complaints.iter().filter_map(|complaint| match complaint {
        Complaint::Service {
            service,
            why: Unlike::None(error),
            ..
        } => Some(format!("service `{service}`: {error}")),
        _ => None,
    });
    let silent: Vec<String> = silent.collect();
    if silent.is_empty() {
        return None;
    }
    let why = format!(
        "the target `{target}` does not answer: {}",
        silent.join("; ")
    );
    let basis = Book::of(&plan.suite).basis();
    let scenarios = plan.scenarios.iter().map(|scenario| ScenarioResult {
        down: Some(why.clone()),
        ..unplayed(scenario, Verdict::Inconclusive(why.clone()), Duration::ZERO)
    });
    let scenarios: Vec<ScenarioResult> = scenarios.collect();
    if let Some(file) = &plan.run_file {
        file.basis(&basis);
        scenarios.iter().for_each(|own| file.scenario(own));
    }
    Some(sum_up(plan, &basis, scenarios, false, Duration::ZERO))
}
