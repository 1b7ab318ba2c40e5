//! What a run changes against those before it.

use super::past::{Kept, Kind, Past};
use super::read::{Series, Thing};
use super::trend::Streaks;
use crate::domain::changes::{Before, Change, Changes, What};

/// What a run changes against those of its series that began before it; nothing for the first one.
#[must_use]
pub fn changes(series: &[Series], past: &Past) -> Option<Changes> {
    let run = &past.run;
    let is_own = |own: &&Series| (&own.target, &own.contract) == (&run.target, &run.contract);
    let series = series.iter().find(is_own)?;
    let number = series
        .runs
        .partition_point(|own| own.started <= run.started);
    let earlier = &series.runs[..number];
    let before = earlier.iter().rfind(|own| own.id != run.id)?;
    let alike = earlier.iter().rev();
    let alike = alike.take_while(|own| own.verdict == before.verdict || own.id == run.id);
    let mut changes = Changes {
        before: Before {
            id: before.id.clone(),
            started: before.started,
            verdict: before.verdict.clone(),
            since: alike.last().map_or(before.started, |own| own.started),
        },
        new: Vec::new(),
        fixed: Vec::new(),
        still: Vec::new(),
    };
    for kept in &past.kept {
        let Some(what) = what(kept.kind) else {
            continue;
        };
        let known = series
            .things
            .iter()
            .find(|thing| thing.kind == kept.kind && thing.name == kept.name);
        let failing = known.and_then(|thing| failing_since(series, thing, &run.id, number));
        let change = |since| change(what, kept, since);
        match (kept.sign.is_bad(), kept.sign.is_good(), failing) {
            (true, _, Some(since)) => changes.still.push(change(since)),
            (true, _, None) => changes.new.push(change(run.started)),
            (_, true, Some(since)) => changes.fixed.push(change(since)),
            _ => {}
        }
    }
    Some(changes)
}

/// Since when something fails as far as the runs before this one tell; nothing where it does not.
fn failing_since(series: &Series, thing: &Thing, id: &str, number: usize) -> Option<u64> {
    let mut past = Streaks::default();
    for (place, told) in &thing.told {
        let run = series.runs.get(*place)?;
        if *place < number && run.id != id {
            past.see(told.sign, run.started);
        }
    }
    past.failing_since()
}

fn change(what: What, kept: &Kept, since: u64) -> Change {
    let is_bad = kept.sign.is_bad();
    Change {
        what,
        id: kept.name.clone(),
        since,
        class: kept.class.filter(|_| is_bad),
        evidence: kept.note.clone().filter(|_| is_bad),
    }
}

fn what(kind: Kind) -> Option<What> {
    match kind {
        Kind::Scenario => Some(What::Scenario),
        Kind::Rule => Some(What::Rule),
        Kind::Item => Some(What::Item),
        Kind::Figure => None,
    }
}
