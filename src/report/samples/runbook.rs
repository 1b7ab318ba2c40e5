//! What a hand-made result says of a runbook and its rollback triggers.

use crate::domain::result::ScenarioResult;
use crate::domain::runbook::{
    Answer, Answered, Attestation, Came, Exhibit, Ground, Group, Proof, State, Status, Triggered,
};
use crate::domain::verdict::Verdict;

/// An item that is what `status` says, by one rule.
fn item(id: &str, status: Status, came: Came, why: Option<&str>) -> Answered {
    Answered {
        id: id.to_owned(),
        title: format!("What {id} asks for"),
        group: id.split('.').next().unwrap_or(id).to_owned(),
        status,
        by: vec![Ground {
            proof: Proof::Rule("SESSION-4".to_owned()),
            came,
            scenarios: vec!["sign-in".to_owned()],
            why: why.map(str::to_owned),
        }],
        reasons: why.into_iter().map(str::to_owned).collect(),
        attested: None,
    }
}

/// Items that are not known, for every reason.
fn open() -> [Answered; 4] {
    let not_played = Some("kill-switch was not played");
    let lacking = Some("the contract has no paging");
    let later = Some("it came with version 3");
    [
        item("S4.1", Status::Inconclusive, Came::Open, not_played),
        item("S4.2", Status::Inconclusive, Came::Open, not_played),
        item("S4.3", Status::NotApplicable, Came::LeftOut, lacking),
        item("S4.4", Status::NotScored, Came::Open, later),
    ]
}

/// A runbook with an item of every status; all proven where all scenarios passed.
pub(super) fn answered(scenarios: &[ScenarioResult]) -> Answer {
    let group = |id: &str, title: &str| Group {
        id: id.to_owned(),
        title: title.to_owned(),
    };
    let passed = |one: &ScenarioResult| one.outcome.verdict == Verdict::Passed;
    let mut items = vec![item("S2.1", Status::Proven, Came::Kept, None)];
    if !scenarios.iter().all(passed) {
        let broken = "SESSION-4 (app) in expiry: two refreshes were under way at the same time";
        items.push(item("S2.4", Status::Violated, Came::Broken, Some(broken)));
        items.extend(open());
    }
    let mut vouched = item("P.2", Status::Attested, Came::Kept, None);
    vouched.by.clear();
    vouched.attested = Some(Attestation {
        runbook: None,
        item: "P.2".to_owned(),
        by: "Ada".to_owned(),
        note: "the review of the week before".to_owned(),
        on: jiff::civil::date(2026, 3, 1),
        until: Some(jiff::civil::date(2026, 4, 1)),
        expired: false,
    });
    items.push(vouched);
    Answer {
        name: "Beta".to_owned(),
        version: "2".to_owned(),
        published: true,
        groups: vec![
            group("P", "Before the beta"),
            group("S2", "Fresh sign-in"),
            group("S4", "Kill-switch"),
        ],
        items,
        checks: Vec::new(),
        rollback: triggers(scenarios),
    }
}

/// A trigger that fired where a rule was broken, one that did not, and one that nothing could have fired
/// where not all passed.
fn triggers(scenarios: &[ScenarioResult]) -> Vec<Triggered> {
    let quiet = |id: &str, title: &str| Triggered {
        id: id.to_owned(),
        title: title.to_owned(),
        actions: vec![
            "Take the build off its channel".to_owned(),
            "Tell its owner".to_owned(),
        ],
        state: State::Quiet,
        by: vec![Ground {
            proof: Proof::Rule("SESSION-4".to_owned()),
            came: Came::Kept,
            scenarios: vec!["sign-in".to_owned()],
            why: None,
        }],
        reasons: Vec::new(),
        evidence: Vec::new(),
    };
    let mut renewal = quiet("R.1", "Nobody stays signed in");
    let mut leak = quiet("R.2", "Somebody sees another's data");
    let findings = |own: &&ScenarioResult| own.id == "expiry";
    if let Some(own) = scenarios.iter().find(findings) {
        let found = &own.outcome.findings[0];
        renewal.state = State::Fired;
        renewal.by[0].came = Came::Broken;
        renewal.reasons = vec![format!("SESSION-4 (app) in expiry: {}", found.message)];
        renewal.evidence = vec![Exhibit {
            scenario: own.id.clone(),
            rule: found.rule.clone(),
            subject: found.subject,
            message: found.message.clone(),
            entries: found.evidence.clone(),
            request_ids: found.request_ids.clone(),
        }];
        leak.state = State::NotJudged;
        leak.by[0].came = Came::Open;
        leak.reasons = vec!["nothing put TENANT-1 to the test".to_owned()];
    }
    vec![renewal, leak]
}
