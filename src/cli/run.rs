//! `rehearsal run`: from the command line to a plan, and from the result to reports.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::{FilesArguments, RunArguments};
use super::exit::Exit;
use super::files::{self, Wanted};
use super::problem::Problem;
use super::select::Selection;
use super::settings::{self, Environment, layered};
use super::{console, interrupt, names};
use crate::domain::result::RunResult;
use crate::mock::Defect;
use crate::report::file::ReportFile;
use crate::report::json;
use crate::report::terminal::{Again, Look, Opening, Terminal};
use crate::run::{Interrupt, Plan, Target, perform};
use crate::suite::Suite;
use crate::suite::config::{Config, MOCK};

/// Plays what was asked for and says what came of it.
pub(super) fn run(asked: &RunArguments) -> Result<Exit, Problem> {
    let environment: Environment<'_> = &settings::environment;
    let config = files::config(asked.files.config.as_deref(), environment)?;
    // Everything that can be wrong is found before the first scenario is played.
    let report = report_file(asked.report_json.as_deref(), &config, environment)?;
    let plan = plan(asked, &config, environment)?;
    let interrupt = Interrupt::new();
    let handle = interrupt.clone();
    interrupt::forward(move || handle.trigger())?;

    let mut terminal = Terminal::new(console::out(), look(asked));
    let mut told = terminal.begin(&opening(&plan));
    // Whoever reads along may go away; the run goes on, for the exit code and the JSON report.
    let played = perform(&plan, &interrupt, &mut |scenario| {
        if told.is_ok() {
            told = terminal.scenario(scenario);
        }
    });
    let result = played.map_err(Problem::Unplayable)?;
    if told.is_ok() {
        told = terminal.end(&result);
    }
    conclude(&result, report.as_ref(), told)
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

pub(super) fn report_file(
    asked: Option<&Path>,
    config: &Config,
    environment: Environment<'_>,
) -> Result<Option<ReportFile>, Problem> {
    let path = layered(
        asked.map(Path::to_owned),
        config.run.report_json.clone(),
        environment,
        "REHEARSAL_REPORT_JSON",
    )?;
    Ok(path.map(|path| ReportFile::reserve(&path)).transpose()?)
}

fn plan(
    asked: &RunArguments,
    config: &Config,
    environment: Environment<'_>,
) -> Result<Plan, Problem> {
    let quirks = names::quirks(&asked.quirks)?;
    let place = Place {
        files: &asked.files,
        target: asked.target.clone(),
        defects: &asked.defects,
    };
    let seed = layered(asked.seed, config.run.seed, environment, "REHEARSAL_SEED")?;
    let jobs = layered(
        asked.jobs.map(usize::from),
        None,
        environment,
        "REHEARSAL_JOBS",
    )?;
    let real_time = layered(
        asked.real_time.then_some(true),
        config.run.real_time,
        environment,
        "REHEARSAL_REAL_TIME",
    )?;
    let (mut suite, target, defects) = place.find(config, environment)?;
    let quirk_stages = quirks.iter().map(|quirk| quirk.stage());
    let defect_stages = defects.iter().map(|defect| defect.stage());
    add_stages(&mut suite, quirk_stages.chain(defect_stages).collect())?;
    let selection = Selection {
        patterns: &asked.scenarios,
        tags: &asked.tags,
    };
    let scenarios = selection.of(&suite.scenarios)?;
    Ok(Plan {
        scenarios,
        suite: Arc::new(suite),
        target,
        real_time: real_time.unwrap_or(false),
        seed: seed.unwrap_or_else(settings::chance),
        quirks: quirks.into_iter().collect(),
        defects,
        jobs: jobs.unwrap_or_else(settings::processors),
        journal_dir: journal_folder(asked, environment)?,
    })
}

/// Adds to the shipped suite the stages on which deliberate misbehaviours show: what has no occasion
/// in its scenarios would seem to go unnoticed.
fn add_stages(suite: &mut Suite, stages: BTreeSet<&str>) -> Result<(), Problem> {
    if stages.is_empty() {
        return Ok(());
    }
    let staged = Suite::with_stages().map_err(Problem::Suite)?;
    if staged.origin == suite.origin && staged.fingerprint == suite.fingerprint {
        let added = staged.scenarios.into_iter().skip(suite.scenarios.len());
        let wanted = added.filter(|scenario| stages.contains(scenario.id.as_str()));
        suite.scenarios.extend(wanted);
    }
    Ok(())
}

/// Which suite against which target: what every command that needs a backend is told.
pub(super) struct Place<'a> {
    pub(super) files: &'a FilesArguments,
    pub(super) target: Option<String>,
    pub(super) defects: &'a [String],
}

impl Place<'_> {
    /// Reads the suite and finds the target. They must fit each other.
    pub(super) fn find(
        &self,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<(Suite, Target, Vec<Defect>), Problem> {
        let defects = names::defects(self.defects)?;
        let target = self.target(config, environment)?;
        let deployment = match &target {
            Target::Mock => None,
            Target::Deployment(deployment) => Some(&**deployment),
        };
        if let (Some(deployment), false) = (deployment, defects.is_empty()) {
            return Err(Problem::NotTheMock {
                target: deployment.name.clone(),
            });
        }
        let wanted = Wanted {
            target: deployment,
            defaults: Some(&config.run),
            ..Wanted::flagged(self.files)
        };
        let suite = files::suite(&wanted.choice(environment)?)?;
        if deployment.is_none() && suite.world.is_none() {
            return Err(Problem::NoWorld {
                origin: suite.origin,
            });
        }
        if let Some(deployment) = deployment {
            let fits = config.check_services(&deployment.name, &suite.contract);
            fits.map_err(Problem::Config)?;
        }
        Ok((suite, target, defects))
    }

    fn target(&self, config: &Config, environment: Environment<'_>) -> Result<Target, Problem> {
        let name = layered(
            self.target.clone(),
            config.run.target.clone(),
            environment,
            "REHEARSAL_TARGET",
        )?;
        match name.as_deref() {
            None | Some(MOCK) => Ok(Target::Mock),
            Some(name) => {
                let secret = |name: &str| environment(name)?.into_string().ok();
                let target = config.target(name, &secret).map_err(Problem::Config)?;
                Ok(Target::Deployment(Box::new(target)))
            }
        }
    }
}

/// The folder for journals, made and tried now: a long run must not end without them.
fn journal_folder(
    asked: &RunArguments,
    environment: Environment<'_>,
) -> Result<Option<PathBuf>, Problem> {
    let folder = layered(
        asked.journal.clone(),
        None,
        environment,
        "REHEARSAL_JOURNAL",
    )?;
    if let Some(folder) = &folder {
        let tried = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        tried.map_err(|error| Problem::File {
            verb: "write journals into",
            path: folder.clone(),
            error,
        })?;
    }
    Ok(folder)
}

fn look(asked: &RunArguments) -> Look {
    Look {
        detail: asked.detail.chosen(),
        width: console::width(),
        again: Again::Play(asked.files.words()),
    }
}

fn opening(plan: &Plan) -> Opening {
    let quirks = plan.quirks.iter().map(|quirk| quirk.name());
    let defects = plan.defects.iter().map(|defect| defect.name());
    Opening {
        target: plan.target.name().to_owned(),
        seed: plan.seed,
        virtual_time: plan.virtual_time(),
        scenarios: plan
            .scenarios
            .iter()
            .map(|scenario| scenario.id.clone())
            .collect(),
        deviations: quirks.chain(defects).map(str::to_owned).collect(),
    }
}
