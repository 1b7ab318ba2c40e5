//! From findings, proof and mishaps to one verdict per scenario.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::journal::{Entry, EntryId, Fact, Journal};
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

/// How many entries before and after a cited one are shown with it.
const AROUND: u64 = 2;

/// The numbers of the entries that findings cite, and of those around them.
pub(crate) fn wanted(findings: &[Finding]) -> BTreeSet<u64> {
    findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .flat_map(|id| id.0.saturating_sub(AROUND)..=id.0.saturating_add(AROUND))
        .collect()
}

/// The exchanges that these entries end. An answer says little without its request.
pub(crate) fn answered<'a>(entries: impl Iterator<Item = &'a Arc<Entry>>) -> BTreeSet<u64> {
    entries
        .filter_map(|entry| match &entry.fact {
            Fact::Answer(answer) => Some(answer.exchange),
            Fact::Lost { exchange, .. } => Some(*exchange),
            _ => None,
        })
        .collect()
}

/// The entries that findings cite and those around them, in order, and the requests of the answers
/// among the cited ones, wherever they stand.
pub(crate) fn excerpt(journal: &Journal, findings: &[Finding]) -> Vec<Arc<Entry>> {
    let mut wanted = wanted(findings);
    let cited = findings.iter().flat_map(|finding| &finding.evidence);
    let answered = answered(cited.filter_map(|id| journal.get(*id)));
    if !answered.is_empty() {
        wanted.extend(journal.entries().filter_map(|entry| match &entry.fact {
            Fact::Request(request) if answered.contains(&request.exchange) => Some(entry.id.0),
            _ => None,
        }));
    }
    wanted
        .into_iter()
        .filter_map(|id| journal.get(EntryId(id)).cloned())
        .collect()
}
