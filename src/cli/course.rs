//! How a run goes on: from flags, configuration and environment to one course.

use std::path::{Path, PathBuf};

use super::arguments::{CourseArguments, Flaky};
use super::problem::Problem;
use super::runbook::today;
use super::settings::{Environment, layered};
use crate::domain::known_failure::KnownFailure;
use crate::run::Course;
use crate::suite::config::Config;
use crate::suite::known_failures::{KNOWN_FAILURES_FILE, read_known_failures};
use crate::suite::{Source, Suite};

/// The configuration as the profile that is asked for has it.
pub(super) fn under_profile(
    config: Config,
    arguments: &CourseArguments,
    environment: Environment<'_>,
) -> Result<Config, Problem> {
    let profile = arguments.profile.clone();
    match layered(profile, None, environment, "REHEARSAL_PROFILE")? {
        Some(name) => config.under(&name).map_err(Problem::Config),
        None => Ok(config),
    }
}

/// How a run of this suite goes on.
pub(super) fn course(
    arguments: &CourseArguments,
    config: &Config,
    suite: &Suite,
    environment: Environment<'_>,
) -> Result<Course, Problem> {
    let run = &config.run;
    let retries = layered(
        arguments.retries,
        run.retries,
        environment,
        "REHEARSAL_RETRIES",
    )?;
    let flaky = arguments.flaky.map(|flaky| flaky == Flaky::Pass);
    let fail_fast = arguments.fail_fast.then_some(true);
    let most = arguments.max_findings.map(usize::from);
    Ok(Course {
        retries: retries.unwrap_or(0),
        flaky_passes: flaky.or(run.flaky_passes).unwrap_or(false),
        fail_fast: fail_fast.or(run.fail_fast).unwrap_or(false),
        timeout: arguments.timeout.or(run.timeout),
        max_findings: most.or(run.max_findings),
        known: known(arguments.known_failures.as_deref(), config, suite)?,
        today: today(),
        board: Default::default(),
        part: None,
        pace: Default::default(),
    })
}

/// What is known to fail: by the file that is named, or by the one beside the configuration, if it is there.
fn known(
    flag: Option<&Path>,
    config: &Config,
    suite: &Suite,
) -> Result<Vec<KnownFailure>, Problem> {
    let named = flag
        .map(Path::to_owned)
        .or(config.run.known_failures.clone());
    let beside = file(config);
    let path = match named {
        Some(path) => path,
        None if beside.exists() => beside,
        None => return Ok(Vec::new()),
    };
    let source = Source::read(&path, "what is known to fail");
    let source = source.map_err(|problem| Problem::Config(problem.into()))?;
    let ids: Vec<&str> = suite.scenarios.iter().map(|own| own.id.as_str()).collect();
    read_known_failures(&source, &ids).map_err(Problem::Config)
}

/// The file beside the configuration, or here if there is none.
fn file(config: &Config) -> PathBuf {
    let folder = config.file.as_deref().and_then(Path::parent);
    folder.unwrap_or(Path::new("")).join(KNOWN_FAILURES_FILE)
}
