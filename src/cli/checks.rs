//! The checks of the team's own project, which a run may make before it plays anything.

use super::problem::Problem;
use super::settings::Environment;
use crate::domain::runbook::Check;
use crate::domain::secrets::Vault;
use crate::run::{Interrupt, Plan, Target, check_variables, run_checks};
use crate::suite;
use crate::suite::config::{CONFIG_FILE, CheckCommand, Config};

/// The commands to run: those that are configured, where they are wanted.
pub(super) fn wanted(wanted: bool, config: &Config) -> Result<&[CheckCommand], Problem> {
    match (wanted, &config.checks[..]) {
        (false, _) => Ok(&[]),
        (true, []) => Err(none(config)),
        (true, checks) => Ok(checks),
    }
}

/// What is said when checks are wanted and none is configured.
fn none(config: &Config) -> Problem {
    let file = config.file.as_ref();
    let place = file.map_or_else(
        || format!("no `{CONFIG_FILE}` was found"),
        |file| format!("`{}` names none", file.display()),
    );
    let problem = suite::Problem::new(format!("there are no checks to run: {place}"));
    let hint = "write `[checks.verify]` with `command = \"npm run verify\"` there";
    Problem::Config(problem.hint(hint).into())
}

/// Checks the app's variables, where the target says where they stand, and runs the commands. Each is
/// shown as soon as it has ended.
pub(super) fn run(
    plan: &Plan,
    commands: &[CheckCommand],
    environment: Environment<'_>,
    interrupt: &Interrupt,
    show: &mut dyn FnMut(&Check),
) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Target::Deployment(target) = &plan.target {
        let variable = |name: &str| environment(name)?.into_string().ok();
        checks.extend(check_variables(target, &plan.suite.contract, &variable));
    }
    checks.iter().for_each(&mut *show);
    // What commands may write out: the secrets that the run itself was given.
    let vault = match &plan.target {
        Target::Mock => Vault::new(),
        Target::Deployment(target) => target.vault(),
    };
    checks.extend(run_checks(commands, &vault, interrupt, show));
    checks
}
