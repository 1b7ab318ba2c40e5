//! The backend of one scenario: where its services are, who can sign in, and how it is changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::applicability::{Lacks, lacks_lever, reaches};
use super::deployment::{self, Turn};
use super::failure::{LeverError, SetUpError};
use super::handed_in::upstream;
use super::lateness::LastEmitted;
use super::lease::Lease;
use super::plan::{Plan, Target};
use crate::domain::contract::Contract;
use crate::domain::journal::{Flaw, LeverHow};
use crate::domain::scenario::{Change, Lever};
use crate::domain::secret::Account;
use crate::gateway::{Gateway, Upstream};
use crate::mock::{self, Mock, Pages};
use crate::net::{Clock, Net};
use crate::operator::{Command, Desk};
use crate::suite::config::{self, LeverMeans, Means};

/// The backend of one scenario.
pub(super) enum Backend {
    /// A mock of its own.
    Mock(Mock),
    /// A deployment that others may use too.
    Deployment {
        target: Box<config::Target>,
        /// What is switched at it, for whoever has to put it back.
        lease: Option<Lease>,
        /// Whose turn it is to call its operator.
        turn: Turn,
    },
}

impl Backend {
    pub(super) fn start(plan: &Plan, clock: Clock, seed: u64) -> Result<Self, SetUpError> {
        match &plan.target {
            Target::Mock => Mock::start(mock::Settings {
                contract: Arc::clone(&plan.suite.contract),
                world: plan.suite.world.clone().unwrap_or_default(),
                clock,
                net: if plan.virtual_time() {
                    Net::Memory
                } else {
                    Net::Real
                },
                listeners: BTreeMap::new(),
                pages: Pages::Ignored,
                secured: None,
                faults: None,
                seed,
                defects: plan.defects.iter().copied().collect(),
                live: false,
            })
            .map(Self::Mock)
            .map_err(SetUpError::Mock),
            Target::Deployment(deployment) => Ok(Self::Deployment {
                target: deployment.clone(),
                lease: plan.lease.clone(),
                turn: Turn::at(&plan.course.pace),
            }),
        }
    }

    pub(super) fn upstreams(&self, contract: &Contract) -> BTreeMap<String, Upstream> {
        let services = contract.services.iter().filter_map(|service| {
            let upstream = match self {
                Self::Mock(mock) => {
                    let endpoint = mock.endpoint(&service.name)?;
                    Upstream {
                        scheme: "http".to_owned(),
                        authority: endpoint.authority(),
                        base_path: service.base_path.clone(),
                        via: Some(endpoint.clone()),
                        access: Arc::default(),
                    }
                }
                Self::Deployment { target, .. } => {
                    let url = target.services.get(&service.name)?;
                    Upstream {
                        access: Arc::new(target.access.clone()),
                        ..upstream(url)
                    }
                }
            };
            Some((service.name.clone(), upstream))
        });
        services.collect()
    }

    pub(super) fn accounts(&self, plan: &Plan) -> Vec<Account> {
        match self {
            Self::Mock(_) => {
                let users = plan.suite.world.iter().flat_map(|world| &world.users);
                users
                    .map(|user| Account {
                        name: user.name.clone(),
                        username: user.username.clone(),
                        password: user.password.clone(),
                    })
                    .collect()
            }
            Self::Deployment { target, .. } => target.accounts.clone(),
        }
    }

    /// Tells when the backend emitted an event, if it can.
    pub(super) fn last_emitted(&self) -> Option<LastEmitted> {
        match self {
            Self::Mock(mock) => {
                let mock = mock.clone();
                Some(Box::new(move |event| mock.last_emitted(event)))
            }
            Self::Deployment { .. } => None,
        }
    }

    /// How many forbidden calls the backend itself counted, if it can.
    pub(super) fn forbidden_calls(&self) -> Option<u64> {
        match self {
            Self::Mock(mock) => Some(mock.forbidden_calls()),
            Self::Deployment { .. } => None,
        }
    }

    /// A genuine token of an account's with one flaw, if it can make one.
    pub(super) fn mint(&self, username: &str, flaw: Flaw) -> Option<String> {
        match self {
            Self::Mock(mock) => mock.mint(username, flaw),
            Self::Deployment { .. } => None,
        }
    }

    /// Why what an operator may ask for has nothing to move, if it has not.
    pub(super) fn lacks(&self, command: &Command) -> Option<String> {
        match (self, command) {
            (Self::Mock(mock), _) => mock.lacks(command),
            (Self::Deployment { target, .. }, Command::Lever(lever)) => {
                lacks_lever(target, lever).map(|lacks| lacks.to_string())
            }
            (Self::Deployment { .. }, _) => None,
        }
    }

    /// The names of the changes that the world, or the configuration, has for it.
    pub(super) fn changes(&self) -> Vec<String> {
        let own = |lever: &Lever| match lever {
            Lever::Own(name) => Some(name.clone()),
            _ => None,
        };
        match self {
            Self::Mock(mock) => {
                let commands = mock.commands().into_iter();
                let levers = commands.filter_map(|command| match command {
                    Command::Lever(lever) => own(&lever),
                    _ => None,
                });
                levers.collect()
            }
            Self::Deployment { target, .. } => target.levers.keys().filter_map(own).collect(),
        }
    }

    /// Moves a lever and says how; `gateways` are those of all devices.
    pub(super) async fn set<'g>(
        &self,
        setting: &Change,
        gateways: impl Iterator<Item = &'g Gateway>,
    ) -> Result<LeverHow, LeverError> {
        match self {
            Self::Mock(mock) => match mock.change(setting).await {
                Ok(_) => Ok(LeverHow::Mock),
                Err(error) => Err(error.into()),
            },
            Self::Deployment {
                target,
                lease,
                turn,
            } => {
                let lever = setting.lever().ok_or(LeverError::NoLever)?;
                match target.levers.get(&lever) {
                    None => Err(Lacks::lever(target, lever).into()),
                    Some(LeverMeans::Gateway) => {
                        for gateway in gateways {
                            imitate(gateway, setting)?;
                        }
                        Ok(LeverHow::Gateway)
                    }
                    Some(means @ LeverMeans::Calls { set, reset, .. }) => {
                        reaches(target, means, setting)?;
                        if let Some(lease) = lease {
                            lease.before(setting)?;
                        }
                        let made = deployment::operate(target, turn, setting, set, reset).await?;
                        if let Some(lease) = lease {
                            lease.after(setting);
                        }
                        Ok(match made {
                            Means::Http => LeverHow::Http,
                            Means::Command => LeverHow::Command,
                        })
                    }
                }
            }
        }
    }

    /// What has been switched at it and is not put back, the latest first.
    pub(super) fn switched(&self) -> Vec<Change> {
        match self {
            Self::Deployment {
                lease: Some(lease), ..
            } => lease.switched().into_iter().rev().collect(),
            _ => Vec::new(),
        }
    }
}

/// Lets the gateway act as if the backend had been moved.
fn imitate(gateway: &Gateway, setting: &Change) -> Result<(), LeverError> {
    match setting {
        Change::Maintenance(on) => gateway.set_maintenance(*on),
        Change::Backend { service, running } => {
            gateway.set_running(service.as_deref(), *running)?;
        }
        Change::DropSockets => gateway.drop_sockets(),
        _ => return Err(LeverError::NotImitable),
    }
    Ok(())
}
