//! `rehearsal run`: from the command line to a plan, and from the result to reports.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::RunArguments;
use super::conclusion::conclude;
use super::exit::Exit;
use super::files;
use super::notify::{self, Mode};
use super::problem::Problem;
use super::progress::Progress;
use super::reports::Reports;
use super::run_file::{self, Kept};
use super::settings::{self, Environment, layered};
use super::target::{SuiteOnTarget, TargetRequest};
use super::{checks, console, course, history, interrupt, levers, list, names, pace, shard};
use crate::domain::result::RunResult;
use crate::report::terminal::{Again, Detail, Look, Opening, Terminal};
use crate::run::{Course, Interrupt, Plan, Selection, Target, Unplayable, Use, perform, unreached};
use crate::runfile::Writer;
use crate::suite::Suite;
use crate::suite::config::Config;

/// Plays what was asked for and says what came of it.
pub(super) fn run(arguments: &RunArguments) -> Result<Exit, Problem> {
    let environment: Environment<'_> = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let config = course::under_profile(config, &arguments.course, environment)?;
    if arguments.dry_run {
        let plan = plan(arguments, &config, environment)?;
        return list::foretell(&plan);
    }
    // Everything that can be wrong is found before the first scenario is played.
    let reports = Reports::reserve(&arguments.reports, &config, environment)?;
    let mut plan = plan(arguments, &config, environment)?;
    take_hold(&mut plan, arguments, &config, environment)?;
    let commands = checks::wanted(arguments.checks, &config)?;
    let after = After::begin(arguments, &config, environment, &plan, reports)?;
    plan.run_file.clone_from(&after.kept.writer);
    let interrupt = heard(&plan)?;
    shard::tell(&plan, after.quiet);
    let mut terminal = Terminal::new(console::out(), look(arguments));
    let mut told = terminal.begin(&opening(&plan));
    let made = checks::run(&plan, commands, environment, &interrupt, &mut |check| {
        if told.is_ok() {
            told = terminal.check(check);
        }
    });
    Arc::make_mut(&mut plan.suite).runbook.checks = made;
    let progress = match plan.virtual_time() || after.quiet {
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
    let mut result = match played {
        Ok(result) => result,
        Err(why) => return Err(after.nothing_was_played(&plan, why, &config)),
    };
    after.compare(&mut result);
    if told.is_ok() {
        told = terminal.end(&result);
    }
    pace::tell(&plan, after.quiet);
    let complaints = after.keep(&result, &config);
    let concluded = conclude(&result, complaints, told);
    levers::last_words(plan.lease.as_ref());
    concluded
}

/// Makes the folder for journals, and takes the target for this run alone.
fn take_hold(
    plan: &mut Plan,
    arguments: &RunArguments,
    config: &Config,
    environment: Environment<'_>,
) -> Result<(), Problem> {
    plan.journal_dir = journal_folder(arguments, environment)?;
    // An empty part disturbs nobody.
    if !plan.scenarios.is_empty() {
        plan.lease = levers::lease(&plan.target, config, Use::Alone)?;
    }
    Ok(())
}

/// Hears from now on when a person wants the run to stop.
fn heard(plan: &Plan) -> Result<Interrupt, Problem> {
    let interrupt = Interrupt::new();
    let (handle, lease) = (interrupt.clone(), plan.lease.clone());
    interrupt::forward(
        move || handle.trigger(),
        move || levers::last_words(lease.as_ref()),
    )?;
    Ok(interrupt)
}

/// Where what a run came to is kept.
struct After {
    kept: Kept,
    reports: Reports,
    /// The database of past runs, if it goes into one.
    remembered: Option<PathBuf>,
    quiet: bool,
    mode: Mode,
}

impl After {
    /// Begins the run file, where one is kept.
    fn begin(
        arguments: &RunArguments,
        config: &Config,
        environment: Environment<'_>,
        plan: &Plan,
        reports: Reports,
    ) -> Result<Self, Problem> {
        Ok(Self {
            kept: run_file::begin(arguments, config, environment, plan, &reports)?,
            reports,
            remembered: history::of_run(arguments, config),
            quiet: arguments.detail.chosen() == Detail::Quiet,
            mode: match arguments.run_file.notify_dry_run {
                true => Mode::DryRun,
                false => Mode::Tell,
            },
        })
    }

    /// Says in the result what it changes against the runs before it, and keeps what they came to.
    fn compare(&self, result: &mut RunResult) {
        if let Some(database) = &self.remembered {
            let nights = history::compare(database, &self.kept.manifest, result);
            if let Some(writer) = &self.kept.writer {
                writer.history(&nights);
            }
        }
    }

    /// Ends the run file, writes the reports, remembers the run and tells who wants to know.
    fn keep(&self, result: &RunResult, config: &Config) -> Vec<Problem> {
        let complaints = self.kept.end(result, &self.reports, self.quiet);
        if let (Some(database), Some(file)) = (&self.remembered, self.kept.lasting()) {
            history::remember(database, file);
        }
        notify::tell(
            config,
            result,
            &run_file::about(&self.kept.manifest),
            self.mode,
        );
        complaints
    }

    /// A night on which the target is down is a night all the same: it is kept, and proves nothing.
    fn nothing_was_played(&self, plan: &Plan, why: Unplayable, config: &Config) -> Problem {
        match unreached(plan, &why) {
            Some(mut result) => {
                self.compare(&mut result);
                for complaint in self.keep(&result, config) {
                    console::tell(&complaint.message(console::rendering()));
                }
            }
            None => plan.run_file.iter().for_each(Writer::discard),
        }
        Problem::Unplayable(why)
    }
}

/// What is played; nothing is written or taken hold of yet.
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
    let asked = Asked::of(arguments, config, environment)?;
    let SuiteOnTarget {
        mut suite,
        target,
        defects,
    } = request.resolve(config, environment)?;
    let quirk_stages = quirks.iter().map(|quirk| quirk.stage());
    let defect_stages = defects.iter().map(|defect| defect.stage());
    add_stages(&mut suite, quirk_stages.chain(defect_stages).collect())?;
    let selection = &arguments.selection;
    let patterns = selection.patterns();
    let selection = Selection {
        patterns: &patterns,
        tags: &selection.tags,
        skipped: &selection.skipped,
    };
    let scenarios = selection.of(&suite.scenarios)?;
    let (scenarios, part) = shard::dealt(&arguments.shard, scenarios, environment)?;
    let shared = matches!(target, Target::Deployment(_));
    let by_chance = || match part {
        Some(_) => shard::seed(&suite),
        None => settings::chance(),
    };
    let seed = asked.seed.unwrap_or_else(by_chance);
    let course = Course {
        part,
        pace: pace::of(&target),
        ..course::course(&arguments.course, config, &suite, environment)?
    };
    Ok(Plan {
        scenarios,
        real_time: asked.real_time,
        quirks: quirks.into_iter().collect(),
        defects,
        jobs: asked
            .jobs
            .unwrap_or_else(|| if shared { 1 } else { settings::processors() }),
        course,
        ..Plan::of(suite, target, seed)
    })
}

/// What flags, configuration and environment say in numbers.
struct Asked {
    seed: Option<u64>,
    jobs: Option<usize>,
    real_time: bool,
}

impl Asked {
    fn of(
        arguments: &RunArguments,
        config: &Config,
        environment: Environment<'_>,
    ) -> Result<Self, Problem> {
        let (run, flag) = (&config.run, arguments.real_time.then_some(true));
        let jobs = arguments.jobs.map(usize::from);
        let file = run.jobs.map(usize::from);
        let real_time = layered(flag, run.real_time, environment, "REHEARSAL_REAL_TIME")?;
        Ok(Self {
            seed: layered(arguments.seed, run.seed, environment, "REHEARSAL_SEED")?,
            jobs: layered(jobs, file, environment, "REHEARSAL_JOBS")?,
            real_time: real_time.unwrap_or(false),
        })
    }
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
    Opening {
        target: plan.target.name().to_owned(),
        seed: plan.seed,
        virtual_time: plan.virtual_time(),
        scenarios: plan
            .scenarios
            .iter()
            .map(|scenario| scenario.id.clone())
            .collect(),
        deviations: [plan.quirk_names(), plan.defect_names()].concat(),
    }
}
