//! The entries of a journal that a report shows: those that findings cite, and those around them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::journal::{Entry, Fact, Journal};
use crate::domain::verdict::Finding;

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
pub(crate) fn excerpt(journal: &mut Journal, findings: &[Finding]) -> Vec<Arc<Entry>> {
    let mut found = journal.find(&wanted(findings), &BTreeSet::new());
    let cited = findings.iter().flat_map(|finding| &finding.evidence);
    let answered = answered(cited.filter_map(|id| found.get(&id.0)));
    if !answered.is_empty() {
        found.extend(journal.find(&BTreeSet::new(), &answered));
    }
    found.into_values().collect()
}
