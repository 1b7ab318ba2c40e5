//! The mock backend: it serves any contract whose suite brings a world.
//!
//! Nothing here knows an app: paths, fields, headers and events come from the contract's operations,
//! selectors and templates, content from the world. One listener per service speaks HTTP/1.1;
//! Engine.IO stands on the contract's socket path. Operator levers are methods of [`Mock`], and an
//! HTTP interface of their own when the mock runs by itself. [`Defect`]s make it deliberately wrong.
//!
//! Reading order: [`Mock`] and its levers; what it holds (`backend` to `switchboard`); how requests are
//! read and answers composed; `routes` (what a request is), `platform` (tokens), `data` (resources and
//! pages), `changes` and `live` (how the world moves), `look` and `edit` (how an operator reads and writes it); `realtime`, `feed` and `question` (sockets and events); the I/O (`serving`, `service`, `engine`,
//! `operator`).

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;

mod defect;
mod settings;

mod backend;
mod edits;
mod feeds;
mod kept;
mod lively;
mod readiness;
mod resource_state;
mod sessions;
mod shown;
mod snapshot;
mod sockets;
mod switchboard;

mod call;
mod capture;
mod reply;
mod target;
mod writing;

mod changes;
mod data;
mod drift;
mod edit;
mod faults;
mod flaws;
mod keys;
mod live;
mod look;
mod malform;
mod paging;
mod parity;
mod platform;
mod promised;
mod reload;
mod routes;

mod feed;
mod question;
mod realtime;

mod serving;

mod engine;
mod handshake;
mod operator;
mod pages;
mod secured;
mod service;

#[cfg(test)]
mod tests;

pub use defect::{Defect, Defects};
pub use faults::ReadChange;
pub use pages::Pages;
pub(crate) use secured::AUTHORITY;
pub use secured::Secured;
pub use settings::{LeverError, Settings, StartError};
pub use snapshot::{State, Unusable};

use self::backend::Backend;
use self::faults::Cut;
use self::serving::Running;
use crate::domain::change::Change;
use crate::domain::journal::Flaw;
use crate::domain::malformed::Malformed;
use crate::domain::world::World;
use crate::net::{Endpoint, Listener, Users};
use crate::operator::{Door, Tape};

/// A running mock. Clones are handles on the same one; it stops with the last of them.
#[derive(Clone)]
pub struct Mock {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<Backend>,
    endpoints: BTreeMap<String, Endpoint>,
    running: Mutex<BTreeMap<String, Running>>,
    operator: std::sync::Mutex<Vec<Running>>,
}

impl Mock {
    /// Starts every service. Must be called on a runtime.
    ///
    /// # Errors
    /// When the world does not fit the contract, or an address cannot be listened on.
    pub fn start(mut settings: Settings) -> Result<Self, StartError> {
        let net = settings.net;
        let mut given = std::mem::take(&mut settings.listeners);
        let contract = settings.contract.clone();
        let backend = Arc::new(Backend::new(settings)?);
        let mut listeners = Vec::new();
        for service in &contract.services {
            let name = &service.name;
            let listener = match given.remove(name) {
                Some(listener) => listener,
                None => {
                    let socket = format!("mock-{name}");
                    net.bind(&socket).map_err(|source| StartError::Bind {
                        service: name.clone(),
                        address: socket,
                        source,
                    })?
                }
            };
            listeners.push((name.clone(), listener));
        }
        let endpoints = listeners
            .iter()
            .map(|(name, listener)| (name.clone(), listener.endpoint().clone()))
            .collect();
        let running = listeners
            .into_iter()
            .map(|(name, listener)| {
                let running = service::start(&backend, &name, listener);
                (name, running)
            })
            .collect();
        Ok(Self {
            inner: Arc::new(Inner {
                backend,
                endpoints,
                running: Mutex::new(running),
                operator: std::sync::Mutex::new(Vec::new()),
            }),
        })
    }

    /// Where a service listens, or would listen if it were running.
    #[must_use]
    pub fn endpoint(&self, service: &str) -> Option<&Endpoint> {
        self.inner.endpoints.get(service)
    }

    /// What its URLs begin with.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        let secured = self.inner.backend.secured.is_some();
        if secured { "https" } else { "http" }
    }

    /// A service's URL, base path included.
    #[must_use]
    pub fn url(&self, service: &str) -> Option<String> {
        let authority = self.endpoint(service)?.authority();
        let base = &self.inner.backend.contract.service(service)?.base_path;
        let scheme = self.scheme();
        Some(format!("{scheme}://{authority}{base}"))
    }

    /// Switches the kill-switch. While it is on, data is refused as the contract says and nobody
    /// has a socket.
    ///
    /// # Errors
    /// When the contract has no kill-switch.
    pub fn set_maintenance(&self, on: bool) -> Result<(), LeverError> {
        let backend = &self.inner.backend;
        if backend.contract.kill_switch.is_none() {
            return Err(LeverError::Nothing {
                lever: "maintenance".to_owned(),
                why: "the contract has no kill-switch".to_owned(),
            });
        }
        backend.switch(&mut backend.core(), on);
        Ok(())
    }

    /// Stops or starts a service, or all of them. A stopped one really closes its listener, and all
    /// its connections are cut when this completes; a started one listens where it did before.
    ///
    /// # Errors
    /// When there is no such service, or somebody took its address meanwhile.
    pub async fn set_running(&self, service: Option<&str>, run: bool) -> Result<(), LeverError> {
        let backend = &self.inner.backend;
        let mut running = self.inner.running.lock().await;
        let names: Vec<&String> = match service {
            Some(name) => {
                let known = self.inner.endpoints.get_key_value(name);
                vec![
                    known
                        .map(|(name, _)| name)
                        .ok_or_else(|| LeverError::Unknown {
                            kind: "service",
                            name: name.to_owned(),
                        })?,
                ]
            }
            None => self.inner.endpoints.keys().collect(),
        };
        for name in names {
            let is_restarted = run && !backend.faults.is_running(name);
            backend.faults.set_running(name, run);
            self.settle(&mut running, name).await?;
            if is_restarted && backend.has(Defect::SessionsLostOnRestart) {
                backend.core().sessions = sessions::Sessions::default();
            }
            if is_restarted && backend.has(Defect::CountsAnew) {
                backend.core().count_anew();
            }
        }
        Ok(())
    }

    /// Switches what is between the services and their clients: the network, what is let through, faults.
    ///
    /// # Errors
    /// When a mock does no such thing, or somebody took the address of a listener that was closed for it.
    pub(crate) async fn disturb(&self, change: &Change) -> Result<(), LeverError> {
        let backend = &self.inner.backend;
        let cut = backend.faults.set(change, &backend.contract);
        let cut = cut.map_err(|why| LeverError::Nothing {
            lever: "fault".to_owned(),
            why: why.to_owned(),
        })?;
        match cut {
            Cut::Nothing => {}
            Cut::WebSockets => backend.cut_websockets(),
            Cut::Feed => self.drop_sockets(),
        }
        let mut running = self.inner.running.lock().await;
        for name in self.inner.endpoints.keys() {
            self.settle(&mut running, name).await?;
        }
        Ok(())
    }

    /// Opens or closes a service's listener, as all that is switched says.
    async fn settle(
        &self,
        running: &mut BTreeMap<String, Running>,
        name: &str,
    ) -> Result<(), StartError> {
        let backend = &self.inner.backend;
        if backend.faults.lets_in(name) {
            if !running.contains_key(name) {
                let listener = bind(name, &self.inner.endpoints[name])?;
                running.insert(name.to_owned(), service::start(backend, name, listener));
            }
        } else if let Some(closing) = running.remove(name) {
            closing.stop().await;
        }
        Ok(())
    }

    /// Emits an event to everybody who listens, with this first argument or with one made up from
    /// the state. Answers how many sockets it went to.
    ///
    /// # Errors
    /// When the contract has no such event.
    pub fn push(&self, event: &str, payload: Option<Value>) -> Result<usize, LeverError> {
        self.inner.backend.push(event, payload)
    }

    /// Makes a change that the world names. Answers how many users it was made for.
    ///
    /// # Errors
    /// When the world names no such change, or nothing is left to be changed.
    pub fn alter(&self, change: &str) -> Result<usize, LeverError> {
        self.inner.backend.alter(change)
    }

    /// Refuses every access token issued so far, from now on.
    pub fn expire_tokens(&self) {
        let backend = &self.inner.backend;
        let mut core = backend.core();
        core.sessions.expire_access(backend.clock.unix());
        backend.shorten_sockets(&mut core);
    }

    /// Answers a resource with bad data of one class from now on, or with good data again.
    pub fn malform(&self, resource: &str, class: Option<Malformed>) {
        let mut core = self.inner.backend.core();
        match class {
            Some(class) => core.malformed.insert(resource.to_owned(), class),
            None => core.malformed.remove(resource),
        };
    }

    /// Serves another world in the place of this one. What it says as the last one did stays as it has become,
    /// sessions go on, and whoever listens is told of what has changed. Answers which resources have.
    ///
    /// # Errors
    /// When the world does not fit the contract; then everything stays as it is.
    pub fn reload(&self, world: Arc<World>) -> Result<Vec<String>, StartError> {
        self.inner.backend.reload(world)
    }

    /// All that a restart would lose, if anything was asked or changed since `before`: pass what the last call
    /// has answered, and 0 the first time.
    #[must_use]
    pub fn state_since(&self, before: u64) -> Option<(u64, State)> {
        self.inner.backend.state_since(before)
    }

    /// Goes on where another mock has ended.
    ///
    /// # Errors
    /// When that was a mock of another contract, or its data does not fit this one; then everything stays as
    /// it is.
    pub fn resume(&self, state: State) -> Result<(), Unusable> {
        self.inner.backend.resume(state)
    }

    /// Keeps the world under a name: the data and what is switched, not who is signed in. Answers all names.
    ///
    /// # Errors
    /// When it cannot be the name of one, or there are too many.
    pub fn keep(&self, name: &str) -> Result<Vec<String>, LeverError> {
        self.inner.backend.keep(name)
    }

    /// Has a world again that was kept. Answers for how many users.
    ///
    /// # Errors
    /// When none of this name was.
    pub fn go_back(&self, name: &str) -> Result<usize, LeverError> {
        self.inner.backend.go_back(name)
    }

    /// Cuts every socket without a word; they may come back at once.
    pub fn drop_sockets(&self) {
        self.inner.backend.core().sockets.reset();
    }

    /// Sends the sockets of one user away, or those of everybody, with a word: out of their
    /// namespace, or off the whole connection. A stock client stays away then. Answers how many went.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn send_away(&self, user: Option<&str>, connection: bool) -> Result<usize, LeverError> {
        self.inner.backend.send_away(user, connection)
    }

    /// How many forbidden requests, emits and namespaces have reached the mock.
    #[must_use]
    pub fn forbidden_calls(&self) -> u64 {
        self.inner.backend.core().forbidden
    }

    /// An access token of a user, by what they sign in with, that is signed as those are that the
    /// mock hands out, and has one flaw. Nothing for flaws that need no key.
    #[must_use]
    pub fn mint(&self, username: &str, flaw: Flaw) -> Option<String> {
        self.inner.backend.mint(username, flaw)
    }

    /// When an event was last emitted to anybody, since the run began.
    #[must_use]
    pub fn last_emitted(&self, event: &str) -> Option<Duration> {
        self.inner.backend.core().emitted.get(event).copied()
    }

    /// Lets what happens be looked back at further than memory goes: so many bytes on disk. Nobody may follow it yet.
    pub(crate) fn reach_back(&self, bytes: u64) {
        let tape = Arc::new(Tape::reaching_back(bytes));
        let _ = self.inner.backend.tape.set(tape);
    }

    /// What happens from the first call on. Nothing is noted before somebody wants to know.
    pub(crate) fn followed(&self) -> Arc<Tape> {
        let tape = self.inner.backend.tape.get_or_init(Arc::default);
        Arc::clone(tape)
    }

    /// Serves the operator's HTTP interface, which moves the levers from outside the process.
    /// Answers where it listens.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn serve_operator(&self, endpoint: &Endpoint) -> Result<Endpoint, StartError> {
        Ok(self.operated_at(bind("operator", endpoint)?, Users::Own))
    }

    /// Serves the operator's HTTP interface where this listens already. Answers where that is.
    #[must_use]
    pub fn operated_at(&self, listener: Listener, users: Users) -> Endpoint {
        self.served_at(listener, Door::Api, users)
    }

    /// Serves the console where this listens already. Answers where that is.
    #[must_use]
    pub fn watched_at(&self, listener: Listener, users: Users) -> Endpoint {
        self.served_at(listener, Door::Console, users)
    }

    fn served_at(&self, listener: Listener, door: Door, users: Users) -> Endpoint {
        let at = listener.endpoint().clone();
        let _ = self.followed();
        let inner: Weak<Inner> = Arc::downgrade(&self.inner);
        let running = operator::start(listener, door, users, move || {
            let inner = inner.upgrade()?;
            Some(Mock { inner })
        });
        let mut operators = self
            .inner
            .operator
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        operators.push(running);
        at
    }
}

fn bind(service: &str, endpoint: &Endpoint) -> Result<Listener, StartError> {
    Listener::bind(endpoint).map_err(|source| StartError::Bind {
        service: service.to_owned(),
        address: endpoint.authority(),
        source,
    })
}
