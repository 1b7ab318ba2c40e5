//! The reports that a command was asked for: reserved before anything is played, written when all is
//! over, each whatever became of the others.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::ReportsArguments;
use super::console;
use super::problem::Problem;
use super::settings::{Environment, layered};
use crate::domain::journal::Entry;
use crate::domain::journal::file::{FirstLine, first_line};
use crate::domain::result::RunResult;
use crate::report::file::{ReportFile, Unwritable};
use crate::report::{About, ctrf, github, har, html, in_toto, json, junit, summary, tap};
use crate::runfile::Recorded;
use crate::suite::config::Config;

/// Places for reports.
#[derive(Debug, Default)]
pub(super) struct Reports {
    json: Option<ReportFile>,
    junit: Option<ReportFile>,
    tap: Option<ReportFile>,
    ctrf: Option<ReportFile>,
    summary: Option<ReportFile>,
    in_toto: Option<ReportFile>,
    har: Option<ReportFile>,
    html: Option<ReportFile>,
    github: bool,
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
        let reserve = |path: &Option<PathBuf>| {
            let path = path.as_deref();
            path.map(ReportFile::reserve).transpose()
        };
        Ok(Self {
            json: reserve(&json)?,
            junit: reserve(&arguments.junit)?,
            tap: reserve(&arguments.tap)?,
            ctrf: reserve(&arguments.ctrf)?,
            summary: reserve(&arguments.summary)?,
            in_toto: reserve(&arguments.in_toto)?,
            har: reserve(&arguments.har)?,
            html: reserve(&arguments.html)?,
            github: arguments.github,
        })
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        let files = [&self.json, &self.junit, &self.tap, &self.ctrf];
        let further = [&self.summary, &self.in_toto, &self.har, &self.html];
        !self.github && files.iter().chain(&further).all(|file| file.is_none())
    }

    /// Whether a report needs the run file: its journals, or to name it.
    pub(super) fn need_run_file(&self) -> bool {
        self.har.is_some() || self.html.is_some() || self.in_toto.is_some()
    }

    /// Whether a report names the run file, which then has to be kept.
    pub(super) fn name_run_file(&self) -> bool {
        self.in_toto.is_some()
    }

    /// Writes each, and says which could not be.
    pub(super) fn write(
        &self,
        result: &RunResult,
        about: &About,
        run: Option<&Recorded>,
    ) -> Vec<Problem> {
        let mut complaints = Vec::new();
        let mut keep =
            |file: &Option<ReportFile>, write: &dyn Fn(&ReportFile) -> Result<(), Unwritable>| {
                let written = file.as_ref().map_or(Ok(()), write);
                complaints.extend(written.err().map(Problem::Report));
            };
        keep(&self.json, &|file| file.write(&json::render(result)));
        keep(&self.junit, &|file| {
            file.write(&junit::render(result, about))
        });
        keep(&self.tap, &|file| file.write(&tap::render(result, about)));
        keep(&self.ctrf, &|file| file.write(&ctrf::render(result, about)));
        keep(&self.summary, &|file| {
            file.write(&summary::render(result, about))
        });
        keep(&self.in_toto, &|file| {
            file.write(&in_toto::render(result, about))
        });
        if let Some(run) = run {
            keep(&self.har, &|file| file.fill(|out| archive(run, out)));
            keep(&self.html, &|file| {
                file.fill(|out| {
                    let history = run.history();
                    html::write(
                        out,
                        &json::render(result),
                        history.as_deref(),
                        for_page(run),
                    )
                })
            });
        }
        if self.github {
            let told = console::out().write_all(&github::render(result));
            complaints.extend(told.err().map(Problem::Output));
        }
        complaints
    }
}

/// The journals of a run for its page: those that its results are of.
fn for_page(run: &Recorded) -> Vec<html::Journal<'_>> {
    let deciding = run.deciding_journals().into_iter();
    let journals = deciding.map(|of| html::Journal {
        scenario: of.scenario.clone(),
        device: None,
        open: Box::new(move || Ok(Box::new(run.journal(&of)?) as Box<dyn BufRead>)),
    });
    journals.collect()
}

/// Writes the traffic of every journal, an entry at a time.
fn archive(run: &Recorded, out: &mut dyn Write) -> io::Result<()> {
    let mut archive = har::Archive::begin(out)?;
    for of in run.journals() {
        let mut lines = run.journal(&of)?;
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            match first_line(&line) {
                Ok(FirstLine::Header(header)) => archive.journal(&header)?,
                Ok(FirstLine::Entry(entry)) => archive.entry(&Arc::<Entry>::from(entry))?,
                Err(error) => {
                    return Err(io::Error::other(format!(
                        "the journal of {}: {error}",
                        of.scenario
                    )));
                }
            }
            line.clear();
        }
    }
    archive.end()
}
