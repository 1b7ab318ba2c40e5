//! How a command ends that has played or judged something: with a report, if one was asked for, and
//! the exit code of what it all came to.

use std::io;
use std::path::Path;

use super::console;
use super::exit::Exit;
use super::problem::Problem;
use super::settings::{Environment, layered};
use crate::domain::result::RunResult;
use crate::report::file::ReportFile;
use crate::report::json;
use crate::suite::config::Config;

/// The file for the JSON report, reserved before anything is played: it must not be found wanting
/// when a long run is over.
pub(super) fn report_file(
    flag: Option<&Path>,
    config: &Config,
    environment: Environment<'_>,
) -> Result<Option<ReportFile>, Problem> {
    let path = layered(
        flag.map(Path::to_owned),
        config.run.report_json.clone(),
        environment,
        "REHEARSAL_REPORT_JSON",
    )?;
    Ok(path.map(|path| ReportFile::reserve(&path)).transpose()?)
}

/// Writes the report and finds the exit code. That something is broken is said even if it could
/// not be written down.
pub(super) fn conclude(
    result: &RunResult,
    report: Option<&ReportFile>,
    told: io::Result<()>,
) -> Result<Exit, Problem> {
    let exit = Exit::of(result);
    let written = report.map_or(Ok(()), |file| file.write(&json::render(result)));
    let complaint = match (written, told) {
        (Err(unwritable), _) => Some(Problem::Report(unwritable)),
        (_, Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Some(Problem::Output(error))
        }
        _ => None,
    };
    match complaint {
        Some(problem) if exit == Exit::Passed => Err(problem),
        Some(problem) => {
            console::tell(&problem.message(console::rendering()));
            Ok(exit)
        }
        None => Ok(exit),
    }
}
