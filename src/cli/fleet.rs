//! `rehearsal fleet`: thousands of simulated apps against a target that may be loaded.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::arguments::{FleetAction, FleetArguments, FleetMergeArguments, HeldArguments};
use super::conclusion::complain;
use super::exit::Exit;
use super::problem::Problem;
use super::settings::{self, Environment, layered};
use super::target::{SuiteOnTarget, TargetRequest};
use super::{console, files, interrupt, levers, names, pace};
use crate::domain::fleet::{Fleet, Storm};
use crate::report::file::ReportFile;
use crate::report::fleet as report;
use crate::run::{
    Barrier, Course, FleetPlan, Interrupt, NotHeld, Plan, Target, Told, Use, allowed, hold_fleet,
};
use crate::suite::Source;
use crate::suite::config::Config;

/// How many apps are started a second, unless something else is said.
const STARTED_A_SECOND: u64 = 100;

/// The longest reports that are read, in bytes: histograms of a few kB, and a number for each second.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Holds a fleet, or adds up reports of others.
pub(super) fn fleet(arguments: &FleetArguments) -> Result<Exit, Problem> {
    match &arguments.action {
        Some(FleetAction::Merge(merged)) => merge(merged),
        None => hold(&arguments.held),
    }
}

fn hold(arguments: &HeldArguments) -> Result<Exit, Problem> {
    let environment = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let place = reserve(arguments.report_json.as_deref())?;
    let mut plan = plan(arguments, &config, environment)?;
    allowed(&plan)?;
    let shared = match plan.barrier {
        Some(_) => Use::Shared,
        None => Use::Alone,
    };
    plan.plan.lease = levers::lease(&plan.plan.target, &config, shared)?;
    let interrupt = Interrupt::new();
    let (handle, lease) = (interrupt.clone(), plan.plan.lease.clone());
    interrupt::forward(
        move || handle.trigger(),
        move || levers::last_words(lease.as_ref()),
    )?;
    let stop = interrupt.clone();
    plan.plan.course.pace.when_spent(move || stop.trigger());
    tell_beforehand(&plan);
    report::head(&mut console::out())?;
    let mut broken = None;
    let held = hold_fleet(&plan, &interrupt, &mut |told| {
        if let Told::Ended(stage) = told {
            let mut out = console::out();
            let told = report::line(&mut out, stage).and_then(|()| out.flush());
            broken = broken.take().or(told.err());
        }
    });
    levers::last_words(plan.plan.lease.as_ref());
    let fleet = held?;
    report::foot(&mut console::out(), &fleet)?;
    pace::tell(&plan.plan, false);
    let mut complaints: Vec<Problem> = broken.map(Problem::Output).into_iter().collect();
    complaints.extend(write(place.as_ref(), &fleet).err());
    complain(exit(&fleet), complaints)
}

/// What is held against what; everything that can be wrong with it is found here.
fn plan(
    arguments: &HeldArguments,
    config: &Config,
    environment: Environment<'_>,
) -> Result<FleetPlan, Problem> {
    let seed = layered(
        arguments.seed,
        config.run.seed,
        environment,
        "REHEARSAL_SEED",
    )?;
    let request = TargetRequest {
        files: &arguments.files,
        target: arguments.target.as_deref(),
        defects: &arguments.defects,
        runbook: None,
    };
    let SuiteOnTarget {
        suite,
        target,
        defects,
    } = request.resolve(config, environment)?;
    let course = Course {
        pace: pace::of(&target),
        ..Course::default()
    };
    let storms: Vec<Storm> = match &arguments.storms[..] {
        [] => vec![Storm::Sockets],
        storms => storms.iter().filter_map(|own| own.storm()).collect(),
    };
    let usual = Duration::from_secs(1).max(Duration::from_millis(
        arguments.apps * 1_000 / STARTED_A_SECOND,
    ));
    let barrier = arguments.barrier.clone().zip(arguments.processes);
    let start_at = arguments.start_at.map(|at| {
        let millis = u64::try_from(at.as_millisecond());
        Duration::from_millis(millis.unwrap_or(0))
    });
    Ok(FleetPlan {
        plan: Plan {
            scenarios: Vec::new(),
            real_time: arguments.real_time,
            quirks: names::quirks(&arguments.quirks)?,
            defects,
            course,
            ..Plan::of(suite, target, seed.unwrap_or_else(settings::chance))
        },
        apps: arguments.apps,
        ramp: arguments.ramp.unwrap_or(usual),
        hold: arguments.hold,
        storms,
        away: arguments.away,
        recover: arguments.recover,
        threads: arguments
            .threads
            .map_or_else(settings::processors, usize::from),
        sources: arguments.sources.clone(),
        start_at,
        barrier: barrier.map(|(folder, processes)| Barrier { folder, processes }),
    })
}

/// Says what is about to happen, and what the numbers mean for the accounts.
fn tell_beforehand(plan: &FleetPlan) {
    let (apps, target) = (plan.apps, plan.plan.target.name());
    let (name, seed) = (&plan.plan.suite.contract.name, plan.plan.seed);
    let mut told = format!("{name}: {apps} apps against {target}, seed {seed}\n");
    if let Target::Deployment(deployment) = &plan.plan.target {
        let accounts = deployment.accounts.len() as u64;
        if apps > accounts {
            told.push_str(&format!(
                "each of {accounts} accounts has up to {} sessions at once: where a backend lets an account have fewer, apps end each other's\n",
                apps.div_ceil(accounts.max(1))
            ));
        }
        if let Some(rate) = deployment.rate {
            told.push_str(&format!(
                "the target is asked {rate} times a second at most: requests wait for their turn, and times say so\n"
            ));
        }
    }
    console::tell(&told);
}

/// Adds reports up.
fn merge(arguments: &FleetMergeArguments) -> Result<Exit, Problem> {
    let place = reserve(arguments.report_json.as_deref())?;
    let mut all: Option<Fleet> = None;
    for path in &arguments.reports {
        let fleet = read(path)?;
        match &mut all {
            None => all = Some(fleet),
            Some(all) => all
                .add(&fleet)
                .map_err(|why| unusable(path, io::Error::other(why)))?,
        }
    }
    let Some(fleet) = all else {
        return Ok(Exit::Passed);
    };
    let mut out = console::out();
    writeln!(
        out,
        "{}: {} apps against {} in {} processes",
        fleet.contract,
        fleet.apps,
        fleet.target,
        fleet.seeds.len()
    )?;
    report::head(&mut out)?;
    for stage in &fleet.stages {
        report::line(&mut out, stage)?;
    }
    report::foot(&mut out, &fleet)?;
    write(place.as_ref(), &fleet)?;
    Ok(exit(&fleet))
}

fn reserve(path: Option<&Path>) -> Result<Option<ReportFile>, Problem> {
    Ok(path.map(ReportFile::reserve).transpose()?)
}

fn write(place: Option<&ReportFile>, fleet: &Fleet) -> Result<(), Problem> {
    match place {
        Some(place) => Ok(place.write(report::json(fleet).as_bytes())?),
        None => Ok(()),
    }
}

fn read(path: &Path) -> Result<Fleet, Problem> {
    let source = Source::read_up_to(path, "the report of a fleet", LONGEST);
    let source = source.map_err(|problem| Problem::Suite(problem.into()))?;
    report::read(source.text()).map_err(|why| unusable(path, io::Error::other(why)))
}

fn unusable(path: &Path, error: io::Error) -> Problem {
    Problem::File {
        verb: "add up",
        path: path.to_owned(),
        error,
    }
}

/// How the process ends.
fn exit(fleet: &Fleet) -> Exit {
    if fleet.scope.forbidden_writes > 0 {
        Exit::ForbiddenWrite
    } else if fleet.interrupted {
        Exit::Broken
    } else if fleet.scope.denied > 0 || fleet.unrecovered().next().is_some() {
        Exit::NonConformance
    } else {
        Exit::Passed
    }
}

impl From<NotHeld> for Problem {
    fn from(why: NotHeld) -> Self {
        Self::NotHeld(Box::new(why))
    }
}
