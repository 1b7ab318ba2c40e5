//! One world for one scenario: target, gateway, device, journal and judge.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::board::Board;
use super::environment::{Client, Environment, Settings};
use super::expect::Sockets;
use super::failure::{SetUpError, StepError};
use super::folder::Folder;
use super::handed_in::Own;
use super::interrupt::Interrupt;
use super::plan::{Plan, Target};
use super::probe::{Bystander, Permission, Prober, Validator};
use crate::device::{self, Device};
use crate::domain::contract::{Contract, TransportName};
use crate::domain::journal::file::{Case, file_name};
use crate::domain::scenario::{Change, Fault, Scenario, StepKind};
use crate::gateway::{Listen, Mode};
use crate::net::Tls;

/// One world, ready for a scenario to be played in it.
pub(crate) struct Stage {
    /// Everything around the client.
    pub(super) environment: Environment,
    /// The client: a simulated app on each device, the scenario's first one apart.
    first: Actor,
    others: Vec<Actor>,
    /// How much longer something may take here than a scenario says.
    pub(super) slack: Duration,
    /// Where it is said what is played.
    pub(super) board: Board,
    /// How the run is asked to stop.
    pub(crate) interrupt: Interrupt,
    /// Whether the simulated app was told to misbehave.
    pub(crate) app_misbehaves: bool,
    /// What the harness may ask on its own account.
    pub(super) permission: Permission,
    /// Whether this is the scenario after which the harness asks on its own account.
    pub(super) asks_afterwards: bool,
    /// The accounts that the scenario signs in with.
    pub(super) in_use: Vec<String>,
    /// What the harness has of its own while the kill-switch is on.
    bystander: tokio::sync::Mutex<Option<Bystander>>,
    /// What the scenario's steps look at by code of the caller's own.
    pub(super) own: Vec<Own>,
    /// What the kill-switch was given with when it was last on.
    switched: Mutex<Option<Validator>>,
}

/// One simulated app on a device of its own.
pub(crate) struct Actor {
    /// The device's name, where there are several.
    pub(crate) name: Option<String>,
    /// The device.
    pub(crate) device: Device,
    sockets: Arc<Mutex<Sockets>>,
    // Kept until the scenario is over; dropping it removes the device's storage.
    _folder: Folder,
}

impl Actor {
    fn start(
        plan: &Plan,
        environment: &Environment,
        client: &Client,
        name: Option<&String>,
        seed: u64,
    ) -> Result<Self, SetUpError> {
        let sockets = Arc::new(Mutex::new(Sockets::of(name.cloned())));
        environment
            .recorder
            .journal()
            .watch(Box::new(Arc::clone(&sockets)));
        let folder = Folder::new().map_err(SetUpError::Storage)?;
        let device = Device::start(device::Settings {
            contract: Arc::clone(&environment.contract),
            recorder: client.recorder.clone(),
            services: client.gateway.addresses().into(),
            storage: folder.storage(),
            seed,
            quirks: plan.quirks.iter().copied().collect(),
        })
        .map_err(SetUpError::Device)?;
        Ok(Self {
            name: name.cloned(),
            device,
            sockets,
            _folder: folder,
        })
    }

    /// The transport of its newest living socket.
    pub(crate) fn transport(&self) -> Option<TransportName> {
        lock(&self.sockets).transport()
    }
}

impl Stage {
    /// Starts everything, from an empty world.
    pub(super) async fn set_up(
        plan: &Plan,
        scenario: &Scenario,
        interrupt: &Interrupt,
        policy: &Arc<Contract>,
    ) -> Result<Self, SetUpError> {
        // Each scenario has its own stream of choices, so selecting fewer changes none of them.
        let seed = derive(plan.seed, &scenario.id);
        let folder = plan.journal_dir.as_ref();
        let environment = Environment::start(Settings {
            plan,
            policy,
            case: Case::from(scenario),
            seed,
            file: folder.map(|folder| folder.join(file_name(&scenario.id, None))),
            mode: Mode::Enforcing,
            listen: listen(scenario)?,
        })?;
        let name = scenario.devices.first();
        let first = Actor::start(plan, &environment, &environment.client, name, seed)?;
        let mut others = Vec::new();
        for (client, name) in environment.clients().zip(&scenario.devices).skip(1) {
            let own = derive(seed, name);
            others.push(Actor::start(plan, &environment, client, Some(name), own)?);
        }
        environment.check_itself(plan.virtual_time()).await?;
        Ok(Self {
            environment,
            first,
            others,
            slack: slack(plan),
            board: plan.course.board.clone(),
            interrupt: interrupt.clone(),
            app_misbehaves: !plan.quirks.is_empty(),
            permission: Permission::by(plan),
            asks_afterwards: Permission::after(plan, scenario),
            in_use: scenario.accounts().into_iter().map(str::to_owned).collect(),
            bystander: tokio::sync::Mutex::new(None),
            own: plan.handed_in.code_of(&scenario.id),
            switched: Mutex::new(None),
        })
    }

    /// The app on the device at this place among the scenario's.
    pub(super) fn actor(&self, on: usize) -> &Actor {
        let other = on.checked_sub(1).and_then(|at| self.others.get(at));
        other.unwrap_or(&self.first)
    }

    /// Every app.
    pub(super) fn actors_mut(&mut self) -> impl Iterator<Item = &mut Actor> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    /// What the kill-switch was given with when it was last on.
    pub(super) fn switched(&self) -> Option<Validator> {
        lock(&self.switched).take()
    }

    /// Changes the world for the client and what it stands in. What is one device's own changes for the
    /// one at this place among the scenario's.
    pub(crate) async fn set(&self, setting: &Change, on: usize) -> Result<(), StepError> {
        let client = self.environment.clients().nth(on);
        let client = client.unwrap_or(&self.environment.client);
        if let Change::Maintenance(on) = setting {
            self.around_maintenance(*on).await;
        }
        let Change::Network(there) = setting else {
            return Ok(self.environment.set_for(client, setting).await?);
        };
        // The app must not learn of it before the wire is cut, nor try before it is back.
        if *there {
            self.environment.set_for(client, setting).await?;
        }
        self.actor(on).device.network(*there).await?;
        if !*there {
            self.environment.set_for(client, setting).await?;
        }
        Ok(())
    }
}

impl Stage {
    /// What the harness does on its own account just before the kill-switch is moved.
    async fn around_maintenance(&self, on: bool) {
        let mut bystander = self.bystander.lock().await;
        let mut prober = Prober::new(&self.environment);
        if !on && let Some(before) = bystander.take() {
            let validator = prober.in_maintenance(before).await;
            *lock(&self.switched) = validator;
        } else if on && bystander.is_none() {
            *bystander = prober
                .before_maintenance(&self.permission, &self.in_use)
                .await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the gateway listens: over TLS if the scenario lets TLS fail.
fn listen(scenario: &Scenario) -> Result<Listen, SetUpError> {
    let mut steps = scenario.steps.iter().chain(&scenario.finally);
    let fails = steps.any(|step| {
        matches!(
            &step.kind,
            StepKind::Set(Change::Fault {
                fault: Some(Fault::Untrusted),
                ..
            })
        )
    });
    let tls = fails.then(Tls::own).transpose();
    Ok(Listen {
        tls: tls.map_err(SetUpError::Tls)?,
        ..Listen::default()
    })
}

/// How much longer than a scenario says something may take: what a user does takes several answers, one
/// after the other.
fn slack(plan: &Plan) -> Duration {
    const ANSWERS: u32 = 3;
    match &plan.target {
        Target::Deployment(target) => target.latency.unwrap_or_default() * ANSWERS,
        Target::Mock => Duration::ZERO,
    }
}

/// A scenario's own seed.
fn derive(seed: u64, id: &str) -> u64 {
    // FNV-1a: stable across versions of Rust, which the standard library's hashers are not.
    id.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
