//! From run files to a sign-off: shards together, each run once, and people's words as they stand now.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::gather::gathered;
use super::runbook;
use crate::domain::diagnosis;
use crate::domain::result::RunResult;
use crate::domain::runbook::{Answer, Attestation};
use crate::domain::signoff::{Cause, Night, ReadFile};
use crate::domain::verdict::Verdict;
use crate::runfile::{Manifest, Recorded};

/// How long after the first shard of a run the last one may begin.
const TOGETHER: u64 = 6 * 60 * 60;

/// The runs that files are of: each one's files, those of shards together. What is in another file already,
/// by itself or merged, is left out.
#[must_use]
pub fn runs_in(mut files: Vec<Recorded>) -> Vec<Vec<Recorded>> {
    let inside: BTreeSet<String> = files
        .iter()
        .flat_map(|own| own.manifest.merged.iter().map(|one| one.id.clone()))
        .collect();
    files.retain(|own| !own.manifest.merged.is_empty() || !inside.contains(&own.manifest.id));
    // Of two copies the one that says more.
    files.sort_by_key(|own| {
        (
            own.manifest.started,
            own.manifest.id.clone(),
            own.end.is_none(),
            own.flaw.is_some(),
        )
    });
    let mut known = BTreeSet::new();
    files.retain(|own| known.insert(played(&own.manifest)));
    let mut runs: Vec<Vec<Recorded>> = Vec::new();
    for file in files {
        let fits = |run: &&mut Vec<Recorded>| {
            run.first().is_some_and(|first| {
                let later = file.manifest.started.abs_diff(first.manifest.started);
                later <= TOGETHER
                    && first.manifest.differences(&file.manifest).is_empty()
                    && run
                        .iter()
                        .all(|own| are_parts(&own.manifest, &file.manifest))
            })
        };
        match runs.iter_mut().find(fits) {
            Some(run) => run.push(file),
            None => runs.push(vec![file]),
        }
    }
    runs
}

/// Whether two runs may be parts of one: they say so, or what was dealt out by hand to one of them was not
/// to the other. Two whole runs of one evening are two, though nothing else tells them apart.
fn are_parts(one: &Manifest, other: &Manifest) -> bool {
    if one.shard.is_some() && other.shard.is_some() {
        return true;
    }
    let selected = |own: &Manifest| -> BTreeSet<String> {
        let selected = own.scenarios.iter().filter(|own| own.selected);
        selected.map(|own| own.id.clone()).collect()
    };
    selected(one).is_disjoint(&selected(other))
}

/// By what a run is known, whichever file it stands in.
fn played(manifest: &Manifest) -> Vec<String> {
    let mut ids: Vec<String> = manifest.merged.iter().map(|own| own.id.clone()).collect();
    if ids.is_empty() {
        ids.push(manifest.id.clone());
    }
    ids.sort();
    ids
}

/// What a run came to, for a sign-off with these words of people. `files` are those that it was read from.
#[must_use]
pub fn night_of(run: &Recorded, words: &[Attestation], files: Vec<ReadFile>) -> Night {
    let result = gathered(run);
    let manifest = &run.manifest;
    let causes = diagnosis::of_run(&result).into_iter().map(|own| Cause {
        rule: own.rule.to_owned(),
        subject: own.subject,
        scenarios: own.scenarios.iter().map(|id| (*id).to_owned()).collect(),
    });
    Night {
        run: manifest.id.clone(),
        day: day_of(manifest.started),
        started: manifest.started,
        files,
        hashes: manifest.hashes(),
        versions: versions(manifest),
        verdict: result.verdict.clone(),
        partial: partial(run, &result),
        misbehaving: [&manifest.quirks[..], &manifest.defects[..]].concat(),
        causes: causes.collect(),
        not_judged: not_judged(&result),
        answer: answered_now(run, result, words),
    }
}

/// The day on which a moment is, in UTC.
#[must_use]
pub fn day_of(unix: u64) -> Date {
    let seconds = i64::try_from(unix).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(TimeZone::UTC).date()
}

fn versions(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    let contract = &manifest.contract;
    let marks = &manifest.marks;
    vec![
        ("harness", format!("rehearsal {}", manifest.rehearsal)),
        (
            "contract",
            format!("“{}” ({})", contract.name, short(&contract.sha256)),
        ),
        ("suite", format!("({})", short(&marks.scenarios))),
        (
            "world",
            marks
                .world
                .as_deref()
                .map_or_else(|| "none".to_owned(), |own| format!("({})", short(own))),
        ),
        ("runbook", marks.runbook.clone()),
    ]
}

fn partial(run: &Recorded, result: &RunResult) -> Option<String> {
    if result.interrupted {
        return Some("a person stopped it".to_owned());
    }
    run.flaw.as_ref().map(ToString::to_string)
}

/// Rules that nothing kept and that could not be judged.
fn not_judged(result: &RunResult) -> Vec<(String, String)> {
    let kept = |rule: &String| {
        result
            .scenarios
            .iter()
            .any(|own| own.shown.kept.contains(rule))
    };
    let mut all: Vec<(String, String)> = Vec::new();
    for (rule, why) in result
        .scenarios
        .iter()
        .flat_map(|own| &own.outcome.not_judged)
    {
        if !kept(rule) && !all.iter().any(|(own, _)| own == rule) {
            all.push((rule.clone(), why.clone()));
        }
    }
    all
}

/// What the run says of the runbook, with the words of people as they stand now: one that was taken back
/// since counts for no night.
fn answered_now(run: &Recorded, result: RunResult, words: &[Attestation]) -> Answer {
    let Some(basis) = &run.basis else {
        return result.runbook;
    };
    let mut basis = basis.clone();
    for claim in &mut basis.items {
        let mut own = words.iter().filter(|word| {
            let of_it = word.runbook.as_ref().is_none_or(|name| *name == basis.name);
            of_it && word.item == claim.id
        });
        claim.attested = own.next().cloned();
    }
    let mut scenarios = result.scenarios;
    if result.interrupted {
        scenarios.retain(|own| !matches!(own.outcome.verdict, Verdict::Skipped(_)));
    }
    runbook::answer(&basis, &scenarios)
}
