//! From what scenarios show to what is known about every item of a runbook.
//!
//! An item is known by what proves it, never by the scenario that it was seen in: one broken rule
//! turns the items that it proves, and no other.

mod rollback;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::domain::contract::Contract;
use crate::domain::result::ScenarioResult;
use crate::domain::runbook::{
    Answer, Answered, Asked, Basis, Came, Check, Claim, Ground, Item, Proof, Runbook, Status,
};
use crate::domain::verdict::{Finding, PROOF, STEP, Severity, Verdict};
use crate::rules;
use crate::suite::Suite;
use crate::suite::config::VARIABLES;

/// A runbook, and the contract under which it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Book<'a> {
    /// The runbook.
    pub(super) runbook: &'a Runbook,
    /// The contract.
    pub(super) contract: &'a Arc<Contract>,
}

impl<'a> Book<'a> {
    /// A suite's own.
    pub(super) fn of(suite: &'a Suite) -> Self {
        Self {
            runbook: &suite.runbook,
            contract: &suite.contract,
        }
    }

    /// The runbook as the contract leaves it.
    pub(super) fn basis(self) -> Basis {
        let runbook = self.runbook;
        let version = runbook.answered();
        Basis {
            name: runbook.name.clone(),
            version: version.to_owned(),
            published: runbook.is_published(version),
            groups: runbook.groups.clone(),
            items: runbook.items.iter().map(|item| self.claim(item)).collect(),
            checks: runbook.checks.clone(),
            rollback: rollback::watched(self),
            untested: rules::untested(self.contract),
        }
    }

    fn claim(self, item: &Item) -> Claim {
        let is_later = !self.runbook.has(self.runbook.answered(), item);
        let lacks = item.needs.iter().find(|need| !need.is_in(self.contract));
        let mut attestations = self.runbook.attestations.iter();
        Claim {
            id: item.id.clone(),
            title: item.title.clone(),
            group: item.group.clone(),
            later: is_later.then(|| item.since.clone().unwrap_or_default()),
            lacks: lacks.map(|lacks| lacks.words().to_owned()),
            proofs: item.proofs.iter().map(|own| self.asked(own)).collect(),
            vouched: item.attest.is_wanted(self.contract),
            attested: attestations.find(|own| own.item == item.id).cloned(),
        }
    }

    fn asked(self, proof: &Proof) -> Asked {
        Asked {
            proof: proof.clone(),
            left_out: match proof {
                Proof::Rule(id) => rules::find(id).and_then(|rule| rule.unmet(self.contract)),
                Proof::Scenario(_) | Proof::Expectation { .. } | Proof::Check(_) => None,
            }
            .map(str::to_owned),
        }
    }
}

/// The ids of the items that a scenario helps to prove.
pub(super) fn proven_by(basis: &Basis, scenario: &str) -> Vec<String> {
    let helps = |item: &&Claim| {
        let mut proofs = item.proofs.iter();
        proofs.any(|own| own.proof.scenario() == Some(scenario))
    };
    let items = basis.items.iter().filter(helps);
    items.map(|item| item.id.clone()).collect()
}

/// What is known about every item.
pub(super) fn answer(basis: &Basis, scenarios: &[ScenarioResult]) -> Answer {
    let items = basis.items.iter();
    Answer {
        name: basis.name.clone(),
        version: basis.version.clone(),
        published: basis.published,
        groups: basis.groups.clone(),
        items: items
            .map(|item| answered(item, &basis.checks, scenarios))
            .collect(),
        checks: basis.checks.clone(),
        rollback: rollback::triggered(basis, scenarios),
    }
}

fn answered(item: &Claim, checks: &[Check], scenarios: &[ScenarioResult]) -> Answered {
    let blank = Answered {
        id: item.id.clone(),
        title: item.title.clone(),
        group: item.group.clone(),
        status: Status::NotScored,
        by: Vec::new(),
        reasons: Vec::new(),
        attested: item.attested.clone(),
    };
    if let Some(since) = &item.later {
        return Answered {
            reasons: vec![format!("it came with version {since}")],
            ..blank
        };
    }
    if let Some(lacks) = &item.lacks {
        return Answered {
            status: Status::NotApplicable,
            reasons: vec![format!("the contract has {lacks}")],
            ..blank
        };
    }
    let proofs = item.proofs.iter();
    let by: Vec<Ground> = proofs.map(|own| ground(own, checks, scenarios)).collect();
    let (status, reasons) = judged(item.vouched, &by, &blank);
    Answered {
        status,
        reasons,
        by,
        ..blank
    }
}

/// What all grounds together, and a person's word where one is wanted, make of an item.
fn judged(vouched: bool, by: &[Ground], blank: &Answered) -> (Status, Vec<String>) {
    let broken = reasons(by, Came::Broken);
    if !broken.is_empty() {
        return (Status::Violated, broken);
    }
    let mut open = reasons(by, Came::Open);
    // What another scenario has shown as well, no target needs every lever for.
    let seen = |ground: &Ground| ground.came == Came::Kept && ground.proof.scenario().is_some();
    if !by.iter().any(seen) {
        open.extend(reasons(by, Came::Skipped));
    }
    if !open.is_empty() {
        return (Status::Inconclusive, open);
    }
    let left_out = by.iter().filter(|own| own.came == Came::LeftOut).count();
    if !vouched && left_out == by.len() {
        return (Status::NotApplicable, reasons(by, Came::LeftOut));
    }
    match (vouched, &blank.attested) {
        (false, _) => (Status::Proven, Vec::new()),
        (true, Some(own)) if !own.expired => (Status::Attested, Vec::new()),
        (true, Some(own)) => {
            let until = own
                .until
                .map_or_else(String::new, |day| format!(" on {day}"));
            let why = format!("the word of {} ended{until}", own.by);
            (Status::Inconclusive, vec![why])
        }
        (true, None) => (Status::Inconclusive, vec!["nobody vouched".to_owned()]),
    }
}

/// Why grounds came to this, each reason once. What is broken is told best by the rule, and what is
/// open by the scenario that would have put it to the test.
fn reasons(by: &[Ground], came: Came) -> Vec<String> {
    let of_it = || by.iter().filter(|ground| ground.came == came);
    let is_first = |ground: &&Ground| ground.proof.scenario().is_some() == (came == Came::Open);
    let ordered = of_it()
        .filter(is_first)
        .chain(of_it().filter(|ground| !is_first(ground)));
    let mut reasons: Vec<String> = Vec::new();
    for why in ordered.filter_map(|ground| ground.why.clone()) {
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }
    reasons
}

fn ground(asked: &Asked, checks: &[Check], scenarios: &[ScenarioResult]) -> Ground {
    let proof = &asked.proof;
    match proof {
        Proof::Rule(id) => by_rule(asked, id, scenarios),
        Proof::Check(name) => by_check(proof, name.as_deref(), checks),
        Proof::Scenario(id) | Proof::Expectation { scenario: id, .. } => {
            by_scenario(proof, id, scenarios)
        }
    }
}

/// A rule proves if something put it to the test and nothing broke it, in any scenario. The
/// never-called proof must hold in every scenario: one that could have hidden a call hid it.
fn by_rule(asked: &Asked, id: &str, scenarios: &[ScenarioResult]) -> Ground {
    let ground = |came: Came, why: Option<String>, scenarios: Vec<String>| Ground {
        proof: asked.proof.clone(),
        came,
        scenarios,
        why,
    };
    if let Some(why) = &asked.left_out {
        return ground(Came::LeftOut, Some(why.clone()), Vec::new());
    }
    let broken = |scenario: &&ScenarioResult| finding(scenario, id).is_some();
    if let Some(first) = scenarios.iter().find(broken) {
        let why = finding(first, id).map(|finding| told(finding, first));
        return ground(Came::Broken, why, ids(scenarios.iter().filter(broken)));
    }
    let kept = |scenario: &&ScenarioResult| tells(scenario) && scenario.shown.kept.contains(id);
    let mut open = scenarios.iter().filter_map(|scenario| {
        let why = scenario.shown.open.get(id)?;
        Some((scenario, why))
    });
    let first_open = open.next();
    let kept = ids(scenarios.iter().filter(kept));
    if !kept.is_empty() && (id != PROOF || first_open.is_none()) {
        return ground(Came::Kept, None, kept);
    }
    let (why, place) = match first_open {
        Some((scenario, why)) => (
            format!("{id} was not judged in {}: {why}", scenario.id),
            vec![scenario.id.clone()],
        ),
        None => (format!("nothing put {id} to the test"), Vec::new()),
    };
    ground(Came::Open, Some(why), place)
}

/// A scenario proves by what it expects, whatever rules were broken in it.
fn by_scenario(proof: &Proof, id: &str, scenarios: &[ScenarioResult]) -> Ground {
    let of_it: Vec<&ScenarioResult> = scenarios.iter().filter(|own| own.id == id).collect();
    let came = |scenario: &ScenarioResult| match proof {
        Proof::Expectation { label, .. } if is_played(scenario) => {
            scenario.shown.expectations.get(label).copied()
        }
        _ => Some(scenario.shown.steps),
    };
    let with = |wanted: Came| {
        let all = of_it.iter().copied();
        all.filter(move |scenario| came(scenario) == Some(wanted))
    };
    for wanted in [Came::Broken, Came::Kept, Came::LeftOut] {
        let counts = |scenario: &&ScenarioResult| wanted != Came::Kept || tells(scenario);
        let Some(first) = with(wanted).find(counts) else {
            continue;
        };
        let why = match wanted {
            Came::Broken => finding(first, STEP).map(|finding| told(finding, first)),
            Came::LeftOut => Some(match first.outcome.verdict.reason() {
                Some(why) if !is_played(first) => why.to_owned(),
                _ => format!("the contract has no part that {proof} is about"),
            }),
            Came::Kept | Came::Open | Came::Skipped => None,
        };
        return Ground {
            proof: proof.clone(),
            came: wanted,
            scenarios: ids(with(wanted)),
            why,
        };
    }
    let first = of_it.first().copied();
    let is_skipped = first.is_some_and(|own| own.shown.steps == Came::Skipped);
    Ground {
        proof: proof.clone(),
        came: if is_skipped {
            Came::Skipped
        } else {
            Came::Open
        },
        scenarios: Vec::new(),
        why: Some(open(proof, id, first, came)),
    }
}

/// A check proves by its exit code: the one of this name, or each that there is.
fn by_check(proof: &Proof, name: Option<&str>, checks: &[Check]) -> Ground {
    // That of the variables is none of the team's own.
    let is_meant = |own: &&Check| name.map_or(own.name != VARIABLES, |name| own.name == name);
    let of_it = || checks.iter().filter(is_meant);
    let said = |check: &Check| {
        let last = check.output.last();
        let last = last.map_or_else(String::new, |line| format!(": {line}"));
        format!("check {} {}{last}", check.name, check.ended)
    };
    let (came, why) = if let Some(red) = of_it().find(|own| own.is_red()) {
        (Came::Broken, Some(said(red)))
    } else if let Some(open) = of_it().find(|own| !own.is_green()) {
        (Came::Open, Some(said(open)))
    } else if of_it().next().is_some() {
        (Came::Kept, None)
    } else {
        let why = match name {
            Some(VARIABLES) => "no target that was played against says where the app's variables stand: \
                 `app-variables`".to_owned(),
            Some(name) => format!(
                "check {name} was not run: it stands in `rehearsal.toml` under `checks`, and `run --checks` runs it"
            ),
            None => "no check was run: they stand in `rehearsal.toml` under `checks`, and `run --checks` runs them".to_owned(),
        };
        (Came::Open, Some(why))
    };
    Ground {
        proof: proof.clone(),
        came,
        scenarios: Vec::new(),
        why,
    }
}

/// Whether its steps were begun.
fn is_played(scenario: &ScenarioResult) -> bool {
    !matches!(scenario.outcome.verdict, Verdict::Skipped(_))
}

/// Whether what was kept in a scenario counts: one that ended in an error proves nothing.
fn tells(scenario: &ScenarioResult) -> bool {
    !matches!(
        scenario.outcome.verdict,
        Verdict::Errored(_) | Verdict::Misconfigured(_) | Verdict::Skipped(_)
    )
}

/// Why nothing is known of what a scenario expects.
fn open(
    proof: &Proof,
    id: &str,
    scenario: Option<&ScenarioResult>,
    came: impl Fn(&ScenarioResult) -> Option<Came>,
) -> String {
    let Some(scenario) = scenario else {
        return format!("{id} was not played");
    };
    let verdict = &scenario.outcome.verdict;
    match (verdict, verdict.reason()) {
        (Verdict::Skipped(why), _) => format!("{id} was skipped: {why}"),
        _ if came(scenario).is_none() && scenario.journal_entries > 0 => {
            format!("{id} has no expectation of that name: {proof}")
        }
        (Verdict::Failed | Verdict::KnownFailure(_), _) => {
            format!("{id} did not come to {proof}, because a step before it did not come true")
        }
        (verdict, Some(why)) => format!("{id} is {}: {why}", verdict.name()),
        (_, None) => format!("{id} did not come to it"),
    }
}

/// What breaks a rule in a scenario, the gravest first.
fn finding<'a>(scenario: &'a ScenarioResult, rule: &str) -> Option<&'a Finding> {
    let mut findings = scenario.outcome.findings.iter();
    findings.find(|own| own.rule == rule && own.severity > Severity::Information)
}

fn told(finding: &Finding, scenario: &ScenarioResult) -> String {
    let (rule, subject) = (&finding.rule, finding.subject.name());
    format!("{rule} ({subject}) in {}: {}", scenario.id, finding.message)
}

fn ids<'a>(scenarios: impl Iterator<Item = &'a ScenarioResult>) -> Vec<String> {
    scenarios.map(|scenario| scenario.id.clone()).collect()
}
