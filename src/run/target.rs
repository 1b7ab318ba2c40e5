//! Whether a target can be played against, and which scenarios it lacks something for.

use super::deployment;
use super::interrupt::Interrupt;
use super::plan::{Plan, Target};
use crate::domain::scenario::{Action, Lever, Scenario, StepKind};
use crate::suite::config;

/// Why nothing can be played against a target.
#[derive(Debug, thiserror::Error)]
pub enum Unplayable {
    /// The suite has a contract but no world.
    #[error(
        "the suite {suite} brings no world, so there is no mock of its contract: put a `world.yaml` beside the contract, or name a target"
    )]
    NoWorld {
        /// Where the suite comes from.
        suite: String,
    },
    /// A service does not answer as the contract says.
    #[error("the target `{target}` cannot be played against:\n{}", .complaints.join("\n"))]
    Unreachable {
        /// The target's name.
        target: String,
        /// What was tried and what came of it, service by service.
        complaints: Vec<String>,
    },
}

/// Whether the target can be played against.
pub(super) fn reach(plan: &Plan, interrupt: &Interrupt) -> Result<(), Unplayable> {
    match &plan.target {
        Target::Mock if plan.suite.world.is_none() => Err(Unplayable::NoWorld {
            suite: plan.suite.origin.clone(),
        }),
        Target::Mock => Ok(()),
        Target::Deployment(deployment) => {
            let complaints = deployment::reach(deployment, &plan.suite.contract, interrupt);
            if complaints.is_empty() {
                Ok(())
            } else {
                Err(Unplayable::Unreachable {
                    target: deployment.name.clone(),
                    complaints,
                })
            }
        }
    }
}

/// What a scenario needs and the target lacks.
pub(super) fn lacks(plan: &Plan, scenario: &Scenario) -> Option<String> {
    let Target::Deployment(deployment) = &plan.target else {
        return None;
    };
    let name = &deployment.name;
    if let Some(why) = scenario
        .needs
        .iter()
        .find_map(|lever| lacks_lever(deployment, lever))
    {
        return Some(why);
    }
    scenario
        .steps
        .iter()
        .chain(&scenario.finally)
        .find_map(|step| match &step.kind {
            StepKind::Do(Action::SignIn { account, .. })
                if !deployment.accounts.iter().any(|own| own.name == *account) =>
            {
                Some(format!("the target `{name}` has no account `{account}`"))
            }
            _ => None,
        })
}

/// Why a lever cannot be moved that the configuration of a deployment does not have.
pub(super) fn lacks_lever(deployment: &config::Target, lever: &Lever) -> Option<String> {
    let lacks = !deployment.levers.contains_key(lever);
    lacks.then(|| format!("the target `{}` has no lever `{lever}`", deployment.name))
}
