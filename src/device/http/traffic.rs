//! The open exchanges of one process: each ends exactly once, in the journal and for the app.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::{Call, Clients, Hop, Outcome, perform};
use crate::domain::journal::{AppFact, ClientExchange, ClientOutcome, Fact};
use crate::net::Recorder;

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
    recorder: Recorder,
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
    done: Done,
    task: Option<AbortHandle>,
}

type Done = Box<dyn FnOnce(Outcome) + Send>;

impl Traffic {
    /// No traffic yet, on a network that is there or gone.
    #[must_use]
    pub fn new(clients: Clients, recorder: Recorder, online: bool) -> Self {
        Self {
            clients,
            recorder,
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

    /// Starts an exchange. Without a network it ends before this returns.
    pub fn send(&self, call: Call, done: impl FnOnce(Outcome) + Send + 'static) -> ExchangeId {
        let open = Box::new(Open {
            service: call.service.clone(),
            method: call.method.clone(),
            path: self.clients.sent_path(&call),
            done: Box::new(done),
            task: None,
        });
        let mut state = self.state();
        state.last += 1;
        let id = ExchangeId(state.last);
        state.open.insert(id, open);
        if state.network == Network::Gone {
            drop(state);
            let why = "there is no network".to_owned();
            self.end(id, Outcome::NotSent { why });
            return id;
        }
        let this = self.clone();
        let task = tokio::spawn(async move {
            let outcome = perform(&this.clients, call, |hop| this.hop(id, hop)).await;
            this.end(id, outcome);
        });
        if let Some(open) = state.open.get_mut(&id) {
            open.task = Some(task.abort_handle());
        }
        id
    }

    /// Gives an exchange up. Nobody hears of it but the journal.
    pub fn abandon(&self, id: ExchangeId) {
        let open = self.state().open.remove(&id);
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

    fn hop(&self, id: ExchangeId, hop: &Hop) {
        let mut state = self.state();
        let Some(open) = state.open.get_mut(&id) else {
            return;
        };
        let next_path = hop.url.path().to_owned();
        let path = std::mem::replace(&mut open.path, next_path);
        let (service, method) = (open.service.clone(), open.method.clone());
        drop(state);
        let status = hop.status;
        self.record(service, method, path, ClientOutcome::Answered { status });
    }

    fn end(&self, id: ExchangeId, outcome: Outcome) {
        let Some(open) = self.state().open.remove(&id) else {
            return;
        };
        if let Some(task) = &open.task {
            // Ending from within the task aborts nothing: it is past its last await.
            task.abort();
        }
        self.record(open.service, open.method, open.path, said(&outcome));
        (open.done)(outcome);
    }

    fn give_up(&self, open: Open, why: &str) {
        if let Some(task) = &open.task {
            task.abort();
        }
        let why = why.to_owned();
        let outcome = ClientOutcome::Broken { why };
        self.record(open.service, open.method, open.path, outcome);
    }

    fn record(&self, service: String, method: String, path: String, outcome: ClientOutcome) {
        let exchange = ClientExchange {
            service,
            method,
            path,
            outcome,
        };
        self.recorder.record(Fact::App(AppFact::Exchange(exchange)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
