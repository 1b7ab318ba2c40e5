//! Whether a target can be played against.

use super::deployment::{self, Complaint, World};
use super::interrupt::Interrupt;
use super::plan::{Plan, Target};

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
    #[error("the target `{target}` cannot be played against:\n{}", lines(.complaints))]
    Unreachable {
        /// The target's name.
        target: String,
        /// What was tried and what came of it, service by service.
        complaints: Vec<Complaint>,
    },
}

fn lines(complaints: &[Complaint]) -> String {
    let lines: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    lines.join("\n")
}

/// Whether the target can be played against.
pub(super) fn reach(plan: &Plan, world: World, interrupt: &Interrupt) -> Result<(), Unplayable> {
    match &plan.target {
        Target::Mock if plan.suite.world.is_none() => Err(Unplayable::NoWorld {
            suite: plan.suite.origin.clone(),
        }),
        Target::Mock => Ok(()),
        Target::Deployment(deployment) => {
            let (contract, pace) = (&plan.suite.contract, &plan.course.pace);
            let complaints = deployment::reach(deployment, contract, world, pace, interrupt);
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
