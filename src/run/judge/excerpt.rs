//! The entries that findings cite, found again in the file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reader::Reader;
use crate::domain::journal::{Entry, EntryId};
use crate::domain::verdict::Finding;
use crate::run::excerpt;

/// The entries that findings cite and those around them. A request may stand anywhere before its
/// answer, so requests are looked for by their exchange in a second round.
pub(super) fn excerpt(reader: &mut Reader, findings: &[Finding]) -> Vec<Arc<Entry>> {
    let wanted = excerpt::wanted(findings);
    let Some(last) = wanted.last().copied() else {
        return Vec::new();
    };
    let mut found: BTreeMap<u64, Arc<Entry>> = BTreeMap::new();
    let mut first = None;
    // A file that was read once and cannot be read again leaves a report without its excerpt.
    let _ = reader.lines(|number, line| {
        let first = *first.get_or_insert_with(|| {
            let entry: Option<Entry> = serde_json::from_slice(line).ok();
            entry.map_or(1, |entry| entry.id.0).wrapping_sub(number)
        });
        let id = number.wrapping_add(first);
        if wanted.contains(&id)
            && let Ok(entry) = serde_json::from_slice::<Entry>(line)
        {
            found.insert(id, Arc::new(entry));
        }
        id < last
    });
    let cited = findings.iter().flat_map(|finding| &finding.evidence);
    let answered = excerpt::answered(cited.filter_map(|id: &EntryId| found.get(&id.0)));
    let mut patterns: Vec<String> = answered
        .iter()
        .map(|exchange| format!("{{\"request\":{{\"exchange\":{exchange},"))
        .collect();
    if !patterns.is_empty() {
        let _ = reader.lines(|_, line| {
            let head = String::from_utf8_lossy(&line[..line.len().min(HEAD)]);
            if let Some(at) = patterns.iter().position(|pattern| head.contains(pattern)) {
                patterns.swap_remove(at);
                if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
                    found.insert(entry.id.0, Arc::new(entry));
                }
            }
            !patterns.is_empty()
        });
    }
    found.into_values().collect()
}

/// Where the exchange of a request stands at the latest, in a line as this program writes it.
const HEAD: usize = 128;
