//! `rehearsal report`: from the file of a run to any report, as the run would have written it.

use std::io;

use tempfile::TempDir;

use super::arguments::ReportArguments;
use super::conclusion::complain;
use super::console;
use super::exit::Exit;
use super::problem::Problem;
use super::reports::Reports;
use super::{merge, run_file};
use crate::domain::result::RunResult;
use crate::report::terminal::{Again, Look, Opening, Terminal};
use crate::run::gathered;
use crate::runfile::Manifest;
use crate::suite::config::Config;

/// Makes the reports that were asked for; without any, the one for people.
pub(super) fn report(arguments: &ReportArguments) -> Result<Exit, Problem> {
    let reports = Reports::reserve(&arguments.reports, &Config::default(), &|_| None)?;
    let folder = TempDir::with_prefix("rehearsal-report-")?;
    let run = merge::one_of(&arguments.runs, folder.path())?;
    let result = gathered(&run);
    let mut complaints = Vec::new();
    if arguments.terminal || (reports.is_empty() && arguments.journal.is_none()) {
        let told = tell(arguments, &run.manifest, &result);
        complaints.extend(told.err().map(Problem::Output));
    }
    let mut about = run_file::about(&run.manifest);
    if reports.name_run_file() {
        if arguments.runs.len() > 1 {
            return Err(Problem::NothingToVouchFor);
        }
        about.run_file = run_file::fingerprint(&run.path);
    }
    complaints.extend(reports.write(&result, &about, Some(&run)));
    if let Some(folder) = &arguments.journal {
        complaints.extend(run_file::journals(&run, &run.journals(), folder).err());
    }
    complain(Exit::Passed, complaints)
}

fn tell(arguments: &ReportArguments, manifest: &Manifest, result: &RunResult) -> io::Result<()> {
    let look = Look {
        detail: arguments.detail.chosen(),
        width: console::width(),
        again: Again::Play(manifest.origin.files.clone()),
    };
    let mut terminal = Terminal::new(console::out(), look);
    let deviations = result.quirks.iter().chain(&result.defects);
    terminal.begin(&Opening {
        target: result.target.clone(),
        seed: result.seed,
        virtual_time: result.virtual_time,
        scenarios: result.scenarios.iter().map(|own| own.id.clone()).collect(),
        deviations: deviations.cloned().collect(),
    })?;
    for check in &result.runbook.checks {
        terminal.check(check)?;
    }
    for scenario in &result.scenarios {
        terminal.scenario(scenario)?;
    }
    terminal.end(result)
}
