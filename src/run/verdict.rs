//! From findings, proof and mishaps to one verdict per scenario.

use std::collections::BTreeSet;

use crate::domain::verdict::{Finding, STEP, Severity, Subject, Verdict};

/// What is known about a scenario when it is over.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// Violations and information, in any order.
    pub(crate) findings: Vec<Finding>,
    /// Why the environment or the harness failed.
    pub(crate) error: Option<String>,
    /// Why nothing is proven.
    pub(crate) doubts: Vec<String>,
}

/// The verdict. A violation that was seen counts even if something else went wrong later; an error
/// counts before a doubt.
pub(crate) fn verdict(known_failure: Option<&str>, evidence: &Evidence) -> Verdict {
    let violated = evidence
        .findings
        .iter()
        .any(|finding| finding.severity > Severity::Information);
    match known_failure {
        Some(reason) if violated => return Verdict::KnownFailure(reason.to_owned()),
        Some(reason) if evidence.error.is_none() && evidence.doubts.is_empty() => {
            return Verdict::UnexpectedPass(reason.to_owned());
        }
        _ => {}
    }
    if violated {
        Verdict::Failed
    } else if let Some(error) = &evidence.error {
        Verdict::Errored(error.clone())
    } else if !evidence.doubts.is_empty() {
        Verdict::Inconclusive(evidence.doubts.join("; "))
    } else {
        Verdict::Passed
    }
}

/// Puts the gravest first, and lets an unmet step follow the rule that explains it: when every
/// broken rule has one culprit, the step's failure is that culprit's too.
pub(crate) fn arrange(findings: &mut [Finding]) {
    let culprits: BTreeSet<Subject> = findings
        .iter()
        .filter(|finding| finding.is_of_a_rule() && finding.severity > Severity::Information)
        .map(|finding| finding.subject)
        .collect();
    if let (1, Some(culprit)) = (culprits.len(), culprits.first().copied()) {
        for finding in findings.iter_mut().filter(|finding| finding.rule == STEP) {
            finding.subject = culprit;
        }
    }
    findings.sort_by_key(|finding| {
        let first = finding.evidence.first().copied();
        (
            std::cmp::Reverse(finding.severity),
            finding.rule == STEP,
            first,
        )
    });
}
