//! Each time that a scenario was played, as the JSON report tells it.

use serde::Serialize;

use super::millis;
use crate::domain::result::ScenarioResult;
use crate::domain::verdict::{Finding, Verdict};

#[derive(Serialize)]
pub(super) struct AttemptDocument<'a> {
    verdict: &'static str,
    reason: Option<&'a str>,
    duration_virtual_ms: u64,
    duration_wall_ms: u64,
    /// What was found in it, where it was played more than once.
    findings: Vec<SeenDocument<'a>>,
}

/// What was found in one attempt of several, in brief.
#[derive(Serialize)]
struct SeenDocument<'a> {
    rule: &'a str,
    subject: &'static str,
    message: &'a str,
    expected: &'a str,
    observed: &'a str,
}

/// Each time that a scenario was played.
pub(super) fn attempts(scenario: &ScenarioResult) -> Vec<AttemptDocument<'_>> {
    let outcome = &scenario.outcome;
    if matches!(outcome.verdict, Verdict::Skipped(_)) {
        return Vec::new();
    }
    if scenario.attempts.is_empty() {
        return vec![AttemptDocument {
            verdict: outcome.verdict.name(),
            reason: outcome.verdict.reason(),
            duration_virtual_ms: millis(outcome.duration),
            duration_wall_ms: millis(scenario.duration_wall),
            findings: Vec::new(),
        }];
    }
    let attempts = scenario.attempts.iter().map(|attempt| AttemptDocument {
        verdict: attempt.verdict.name(),
        reason: attempt.verdict.reason(),
        duration_virtual_ms: millis(attempt.duration),
        duration_wall_ms: millis(attempt.duration_wall),
        findings: attempt.findings.iter().map(SeenDocument::of).collect(),
    });
    attempts.collect()
}

impl<'a> SeenDocument<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            subject: finding.subject.name(),
            message: &finding.message,
            expected: &finding.expected,
            observed: &finding.observed,
        }
    }
}
