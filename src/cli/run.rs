//! `rehearsal run`: from the command line to a plan, and from the result to reports.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::RunArguments;
use super::conclusion::{conclude, report_file};
use super::exit::Exit;
use super::files;
use super::problem::Problem;
use super::select::Selection;
use super::settings::{self, Environment, layered};
use super::target::Place;
use super::{console, interrupt, names};
use crate::report::terminal::{Again, Look, Opening, Terminal};
use crate::run::{Interrupt, Plan, perform};
use crate::suite::Suite;
use crate::suite::config::Config;

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
