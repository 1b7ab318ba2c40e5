//! Several run files into one: shards in any order, partial or twice.
//!
//! Blocks are copied as they stand, so nothing is judged or written anew, and a journal of days needs
//! no more memory than its longest block.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::block::Head;
use super::manifest::{Listed, Manifest, Played};
use super::read::{Placed, Recorded};
use super::write::Writer;
use crate::domain::result::ScenarioResult;
use crate::domain::verdict::Verdict;

/// What came of a merge.
#[derive(Debug)]
pub struct Merged {
    /// The new file, which lacks only what all came to.
    pub writer: Writer,
    /// Scenarios that some run was to play and of which none has a result.
    pub missing: Vec<String>,
    /// Scenarios that fall to shards which are not among these runs.
    pub elsewhere: Vec<String>,
    /// Shards that are missing, that came more than once, and that were cut differently, in words.
    pub shards: Vec<String>,
    /// Scenarios that are usually played and that no run was to play.
    pub unasked: Vec<String>,
    /// Scenarios that several runs have played; the gravest result is kept.
    pub twice: Vec<String>,
}

/// Why files cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum Unmergeable {
    /// They are of different things.
    #[error("{} and {} are not parts of one run: {}", first.display(), other.display(), differences.join(", "))]
    Different {
        /// One file.
        first: PathBuf,
        /// Another.
        other: PathBuf,
        /// In what they differ.
        differences: Vec<String>,
    },
    /// A file cannot be read, or the new one cannot be written.
    #[error("{} cannot be written: {error}", path.display())]
    Unwritten {
        /// The new file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Merges runs into a new file under the name of `id`.
///
/// # Errors
/// When they are of different suites, contracts, targets, seeds or programs, or on disk trouble.
pub fn merge(mut runs: Vec<Recorded>, to: &Path, id: String) -> Result<Merged, Unmergeable> {
    let differ = runs.iter().skip(1).find_map(|other| {
        let first = &runs[0];
        let differences = first.manifest.differences(&other.manifest);
        (!differences.is_empty()).then(|| Unmergeable::Different {
            first: first.path.clone(),
            other: other.path.clone(),
            differences,
        })
    });
    if let Some(differ) = differ {
        return Err(differ);
    }
    // Whatever order they come in, and of the same file the longest copy.
    runs.sort_by_cached_key(|run| {
        let (manifest, blocks) = (&run.manifest, run.blocks.len());
        (manifest.started, manifest.id.clone(), Reverse(blocks))
    });
    let mut known = BTreeSet::new();
    runs.retain(|run| known.insert(run.manifest.id.clone()));
    let unwritten = |error| Unmergeable::Unwritten {
        path: to.to_owned(),
        error,
    };
    let manifest = together(&runs, id);
    let chosen = choose(&runs);
    let writer = Writer::create(to, &manifest).map_err(unwritten)?;
    let asked = runs.iter().filter_map(|run| run.basis.as_ref());
    if let Some(basis) = asked.max_by_key(|basis| basis.checks.len()) {
        writer.basis(basis);
    }
    for (at, run) in runs.iter_mut().enumerate() {
        let is_chosen = |block: &&Placed| match &block.head {
            Head::Journal { scenario, .. } | Head::Scenario { scenario, .. } => {
                chosen.of.get(scenario) == Some(&at)
            }
            _ => false,
        };
        let blocks: Vec<Placed> = run.blocks.iter().filter(is_chosen).cloned().collect();
        for block in &blocks {
            let bytes = run.packed(block).map_err(unwritten)?;
            writer.copy(bytes).map_err(unwritten)?;
        }
    }
    let ids = |wanted: &dyn Fn(&Listed) -> bool| {
        let listed = manifest.scenarios.iter();
        let wanted = listed.filter(|own| wanted(own));
        wanted.map(|own| own.id.clone()).collect::<Vec<_>>()
    };
    Ok(Merged {
        missing: ids(&|own| own.selected && !own.elsewhere && !chosen.played.contains(&own.id)),
        elsewhere: ids(&|own| own.elsewhere),
        shards: shards(&manifest.merged),
        unasked: ids(&|own| own.usual && !own.selected),
        twice: chosen.twice,
        writer,
    })
}

impl Manifest {
    /// In what two runs differ that could be shards of one; nothing, and they are.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let one = self;
        let mut found = Vec::new();
        let mut compare = |what: &str, one: String, other: String| {
            if one != other {
                found.push(format!("{what} {one} and {other}"));
            }
        };
        let listed = |all: &[String]| match all {
            [] => "none".to_owned(),
            all => all.join(" "),
        };
        let time = |is_virtual| if is_virtual { "virtual" } else { "real" }.to_owned();
        compare("contract", mark(one), mark(other));
        compare(
            "scenarios",
            short(&one.marks.scenarios),
            short(&other.marks.scenarios),
        );
        let world = |own: &Manifest| own.marks.world.as_deref().map_or("none".to_owned(), short);
        compare("world", world(one), world(other));
        compare(
            "runbook",
            one.marks.runbook.clone(),
            other.marks.runbook.clone(),
        );
        compare("target", one.target.clone(), other.target.clone());
        compare("seed", one.seed.to_string(), other.seed.to_string());
        compare("time", time(one.virtual_time), time(other.virtual_time));
        compare("quirks", listed(&one.quirks), listed(&other.quirks));
        compare("defects", listed(&one.defects), listed(&other.defects));
        compare("rehearsal", one.rehearsal.clone(), other.rehearsal.clone());
        found
    }
}

fn mark(manifest: &Manifest) -> String {
    let contract = &manifest.contract;
    format!("“{}” ({})", contract.name, short(&contract.sha256))
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// The manifest of all of them.
fn together(runs: &[Recorded], id: String) -> Manifest {
    let mut manifest = runs
        .first()
        .map_or_else(Manifest::default, |run| run.manifest.clone());
    manifest.id = id;
    manifest.merged.clear();
    manifest.shard = None;
    for run in runs {
        let own = &run.manifest;
        for listed in &own.scenarios {
            match manifest
                .scenarios
                .iter_mut()
                .find(|known| known.id == listed.id)
            {
                Some(known) => join(known, listed),
                None => manifest.scenarios.push(listed.clone()),
            }
        }
        if own.merged.is_empty() {
            manifest.merged.push(Played {
                id: own.id.clone(),
                started: own.started,
                origin: own.origin.clone(),
                machine: own.machine.clone(),
                whole: run.end.is_some(),
                shard: own.shard,
            });
        } else {
            manifest.merged.extend(own.merged.iter().cloned());
        }
    }
    for own in &mut manifest.scenarios {
        // Somebody was to play it, so it is missed.
        own.selected |= own.elsewhere;
    }
    manifest
}

/// What two runs together say of a scenario: one that some run was to play falls to nobody else any more.
fn join(known: &mut Listed, other: &Listed) {
    let is_own = |listed: &Listed| listed.selected && !listed.elsewhere;
    let played = is_own(known) || is_own(other);
    known.elsewhere = !played && (known.elsewhere || other.elsewhere);
    known.selected = played;
}

/// What is wrong with the shards among runs, in words.
fn shards(runs: &[Played]) -> Vec<String> {
    let mut cuts: BTreeMap<u32, BTreeMap<u32, usize>> = BTreeMap::new();
    for shard in runs.iter().filter_map(|run| run.shard) {
        let cut = cuts.entry(shard.of()).or_default();
        *cut.entry(shard.number()).or_default() += 1;
    }
    let mut told = Vec::new();
    if cuts.len() > 1 {
        let cut: Vec<String> = cuts.keys().map(u32::to_string).collect();
        told.push(format!(
            "they are shards of {}: cut differently, they may overlap",
            cut.join(" and of ")
        ));
    }
    for (of, numbers) in &cuts {
        let named = |wanted: Vec<u32>| {
            let named = wanted.iter().map(|number| format!("{number}/{of}"));
            named.collect::<Vec<_>>().join(", ")
        };
        let absent: Vec<u32> = (1..=*of).filter(|own| !numbers.contains_key(own)).collect();
        if !absent.is_empty() {
            told.push(format!("missing: the shards {}", named(absent)));
        }
        let twice = numbers.iter().filter(|(_, count)| **count > 1);
        let twice: Vec<u32> = twice.map(|(number, _)| *number).collect();
        if !twice.is_empty() {
            told.push(format!(
                "played more than once: the shards {}",
                named(twice)
            ));
        }
    }
    told
}

/// From which run each scenario is taken.
struct Chosen {
    of: BTreeMap<String, usize>,
    /// Those of which there is a result.
    played: BTreeSet<String>,
    twice: Vec<String>,
}

fn choose(runs: &[Recorded]) -> Chosen {
    let mut results: BTreeMap<String, Vec<(usize, &ScenarioResult)>> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        let interrupted = run.end.as_ref().is_some_and(|end| end.interrupted);
        // What an interrupted run left out is as if it had not been asked for there.
        let counts = |own: &&ScenarioResult| !(interrupted && is_skipped(own));
        for result in run.scenarios.iter().filter(counts) {
            results
                .entry(result.id.clone())
                .or_default()
                .push((at, result));
        }
    }
    let mut chosen = Chosen {
        of: BTreeMap::new(),
        played: results.keys().cloned().collect(),
        twice: Vec::new(),
    };
    for (id, all) in &results {
        let played = all.iter().filter(|(_, own)| !is_skipped(own));
        if played.count() > 1 {
            chosen.twice.push(id.clone());
        }
        // Of equally grave ones the first: a failure must not vanish by being played again.
        let gravest = all
            .iter()
            .min_by_key(|(at, own)| (Reverse(own.outcome.verdict.gravity()), *at));
        chosen.of.extend(gravest.map(|(at, _)| (id.clone(), *at)));
    }
    // Of what was in play when its run was stopped there is at least the journal.
    for (at, run) in runs.iter().enumerate() {
        for journal in run.journals() {
            chosen.of.entry(journal.scenario).or_insert(at);
        }
    }
    chosen
}

fn is_skipped(result: &ScenarioResult) -> bool {
    matches!(result.outcome.verdict, Verdict::Skipped(_))
}
