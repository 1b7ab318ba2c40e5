//! What must never be called: every write that is known and belongs to no session.

use std::collections::BTreeSet;

use crate::import::api::{Api, Operation};
use crate::import::draft::Draft;

/// How many forbidden requests are written one by one.
const LISTED: usize = 60;

/// Every write that is known, so that calling one is worse than calling something unknown.
pub(super) fn forbid(api: &Api, draft: &mut Draft, taken: &BTreeSet<usize>) {
    let writes: Vec<&Operation> = api
        .operations
        .iter()
        .enumerate()
        .filter(|(at, own)| {
            !taken.contains(at)
                && !["GET", "HEAD", "OPTIONS", "TRACE"].contains(&own.method.as_str())
        })
        .map(|(_, own)| own)
        .collect();
    let declared: Vec<(String, String)> = [&draft.session.sign_in]
        .into_iter()
        .chain(draft.session.refresh.iter().map(|(own, _)| own))
        .chain(&draft.session.sign_out)
        .map(|own| (own.method.clone(), own.path.clone()))
        .collect();
    let mut patterns: BTreeSet<String> = BTreeSet::new();
    let mut ordered = Vec::new();
    for own in writes.iter().filter(|own| !own.path.contains(['*', ' '])) {
        let mut pattern = format!("{} {} {}", own.method, own.service, holes(&own.path));
        if writes.len() > LISTED {
            let first: Vec<&str> = own
                .path
                .split('/')
                .skip(1)
                .take_while(|part| !part.contains('{'))
                .take(2)
                .collect();
            let base = format!("/{}", first.join("/"));
            let is_free = !first.is_empty()
                && !declared
                    .iter()
                    .any(|(method, path)| *method == own.method && path.starts_with(&base));
            if is_free {
                pattern = format!("{} {} {base}/**", own.method, own.service);
            }
        }
        let is_declared = declared
            .iter()
            .any(|(method, path)| *method == own.method && alike(&holes(&own.path), path));
        if !is_declared && patterns.insert(pattern.clone()) {
            ordered.push(pattern);
        }
    }
    // What a wider one forbids need not be said again.
    let is_covered = |own: &String| {
        ordered.iter().any(|wider| {
            let base = wider.strip_suffix("**");
            wider != own && base.is_some_and(|base| own.starts_with(base))
        })
    };
    let kept = ordered.iter().filter(|own| !is_covered(own));
    draft.forbid = kept.cloned().collect();
}

/// A path whose parameters are segments of their own; what only holds one is any segment.
fn holes(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| match part.contains(['{', '}', '(', ')', ';']) {
            true => "*",
            false => part,
        });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether a path with holes can be this one.
fn alike(holes: &str, path: &str) -> bool {
    let (own, other): (Vec<&str>, Vec<&str>) =
        (holes.split('/').collect(), path.split('/').collect());
    own.len() == other.len()
        && own
            .iter()
            .zip(other)
            .all(|(own, other)| *own == "*" || *own == other)
}
