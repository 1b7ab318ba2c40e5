//! `rehearsal judge`: from recorded journals to the report that their run would have given.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::arguments::{JudgeArguments, ReportsArguments};
use super::conclusion::conclude;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::problem::Problem;
use super::reports::Reports;
use super::{console, run_file, runbook, settings};
use crate::report::About;
use crate::report::terminal::{Again, Look, Opening, Terminal};
use crate::run::{self, JudgedBy};
use crate::runfile::{Recorded, Unreadable};

/// Judges what was asked for and says what it came to.
pub(super) fn judge(arguments: &JudgeArguments) -> Result<Exit, Problem> {
    let environment = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let asked = ReportsArguments {
        report_json: arguments.report_json.clone(),
        ..ReportsArguments::default()
    };
    let reports = Reports::reserve(&asked, &config, environment)?;
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&arguments.files)
    };
    let mut suite = files::suite(&request.choice(environment)?)?;
    runbook::complete(&mut suite, &config, arguments.runbook.version.as_deref())?;
    let folder = TempDir::with_prefix("rehearsal-judge-")?;
    let journals = journals(&arguments.journals, folder.path())?;
    let mut terminal = Terminal::new(console::out(), look(arguments));
    let mut told = terminal.begin(&Opening {
        target: String::new(),
        seed: 0,
        virtual_time: true,
        scenarios: journals.iter().map(|path| stem(path)).collect(),
        deviations: Vec::new(),
    });
    let by = JudgedBy {
        contract: &suite.contract,
        fingerprint: &suite.fingerprint,
        runbook: &suite.runbook,
    };
    let (result, remarks) = run::judge(&journals, by, &mut |scenario| {
        if told.is_ok() {
            told = terminal.scenario(scenario);
        }
    })?;
    for remark in remarks {
        console::tell(&format!("note: {remark}\n"));
    }
    if told.is_ok() {
        told = terminal.end(&result);
    }
    conclude(
        &result,
        reports.write(&result, &About::default(), None),
        told,
    )
}

/// The journals that are meant: those of a run file that decided it are unpacked into a folder.
fn journals(named: &[PathBuf], folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut journals = Vec::new();
    for (number, path) in named.iter().enumerate() {
        if !Recorded::is_one(path) {
            journals.push(path.clone());
            continue;
        }
        let run = run_file::open(path)?;
        let (deciding, folder) = (run.deciding_journals(), folder.join(number.to_string()));
        let unpacked = run_file::journals(&run, &deciding, &folder)?;
        if unpacked.is_empty() {
            let why = "it holds no journal to judge".to_owned();
            let path = path.clone();
            return Err(Unreadable::Foreign { path, why }.into());
        }
        journals.extend(unpacked);
    }
    Ok(journals)
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn look(arguments: &JudgeArguments) -> Look {
    Look {
        detail: arguments.detail.chosen(),
        width: console::width(),
        again: Again::Typed,
    }
}
