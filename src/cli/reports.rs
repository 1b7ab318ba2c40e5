//! The reports that a command was asked for: reserved before anything is played, written when all is
//! over, each whatever became of the others.

use super::arguments::ReportsArguments;
use super::problem::Problem;
use super::settings::{Environment, layered};
use crate::domain::result::RunResult;
use crate::report::file::{ReportFile, Unwritable};
use crate::report::json;
use crate::suite::config::Config;

/// Places for reports.
#[derive(Debug, Default)]
pub(super) struct Reports {
    json: Option<ReportFile>,
}

impl Reports {
    /// Reserves the place of each report: none must be found wanting when a long run is over.
    pub(super) fn reserve(
        arguments: &ReportsArguments,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<Self, Problem> {
        let json = layered(
            arguments.report_json.clone(),
            config.run.report_json.clone(),
            environment,
            "REHEARSAL_REPORT_JSON",
        )?;
        let reserve = |path: Option<&std::path::PathBuf>| {
            path.map(|path| ReportFile::reserve(path)).transpose()
        };
        Ok(Self {
            json: reserve(json.as_ref())?,
        })
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.json.is_none()
    }

    /// Writes each, and says which could not be.
    pub(super) fn write(&self, result: &RunResult) -> Vec<Problem> {
        let mut complaints = Vec::new();
        let mut keep = |written: Result<(), Unwritable>| {
            complaints.extend(written.err().map(Problem::Report));
        };
        if let Some(file) = &self.json {
            keep(file.write(&json::render(result)));
        }
        complaints
    }
}
