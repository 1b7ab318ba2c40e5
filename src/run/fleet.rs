//! Thousands of simulated apps against one target, in one process: a load, not a judgement.
//!
//! The apps are those that scenarios play, on devices without tasks and connections of their own. There is no
//! gateway: each request and each frame is judged by the contract's scope before it is sent, and what the scope
//! denies is not sent. A thread holds its part of the apps and counts what they do; the schedule orders what
//! happens to all, and reads the counts after each stage.

mod barrier;
mod crew;
mod refusal;
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

use tokio::sync::{Semaphore, oneshot, watch};

use super::backend::Backend;
use super::deployment::World;
use super::interrupt::Interrupt;
use super::plan::{Plan, Target};
use super::target;
use crate::app::Pool;
use crate::device::http::Clients;
use crate::domain::fleet::{Fleet, Memory, Stage, Storm, VERSION};
use crate::domain::scenario::Lever;
use crate::domain::secret::Account;
use crate::net::{Clock, ServiceAddress};
use crate::operator::Command;
use crate::suite::config::LeverMeans;
pub use barrier::Barrier;
use crew::{Crew, Order};
pub use refusal::{NotHeld, allowed};
use schedule::Schedule;
use tally::Tally;

/// How many apps connect from one address of loopback. A system has about 28,000 ports for one, keeps each for a
/// minute after its connection, and in a storm an app opens several.
const APPS_A_SOURCE: u64 = 2_500;

/// Descriptors beside those of the apps' sockets: pooled connections, files, the runtimes.
const OTHER_DESCRIPTORS: u64 = 512;

/// For how many requests at once there is room at least.
const LEAST_ROOM: u64 = 64;

/// … and at most: as many as nobody waits for.
const MOST_ROOM: u64 = 100_000;

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
        let back = put_back(&backend).await;
        held.and_then(|held| back.map(|()| held))
    })
}

/// Puts back what is switched: each of it, whatever becomes of the others. The first that does not move is told.
async fn put_back(backend: &Backend) -> Result<(), NotHeld> {
    let mut first = Ok(());
    for undone in backend.switched().iter().filter_map(|own| own.undone()) {
        let back = backend.set(&undone, std::iter::empty()).await;
        first = first.and(
            back.map(drop)
                .map_err(|error| NotHeld::Lever(error.to_string())),
        );
    }
    first
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
    let shared = Shared {
        backend,
        clock,
        accounts: Arc::clone(&accounts),
        orders: receiver,
        room: plan.room(),
    };
    for thread in 0..plan.threads_in_use() {
        let crew = plan.crew(thread, &shared)?;
        tallies.push(Arc::clone(&crew.tally));
        crews.push(crew);
    }
    drop(shared);
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

/// What the crews of all threads are made of.
struct Shared<'a> {
    backend: &'a Backend,
    clock: Clock,
    accounts: Arc<[Account]>,
    orders: watch::Receiver<Order>,
    room: Option<Arc<Semaphore>>,
}

impl FleetPlan {
    fn threads_in_use(&self) -> u64 {
        if self.plan.virtual_time() {
            return 1;
        }
        (self.threads.max(1) as u64).min(self.apps.max(1))
    }

    /// Room for requests that are under way at once: what descriptors there are beside those of the sockets. Each
    /// service has a pool of its own, and each pool keeps for a while what it no longer needs.
    fn room(&self) -> Option<Arc<Semaphore>> {
        let may = usage::descriptors().filter(|_| !self.plan.virtual_time())?;
        let services = self.plan.suite.contract.services.len().max(1) as u64;
        let spare = may.saturating_sub(self.apps + OTHER_DESCRIPTORS) / (2 * services);
        let room = usize::try_from(spare.clamp(LEAST_ROOM, MOST_ROOM)).ok()?;
        Some(Arc::new(Semaphore::new(room)))
    }

    fn crew(&self, thread: u64, shared: &Shared<'_>) -> Result<Crew, NotHeld> {
        let contract = &self.plan.suite.contract;
        let services = services(shared.backend, &self.plan);
        let clients = self.sources_in_use(&services).into_iter();
        let clients = clients.map(|source| Clients::from_source(&services, source));
        let step = usize::try_from(self.threads_in_use()).unwrap_or(1);
        let numbers: Vec<u64> = (thread..self.apps).step_by(step).collect();
        let pace = self.plan.course.pace.clone();
        let tally = Tally::new(Arc::clone(contract), shared.clock, pace, numbers.len());
        Ok(Crew {
            contract: Arc::clone(contract),
            quirks: self.plan.quirks.iter().copied().collect(),
            accounts: Arc::clone(&shared.accounts),
            clients: clients.collect::<Result<_, _>>()?,
            pool: Pool::default(),
            tally: Arc::new(tally.within(shared.room.clone())),
            orders: shared.orders.clone(),
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
