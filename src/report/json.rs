//! The report for programs: one JSON document, versioned, described in `docs/REPORT.md`.
//!
//! The document types are this file's own, so that the model of a run can change without breaking
//! whoever reads reports. Keys are only ever added within a version.

mod attempt;
pub(super) mod changes;
mod rollback;

use serde::Serialize;

use attempt::{AttemptDocument, attempts};
use changes::{ChangesDocument, ClassDocument};
use rollback::RollbackDocument;

use super::timeline::Timeline;
use super::title;
use crate::domain::coverage::Coverage;
use crate::domain::diagnosis;
use crate::domain::figures::Written;
use crate::domain::journal::Entry;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::{
    Answer, Answered, Attestation, Check, CheckEnd, Ground, Group, Status,
};
use crate::domain::verdict::{Finding, ScopeTally};
use crate::rules::{self, RuleInfo};

/// The version of the document.
const VERSION: u32 = 2;

/// The whole document, with a line break at its end.
#[must_use]
pub fn render(result: &RunResult) -> Vec<u8> {
    let document = Document::of(result);
    // Every key is a text and no type fails to serialize, so there is always a document.
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    rehearsal: &'static str,
    rollback: RollbackDocument<'a>,
    seed: u64,
    target: &'a str,
    virtual_time: bool,
    quirks: &'a [String],
    defects: &'a [String],
    verdict: &'static str,
    reason: Option<&'a str>,
    interrupted: bool,
    duration_wall_ms: u64,
    /// Absent where no earlier run is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangesDocument<'a>>,
    causes: Vec<CauseDocument<'a>>,
    scenarios: Vec<ScenarioDocument<'a>>,
    runbook: RunbookDocument<'a>,
    scope: ScopeDocument,
    figures: Written,
    coverage: &'a Coverage,
}

/// A rule that is the likely cause of what failed.
#[derive(Serialize)]
struct CauseDocument<'a> {
    rule: &'a str,
    subject: &'static str,
    scenarios: Vec<&'a str>,
}

#[derive(Serialize)]
struct ScenarioDocument<'a> {
    id: &'a str,
    name: &'a str,
    file: &'a str,
    runbook: &'a [String],
    verdict: &'static str,
    reason: Option<&'a str>,
    class: Option<ClassDocument>,
    attempts: Vec<AttemptDocument<'a>>,
    duration_virtual_ms: u64,
    duration_wall_ms: u64,
    findings: Vec<FindingDocument<'a>>,
    not_judged: Vec<NotJudgedDocument<'a>>,
    remarks: Vec<RemarkDocument<'a>>,
    levers: &'a [String],
    scope: ScopeDocument,
    journal_entries: u64,
    excerpt: Vec<EntryDocument>,
    figures: Written,
}

#[derive(Serialize)]
struct FindingDocument<'a> {
    rule: &'a str,
    title: Option<String>,
    subject: &'static str,
    severity: &'static str,
    /// The place, in the same list, of the finding that is its likely cause.
    symptom_of: Option<usize>,
    message: &'a str,
    expected: &'a str,
    observed: &'a str,
    source: Option<String>,
    fix: Option<String>,
    evidence: Vec<EntryDocument>,
    request_ids: &'a [String],
}

#[derive(Serialize)]
struct NotJudgedDocument<'a> {
    rule: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct RemarkDocument<'a> {
    about: &'a str,
    remark: &'a str,
}

/// One journal entry. Time and line are null when the entry is not part of the excerpt.
#[derive(Serialize)]
struct EntryDocument {
    id: u64,
    at_us: Option<u64>,
    line: Option<String>,
}

#[derive(Serialize)]
struct RunbookDocument<'a> {
    name: &'a str,
    version: &'a str,
    published: bool,
    groups: Vec<GroupDocument<'a>>,
    items: Vec<ItemDocument<'a>>,
    checks: Vec<CheckDocument<'a>>,
}

/// What came of a check of the team's own project.
#[derive(Serialize)]
struct CheckDocument<'a> {
    name: &'a str,
    command: &'a str,
    ended: String,
    /// Absent where it did not end by itself.
    exit_code: Option<i32>,
    duration_wall_ms: u64,
    output: &'a [String],
}

#[derive(Serialize)]
struct GroupDocument<'a> {
    id: &'a str,
    title: &'a str,
}

#[derive(Serialize)]
struct ItemDocument<'a> {
    id: &'a str,
    title: &'a str,
    group: &'a str,
    status: &'static str,
    by: Vec<GroundDocument<'a>>,
    reason: Option<String>,
    attested: Option<AttestationDocument<'a>>,
}

/// Something that proves an item.
#[derive(Serialize)]
struct GroundDocument<'a> {
    kind: &'static str,
    name: String,
    came: &'static str,
    scenarios: &'a [String],
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct AttestationDocument<'a> {
    by: &'a str,
    note: &'a str,
    on: String,
    until: Option<String>,
    expired: bool,
}

#[derive(Serialize)]
struct ScopeDocument {
    requests_judged: u64,
    frames_judged: u64,
    forbidden: u64,
    undeclared: u64,
    canary_caught: bool,
    canaries_sent: u64,
    canaries_caught: u64,
}

impl<'a> Document<'a> {
    fn of(result: &'a RunResult) -> Self {
        Self {
            version: VERSION,
            rehearsal: env!("CARGO_PKG_VERSION"),
            rollback: RollbackDocument::of(&result.runbook),
            seed: result.seed,
            target: &result.target,
            virtual_time: result.virtual_time,
            quirks: &result.quirks,
            defects: &result.defects,
            verdict: result.verdict.name(),
            reason: result.verdict.reason(),
            interrupted: result.interrupted,
            duration_wall_ms: millis(result.duration_wall),
            changes: result.changes.as_ref().map(ChangesDocument::of),
            causes: diagnosis::of_run(result)
                .into_iter()
                .map(|cause| CauseDocument {
                    rule: cause.rule,
                    subject: cause.subject.name(),
                    scenarios: cause.scenarios,
                })
                .collect(),
            scenarios: result.scenarios.iter().map(ScenarioDocument::of).collect(),
            runbook: RunbookDocument::of(&result.runbook),
            scope: ScopeDocument::of(result.scope),
            figures: Written::from(&result.figures),
            coverage: &result.coverage,
        }
    }
}

impl<'a> ScenarioDocument<'a> {
    fn of(scenario: &'a ScenarioResult) -> Self {
        let outcome = &scenario.outcome;
        let timeline = Timeline::new(&scenario.excerpt);
        let mut roots = vec![None; outcome.findings.len()];
        for cause in diagnosis::causes(&outcome.findings) {
            for symptom in cause.symptoms {
                roots[symptom] = Some(cause.root);
            }
        }
        Self {
            id: &scenario.id,
            name: &scenario.name,
            file: &scenario.file,
            runbook: &scenario.runbook,
            verdict: outcome.verdict.name(),
            reason: outcome.verdict.reason(),
            class: ClassDocument::of(scenario),
            attempts: attempts(scenario),
            duration_virtual_ms: millis(outcome.duration),
            duration_wall_ms: millis(scenario.duration_wall),
            findings: outcome
                .findings
                .iter()
                .zip(roots)
                .map(|(finding, root)| FindingDocument {
                    symptom_of: root,
                    ..FindingDocument::of(finding, &timeline)
                })
                .collect(),
            not_judged: outcome
                .not_judged
                .iter()
                .map(|(rule, reason)| NotJudgedDocument { rule, reason })
                .collect(),
            remarks: outcome
                .remarks
                .iter()
                .map(|(about, remark)| RemarkDocument { about, remark })
                .collect(),
            levers: &scenario.levers,
            scope: ScopeDocument::of(outcome.scope),
            journal_entries: scenario.journal_entries,
            excerpt: timeline
                .entries()
                .map(|entry| EntryDocument::of(entry, &timeline))
                .collect(),
            figures: Written::from(&scenario.figures),
        }
    }
}

impl<'a> FindingDocument<'a> {
    fn of(finding: &'a Finding, timeline: &Timeline<'_>) -> Self {
        let evidence = finding.evidence.iter().map(|id| match timeline.get(*id) {
            Some(entry) => EntryDocument::of(entry, timeline),
            None => EntryDocument {
                id: id.0,
                at_us: None,
                line: None,
            },
        });
        let rule = rules::find(&finding.rule);
        Self {
            rule: &finding.rule,
            symptom_of: None,
            source: rule.map(RuleInfo::source),
            fix: rule.map(RuleInfo::fix),
            title: title(&finding.rule),
            subject: finding.subject.name(),
            severity: finding.severity.name(),
            message: &finding.message,
            expected: &finding.expected,
            observed: &finding.observed,
            evidence: evidence.collect(),
            request_ids: &finding.request_ids,
        }
    }
}

impl EntryDocument {
    fn of(entry: &Entry, timeline: &Timeline<'_>) -> Self {
        Self {
            id: entry.id.0,
            at_us: Some(u64::try_from(entry.at.as_micros()).unwrap_or(u64::MAX)),
            line: Some(timeline.line(entry)),
        }
    }
}

impl<'a> RunbookDocument<'a> {
    fn of(answer: &'a Answer) -> Self {
        let group = |group: &'a Group| GroupDocument {
            id: &group.id,
            title: &group.title,
        };
        Self {
            name: &answer.name,
            version: &answer.version,
            published: answer.published,
            groups: answer.groups.iter().map(group).collect(),
            items: answer.items.iter().map(ItemDocument::of).collect(),
            checks: answer.checks.iter().map(CheckDocument::of).collect(),
        }
    }
}

impl<'a> CheckDocument<'a> {
    fn of(check: &'a Check) -> Self {
        Self {
            name: &check.name,
            command: &check.command,
            ended: check.ended.to_string(),
            exit_code: match check.ended {
                CheckEnd::Exited(code) => Some(code),
                _ => None,
            },
            duration_wall_ms: millis(check.duration),
            output: &check.output,
        }
    }
}

impl<'a> GroundDocument<'a> {
    fn of(ground: &'a Ground) -> Self {
        Self {
            kind: ground.proof.kind(),
            name: ground.proof.to_string(),
            came: ground.came.name(),
            scenarios: &ground.scenarios,
            why: ground.why.as_deref(),
        }
    }
}

impl<'a> ItemDocument<'a> {
    fn of(item: &'a Answered) -> Self {
        let attested = |own: &'a Attestation| AttestationDocument {
            by: &own.by,
            note: &own.note,
            on: own.on.to_string(),
            until: own.until.map(|day| day.to_string()),
            expired: own.expired,
        };
        Self {
            id: &item.id,
            title: &item.title,
            group: &item.group,
            status: match item.status {
                Status::Proven => "proven",
                Status::Violated => "violated",
                Status::Inconclusive => "inconclusive",
                Status::Attested => "attested",
                Status::NotApplicable => "not-applicable",
                Status::NotScored => "not-scored",
            },
            by: item.by.iter().map(GroundDocument::of).collect(),
            reason: item.reason(),
            attested: item.attested.as_ref().map(attested),
        }
    }
}

impl ScopeDocument {
    fn of(tally: ScopeTally) -> Self {
        Self {
            requests_judged: tally.requests_judged,
            frames_judged: tally.frames_judged,
            forbidden: tally.forbidden,
            undeclared: tally.undeclared,
            // Nothing caught of nothing sent is no proof.
            canary_caught: tally.canaries_sent > 0 && tally.canaries_caught == tally.canaries_sent,
            canaries_sent: tally.canaries_sent,
            canaries_caught: tally.canaries_caught,
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn document(result: &RunResult) -> serde_json::Value {
        serde_json::from_slice(&render(result)).unwrap()
    }

    #[test]
    fn a_run_with_every_kind_of_scenario_is_written_in_full() {
        let mut document = document(&samples::mixed());
        document["rehearsal"] = "its version".into();
        insta::assert_json_snapshot!(document);
    }

    #[test]
    fn the_published_schema_knows_every_key_that_is_written() {
        let schema = include_str!("../../docs/schemas/report.json");
        let schema = samples::closed(serde_json::from_str(schema).unwrap());
        for result in [samples::mixed(), samples::passed()] {
            samples::assert_valid(&schema, &document(&result));
        }
    }

    #[test]
    fn a_canary_that_was_never_sent_is_not_caught() {
        let mut result = samples::passed();
        result.scope.canaries_sent = 0;
        result.scope.canaries_caught = 0;
        assert_eq!(document(&result)["scope"]["canary_caught"], false);
        assert_eq!(document(&samples::passed())["scope"]["canary_caught"], true);
    }

    #[test]
    fn a_skipped_scenario_has_no_attempt() {
        let result = samples::mixed();
        let skipped = document(&result)["scenarios"]
            .as_array()
            .unwrap()
            .iter()
            .find(|scenario| scenario["verdict"] == "skipped")
            .cloned()
            .unwrap();
        assert_eq!(skipped["attempts"], serde_json::json!([]));
    }
}
