//! What is kept of a run: a line for each scenario, rule, item of the runbook and figure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Sign;
use crate::domain::class::{Class, classify};
use crate::domain::coverage;
use crate::domain::figures::{Distribution, Figures, Quantile};
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::verdict::{Finding, Severity};
use crate::runfile::Manifest;

/// The longest note on why something came to what it did, in characters.
const LONGEST_NOTE: usize = 300;

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Which run it is.
    pub run: PastRun,
    /// What it came to, line by line.
    pub kept: Vec<Kept>,
}

/// Which run something is known from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastRun {
    /// The name that no other run has.
    pub id: String,
    /// The runs that it was merged from.
    pub parts: Vec<String>,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// The target's name.
    pub target: String,
    /// The contract's name.
    pub contract: String,
    /// The version of the program that wrote it.
    pub rehearsal: String,
    /// SHA-256 of the contract, hex.
    pub contract_hash: String,
    /// SHA-256 of the scenarios, hex.
    pub scenarios_hash: String,
    /// Deliberate misbehaviours, by name.
    pub deviations: Vec<String>,
    /// The word of its verdict.
    pub verdict: String,
    /// The reason that belongs to it.
    pub reason: Option<String>,
    /// How long it took on the wall, in microseconds.
    pub took: u64,
}

/// Of what kind a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A scenario; its value is how long it took on its own clock.
    Scenario,
    /// A rule of the catalogue.
    Rule,
    /// An item of the runbook.
    Item,
    /// Something measured; its value is that.
    Figure,
}

impl Kind {
    /// Every one with its word, in the order in which they are told.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Scenario, "scenario"),
        (Self::Rule, "rule"),
        (Self::Item, "item"),
        (Self::Figure, "figure"),
    ];

    /// The word, for files and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        let own = Self::ALL.iter().find(|(own, _)| *own == self);
        own.map_or("", |(_, word)| word)
    }

    /// The one of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let own = Self::ALL.iter().find(|(_, own)| *own == word);
        own.map(|(own, _)| *own)
    }
}

/// What one thing came to in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Of what kind it is.
    pub kind: Kind,
    /// Its id.
    pub name: String,
    /// What it is about; empty where the id says it.
    pub title: String,
    /// What it came to.
    pub sign: Sign,
    /// Whose fault it is, where it is somebody's.
    pub class: Option<Class>,
    /// Why it came to that, where that needs saying.
    pub note: Option<String>,
    /// What was measured, in microseconds.
    pub value: Option<u64>,
}

impl Past {
    /// What is kept of a run, as its file tells it.
    #[must_use]
    pub fn of(manifest: &Manifest, result: &RunResult) -> Self {
        let mut kept: Vec<Kept> = result.scenarios.iter().map(scenario).collect();
        kept.extend(rules(result));
        kept.extend(items(result));
        kept.extend(figures(&result.figures));
        Self {
            run: run(manifest, result),
            kept,
        }
    }
}

fn run(manifest: &Manifest, result: &RunResult) -> PastRun {
    let deviations = result.quirks.iter().chain(&result.defects);
    PastRun {
        id: manifest.id.clone(),
        parts: manifest.merged.iter().map(|own| own.id.clone()).collect(),
        started: manifest.started,
        target: manifest.target.clone(),
        contract: manifest.contract.name.clone(),
        rehearsal: manifest.rehearsal.clone(),
        contract_hash: manifest.contract.sha256.clone(),
        scenarios_hash: manifest.marks.scenarios.clone(),
        deviations: deviations.cloned().collect(),
        verdict: result.verdict.name().to_owned(),
        reason: result.verdict.reason().map(short),
        took: micros(result.duration_wall),
    }
}

fn scenario(own: &ScenarioResult) -> Kept {
    let outcome = &own.outcome;
    let classified = classify(own);
    let class = classified.as_ref().map(|own| own.class);
    let why = outcome.verdict.reason().map(str::to_owned);
    let why = classified.map(|own| own.evidence).or(why);
    Kept {
        kind: Kind::Scenario,
        name: own.id.clone(),
        title: own.name.clone(),
        sign: Sign::from(&outcome.verdict),
        class,
        note: why.as_deref().map(short),
        value: Some(micros(outcome.duration)).filter(|took| *took > 0),
    }
}

/// Rules that something put to the test, or that could not be judged.
fn rules(result: &RunResult) -> Vec<Kept> {
    let mut broken: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut open: BTreeMap<&str, &str> = BTreeMap::new();
    for own in &result.scenarios {
        let findings = own.outcome.findings.iter();
        for finding in findings.filter(|own| is_broken(own) && own.is_of_a_rule()) {
            broken.entry(&finding.rule).or_default().insert(&own.id);
        }
        for (rule, why) in &own.outcome.not_judged {
            open.entry(rule).or_insert(why);
        }
    }
    let tested = result.coverage.of(coverage::Kind::Rules);
    let tested = tested.filter(|(_, covered)| covered.is_tested());
    let tested: BTreeSet<&str> = tested.map(|(name, _)| name).collect();
    let named: BTreeSet<&str> = broken
        .keys()
        .chain(open.keys())
        .chain(&tested)
        .copied()
        .collect();
    let line = |name: &str| {
        let (sign, note) = match (broken.get(name), open.get(name)) {
            (Some(scenarios), _) => {
                let all: Vec<&str> = scenarios.iter().copied().collect();
                (Sign::Failed, Some(format!("in {}", all.join(", "))))
            }
            (None, _) if tested.contains(name) => (Sign::Passed, None),
            (None, why) => (Sign::Open, why.map(|why| (*why).to_owned())),
        };
        Kept {
            kind: Kind::Rule,
            name: name.to_owned(),
            title: String::new(),
            sign,
            class: None,
            note: note.as_deref().map(short),
            value: None,
        }
    };
    named.into_iter().map(line).collect()
}

fn items(result: &RunResult) -> impl Iterator<Item = Kept> {
    result.runbook.items.iter().map(|item| Kept {
        kind: Kind::Item,
        name: item.id.clone(),
        title: item.title.clone(),
        sign: Sign::from(item.status),
        class: None,
        note: item.reason().as_deref().map(short),
        value: None,
    })
}

fn figures(figures: &Figures) -> Vec<Kept> {
    let mut kept = Vec::new();
    let mut keep = |name: String, times: &Distribution| {
        let value = times.at(Quantile::P95).map(micros);
        kept.extend(value.map(|value| Kept {
            kind: Kind::Figure,
            name,
            title: String::new(),
            sign: Sign::Measured,
            class: None,
            note: None,
            value: Some(value),
        }));
    };
    for (name, route) in &figures.routes {
        keep(format!("latency.{name}"), &route.latency);
    }
    for (name, ages) in &figures.ages {
        keep(format!("freshness.{name}"), ages);
    }
    keep("time-to-fallback".to_owned(), &figures.fallback);
    keep("time-to-return".to_owned(), &figures.comeback);
    keep("kill-latency".to_owned(), &figures.kill);
    kept
}

fn is_broken(finding: &Finding) -> bool {
    finding.severity > Severity::Information
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_NOTE).collect()
}
