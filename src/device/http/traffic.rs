//! The open exchanges of one process: each ends exactly once, in the journal and for the app.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::{Call, Clients, Hop, Outcome, perform};
use crate::device::witness::{Ticket, Witness};
use crate::domain::journal::{ClientExchange, ClientOutcome};
use crate::domain::scope::RequestView;

/// One exchange of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExchangeId(u64);

/// All HTTP traffic of one process; cheap to clone.
///
/// Whoever starts an exchange gives a closure that takes its outcome. It is called at most once:
/// never for an exchange that was abandoned or that ended with its process.
#[derive(Clone)]
pub struct Traffic {
    clients: Clients,
    witness: Arc<dyn Witness>,
    state: Arc<Mutex<State>>,
}

struct State {
    network: Network,
    last: u64,
    /// In boxes, because a map keeps room for several.
    open: BTreeMap<ExchangeId, Box<Open>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    There,
    Gone,
}

struct Open {
    service: String,
    method: String,
    path: String,
    ticket: Ticket,
    done: Done,
    task: Option<AbortHandle>,
}

type Done = Box<dyn FnOnce(Outcome) + Send>;

impl Traffic {
    /// No traffic yet, on a network that is there or gone.
    #[must_use]
    pub fn new(clients: Clients, witness: Arc<dyn Witness>, online: bool) -> Self {
        Self {
            clients,
            witness,
            state: Arc::new(Mutex::new(State {
                network: network(online),
                last: 0,
                open: BTreeMap::new(),
            })),
        }
    }

    /// The clients that it goes through.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Who hears of it.
    #[must_use]
    pub fn witness(&self) -> &Arc<dyn Witness> {
        &self.witness
    }

    /// Starts an exchange. Without a network it ends before this returns, and so it does where the
    /// witness keeps it from being sent.
    pub fn send(&self, call: Call, done: impl FnOnce(Outcome) + Send + 'static) -> ExchangeId {
        let asked = self.asks(&call.service, &call.method, &call.target, &call);
        let open = Box::new(Open {
            service: call.service.clone(),
            method: call.method.clone(),
            path: self.clients.sent_path(&call),
            ticket: asked.as_ref().copied().unwrap_or_default(),
            done: Box::new(done),
            task: None,
        });
        let mut state = self.state();
        state.last += 1;
        let id = ExchangeId(state.last);
        state.open.insert(id, open);
        let unsent = match asked {
            Err(why) => Some(why),
            Ok(_) if state.network == Network::Gone => Some("there is no network".to_owned()),
            Ok(_) => None,
        };
        if let Some(why) = unsent {
            drop(state);
            self.end(id, Outcome::NotSent { why });
            return id;
        }
        let this = self.clone();
        let task = tokio::spawn(async move {
            let outcome = this.perform(id, call).await;
            this.end(id, outcome);
        });
        if let Some(open) = state.open.get_mut(&id) {
            open.task = Some(task.abort_handle());
        }
        id
    }

    /// Gives an exchange up. Nobody hears of it but the journal.
    pub fn abandon(&self, id: ExchangeId) {
        let open = self.state().take(id);
        if let Some(open) = open {
            self.give_up(*open, "it was given up");
        }
    }

    /// Gives every exchange up, because the process is gone.
    pub fn end_all(&self) {
        let open = std::mem::take(&mut self.state().open);
        for open in open.into_values() {
            self.give_up(*open, "the process ended");
        }
    }

    /// The network comes or goes. When it goes, every open exchange breaks at once.
    pub fn set_network(&self, online: bool) {
        let mut state = self.state();
        state.network = network(online);
        if online {
            return;
        }
        let cut: Vec<ExchangeId> = state.open.keys().copied().collect();
        drop(state);
        for id in cut {
            let why = "the network is gone".to_owned();
            self.end(id, Outcome::Broken { why });
        }
    }

    /// Performs a call when its turn has come.
    async fn perform(&self, id: ExchangeId, call: Call) -> Outcome {
        if let Some(pace) = self.witness.pace() {
            pace.turn().await;
            if pace.spend().is_err() {
                let why = "the requests that the target may be asked are used up".to_owned();
                return Outcome::NotSent { why };
            }
        }
        // What carries a socket lasts, and has no timeout: it must not take the room of what does not.
        let room = self.witness.room().filter(|_| call.timeout.is_some());
        let _taken = match room {
            Some(room) => room.acquire().await.ok(),
            None => None,
        };
        perform(&self.clients, call, |call, hop| self.hop(id, call, hop)).await
    }

    /// Whether the witness lets a request be sent, and under which ticket.
    fn asks(
        &self,
        service: &str,
        method: &str,
        target: &str,
        call: &Call,
    ) -> Result<Ticket, String> {
        let host = self.clients.authority(service);
        self.witness.asks(&RequestView {
            service,
            base_path: self.clients.base_path(service),
            method,
            target,
            host,
            expected_authority: host,
            headers: &call.headers,
            body: Some(call.body.as_deref().unwrap_or_default()),
        })
    }

    /// A redirect is about to be followed: whatever it leads to is another request.
    fn hop(&self, id: ExchangeId, call: &Call, hop: &Hop) -> Result<(), String> {
        let target = match hop.url.query() {
            Some(query) => format!("{}?{query}", hop.url.path()),
            None => hop.url.path().to_owned(),
        };
        let asked = self.asks(&call.service, &call.method, &target, call);
        let mut state = self.state();
        let Some(open) = state.open.get_mut(&id) else {
            return Ok(());
        };
        let next_path = hop.url.path().to_owned();
        let path = std::mem::replace(&mut open.path, next_path);
        let ticket = std::mem::replace(
            &mut open.ticket,
            asked.as_ref().copied().unwrap_or_default(),
        );
        let (service, method) = (open.service.clone(), open.method.clone());
        drop(state);
        let status = hop.status;
        let outcome = ClientOutcome::Answered { status };
        self.record(ticket, service, method, path, outcome);
        asked.map(drop)
    }

    fn end(&self, id: ExchangeId, outcome: Outcome) {
        let Some(open) = self.state().take(id) else {
            return;
        };
        if let Some(task) = &open.task {
            // Ending from within the task aborts nothing: it is past its last await.
            task.abort();
        }
        let said = said(&outcome);
        self.record(open.ticket, open.service, open.method, open.path, said);
        (open.done)(outcome);
    }

    fn give_up(&self, open: Open, why: &str) {
        if let Some(task) = &open.task {
            task.abort();
        }
        let why = why.to_owned();
        let outcome = ClientOutcome::Broken { why };
        self.record(open.ticket, open.service, open.method, open.path, outcome);
    }

    fn record(
        &self,
        ticket: Ticket,
        service: String,
        method: String,
        path: String,
        outcome: ClientOutcome,
    ) {
        let exchange = ClientExchange {
            service,
            method,
            path,
            outcome,
        };
        self.witness.ended(ticket, exchange);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, id: ExchangeId) -> Option<Box<Open>> {
        let open = self.open.remove(&id);
        if self.open.is_empty() {
            // An empty map keeps the room of several.
            self.open = BTreeMap::new();
        }
        open
    }
}

fn network(online: bool) -> Network {
    if online {
        Network::There
    } else {
        Network::Gone
    }
}

fn said(outcome: &Outcome) -> ClientOutcome {
    match outcome {
        Outcome::Answered(answer) => ClientOutcome::Answered {
            status: answer.status,
        },
        Outcome::Switched(_) => ClientOutcome::Answered { status: 101 },
        Outcome::NotSent { why } => ClientOutcome::NotSent { why: why.clone() },
        Outcome::Broken { why } => ClientOutcome::Broken { why: why.clone() },
        Outcome::TimedOut => ClientOutcome::Broken {
            why: "its time was over".to_owned(),
        },
    }
}
