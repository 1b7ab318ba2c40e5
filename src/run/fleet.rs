//! Thousands of simulated apps against one target, in one process: a load, not a judgement.
//!
//! The apps are those that scenarios play, on devices without tasks and connections of their own. There is no
//! gateway: each request and each frame is judged by the contract's scope before it is sent, and what the scope
//! denies is not sent. A thread holds its part of the apps and counts what they do; the schedule orders what
//! happens to all, and reads the counts after each stage.

mod barrier;
mod crew;
mod schedule;
mod tally;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::backend::Backend;
use super::deployment::World;
use super::failure::SetUpError;
use super::interrupt::Interrupt;
use super::plan::{Plan, Target};
use super::target::{self, Unplayable};
use crate::app::Pool;
use crate::device::HttpError;
use crate::device::http::Clients;
use crate::domain::fleet::{Fleet, Memory, Stage, Storm, VERSION};
use crate::domain::scenario::Lever;
use crate::domain::secret::Account;
use crate::net::{Clock, ServiceAddress};
use crate::operator::Command;
use crate::suite::config::{self, LeverMeans};
pub use barrier::Barrier;
use crew::{Crew, Order};
use schedule::Schedule;
use tally::Tally;

/// How many apps connect from one address of loopback. A system has about 28,000 ports for one, keeps each for a
/// minute after its connection, and in a storm an app opens several.
const APPS_A_SOURCE: u64 = 2_500;

/// Descriptors beside those of the apps' sockets: pooled connections, files, the runtimes.
const OTHER_DESCRIPTORS: u64 = 512;

/// What is held, and what happens to it.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// The suite, the target, the seed and the quirks; its scenarios are not played.
    pub plan: Plan,
    /// How many apps this process holds.
    pub apps: u64,
    /// Over how long they are started.
    pub ramp: Duration,
    /// How long all are held before each storm.
    pub hold: Duration,
    /// What happens to all of them, one after the other.
    pub storms: Vec<Storm>,
    /// How long the network or the target is away.
    pub away: Duration,
    /// How long all may take to be live.
    pub recover: Duration,
    /// Over how many threads the apps are spread.
    pub threads: usize,
    /// From which addresses connections come; by the system's choice without one.
    pub sources: Vec<IpAddr>,
    /// When the first app is started, since 1970.
    pub start_at: Option<Duration>,
    /// Where other processes are waited for before each storm.
    pub barrier: Option<Barrier>,
}

/// What there is to say while a fleet is held.
#[derive(Debug)]
pub enum Told<'a> {
    /// A stage begins.
    Begins(&'a str),
    /// A stage is over.
    Ended(&'a Stage),
}

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

/// Holds a fleet through all its stages and says what it came to.
///
/// # Errors
/// When it cannot be begun or gone on with. What was switched at the target is put back all the same.
pub fn hold_fleet(
    plan: &FleetPlan,
    interrupt: &Interrupt,
    told: &mut dyn FnMut(Told<'_>),
) -> Result<Fleet, NotHeld> {
    allowed(plan)?;
    target::reach(&plan.plan, World::AsItShouldBe, interrupt)?;
    let is_virtual = plan.plan.virtual_time();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(is_virtual)
        .build()?;
    runtime.block_on(async {
        let clock = match is_virtual {
            true => Clock::virtual_time(),
            false => Clock::real_time(),
        };
        let backend = Backend::start(&plan.plan, clock, plan.plan.seed)?;
        has_levers(plan, &backend)?;
        if let Some(at) = plan.start_at {
            let wait = tokio::time::sleep(at.saturating_sub(clock.unix()));
            tokio::select! { () = wait => {}, () = interrupt.triggered() => {} }
        }
        let held = held(plan, &backend, clock, interrupt, told).await;
        for switched in backend.switched() {
            if let Some(undone) = switched.undone() {
                let back = backend.set(&undone, std::iter::empty()).await;
                back.map_err(|error| NotHeld::Lever(error.to_string()))?;
            }
        }
        held
    })
}

/// Whether every storm that the target makes can be made.
fn has_levers(plan: &FleetPlan, backend: &Backend) -> Result<(), NotHeld> {
    for storm in &plan.storms {
        let lever = match storm {
            Storm::Maintenance => Lever::Maintenance,
            Storm::Drop => Lever::DropSockets,
            Storm::Sockets | Storm::Network | Storm::Restart => continue,
        };
        let imitated = match &plan.plan.target {
            Target::Deployment(target) => {
                matches!(target.levers.get(&lever), Some(LeverMeans::Gateway))
            }
            Target::Mock => false,
        };
        let lacks = match imitated {
            true => Some("its lever is imitated at the gateway, and a fleet has none".to_owned()),
            false => backend.lacks(&Command::Lever(lever)),
        };
        if let Some(why) = lacks {
            return Err(NotHeld::NoLever {
                storm: *storm,
                target: plan.plan.target.name().to_owned(),
                why,
            });
        }
    }
    Ok(())
}

async fn held(
    plan: &FleetPlan,
    backend: &Backend,
    clock: Clock,
    interrupt: &Interrupt,
    told: &mut dyn FnMut(Told<'_>),
) -> Result<Fleet, NotHeld> {
    usage::small_pages();
    let before = usage::resident();
    let accounts: Arc<[Account]> = backend.accounts(&plan.plan).into();
    let (orders, receiver) = watch::channel(Order::Live);
    let mut tallies = Vec::new();
    let mut crews = Vec::new();
    for thread in 0..plan.threads_in_use() {
        let crew = plan.crew(thread, backend, clock, &accounts, &receiver)?;
        tallies.push(Arc::clone(&crew.tally));
        crews.push(crew);
    }
    drop(receiver);
    let mut ended = Vec::new();
    for crew in crews {
        ended.push(begin(crew, plan.plan.virtual_time())?);
    }
    let mut schedule = Schedule {
        plan,
        backend,
        clock,
        tallies: &tallies,
        orders: &orders,
        interrupt,
        told,
        stages: Vec::new(),
        memory: Memory { before, held: 0 },
    };
    let played = schedule.play().await;
    let _ = orders.send_replace(Order::Leave);
    for ended in ended {
        // One whose thread panicked has said so on its way.
        let _ = ended.await;
    }
    played?;
    Ok(Fleet {
        version: VERSION,
        contract: plan.plan.suite.contract.name.clone(),
        target: plan.plan.target.name().to_owned(),
        seeds: vec![plan.plan.seed],
        virtual_time: plan.plan.virtual_time(),
        apps: plan.apps,
        accounts: accounts.len() as u64,
        memory: schedule.memory,
        scope: schedule.scope(),
        stages: schedule.stages,
        interrupted: interrupt.is_triggered(),
    })
}

/// Lets a crew begin: on this runtime where time is virtual, otherwise on a thread of its own.
fn begin(crew: Crew, is_virtual: bool) -> io::Result<oneshot::Receiver<()>> {
    let (end, ended) = oneshot::channel();
    if is_virtual {
        tokio::spawn(async move {
            crew.hold().await;
            let _ = end.send(());
        });
        return Ok(ended);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = thread::Builder::new().name("fleet".to_owned());
    thread.spawn(move || {
        runtime.block_on(crew.hold());
        let _ = end.send(());
    })?;
    Ok(ended)
}

impl FleetPlan {
    fn threads_in_use(&self) -> u64 {
        if self.plan.virtual_time() {
            return 1;
        }
        (self.threads.max(1) as u64).min(self.apps.max(1))
    }

    fn crew(
        &self,
        thread: u64,
        backend: &Backend,
        clock: Clock,
        accounts: &Arc<[Account]>,
        orders: &watch::Receiver<Order>,
    ) -> Result<Crew, NotHeld> {
        let contract = &self.plan.suite.contract;
        let services = services(backend, &self.plan);
        let clients = self.sources_in_use(&services).into_iter();
        let clients = clients.map(|source| Clients::from_source(&services, source));
        let step = usize::try_from(self.threads_in_use()).unwrap_or(1);
        let numbers: Vec<u64> = (thread..self.apps).step_by(step).collect();
        let pace = self.plan.course.pace.clone();
        Ok(Crew {
            contract: Arc::clone(contract),
            quirks: self.plan.quirks.iter().copied().collect(),
            accounts: Arc::clone(accounts),
            clients: clients.collect::<Result<_, _>>()?,
            pool: Pool::default(),
            tally: Arc::new(Tally::new(Arc::clone(contract), clock, pace, numbers.len())),
            orders: orders.clone(),
            numbers,
            every: self.ramp.div_f64(self.apps.max(1) as f64),
            leaving: self.ramp.min(LEAVING),
            seed: self.plan.seed,
        })
    }

    /// The addresses that connections come from. Where the target is on loopback and one address has too few
    /// ports, they are spread over several.
    fn sources_in_use(&self, services: &BTreeMap<String, ServiceAddress>) -> Vec<Option<IpAddr>> {
        if !self.sources.is_empty() {
            return self.sources.iter().copied().map(Some).collect();
        }
        let own = |address: &ServiceAddress| match address.url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            _ => false,
        };
        let needed = self.apps.div_ceil(APPS_A_SOURCE).min(250);
        if needed < 2 || !cfg!(target_os = "linux") || !services.values().all(own) {
            return vec![None];
        }
        let last = u8::try_from(needed).unwrap_or(u8::MAX);
        (1..=last)
            .map(|own| Some(Ipv4Addr::new(127, 0, 0, own).into()))
            .collect()
    }
}

/// Over how long the apps leave at most.
const LEAVING: Duration = Duration::from_secs(10);

/// Where the apps find the services.
fn services(backend: &Backend, plan: &Plan) -> BTreeMap<String, ServiceAddress> {
    let upstreams = backend.upstreams(&plan.suite.contract).into_iter();
    upstreams
        .filter_map(|(name, upstream)| {
            let (scheme, base) = (&upstream.scheme, &upstream.base_path);
            let url = format!("{scheme}://{}{base}", upstream.authority);
            let address = ServiceAddress {
                url: url.parse().ok()?,
                via: upstream.via,
                certificate: None,
            };
            Some((name, address))
        })
        .collect()
}
