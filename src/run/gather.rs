//! From a run file to the result that its run came to, also where the run was stopped or was played in
//! parts: what is missing is said to be.

use super::summary::{sum, unknown};
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Basis;
use crate::domain::verdict::Verdict;
use crate::runfile::{Flaw, Listed, Recorded};

/// The result of a run, as its file tells it.
#[must_use]
pub fn gathered(run: &Recorded) -> RunResult {
    let scenarios = scenarios(run);
    if let Some(end) = &run.end {
        return RunResult {
            scenarios,
            ..end.clone()
        };
    }
    let nothing = Basis::default();
    let manifest = &run.manifest;
    let wall = scenarios.iter().map(|own| own.duration_wall).sum();
    let sum = sum(scenarios, run.basis.as_ref().unwrap_or(&nothing));
    let verdict = match (sum.verdict, &run.flaw) {
        (Verdict::Passed, Some(flaw)) => {
            Verdict::Inconclusive(format!("the run file is partial: {flaw}"))
        }
        (verdict, _) => verdict,
    };
    RunResult {
        seed: manifest.seed,
        target: manifest.target.clone(),
        virtual_time: manifest.virtual_time,
        quirks: manifest.quirks.clone(),
        defects: manifest.defects.clone(),
        duration_wall: wall,
        verdict,
        ..sum
    }
}

/// Every scenario that was to be played, in the suite's order.
fn scenarios(run: &Recorded) -> Vec<ScenarioResult> {
    let known = |id: &str| run.scenarios.iter().find(|own| own.id == id);
    let selected = run.manifest.selected();
    let mut all: Vec<ScenarioResult> = selected
        .map(|listed| {
            let known = known(&listed.id).cloned();
            known.unwrap_or_else(|| missing(run, listed))
        })
        .collect();
    // What no manifest names was played all the same.
    let named = |own: &&ScenarioResult| !run.manifest.selected().any(|listed| listed.id == own.id);
    all.extend(run.scenarios.iter().filter(named).cloned());
    all
}

fn missing(run: &Recorded, listed: &Listed) -> ScenarioResult {
    if listed.elsewhere {
        let why = "it falls to a shard that is not here";
        return unplayed(listed, why);
    }
    let was_begun = run.journals().iter().any(|own| own.scenario == listed.id);
    let why = match (&run.flaw, was_begun) {
        (Some(Flaw::NoEnd) | None, true) => "the run was stopped while this was played",
        (Some(Flaw::NoEnd) | None, false) => "the run was stopped before this was played",
        (Some(_), _) => "what it came to is not in the run file, which is cut off or damaged",
    };
    unplayed(listed, why)
}

fn unplayed(listed: &Listed, why: &str) -> ScenarioResult {
    let verdict = Verdict::Inconclusive(why.to_owned());
    unknown(&listed.id, &listed.name, &listed.file, verdict)
}
