//! What a scenario takes for granted and contract or target lack: then there is nothing to play.

use super::plan::{Plan, Target};
use crate::domain::contract::{Contract, TransportName};
use crate::domain::journal::{FeedState, ScreenName};
use crate::domain::runbook::Came;
use crate::domain::scenario::{Action, Change, Expectation, Lever, Scenario, StepKind};
use crate::suite::config;

/// What is lacking.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lacks {
    /// The contract leaves a whole part out.
    #[error("the contract has no `{0}`")]
    Part(&'static str),
    /// The world names no such change.
    #[error("the world has no change `{0}`")]
    Change(String),
    /// The contract has no such event.
    #[error("the contract has no event `{0}`")]
    Event(String),
    /// The app of the contract keeps to the other transport.
    #[error("the contract's client never uses {0}")]
    Transport(&'static str),
    /// The configuration says of no such lever how it is moved.
    #[error("the target `{target}` has no lever `{lever}`")]
    Lever {
        /// The target's name.
        target: String,
        /// What would be moved.
        lever: Lever,
    },
    /// The lever is there, and moves something else.
    #[error("the lever `{lever}` of the target `{target}` cannot do this: {why}")]
    Reach {
        /// The target's name.
        target: String,
        /// What would be moved.
        lever: Lever,
        /// What it moves instead.
        why: config::OutOfReach,
    },
    /// The configuration has nobody of that name.
    #[error("the target `{target}` has no account `{account}`")]
    Account {
        /// The target's name.
        target: String,
        /// Who would sign in.
        account: String,
    },
}

impl Lacks {
    /// That the configuration of a deployment says nothing of a lever.
    pub(super) fn lever(deployment: &config::Target, lever: Lever) -> Self {
        Self::Lever {
            target: deployment.name.clone(),
            lever,
        }
    }

    /// What the steps of a scenario came to that is not played for this.
    pub(super) fn came(&self) -> Came {
        match self {
            Self::Part(_) | Self::Event(_) | Self::Transport(_) => Came::LeftOut,
            Self::Change(_) | Self::Lever { .. } | Self::Reach { .. } => Came::Skipped,
            // Who signs in is told, and then it can be played.
            Self::Account { .. } => Came::Open,
        }
    }
}

/// Why a scenario would be skipped, if it would.
#[must_use]
pub fn skipped(plan: &Plan, scenario: &Scenario) -> Option<String> {
    lacks(plan, scenario).map(|lacks| lacks.to_string())
}

/// What keeps a scenario from being played.
pub(super) fn lacks(plan: &Plan, scenario: &Scenario) -> Option<Lacks> {
    contract_lacks(&plan.suite.contract, scenario)
        .or_else(|| world_lacks(plan, scenario))
        .or_else(|| target_lacks(plan, scenario))
}

/// What a scenario sets, and who signs in, that the mock's world does not name.
fn world_lacks(plan: &Plan, scenario: &Scenario) -> Option<Lacks> {
    let (Target::Mock, Some(world)) = (&plan.target, &plan.suite.world) else {
        return None;
    };
    let change = scenario.needs.iter().find_map(|lever| match lever {
        Lever::Own(name) if !world.changes.contains_key(name) => Some(Lacks::Change(name.clone())),
        _ => None,
    });
    change.or_else(|| {
        let is_known = |account: &str| world.users.iter().any(|user| user.name == account);
        let mut accounts = scenario.accounts().into_iter();
        let account = accounts.find(|account| !is_known(account))?.to_owned();
        let target = plan.target.name().to_owned();
        Some(Lacks::Account { target, account })
    })
}

/// What a scenario needs and the target lacks.
pub(super) fn target_lacks(plan: &Plan, scenario: &Scenario) -> Option<Lacks> {
    let Target::Deployment(deployment) = &plan.target else {
        return None;
    };
    let mut levers = scenario.needs.iter();
    let lever = levers.find_map(|lever| lacks_lever(deployment, lever));
    lever.or_else(|| {
        let mut steps = scenario.steps.iter().chain(&scenario.finally);
        steps.find_map(|step| match &step.kind {
            StepKind::Do(Action::SignIn { account, .. })
                if !deployment.accounts.iter().any(|own| own.name == *account) =>
            {
                Some(Lacks::Account {
                    target: deployment.name.clone(),
                    account: account.clone(),
                })
            }
            StepKind::Set(change) => {
                let means = deployment.levers.get(&change.lever()?)?;
                reaches(deployment, means, change).err()
            }
            _ => None,
        })
    })
}

/// Whether a lever moves what a change is about.
pub(super) fn reaches(
    deployment: &config::Target,
    means: &config::LeverMeans,
    change: &Change,
) -> Result<(), Lacks> {
    let Change::Backend { service, .. } = change else {
        return Ok(());
    };
    let all = deployment.services.keys().map(String::as_str);
    let reaches = means.reaches(service.as_deref(), all);
    reaches.map_err(|why| Lacks::Reach {
        target: deployment.name.clone(),
        lever: Lever::Backend,
        why,
    })
}

/// Whether the configuration of a deployment lacks a lever.
pub(super) fn lacks_lever(deployment: &config::Target, lever: &Lever) -> Option<Lacks> {
    let lacks = !deployment.levers.contains_key(lever);
    lacks.then(|| Lacks::lever(deployment, lever.clone()))
}

/// What a scenario is about and an app of this contract lacks.
fn contract_lacks(contract: &Contract, scenario: &Scenario) -> Option<Lacks> {
    if let Some(part) = scenario.lacks {
        return Some(Lacks::Part(part));
    }
    let mut steps = scenario.steps.iter().chain(&scenario.finally);
    steps.find_map(|step| match &step.kind {
        StepKind::Do(_) | StepKind::Own(_) => None,
        StepKind::Set(setting) => setting_lacks(contract, setting),
        StepKind::Expect { all, .. } => all
            .iter()
            .find_map(|expectation| expectation_lacks(contract, expectation)),
    })
}

fn setting_lacks(contract: &Contract, setting: &Change) -> Option<Lacks> {
    match setting {
        Change::Maintenance(_) if contract.kill_switch.is_none() => {
            Some(Lacks::Part("kill-switch"))
        }
        Change::Push { .. }
        | Change::DropSockets
        | Change::ForgetSessions
        | Change::Websocket(_)
        | Change::Socket(_)
            if contract.realtime.is_none() =>
        {
            Some(Lacks::Part("realtime"))
        }
        Change::Push { event, .. } => {
            let is_known = contract.event(event).is_some();
            (!is_known).then(|| Lacks::Event(event.clone()))
        }
        _ => None,
    }
}

fn expectation_lacks(contract: &Contract, expectation: &Expectation) -> Option<Lacks> {
    match expectation {
        Expectation::Feed(FeedState::Live | FeedState::Stale)
        | Expectation::Transport(_)
        | Expectation::Event(_)
            if contract.realtime.is_none() =>
        {
            Some(Lacks::Part("realtime"))
        }
        Expectation::Transport(wanted)
            if contract
                .realtime
                .as_ref()
                .is_some_and(|feed| !feed.client.transports.contains(wanted)) =>
        {
            Some(Lacks::Transport(match wanted {
                TransportName::Websocket => "WebSocket",
                TransportName::Polling => "long-polling",
            }))
        }
        Expectation::Feed(FeedState::Polling) if contract.polling.is_none() => {
            Some(Lacks::Part("polling"))
        }
        Expectation::Screen(ScreenName::Maintenance) if contract.kill_switch.is_none() => {
            Some(Lacks::Part("kill-switch"))
        }
        _ => None,
    }
}
