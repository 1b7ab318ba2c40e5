//! From a run file to what went wrong in it: the causes from its results, the moments from its journals.

use std::io::{self, BufRead};
use std::sync::Arc;

use crate::domain::incident::{Case, Scene, Story, Teller, cases};
use crate::domain::journal::Entry;
use crate::domain::journal::file::{FirstLine, first_line};
use crate::domain::result::RunResult;
use crate::runfile::Recorded;

/// In how many scenarios of one cause the moments are told; of the others findings are enough.
const TOLD: usize = 3;

/// What went wrong, by cause, told from the journals of the run.
///
/// # Errors
/// When the run file cannot be read once more.
pub fn incident(run: &Recorded, result: &RunResult) -> io::Result<Vec<Case>> {
    let mut cases = cases(result);
    for scene in cases
        .iter_mut()
        .flat_map(|case| case.scenes.iter_mut().take(TOLD))
    {
        scene.story = story(run, result, scene)?;
    }
    Ok(cases)
}

fn story(run: &Recorded, result: &RunResult, scene: &Scene) -> io::Result<Story> {
    let kept = result.scenarios.iter().find(|own| own.id == scene.scenario);
    let around = kept.map_or(&[][..], |own| &own.excerpt);
    let mut teller = Teller::new(&scene.findings, around);
    let mut deciding = run.deciding_journals().into_iter();
    let Some(of) = deciding.find(|own| own.scenario == scene.scenario) else {
        around.iter().all(|entry| teller.hear(entry));
        return Ok(teller.told());
    };
    let mut lines = run.journal(&of)?;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        match first_line(&line) {
            Ok(FirstLine::Header(header)) => teller.begins(header.epoch),
            Ok(FirstLine::Entry(entry)) => {
                if !teller.hear(&Arc::<Entry>::from(entry)) {
                    break;
                }
            }
            // What cannot be read ends the story; the findings stand beside it.
            Err(_) => break,
        }
        line.clear();
    }
    Ok(teller.told())
}
