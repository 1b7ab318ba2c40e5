//! Everything around a client: the backend, the gateway before it, the journal and who follows it.
//!
//! The simulated app is played in it, and so is an app that others wrote, behind the proxy.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod client;
mod levers;

use super::backend::Backend;
use super::evaluation::{Evaluation, JournalFlaw};
use super::excerpt;
use super::failure::SetUpError;
use super::lag::Ticker;
use super::lateness::LatenessCheck;
use super::plan::Plan;
use super::recording::Recording;
use super::spill::Spill;
use crate::domain::contract::{Contract, Role, Token};
use crate::domain::journal::file::{Case, ContractMark, Header};
use crate::domain::journal::{Entry, Fact, Flaw, HarnessFact, Observer};
use crate::domain::result::ScenarioResult;
use crate::domain::secret::Account;
use crate::domain::verdict::{Finding, ScopeTally};
use crate::gateway::{self, Listen, Mode};
use crate::net::{Clock, Net, Recorder};
use crate::operator::Command;
use crate::runfile::Writer;

/// How many of a target's accounts the journal names.
const TOLD_ACCOUNTS: usize = 64;
pub(super) use client::Client;

/// How the environment of a client is made.
pub(super) struct Settings<'a> {
    pub(super) plan: &'a Plan,
    /// What the gateway judges by: the suite's contract, unless it is shown to be needed.
    pub(super) policy: &'a Arc<Contract>,
    /// What is played in it.
    pub(super) case: Case,
    /// What every choice in it derives from.
    pub(super) seed: u64,
    /// Where the journal is written to.
    pub(super) file: Option<PathBuf>,
    /// Whether the gateway keeps what the scope denies from the backend.
    pub(super) mode: Mode,
    /// Where the gateway listens; each of several devices has one of its own.
    pub(super) listen: Listen,
}

/// Everything around a client.
pub(super) struct Environment {
    /// Through which is written what concerns all devices.
    pub(super) recorder: Recorder,
    /// What is judged by.
    pub(super) contract: Arc<Contract>,
    /// What the client, or the first of its devices, stands behind.
    pub(super) client: Client,
    /// What each further device stands behind.
    others: Vec<Client>,
    case: Case,
    backend: Backend,
    accounts: Vec<Account>,
    evaluation: Arc<Mutex<Evaluation>>,
    /// Only in virtual time, and only where the backend tells when it emits.
    lateness: Option<Arc<Mutex<LatenessCheck>>>,
    /// By which the gateway knows the harness's own calls of this run.
    pub(super) marker: String,
    /// What says in real time how late the harness itself is.
    ticker: Option<Ticker>,
    /// The journal on disk.
    recording: Option<Arc<Mutex<Recording>>>,
}

impl Environment {
    /// Starts the backend and the gateway before it, and opens the journal.
    pub(super) fn start(settings: Settings<'_>) -> Result<Self, SetUpError> {
        let Settings { plan, seed, .. } = settings;
        let virtual_time = plan.virtual_time();
        let clock = match virtual_time {
            true => Clock::virtual_time(),
            false => Clock::real_time(),
        };
        let contract = Arc::clone(&plan.suite.contract);
        let recorder = Recorder::new(clock);
        let evaluation = Arc::new(Mutex::new(Evaluation::new(&contract, &settings.case)));
        let backend = Backend::start(plan, clock, seed)?;
        let last_emitted = backend.last_emitted().filter(|_| virtual_time);
        let lateness = last_emitted.map(|last| Arc::new(Mutex::new(LatenessCheck::new(last))));
        let (file, header) = (settings.file.as_deref(), header(&settings, clock));
        let recording = record(file, plan.run_file.as_ref(), &header)?;
        watch(&recorder, Some(&evaluation));
        watch(&recorder, lateness.as_ref());
        watch(&recorder, recording.as_ref());
        recorder.journal().archive_in(Box::new(Spill::default()));
        let accounts = backend.accounts(plan);
        recorder.record(Fact::Harness(began(&settings, clock, &accounts)));
        let marker = format!("{seed:016x}");
        let served = |recorder: Recorder| {
            let net = match virtual_time {
                true => Net::Memory,
                false => Net::Real,
            };
            Ok(gateway::Settings {
                contract: Arc::clone(settings.policy),
                recorder,
                net,
                upstreams: plan.handed_in.instead(backend.upstreams(&contract)),
                mode: settings.mode,
                accounts: accounts.clone(),
                marker: marker.clone(),
                pace: plan.course.pace.clone(),
            })
        };
        let written = recording.clone();
        let flush = move || written.iter().for_each(|recording| lock(recording).flush());
        let ticker = (!virtual_time).then(|| Ticker::start(&recorder, flush));
        let (client, others) =
            Client::all(&settings.case.devices, &recorder, &settings.listen, served)?;
        Ok(Self {
            recorder,
            contract,
            client,
            others,
            case: settings.case,
            backend,
            accounts,
            evaluation,
            lateness,
            marker,
            ticker,
            recording,
        })
    }

    /// Asks the backend for its key set or health through the gateway: the gateway learns the keys,
    /// and in virtual time the round trip must cost none.
    pub(super) async fn check_itself(&self, virtual_time: bool) -> Result<(), SetUpError> {
        for client in self.clients() {
            self.check(client, virtual_time).await?;
        }
        Ok(())
    }

    async fn check(&self, client: &Client, virtual_time: bool) -> Result<(), SetUpError> {
        let before = self.recorder.clock().elapsed();
        if let Token::Jwt(policy) = &self.contract.session.token
            && let Some(keys) = &policy.keys
        {
            let reply = client
                .call(&keys.service, &keys.method, &keys.path, "probe", None)
                .await
                .map_err(SetUpError::KeySet)?;
            match serde_json::from_slice(&reply.body) {
                Ok(keys) if reply.status == 200 => client.gateway.set_keys(keys),
                // The rule on tokens then says that signatures could not be checked.
                _ => {}
            }
        } else if let Some(health) = self.contract.operation(&Role::Health) {
            client
                .call(&health.service, &health.method, &health.path, "probe", None)
                .await
                .map_err(SetUpError::Health)?;
        }
        let cost = self.recorder.clock().elapsed() - before;
        if virtual_time && !cost.is_zero() {
            return Err(SetUpError::ClockMoved(cost));
        }
        Ok(())
    }

    /// What the devices stand behind, in the order of the scenario.
    pub(super) fn clients(&self) -> impl Iterator<Item = &Client> {
        std::iter::once(&self.client).chain(&self.others)
    }

    /// Why what an operator may ask for has nothing to move, if it has not.
    pub(super) fn lacks(&self, command: &Command) -> Option<String> {
        let pointless = command.pointless(&self.contract);
        pointless.or_else(|| self.backend.lacks(command))
    }

    /// The names of the changes that the backend makes when it is told to.
    pub(super) fn changes(&self) -> Vec<String> {
        self.backend.changes()
    }

    /// What the scope saw so far.
    pub(super) fn tally(&self) -> ScopeTally {
        lock(&self.evaluation).tally()
    }

    /// What was found so far, but for as many findings as were told already.
    pub(super) fn found(&self, told: usize) -> Vec<Finding> {
        lock(&self.evaluation).found(told)
    }

    /// An entry as it stands in the journal's file, or would.
    pub(super) fn line_of(&self, entry: &Entry) -> String {
        let recording = self.recording.as_ref().map(|recording| lock(recording));
        let written = recording.as_ref().and_then(|own| own.line_of(entry));
        written.map_or_else(
            || serde_json::to_string(entry).unwrap_or_default(),
            str::to_owned,
        )
    }

    /// Ends the journal: the client is gone.
    pub(super) fn end(&self) {
        if let Some(ticker) = &self.ticker {
            ticker.stop();
        }
        if let Some(calls) = self.backend.forbidden_calls() {
            self.note(HarnessFact::ForbiddenReached { calls });
        }
        let late = self.lateness.as_ref();
        if let Some(late) = late.and_then(|check| lock(check).worst()) {
            self.note(late);
        }
        self.note(HarnessFact::Ended);
    }

    /// A genuine token of an account's with one flaw, if the backend is one that makes them.
    pub(super) fn mint(&self, username: &str, flaw: Flaw) -> Option<String> {
        self.backend.mint(username, flaw)
    }

    /// What it all came to.
    pub(super) fn conclude(&self) -> ScenarioResult {
        let mut journal = self.recorder.journal();
        let recording = self.recording.as_ref();
        let failed = recording.and_then(|recording| {
            let mut recording = lock(recording);
            recording.finish();
            recording.failed()
        });
        let flaw = failed.map(|(from, why)| JournalFlaw::Unwritten { from, why });
        lock(&self.evaluation).conclude(&self.case, flaw.as_ref(), |findings| {
            excerpt::excerpt(&mut journal, findings)
        })
    }

    /// The account of this name.
    pub(super) fn account(&self, name: &str) -> Option<&Account> {
        let mut accounts = self.accounts.iter();
        accounts.find(|account| account.name == name)
    }

    /// The names of all accounts, each with what it signs in with.
    pub(super) fn accounts(&self) -> Vec<(&str, &str)> {
        let accounts = self.accounts.iter();
        accounts
            .map(|account| (account.name.as_str(), account.username.as_str()))
            .collect()
    }

    fn note(&self, fact: HarnessFact) {
        self.recorder.record(Fact::Harness(fact));
    }
}

/// How the journal begins. It names what accounts sign in with; a world of thousands is not written down whole.
fn began(settings: &Settings<'_>, clock: Clock, accounts: &[Account]) -> HarnessFact {
    let plan = settings.plan;
    let named = accounts.iter().take(TOLD_ACCOUNTS);
    HarnessFact::Began {
        scenario: settings.case.id.clone(),
        seed: plan.seed,
        target: plan.target.name().to_owned(),
        epoch: clock.epoch().as_secs(),
        virtual_time: plan.virtual_time(),
        accounts: named.map(|account| account.username.clone()).collect(),
    }
}

/// Lets an observer follow the journal, if there is one.
fn watch<T: Observer + 'static>(recorder: &Recorder, observer: Option<&Arc<Mutex<T>>>) {
    if let Some(observer) = observer {
        recorder.journal().watch(Box::new(Arc::clone(observer)));
    }
}

/// An observer, to be asked what it has seen.
fn lock<T>(observer: &Mutex<T>) -> MutexGuard<'_, T> {
    observer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins the journal: its file with the folder that it stands in, its part of the run file, or nothing
/// where nobody keeps it.
fn record(
    path: Option<&Path>,
    run_file: Option<&Writer>,
    header: &Header,
) -> Result<Option<Arc<Mutex<Recording>>>, SetUpError> {
    if path.is_none() && run_file.is_none() {
        return Ok(None);
    }
    let folder = path.and_then(Path::parent);
    let folder = folder.filter(|it| !it.as_os_str().is_empty());
    let begun = folder
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| Recording::create(path, run_file, header));
    let begun = begun.map_err(|error| SetUpError::Journal {
        path: path.unwrap_or(Path::new("")).to_owned(),
        error,
    })?;
    Ok(Some(Arc::new(Mutex::new(begun))))
}

/// What a journal file says of itself.
fn header(settings: &Settings<'_>, clock: Clock) -> Header {
    let plan = settings.plan;
    Header {
        journal: settings.case.version(),
        rehearsal: env!("CARGO_PKG_VERSION").to_owned(),
        contract: ContractMark {
            name: plan.suite.contract.name.clone(),
            sha256: plan.suite.fingerprint.clone(),
        },
        target: plan.target.name().to_owned(),
        seed: plan.seed,
        epoch: clock.epoch().as_secs(),
        virtual_time: plan.virtual_time(),
        enforced: settings.mode == Mode::Enforcing,
        quirks: names(&plan.quirks, |quirk| quirk.name()),
        defects: names(&plan.defects, |defect| defect.name()),
        case: settings.case.clone(),
    }
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<String> {
    all.iter().map(|one| name(*one).to_owned()).collect()
}
