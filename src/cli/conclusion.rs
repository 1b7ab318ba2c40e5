//! How a command ends that has played or judged something: with its reports, and the exit code of what
//! it all came to.

use std::io;

use super::console;
use super::exit::Exit;
use super::problem::Problem;
use crate::domain::result::RunResult;

/// Finds the exit code, and says what could not be kept. That something is broken is said even if it
/// could not be written down.
pub(super) fn conclude(
    result: &RunResult,
    mut complaints: Vec<Problem>,
    told: io::Result<()>,
) -> Result<Exit, Problem> {
    let exit = Exit::of(result);
    if let Err(error) = told
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        complaints.push(Problem::Output(error));
    }
    complain(exit, complaints)
}

/// Tells every complaint; what had passed without them did not.
pub(super) fn complain(exit: Exit, mut complaints: Vec<Problem>) -> Result<Exit, Problem> {
    let last = match exit {
        Exit::Passed => complaints.pop(),
        _ => None,
    };
    for problem in complaints {
        console::tell(&problem.message(console::rendering()));
    }
    last.map_or(Ok(exit), Err)
}
