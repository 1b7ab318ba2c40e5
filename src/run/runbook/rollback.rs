//! From what scenarios show to whether a build has to be pulled: a trigger fires by anything of its own
//! that is broken, and one that nothing could have fired is not judged.

use super::{Book, finding, ground, reasons};
use crate::domain::result::ScenarioResult;
use crate::domain::runbook::{
    Asked, Basis, Came, Exhibit, Ground, Proof, State, Trigger, Triggered, Watched,
};
use crate::domain::verdict::STEP;

/// Every trigger of a runbook as the contract leaves it.
pub(super) fn watched(book: Book<'_>) -> Vec<Watched> {
    let triggers = book.runbook.rollback.iter();
    triggers.map(|own| watch(book, own)).collect()
}

fn watch(book: Book<'_>, trigger: &Trigger) -> Watched {
    let runbook = book.runbook;
    let is_there = runbook.came_by(runbook.answered(), trigger.since.as_deref());
    let mut grounds: Vec<Asked> = trigger.proofs.iter().map(|own| book.asked(own)).collect();
    for item in trigger.items.iter().filter_map(|id| runbook.item(id)) {
        let claim = book.claim(item);
        let lacks = claim.lacks.map(|lacks| format!("the contract has {lacks}"));
        let later = claim
            .later
            .map(|since| format!("{} came with version {since}", item.id));
        let left_out = lacks.or(later);
        let of_it = claim.proofs.into_iter().map(|own| Asked {
            left_out: left_out.clone().or(own.left_out),
            proof: own.proof,
        });
        // What proves several items fires by each of them, and is told once.
        for asked in of_it {
            if !grounds.iter().any(|own| own.proof == asked.proof) {
                grounds.push(asked);
            }
        }
    }
    Watched {
        id: trigger.id.clone(),
        title: trigger.title.clone(),
        actions: trigger.actions.clone(),
        later: (!is_there).then(|| trigger.since.clone().unwrap_or_default()),
        grounds,
    }
}

/// What is known of every trigger.
pub(super) fn triggered(basis: &Basis, scenarios: &[ScenarioResult]) -> Vec<Triggered> {
    let triggers = basis.rollback.iter();
    let known = triggers.map(|own| {
        let grounds = own.grounds.iter();
        let by: Vec<Ground> = grounds
            .map(|asked| ground(asked, &basis.checks, scenarios))
            .collect();
        let (state, reasons) = judged(own, &by);
        Triggered {
            id: own.id.clone(),
            title: own.title.clone(),
            actions: own.actions.clone(),
            state,
            reasons,
            evidence: match state {
                State::Fired => evidence(&by, scenarios),
                _ => Vec::new(),
            },
            by,
        }
    });
    known.collect()
}

fn judged(trigger: &Watched, by: &[Ground]) -> (State, Vec<String>) {
    if let Some(since) = &trigger.later {
        let why = format!("it came with version {since}");
        return (State::NotScored, vec![why]);
    }
    let came = |wanted: Came| by.iter().any(|own| own.came == wanted);
    if came(Came::Broken) {
        return (State::Fired, reasons(by, Came::Broken));
    }
    let mut open = reasons(by, Came::Open);
    open.extend(reasons(by, Came::Skipped));
    if came(Came::Kept) {
        return (State::Quiet, open);
    }
    match open.is_empty() {
        true => (State::NotApplicable, reasons(by, Came::LeftOut)),
        false => (State::NotJudged, open),
    }
}

/// The findings behind what is broken: of each scenario and rule the gravest.
fn evidence(by: &[Ground], scenarios: &[ScenarioResult]) -> Vec<Exhibit> {
    let mut all: Vec<Exhibit> = Vec::new();
    for ground in by.iter().filter(|own| own.came == Came::Broken) {
        let rule = match &ground.proof {
            Proof::Rule(id) => id.as_str(),
            Proof::Scenario(_) | Proof::Expectation { .. } => STEP,
            // What a check has to say stands in the reason.
            Proof::Check(_) => continue,
        };
        let of_it = scenarios
            .iter()
            .filter(|own| ground.scenarios.contains(&own.id));
        for scenario in of_it {
            let is_told = |own: &Exhibit| own.scenario == scenario.id && own.rule == rule;
            if all.iter().any(is_told) {
                continue;
            }
            all.extend(finding(scenario, rule).map(|found| Exhibit {
                scenario: scenario.id.clone(),
                rule: rule.to_owned(),
                subject: found.subject,
                message: found.message.clone(),
                entries: found.evidence.clone(),
                request_ids: found.request_ids.clone(),
            }));
        }
    }
    all
}
