//! One world for one scenario: target, gateway, device, journal and judge.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::conclude;
use super::expect::Sockets;
use super::hearing::{Hearing, Trouble};
use super::operator::{Call, CallFailed, Reply};
use super::perform::perform;
use super::recording::{Flush, Gaps, Recording};
use super::target::Backend;
use super::{Interrupt, Plan};
use crate::device::{self, Device};
use crate::domain::contract::{Contract, Role, Token, TransportName};
use crate::domain::journal::file::{Case, ContractMark, Header, VERSION};
use crate::domain::journal::{Answerer, Class, Entry, Fact, HarnessFact, Observer, Sender};
use crate::domain::result::ScenarioResult;
use crate::domain::scenario::Scenario;
use crate::domain::secret::Account;
use crate::gateway::{self, Gateway};
use crate::net::{Clock, Net, Recorder, ServiceAddress};

mod world;

/// Plays a scenario from an empty world to its result, on a runtime of its own.
pub(crate) fn play(plan: &Plan, scenario: &Scenario, interrupt: &Interrupt) -> ScenarioResult {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(plan.virtual_time())
        .build();
    let mut result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            match Stage::set_up(plan, scenario, interrupt).await {
                Ok(stage) => stage.play(scenario).await,
                Err(why) => super::unplayed(
                    scenario,
                    crate::domain::verdict::Verdict::Errored(why),
                    Duration::ZERO,
                ),
            }
        }),
        Err(error) => super::unplayed(
            scenario,
            crate::domain::verdict::Verdict::Errored(format!("no runtime: {error}")),
            Duration::ZERO,
        ),
    };
    result.duration_wall = began.elapsed();
    result
}

/// One world.
pub(crate) struct Stage {
    /// The journal.
    pub(crate) recorder: Recorder,
    /// The client.
    pub(crate) device: Device,
    /// How the run is asked to stop.
    pub(crate) interrupt: Interrupt,
    /// Whether the simulated app was told to misbehave.
    pub(crate) app_misbehaves: bool,
    contract: Arc<Contract>,
    gateway: Gateway,
    backend: Backend,
    accounts: Vec<Account>,
    hearing: Hearing,
    sockets: Arc<Mutex<Sockets>>,
    lateness: super::punctuality::Lateness,
    marker: String,
    /// The faults that are on, by what they are on.
    faults: Mutex<BTreeMap<String, String>>,
    /// What the journal on disk lacks.
    gaps: Option<Gaps>,
    // Kept until the scenario is over; dropping it removes the device's storage.
    _storage: TempDir,
}

impl Stage {
    async fn set_up(
        plan: &Plan,
        scenario: &Scenario,
        interrupt: &Interrupt,
    ) -> Result<Self, String> {
        let virtual_time = plan.virtual_time();
        let clock = if virtual_time {
            Clock::virtual_time()
        } else {
            Clock::real_time()
        };
        let net = if virtual_time {
            Net::virtual_time().map_err(|error| format!("no folder for sockets: {error}"))?
        } else {
            Net::Real
        };
        let contract = Arc::clone(&plan.suite.contract);
        // Each scenario has its own stream of choices, so selecting fewer changes none of them.
        let seed = derive(plan.seed, &scenario.id);
        let recorder = Recorder::new(clock);
        let case = Case::from(scenario);
        let hearing = Hearing::new(&contract, &case);
        let sockets = Arc::new(Mutex::new(Sockets::default()));
        let backend = Backend::start(plan, clock, &net, seed)?;
        let lateness = super::punctuality::Lateness::default();
        let mut gaps = None;
        {
            let mut journal = recorder.journal();
            journal.watch(hearing.observer());
            journal.watch(Box::new(FollowSockets(Arc::clone(&sockets))));
            if let Some(last_emitted) = backend.last_emitted().filter(|_| virtual_time) {
                let lateness = lateness.clone();
                journal.watch(Box::new(super::punctuality::Punctuality {
                    last_emitted,
                    lateness,
                }));
            }
            if let Some(folder) = &plan.journal_dir {
                let path = folder.join(format!("{}.jsonl", scenario.id));
                let header = header(plan, clock, case);
                let flush = if virtual_time {
                    Flush::Seldom
                } else {
                    Flush::EachEntry
                };
                let recording = std::fs::create_dir_all(folder)
                    .and_then(|()| Recording::create(&path, &header, flush))
                    .map_err(|error| {
                        format!("the journal {} cannot be written: {error}", path.display())
                    })?;
                gaps = Some(recording.gaps());
                journal.watch(Box::new(recording));
            }
        }
        recorder.record(Fact::Harness(HarnessFact::Began {
            scenario: scenario.id.clone(),
            seed: plan.seed,
            target: plan.target.name().to_owned(),
            epoch: clock.epoch().as_secs(),
            virtual_time,
        }));
        let accounts = backend.accounts(plan);
        let marker = format!("{seed:016x}");
        let gateway = Gateway::start(gateway::Settings {
            contract: Arc::clone(&contract),
            recorder: recorder.clone(),
            net: net.clone(),
            upstreams: backend.upstreams(&contract),
            mode: gateway::Mode::Enforcing,
            accounts: accounts.clone(),
            marker: marker.clone(),
        })
        .map_err(|error| format!("the gateway could not be started: {error}"))?;
        let storage = TempDir::with_prefix("rehearsal-device-")
            .map_err(|error| format!("no folder for the device's storage: {error}"))?;
        let device = Device::start(device::Settings {
            contract: Arc::clone(&contract),
            recorder: recorder.clone(),
            services: gateway.addresses(),
            storage: storage.path().to_owned(),
            seed,
            quirks: plan.quirks.iter().copied().collect(),
        })
        .map_err(|error| format!("the device could not be started: {error}"))?;
        let stage = Self {
            recorder,
            device,
            interrupt: interrupt.clone(),
            app_misbehaves: !plan.quirks.is_empty(),
            contract,
            gateway,
            backend,
            accounts,
            hearing,
            sockets,
            lateness,
            marker,
            faults: Mutex::new(BTreeMap::new()),
            gaps,
            _storage: storage,
        };
        stage.check_itself(virtual_time).await?;
        Ok(stage)
    }

    /// Asks the backend for its key set or health through the gateway: the gateway learns the keys,
    /// and in virtual time the round trip must cost none.
    async fn check_itself(&self, virtual_time: bool) -> Result<(), String> {
        let before = self.recorder.clock().elapsed();
        if let Token::Jwt(policy) = &self.contract.session.token
            && let Some(keys) = &policy.keys
        {
            let reply = self
                .call(&keys.service, &keys.method, &keys.path, "probe", None)
                .await
                .map_err(|error| format!("the key set could not be asked for: {error}"))?;
            match serde_json::from_slice(&reply.body) {
                Ok(keys) if reply.status == 200 => self.gateway.set_keys(keys),
                // The rule on tokens then says that signatures could not be checked.
                _ => {}
            }
        } else if let Some(health) = self.contract.operation(&Role::Health) {
            self.call(&health.service, &health.method, &health.path, "probe", None)
                .await
                .map_err(|error| format!("the health check could not be asked for: {error}"))?;
        }
        let cost = self.recorder.clock().elapsed() - before;
        if virtual_time && !cost.is_zero() {
            return Err(format!(
                "virtual time moved by {cost:?} during one round trip; times in this run would mean nothing"
            ));
        }
        Ok(())
    }

    async fn play(mut self, scenario: &Scenario) -> ScenarioResult {
        perform(&self, scenario).await;
        // Whatever the app could still not write was said when it happened.
        let _ = self.device.stop().await;
        // What is under way is let come to its end, so that both ends of every exchange are known.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Some(calls) = self.backend.forbidden_calls() {
            self.recorder
                .record(Fact::Harness(HarnessFact::ForbiddenReached { calls }));
        }
        if let Some(late) = self.lateness.worst() {
            self.recorder.record(Fact::Harness(late));
        }
        self.recorder.record(Fact::Harness(HarnessFact::Ended));
        let journal = self.recorder.journal();
        let lost = self.gaps.as_ref().and_then(Gaps::told);
        let trouble = Trouble {
            error: lost.map(|why| format!("the journal could not be written {why}")),
            doubts: Vec::new(),
        };
        self.hearing
            .conclude(&Case::from(scenario), trouble, |findings| {
                conclude::excerpt(&journal, findings)
            })
    }

    /// The account of this name.
    pub(crate) fn account(&self, name: &str) -> Result<&Account, String> {
        self.accounts
            .iter()
            .find(|account| account.name == name)
            .ok_or_else(|| format!("the target has no account `{name}`"))
    }

    /// The transport of the newest living socket.
    pub(crate) fn transport(&self) -> Option<TransportName> {
        self.sockets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .transport()
    }

    /// Sends one marked call under every forbidden entry: the gateway must catch each and keep it
    /// from the backend. Without that, "never called" would only mean that nobody looked.
    pub(crate) async fn send_canaries(&self) {
        for pattern in &self.contract.scope.forbid {
            let services: Vec<String> = match &pattern.service {
                Some(service) => vec![service.clone()],
                None => self
                    .contract
                    .services
                    .iter()
                    .map(|service| service.name.clone())
                    .collect(),
            };
            let method = pattern.method.as_deref().unwrap_or("POST");
            for service in services {
                self.send_canary(&service, method, &pattern.path.example())
                    .await;
            }
        }
    }

    async fn send_canary(&self, service: &str, method: &str, path: &str) {
        let before = crate::domain::journal::EntryId(self.recorder.journal().len());
        // Whether it was caught is read from the journal, not from the answer.
        let _ = self
            .call(service, method, path, "canary", Some(serde_json::json!({})))
            .await;
        let (mut exchange, mut caught) = (None, false);
        for entry in self.recorder.journal().after(before) {
            match &entry.fact {
                Fact::Request(request) if request.sender == Sender::Canary => {
                    exchange = Some(request.exchange);
                    caught = false;
                    if request.judgement.class != Class::Forbidden {
                        break;
                    }
                }
                Fact::Answer(answer) if Some(answer.exchange) == exchange => {
                    caught = answer.from == Answerer::Policy;
                }
                _ => {}
            }
        }
        let call = format!("{method} {service} {path}");
        self.recorder.record(Fact::Harness(HarnessFact::Canary {
            exchange,
            call,
            caught,
        }));
    }

    async fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        mark: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Reply, CallFailed> {
        let address = self.gateway.address(service);
        let base_path = address.as_ref().map_or("", ServiceAddress::base_path);
        let endpoint = address.as_ref().and_then(|address| address.via.as_ref());
        Call {
            endpoint,
            method,
            target: &format!("{base_path}{path}"),
            mark: format!("{mark} {}", self.marker),
            body,
        }
        .send()
        .await
    }
}

/// What a journal file says of itself.
fn header(plan: &Plan, clock: Clock, case: Case) -> Header {
    Header {
        journal: VERSION,
        rehearsal: env!("CARGO_PKG_VERSION").to_owned(),
        contract: ContractMark {
            name: plan.suite.contract.name.clone(),
            sha256: plan.suite.fingerprint.clone(),
        },
        target: plan.target.name().to_owned(),
        seed: plan.seed,
        epoch: clock.epoch().as_secs(),
        virtual_time: plan.virtual_time(),
        enforced: true,
        quirks: names(&plan.quirks, |quirk| quirk.name()),
        defects: names(&plan.defects, |defect| defect.name()),
        case,
    }
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<String> {
    all.iter().map(|one| name(*one).to_owned()).collect()
}

/// A scenario's own seed.
fn derive(seed: u64, id: &str) -> u64 {
    // FNV-1a: stable across versions of Rust, which the standard library's hashers are not.
    id.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

struct FollowSockets(Arc<Mutex<Sockets>>);

impl Observer for FollowSockets {
    fn observe(&mut self, entry: &Arc<Entry>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .observe(entry);
    }
}
