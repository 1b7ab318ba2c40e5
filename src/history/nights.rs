//! What a run's own series looks like when it ends: the runs before it, and itself as the last one.

use super::past::Past;
use super::read::{Series, Thing, Told};

/// How many runs are shown; what is known since when goes further back.
const SHOWN: usize = 90;

/// The series of a run, as far as runs before it are remembered, with this run at its end. Runs that began
/// later belong to the pages of those.
#[must_use]
pub fn nights(series: &[Series], past: &Past) -> Series {
    let run = &past.run;
    let is_own = |own: &&Series| (&own.target, &own.contract) == (&run.target, &run.contract);
    let mut own = series.iter().find(is_own).cloned().unwrap_or(Series {
        target: run.target.clone(),
        contract: run.contract.clone(),
        runs: Vec::new(),
        shown: 0,
        things: Vec::new(),
    });
    own.keep(|other| other.started <= run.started && other.id != run.id);
    let number = own.runs.len();
    for kept in &past.kept {
        let told = Told {
            sign: kept.sign,
            class: kept.class.map(|class| class.word().to_owned()),
            note: kept.note.clone(),
            value: kept.value,
        };
        let is_it = |thing: &&mut Thing| thing.kind == kept.kind && thing.name == kept.name;
        match own.things.iter_mut().find(is_it) {
            Some(thing) => thing.told.push((number, told)),
            None => own.things.push(Thing {
                kind: kept.kind,
                name: kept.name.clone(),
                title: kept.title.clone(),
                told: vec![(number, told)],
            }),
        }
    }
    own.runs.push(run.clone());
    own.things.retain(|thing| !thing.told.is_empty());
    own.shown = own.runs.len().saturating_sub(SHOWN);
    own
}
