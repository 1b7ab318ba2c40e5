//! `rehearsal incident`: from the file of a run to the report of what went wrong in it.

use std::io::Write as _;

use tempfile::TempDir;

use super::arguments::IncidentArguments;
use super::conclusion::complain;
use super::console;
use super::exit::Exit;
use super::problem::Problem;
use super::{merge, run_file};
use crate::report::file::ReportFile;
use crate::report::incident::{Told, headline, html, markdown};
use crate::report::text::visible;
use crate::run::{gathered, incident};

/// Writes the report; without a place for it, prints it as Markdown.
pub(super) fn incident_of(arguments: &IncidentArguments) -> Result<Exit, Problem> {
    let reserve = |path: &Option<_>| path.as_deref().map(ReportFile::reserve).transpose();
    let (as_text, as_page) = (reserve(&arguments.markdown)?, reserve(&arguments.html)?);
    let folder = TempDir::with_prefix("rehearsal-incident-")?;
    let run = merge::one_of(&arguments.runs, folder.path())?;
    let result = gathered(&run);
    let mut about = run_file::about(&run.manifest);
    if let [only] = &arguments.runs[..] {
        about.run_file = run_file::fingerprint(only);
    }
    let cases = incident(&run, &result)?;
    let flaw = run.flaw.as_ref().map(ToString::to_string);
    let told = Told {
        result: &result,
        about: &about,
        cases: &cases,
        flaw: flaw.as_deref(),
    };
    let mut complaints = Vec::new();
    if as_text.is_none() && as_page.is_none() {
        let printed = console::out().write_all(&markdown(told));
        complaints.extend(printed.err().map(Problem::Output));
    } else {
        console::tell(&format!("{}\n", visible(&headline(&result))));
    }
    let written = as_text.map_or(Ok(()), |file| file.write(&markdown(told)));
    complaints.extend(written.err().map(Problem::Report));
    let written = as_page.map_or(Ok(()), |file| file.write(&html(told)));
    complaints.extend(written.err().map(Problem::Report));
    complain(Exit::Passed, complaints)
}
