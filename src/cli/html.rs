//! `run --html`: a page of the run, made of its report and its journals.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::console;
use super::exit::Exit;
use super::problem::Problem;
use crate::domain::result::RunResult;
use crate::report::file::{ReportFile, Unwritable};
use crate::report::{html, json};

/// A page that is wanted, and where the journals for it are.
pub(super) struct Page {
    file: ReportFile,
    journals: PathBuf,
    /// Holds the journals that nobody else asked for, until the page is written.
    _spool: Option<TempDir>,
}

impl Page {
    /// Reserves the page's place. Without a folder for journals they are spooled to a temporary one,
    /// which `journals` then names.
    pub(super) fn reserve(path: &Path, journals: &mut Option<PathBuf>) -> Result<Self, Problem> {
        let file = ReportFile::reserve(path)?;
        let spool = match journals {
            Some(_) => None,
            None => Some(spool()?),
        };
        let folder = match (&spool, journals.as_ref()) {
            (None, Some(folder)) => folder.clone(),
            (Some(own), _) => own.path().to_owned(),
            (None, None) => PathBuf::new(),
        };
        *journals = Some(folder.clone());
        Ok(Self {
            file,
            journals: folder,
            _spool: spool,
        })
    }

    fn write(&self, result: &RunResult) -> Result<(), Unwritable> {
        let report = json::render(result);
        let played = result.scenarios.iter();
        let journals = played
            .map(|scenario| {
                (
                    scenario,
                    self.journals.join(format!("{}.jsonl", scenario.id)),
                )
            })
            // What was skipped has none.
            .filter(|(_, path)| path.exists())
            .map(|(scenario, path)| html::Journal {
                scenario: scenario.id.clone(),
                device: None,
                open: Box::new(move || {
                    let file = BufReader::new(File::open(path)?);
                    Ok(Box::new(file) as Box<dyn BufRead>)
                }),
            });
        let journals = journals.collect();
        self.file
            .write_with(|out| html::write(out, &report, journals))
    }

    /// Writes the page when the run has come to its end. What the run came to is said even if it
    /// could not be written down.
    pub(super) fn conclude(
        &self,
        result: &RunResult,
        concluded: Result<Exit, Problem>,
    ) -> Result<Exit, Problem> {
        match (self.write(result), concluded) {
            (Err(unwritable), Ok(Exit::Passed)) => Err(Problem::Report(unwritable)),
            (Err(unwritable), concluded) => {
                let problem = Problem::Report(unwritable);
                console::tell(&problem.message(console::rendering()));
                concluded
            }
            (Ok(()), concluded) => concluded,
        }
    }
}

fn spool() -> Result<TempDir, Problem> {
    tempfile::Builder::new()
        .prefix("rehearsal-journals-")
        .tempdir()
        .map_err(|error| Problem::File {
            verb: "spool journals into",
            path: std::env::temp_dir(),
            error,
        })
}
