//! Why no fleet is held: what is found before anything is asked of its target, and what goes wrong later.

use std::io;

use super::{FleetPlan, OTHER_DESCRIPTORS, usage};
use crate::device::HttpError;
use crate::domain::fleet::Storm;
use crate::run::failure::SetUpError;
use crate::run::plan::Target;
use crate::run::target::Unplayable;
use crate::suite::config;

/// Why no fleet is held, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum NotHeld {
    /// Nobody said that the target may be loaded.
    #[error(
        "the target `{target}` is not on this machine, and nothing says that it may be loaded: whoever answers for it writes `fleet = {apps}` below [targets.{target}] in rehearsal.toml, the most apps that it is to bear"
    )]
    NotAllowed {
        /// The target's name.
        target: String,
        /// How many apps were asked for.
        apps: u64,
    },
    /// The target is to bear fewer.
    #[error(
        "the target `{target}` is to bear {most} apps in all (its `fleet` in rehearsal.toml), and {apps} were asked for"
    )]
    TooMany {
        /// The target's name.
        target: String,
        /// How many it is to bear.
        most: u64,
        /// How many were asked for.
        apps: u64,
    },
    /// The target cannot be reached as a fleet reaches it.
    #[error(
        "the target `{target}` is reached with `{key}`, and a fleet connects directly: run it from where the target can be reached without"
    )]
    NotDirect {
        /// The target's name.
        target: String,
        /// The key of the configuration.
        key: &'static str,
    },
    /// Nobody can sign in.
    #[error(
        "the target `{target}` has no accounts, so no app could sign in: [targets.{target}.accounts] in rehearsal.toml names them"
    )]
    NoAccounts {
        /// The target's name.
        target: String,
    },
    /// The system lets this process have too few connections.
    #[error(
        "{apps} apps need {need} descriptors, and this process may have {may}: raise the limit (`ulimit -n {need}`), or hold fewer apps"
    )]
    Descriptors {
        /// How many apps were asked for.
        apps: u64,
        /// How many descriptors they need.
        need: u64,
        /// How many there may be.
        may: u64,
    },
    /// A storm needs a lever that nobody can move.
    #[error("the storm `{storm}` cannot be had at `{target}`: {why}")]
    NoLever {
        /// The storm.
        storm: Storm,
        /// The target's name.
        target: String,
        /// What is missing.
        why: String,
    },
    /// The target is not there.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
    /// The mock, or a way to the services, could not be set up.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// The requests cannot be sent.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A lever did not move.
    #[error("a lever did not move: {0}")]
    Lever(String),
    /// The other processes cannot be waited for.
    #[error("the folder of the barrier cannot be used: {0}")]
    Barrier(io::Error),
    /// No thread or runtime could be started.
    #[error("the fleet could not be started: {0}")]
    Start(#[from] io::Error),
}

impl NotHeld {
    /// Whether it is what was asked for that cannot be, whatever there is at the other end.
    #[must_use]
    pub fn is_asked_wrongly(&self) -> bool {
        matches!(
            self,
            Self::NotAllowed { .. }
                | Self::TooMany { .. }
                | Self::NotDirect { .. }
                | Self::NoAccounts { .. }
                | Self::Descriptors { .. }
                | Self::NoLever { .. }
                | Self::Http(_)
        )
    }
}

/// Says what keeps a fleet from being held at its target, before anything is asked of it.
///
/// # Errors
/// The first that does.
pub fn allowed(plan: &FleetPlan) -> Result<(), NotHeld> {
    let apps = plan.apps;
    let is_outside = match &plan.plan.target {
        Target::Mock => false,
        Target::Deployment(target) => {
            may_load(plan, target)?;
            true
        }
    };
    if plan.plan.virtual_time() {
        return Ok(());
    }
    // Both ends are this process's where the mock is in it.
    let need = if is_outside { apps } else { apps * 2 } + OTHER_DESCRIPTORS;
    match usage::descriptors() {
        Some(may) if may < need => Err(NotHeld::Descriptors { apps, need, may }),
        _ => Ok(()),
    }
}

fn may_load(plan: &FleetPlan, target: &config::Target) -> Result<(), NotHeld> {
    let name = || target.name.clone();
    let processes = plan.barrier.as_ref().map_or(1, |barrier| barrier.processes);
    let apps = plan.apps * u64::from(processes);
    match target.fleet {
        Some(most) if most < apps => {
            let target = name();
            return Err(NotHeld::TooMany { target, most, apps });
        }
        None if !is_on_loopback(target) => {
            let target = name();
            return Err(NotHeld::NotAllowed { target, apps });
        }
        _ => {}
    }
    let access = &target.access;
    for (is_there, key) in [
        (access.proxy.is_some(), "proxy"),
        (access.identity.is_some(), "tls.client-certificate"),
        (access.ca.is_some(), "tls.ca"),
        (!access.headers.is_empty(), "headers"),
    ] {
        if is_there {
            let target = name();
            return Err(NotHeld::NotDirect { target, key });
        }
    }
    if target.accounts.is_empty() {
        return Err(NotHeld::NoAccounts { target: name() });
    }
    Ok(())
}

fn is_on_loopback(target: &config::Target) -> bool {
    target.services.values().all(|url| match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    })
}
