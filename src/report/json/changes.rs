//! Whose fault a failure is, and what a run changes against those before it, as the report has it.

use serde::Serialize;

use crate::domain::changes::{Change, Changes};
use crate::domain::class::{Class, classify};
use crate::domain::result::ScenarioResult;
use crate::report::changes::moment;

#[derive(Serialize)]
pub(super) struct ClassDocument {
    name: &'static str,
    evidence: String,
}

#[derive(Serialize)]
pub(in crate::report) struct ChangesDocument<'a> {
    before: BeforeDocument<'a>,
    new: Vec<ChangeDocument<'a>>,
    fixed: Vec<ChangeDocument<'a>>,
    still: Vec<ChangeDocument<'a>>,
}

#[derive(Serialize)]
struct BeforeDocument<'a> {
    id: &'a str,
    started: String,
    verdict: &'a str,
    since: String,
}

#[derive(Serialize)]
struct ChangeDocument<'a> {
    kind: &'static str,
    id: &'a str,
    since: String,
    class: Option<&'static str>,
    evidence: Option<&'a str>,
}

impl ClassDocument {
    pub(super) fn of(scenario: &ScenarioResult) -> Option<Self> {
        classify(scenario).map(|own| Self {
            name: own.class.word(),
            evidence: own.evidence,
        })
    }
}

impl<'a> ChangesDocument<'a> {
    pub(in crate::report) fn of(changes: &'a Changes) -> Self {
        let all = |all: &'a [Change]| all.iter().map(ChangeDocument::of).collect();
        let before = &changes.before;
        Self {
            before: BeforeDocument {
                id: &before.id,
                started: moment(before.started),
                verdict: &before.verdict,
                since: moment(before.since),
            },
            new: all(&changes.new),
            fixed: all(&changes.fixed),
            still: all(&changes.still),
        }
    }
}

impl<'a> ChangeDocument<'a> {
    fn of(change: &'a Change) -> Self {
        Self {
            kind: change.what.word(),
            id: &change.id,
            since: moment(change.since),
            class: change.class.map(Class::word),
            evidence: change.evidence.as_deref(),
        }
    }
}
