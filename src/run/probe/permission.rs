//! What the harness may ask of a target on its own account, and as whom.

use super::not_asked::NotAsked;
use crate::domain::scenario::{Lever, Scenario};
use crate::domain::secret::Account;
use crate::run::applicability;
use crate::run::plan::{Plan, Target};
use crate::suite::config::LeverMeans;

/// What may be asked.
#[derive(Debug, Clone)]
pub(crate) enum Permission {
    /// Everything, as the mock's testers.
    Everything(Vec<Account>),
    /// What these accounts may read, and what must be refused to the disposable one.
    Some {
        accounts: Vec<Account>,
        disposable: Option<Account>,
        /// Whether its maintenance is the gateway's, and not the backend's.
        imitated: bool,
    },
    /// Nothing: the configuration of this target does not allow it.
    Nothing {
        /// Its name.
        target: String,
    },
}

impl Permission {
    /// What may be asked of the plan's target.
    pub(crate) fn by(plan: &Plan) -> Self {
        match &plan.target {
            // What a team hands in answers the app, and promises nothing to anybody else.
            Target::Mock if !plan.handed_in.services.is_empty() => Self::Nothing {
                target: plan.target.name().to_owned(),
            },
            Target::Mock => {
                let users = plan.suite.world.iter().flat_map(|world| &world.users);
                let testers = users.filter(|user| !user.admin).map(|user| Account {
                    name: user.name.clone(),
                    username: user.username.clone(),
                    password: user.password.clone(),
                });
                Self::Everything(testers.collect())
            }
            Target::Deployment(own) if !own.probes => Self::Nothing {
                target: own.name.clone(),
            },
            Target::Deployment(own) => {
                let disposable = own.disposable.as_ref();
                let is_disposable = |account: &&Account| Some(&account.name) == disposable;
                Self::Some {
                    imitated: matches!(
                        own.levers.get(&Lever::Maintenance),
                        Some(LeverMeans::Gateway)
                    ),
                    accounts: own.accounts.clone(),
                    disposable: own.accounts.iter().find(is_disposable).cloned(),
                }
            }
        }
    }

    /// Whether the harness asks after this scenario: once in a run, after the first that is played. What it
    /// asks is about the backend, which is the same one in every scenario, and nothing that an app shows
    /// that was told to misbehave.
    pub(crate) fn after(plan: &Plan, scenario: &Scenario) -> bool {
        let mut scenarios = plan.scenarios.iter();
        let first = scenarios.find(|own| applicability::lacks(plan, own).is_none());
        plan.quirks.is_empty() && first.is_none_or(|first| first.id == scenario.id)
    }

    /// Who may read.
    pub(super) fn readers(&self) -> &[Account] {
        match self {
            Self::Everything(accounts) | Self::Some { accounts, .. } => accounts,
            Self::Nothing { .. } => &[],
        }
    }

    /// Whose sessions may be ended, and who may try what is forbidden.
    pub(super) fn disposable(&self) -> Result<&Account, NotAsked> {
        match self {
            Self::Everything(accounts) => accounts.first().ok_or(NotAsked::NoTester),
            Self::Some { disposable, .. } => disposable.as_ref().ok_or(NotAsked::NoDisposable),
            Self::Nothing { target } => Err(NotAsked::no_probes(target)),
        }
    }
}
