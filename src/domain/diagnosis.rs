//! Which findings have one cause: ten symptoms of one mistake are one headline.
//!
//! Findings of one scenario belong together when they blame the same side and cite the same
//! entries or requests: the same bytes broke several rules. An expectation that did not come true
//! belongs to the broken rule that was seen nearest to it, since a screen that never came is seldom
//! a second mistake.

use super::journal::EntryId;
use super::result::RunResult;
use super::verdict::{Finding, Severity, Subject};

/// A finding that may be the cause of others; both by their places in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The finding to begin with.
    pub root: usize,
    /// What probably follows from it, in the list's order.
    pub symptoms: Vec<usize>,
}

/// The likely causes among the findings of one scenario, in the list's order. Every finding is the
/// root or a symptom of exactly one. A forbidden write and a remark are always their own.
#[must_use]
pub fn causes(findings: &[Finding]) -> Vec<Cause> {
    let mut roots: Vec<usize> = (0..findings.len()).collect();
    for symptom in 0..findings.len() {
        let candidates = (0..findings.len()).filter(|root| may_cause(findings, *root, symptom));
        // The first of those that share something, else of those that were seen during the step.
        let shared = candidates
            .clone()
            .filter(|root| share(&findings[*root], &findings[symptom]))
            .min_by_key(|root| rank(findings, *root));
        let root = shared.or_else(|| {
            let step = Some(&findings[symptom]).filter(|step| !step.is_of_a_rule())?;
            candidates.min_by_key(|root| distance(&findings[*root], step))
        });
        roots[symptom] = root.unwrap_or(symptom);
    }
    let top = |mut at: usize| {
        // Causes rank strictly before their symptoms, so this ends.
        while roots[at] != at {
            at = roots[at];
        }
        at
    };
    let mut causes: Vec<Cause> = Vec::new();
    for root in (0..findings.len()).filter(|at| roots[*at] == *at) {
        let symptoms = (0..findings.len()).filter(|at| *at != root && top(*at) == root);
        causes.push(Cause {
            root,
            symptoms: symptoms.collect(),
        });
    }
    causes
}

/// A rule that is a likely cause in some scenarios of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCause<'a> {
    /// The rule's id.
    pub rule: &'a str,
    /// Who broke it.
    pub subject: Subject,
    /// The ids of the scenarios in which it is a root.
    pub scenarios: Vec<&'a str>,
}

/// The likely causes of everything that failed in a run, those of most scenarios first.
#[must_use]
pub fn of_run(result: &RunResult) -> Vec<RunCause<'_>> {
    let mut found: Vec<RunCause<'_>> = Vec::new();
    for scenario in &result.scenarios {
        let findings = &scenario.outcome.findings;
        for cause in causes(findings) {
            let root = &findings[cause.root];
            if root.severity == Severity::Information {
                continue;
            }
            let known = found
                .iter_mut()
                .find(|known| known.rule == root.rule && known.subject == root.subject);
            match known {
                Some(known) if known.scenarios.last() == Some(&scenario.id.as_str()) => {}
                Some(known) => known.scenarios.push(&scenario.id),
                None => found.push(RunCause {
                    rule: &root.rule,
                    subject: root.subject,
                    scenarios: vec![&scenario.id],
                }),
            }
        }
    }
    found.sort_by_key(|cause| std::cmp::Reverse(cause.scenarios.len()));
    found
}

/// Whether one finding can be the cause of another at all: it comes first, blames the same side,
/// and is the word of a rule.
fn may_cause(findings: &[Finding], root: usize, symptom: usize) -> bool {
    let (cause, effect) = (&findings[root], &findings[symptom]);
    cause.is_of_a_rule()
        && cause.subject == effect.subject
        && cause.severity > Severity::Information
        && effect.severity == Severity::Violation
        && rank(findings, root) < rank(findings, symptom)
}

/// The gravest first, rules before expectations, then what was seen first.
fn rank(findings: &[Finding], at: usize) -> impl Ord + use<> {
    let finding = &findings[at];
    (
        std::cmp::Reverse(finding.severity),
        !finding.is_of_a_rule(),
        finding.evidence.first().copied(),
        at,
    )
}

fn share(one: &Finding, other: &Finding) -> bool {
    let of_both = |id: &EntryId| other.evidence.contains(id);
    let asked_by_both = |id: &String| other.request_ids.contains(id);
    one.evidence.iter().any(of_both) || one.request_ids.iter().any(asked_by_both)
}

/// How far what a rule saw is from a step: by what it saw first since the step began, else by what
/// it saw last before.
fn distance(cause: &Finding, step: &Finding) -> (bool, u64) {
    let began = step.evidence.first().map_or(0, |id| id.0);
    let seen = || cause.evidence.iter().map(|id| id.0);
    match seen().filter(|id| *id >= began).min() {
        Some(during) => (false, during - began),
        None => (true, began - seen().max().unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, subject: Subject, evidence: &[u64]) -> Finding {
        Finding {
            rule: rule.to_owned(),
            subject,
            message: String::new(),
            expected: String::new(),
            observed: String::new(),
            evidence: evidence.iter().copied().map(EntryId).collect(),
            request_ids: Vec::new(),
            severity: Severity::Violation,
        }
    }

    fn cause(root: usize, symptoms: &[usize]) -> Cause {
        Cause {
            root,
            symptoms: symptoms.to_vec(),
        }
    }

    #[test]
    fn rules_that_cite_the_same_entries_have_one_cause_also_through_a_third() {
        let findings = [
            finding("SESSION-1", Subject::App, &[4, 9]),
            finding("SESSION-2", Subject::App, &[9, 12]),
            finding("NET-2", Subject::App, &[12, 20]),
            finding("SYNC-3", Subject::App, &[30]),
        ];
        assert_eq!(causes(&findings), [cause(0, &[1, 2]), cause(3, &[])]);
    }

    #[test]
    fn an_expectation_follows_from_what_was_seen_while_it_was_waited_for_or_else_just_before() {
        let findings = [
            finding("KILL-4", Subject::App, &[10]),
            finding("SYNC-1", Subject::App, &[20]),
            finding("SYNC-2", Subject::App, &[90]),
            finding("STEP", Subject::App, &[15, 40]),
        ];
        let found = causes(&findings);
        assert_eq!(found, [cause(0, &[]), cause(1, &[3]), cause(2, &[])]);
        let earlier = [
            finding("KILL-4", Subject::App, &[3, 10]),
            finding("SYNC-1", Subject::App, &[4, 6]),
            finding("STEP", Subject::App, &[15, 40]),
        ];
        assert_eq!(causes(&earlier), [cause(0, &[2]), cause(1, &[])]);
    }

    #[test]
    fn nobody_answers_for_the_other_side_and_forbidden_writes_stand_alone() {
        let mut findings = [
            finding("SCOPE-1", Subject::App, &[5]),
            finding("SCOPE-3", Subject::App, &[5]),
            finding("SYNC-13", Subject::Backend, &[5]),
            finding("STEP", Subject::Backend, &[6]),
            finding("SCOPE-1", Subject::App, &[5, 7]),
        ];
        findings[0].severity = Severity::ForbiddenWrite;
        findings[4].severity = Severity::ForbiddenWrite;
        let found = causes(&findings);
        assert_eq!(found, [cause(0, &[1]), cause(2, &[3]), cause(4, &[])]);
    }

    #[test]
    fn requests_in_common_are_enough_and_remarks_cause_nothing() {
        let mut findings = [
            finding("NET-1", Subject::App, &[1]),
            finding("NET-2", Subject::App, &[2]),
            finding("STEP", Subject::App, &[9]),
        ];
        for finding in &mut findings[..2] {
            finding.request_ids.push("req-7".to_owned());
        }
        assert_eq!(causes(&findings), [cause(0, &[1, 2])]);
        findings[0].severity = Severity::Information;
        assert_eq!(causes(&findings), [cause(0, &[]), cause(1, &[2])]);
    }
}
