//! What has a build pulled, as the JSON report has it.

use serde::Serialize;

use super::GroundDocument;
use crate::domain::runbook::{Answer, Build, Exhibit, State, Triggered};

#[derive(Serialize)]
pub(super) struct RollbackDocument<'a> {
    /// Null where no trigger is agreed on.
    build: Option<&'static str>,
    triggers: Vec<TriggerDocument<'a>>,
}

#[derive(Serialize)]
struct TriggerDocument<'a> {
    id: &'a str,
    title: &'a str,
    state: &'static str,
    actions: &'a [String],
    reasons: &'a [String],
    by: Vec<GroundDocument<'a>>,
    evidence: Vec<ExhibitDocument<'a>>,
}

/// A finding that fired a trigger.
#[derive(Serialize)]
struct ExhibitDocument<'a> {
    scenario: &'a str,
    rule: &'a str,
    subject: &'static str,
    message: &'a str,
    entries: Vec<u64>,
    request_ids: &'a [String],
}

impl<'a> RollbackDocument<'a> {
    pub(super) fn of(answer: &'a Answer) -> Self {
        Self {
            build: answer.build().map(|build| match build {
                Build::Pull => "pull",
                Build::Keep => "keep",
                Build::Open => "open",
            }),
            triggers: answer.rollback.iter().map(TriggerDocument::of).collect(),
        }
    }
}

impl<'a> TriggerDocument<'a> {
    fn of(trigger: &'a Triggered) -> Self {
        let exhibit = |own: &'a Exhibit| ExhibitDocument {
            scenario: &own.scenario,
            rule: &own.rule,
            subject: own.subject.name(),
            message: &own.message,
            entries: own.entries.iter().map(|id| id.0).collect(),
            request_ids: &own.request_ids,
        };
        Self {
            id: &trigger.id,
            title: &trigger.title,
            state: match trigger.state {
                State::Fired => "fired",
                State::Quiet => "quiet",
                State::NotJudged => "not-judged",
                State::NotApplicable => "not-applicable",
                State::NotScored => "not-scored",
            },
            actions: &trigger.actions,
            reasons: &trigger.reasons,
            by: trigger.by.iter().map(GroundDocument::of).collect(),
            evidence: trigger.evidence.iter().map(exhibit).collect(),
        }
    }
}
