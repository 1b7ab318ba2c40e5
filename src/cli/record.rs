//! `rehearsal record`: a suite of what was recorded, proven by replaying the recording against its mock.

use std::path::Path;
use std::sync::Arc;

use super::arguments::RecordArguments;
use super::exit::Exit;
use super::init;
use super::problem::Problem;
use super::recorded;
use crate::import;
use crate::suite::{Source, read_contract, read_world};

/// As it was asked for.
pub(super) fn record(arguments: &RecordArguments) -> Result<Exit, Problem> {
    suite_of(&arguments.recording, &arguments.out)
}

/// Writes a suite of a recording into a folder, and says in what its mock answers otherwise.
pub(super) fn suite_of(recording: &Path, folder: &Path) -> Result<Exit, Problem> {
    let archive = recorded::archive(recording)?;
    let recording = import::read_har(&archive).map_err(Problem::Suite)?;
    let made = import::of_recording(&archive, &recording, None).map_err(Problem::Suite)?;
    let source = |name: &str, text: &str| Source::new(name, text);
    let contract = read_contract(&source("contract.yaml", &made.files.contract));
    let contract = Arc::new(contract.map_err(Problem::Suite)?);
    let world = read_world(&source("world.yaml", &made.files.world), &contract);
    let world = Arc::new(world.map_err(Problem::Suite)?);
    init::write(folder, &made)?;
    let (_, compared) = recorded::compared(&contract, &world, &recording)?;
    recorded::tell(&compared)?;
    Ok(recorded::exit(&compared, Exit::Inconclusive))
}
