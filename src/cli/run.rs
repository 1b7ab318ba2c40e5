//! `rehearsal run`: from the command line to a plan, and from the result to reports.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::RunArguments;
use super::conclusion::conclude;
use super::exit::Exit;
use super::files;
use super::problem::Problem;
use super::progress::Progress;
use super::reports::Reports;
use super::settings::{self, Environment, layered};
use super::target::{SuiteOnTarget, TargetRequest};
use super::{checks, console, course, interrupt, levers, names, pace, run_file, shard};
use crate::report::terminal::{Again, Detail, Look, Opening, Terminal};
use crate::run::{Course, Interrupt, Plan, Selection, Target, Use, perform};
use crate::runfile::Writer;
use crate::suite::Suite;
use crate::suite::config::Config;

/// Plays what was asked for and says what came of it.
pub(super) fn run(arguments: &RunArguments) -> Result<Exit, Problem> {
    let environment: Environment<'_> = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let config = course::under_profile(config, &arguments.course, environment)?;
    // Everything that can be wrong is found before the first scenario is played.
    let reports = Reports::reserve(&arguments.reports, &config, environment)?;
    let mut plan = plan(arguments, &config, environment)?;
    let commands = checks::wanted(arguments.checks, &config)?;
    let kept = run_file::begin(arguments, &config, environment, &plan, &reports)?;
    plan.run_file.clone_from(&kept.writer);
    let interrupt = Interrupt::new();
    let handle = interrupt.clone();
    let lease = plan.lease.clone();
    interrupt::forward(
        move || handle.trigger(),
        move || levers::last_words(lease.as_ref()),
    )?;

    let quiet = arguments.detail.chosen() == Detail::Quiet;
    if let (Some(part), false) = (&plan.course.part, quiet) {
        shard::tell(part, plan.scenarios.len());
    }
    let mut terminal = Terminal::new(console::out(), look(arguments));
    let mut told = terminal.begin(&opening(&plan));
    let made = checks::run(&plan, commands, environment, &interrupt, &mut |check| {
        if told.is_ok() {
            told = terminal.check(check);
        }
    });
    Arc::make_mut(&mut plan.suite).runbook.checks = made;
    let progress = match plan.virtual_time() || quiet {
        true => Progress::none(),
        false => Progress::of(plan.course.board.clone()),
    };
    // Whoever reads along may go away; the run goes on, for the exit code and the JSON report.
    let played = perform(&plan, &interrupt, &mut |scenario| {
        if told.is_ok() {
            told = progress.aside(|| terminal.scenario(scenario));
        }
    });
    drop(progress);
    let result = played.map_err(|why| {
        plan.run_file.iter().for_each(Writer::discard);
        Problem::Unplayable(why)
    })?;
    if told.is_ok() {
        told = terminal.end(&result);
    }
    if let (Target::Deployment(target), false) = (&plan.target, quiet) {
        pace::tell(target, plan.course.pace.used());
    }
    let complaints = kept.end(&result, &reports, quiet);
    let concluded = conclude(&result, complaints, told);
    levers::last_words(plan.lease.as_ref());
    concluded
}

fn plan(
    arguments: &RunArguments,
    config: &Config,
    environment: Environment<'_>,
) -> Result<Plan, Problem> {
    let quirks = names::quirks(&arguments.quirks)?;
    let request = TargetRequest {
        files: &arguments.files,
        target: arguments.target.as_deref(),
        defects: &arguments.defects,
        runbook: arguments.runbook.version.as_deref(),
    };
    let seed = layered(
        arguments.seed,
        config.run.seed,
        environment,
        "REHEARSAL_SEED",
    )?;
    let jobs = layered(
        arguments.jobs.map(usize::from),
        config.run.jobs.map(usize::from),
        environment,
        "REHEARSAL_JOBS",
    )?;
    let real_time = layered(
        arguments.real_time.then_some(true),
        config.run.real_time,
        environment,
        "REHEARSAL_REAL_TIME",
    )?;
    let SuiteOnTarget {
        mut suite,
        target,
        defects,
    } = request.resolve(config, environment)?;
    let quirk_stages = quirks.iter().map(|quirk| quirk.stage());
    let defect_stages = defects.iter().map(|defect| defect.stage());
    add_stages(&mut suite, quirk_stages.chain(defect_stages).collect())?;
    let selection = Selection {
        patterns: &arguments.scenarios,
        tags: &arguments.tags,
        skipped: &arguments.course.skipped,
    };
    let scenarios = selection.of(&suite.scenarios)?;
    let (scenarios, part) = shard::dealt(&arguments.shard, scenarios, environment)?;
    let journal_dir = journal_folder(arguments, environment)?;
    let shared = matches!(target, Target::Deployment(_));
    let by_chance = || match part {
        Some(_) => shard::seed(&suite),
        None => settings::chance(),
    };
    let seed = seed.unwrap_or_else(by_chance);
    let course = Course {
        part,
        pace: pace::of(&target),
        ..course::course(&arguments.course, config, &suite, environment)?
    };
    // An empty part disturbs nobody.
    let lease = match scenarios.is_empty() {
        true => None,
        false => levers::lease(&target, config, Use::Alone)?,
    };
    Ok(Plan {
        lease,
        scenarios,
        suite: Arc::new(suite),
        target,
        real_time: real_time.unwrap_or(false),
        seed,
        quirks: quirks.into_iter().collect(),
        defects,
        jobs: jobs.unwrap_or_else(|| if shared { 1 } else { settings::processors() }),
        journal_dir,
        run_file: None,
        handed_in: Default::default(),
        course,
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
        // What one of them agrees on beside the contract holds for the whole run.
        for stage in &stages {
            let played = staged.for_stage(stage);
            if played.fingerprint != staged.fingerprint {
                suite.contract = played.contract;
                suite.fingerprint = played.fingerprint;
            }
        }
        let added = staged.scenarios.into_iter().skip(suite.scenarios.len());
        let wanted = added.filter(|scenario| stages.contains(scenario.id.as_str()));
        suite.scenarios.extend(wanted);
    }
    Ok(())
}

/// The folder for journals, made and tried now: a long run must not end without them.
fn journal_folder(
    arguments: &RunArguments,
    environment: Environment<'_>,
) -> Result<Option<PathBuf>, Problem> {
    let folder = layered(
        arguments.journal.clone(),
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

fn look(arguments: &RunArguments) -> Look {
    Look {
        detail: arguments.detail.chosen(),
        width: console::width(),
        again: Again::Play(arguments.files.words()),
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
