//! The control API of the proxy: HTTP on loopback, JSON both ways, of one family with the mock's
//! operator API. `docs/PROXY.md` describes it for those who use it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::Ready;
use super::following::{Follower, finding_in_brief};
use super::marks::{ACTS, Mark, report};
use crate::domain::change::{Change, Lever};
use crate::domain::contract::Contract;
use crate::domain::journal::{AppFact, Fact};
use crate::domain::malformed::Malformed;
use crate::domain::result::ScenarioResult;
use crate::net::{ACCEPT_PAUSE, Listener, Owner, Users};
use crate::operator::{self, BODY_LIMIT, Body, Command, Desk, Door, Order, Refusal, Tape};
use crate::run::environment::Environment;
use crate::suite;

/// What it all came to, for whoever asked for the end.
pub(super) struct Outcome(Value);

impl Outcome {
    pub(super) fn of(result: &ScenarioResult) -> Self {
        let outcome = &result.outcome;
        let findings = outcome.findings.iter().map(finding_in_brief);
        Self(json!({
            "verdict": outcome.verdict.name(),
            "reason": outcome.verdict.reason(),
            "findings": findings.collect::<Vec<_>>(),
            "not_judged": outcome.not_judged.iter()
                .map(|(rule, reason)| json!({"rule": rule, "reason": reason}))
                .collect::<Vec<_>>(),
            "remarks": outcome.remarks.iter()
                .map(|(about, remark)| json!({"about": about, "remark": remark}))
                .collect::<Vec<_>>(),
            "journal_entries": result.journal_entries,
        }))
    }
}

/// The running API. It ends with this.
pub(super) struct Control {
    accepting: Vec<AbortHandle>,
    served: Arc<Mutex<JoinSet<()>>>,
    tape: Arc<Tape>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.accepting.iter().for_each(AbortHandle::abort);
    }
}

struct Session {
    around: Arc<Environment>,
    ready: Ready,
    switches: Mutex<Switches>,
    tape: Arc<Tape>,
    end: mpsc::UnboundedSender<oneshot::Sender<Outcome>>,
}

/// What was switched here, for `/state`.
struct Switches {
    /// Unknown until somebody moves it here: the target may have been in maintenance before.
    maintenance: Option<bool>,
    stopped: BTreeSet<String>,
    network: bool,
    websocket: bool,
    socket: bool,
    faults: Vec<String>,
}

impl Switches {
    /// As it is before anybody moved anything.
    fn new() -> Self {
        Self {
            maintenance: None,
            stopped: BTreeSet::new(),
            network: true,
            websocket: true,
            socket: true,
            faults: Vec::new(),
        }
    }

    /// What a change that was made leaves switched.
    fn note<'s>(&mut self, change: &Change, services: impl Iterator<Item = &'s str>) {
        match change {
            Change::Maintenance(on) => self.maintenance = Some(*on),
            Change::Backend { service, running } => {
                let is_meant = |own: &&str| service.as_deref().is_none_or(|name| name == *own);
                for name in services.filter(is_meant) {
                    match running {
                        true => self.stopped.remove(name),
                        false => self.stopped.insert(name.to_owned()),
                    };
                }
            }
            Change::Network(there) => self.network = *there,
            Change::Websocket(open) => self.websocket = *open,
            Change::Socket(open) => self.socket = *open,
            Change::Fault { on, fault } => {
                let on = on.to_string();
                self.faults.retain(|own| *own != on);
                self.faults.extend(fault.as_ref().map(|_| on));
            }
            Change::Push { .. }
            | Change::Malform { .. }
            | Change::Own(_)
            | Change::ExpireTokens
            | Change::DropSockets
            | Change::ForgetSessions => {}
        }
    }
}

impl Control {
    /// Serves the API, and the console where there is a listener for it.
    pub(super) fn serve(
        doors: impl IntoIterator<Item = (Door, Users, Listener)>,
        tape: Tape,
        around: Arc<Environment>,
        ready: Ready,
        end: mpsc::UnboundedSender<oneshot::Sender<Outcome>>,
    ) -> Self {
        let tape = Arc::new(tape);
        let follower = Follower::new(Arc::clone(&tape), &around);
        around.recorder.journal().watch(Box::new(follower));
        let desk = Arc::new(Session {
            around,
            tape: Arc::clone(&tape),
            ready,
            switches: Mutex::new(Switches::new()),
            end,
        });
        let served = Arc::new(Mutex::new(JoinSet::new()));
        let accepting = doors.into_iter().map(|(door, users, listener)| {
            let (desk, served) = (Arc::clone(&desk), Arc::clone(&served));
            let accepting = accept(listener, (door, users), desk, served);
            tokio::spawn(accepting).abort_handle()
        });
        Self {
            accepting: accepting.collect(),
            served,
            tape,
        }
    }

    /// Puts what it all came to onto the tape, whose end it is.
    pub(super) fn concluded(&self, Outcome(outcome): &Outcome) {
        self.tape.add("verdict", |number| {
            json!({ "id": number, "verdict": outcome }).to_string()
        });
        self.tape.close();
    }

    /// Takes no more clients, and completes when those that are there have their answers.
    pub(super) async fn answered(self) {
        self.accepting.iter().for_each(AbortHandle::abort);
        let mut served =
            std::mem::take(&mut *self.served.lock().unwrap_or_else(PoisonError::into_inner));
        while served.join_next().await.is_some() {}
    }
}

/// Takes clients in for good.
async fn accept(
    listener: Listener,
    (door, users): (Door, Users),
    desk: Arc<Session>,
    served: Arc<Mutex<JoinSet<()>>>,
) {
    loop {
        let Ok(stream) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let desk = Arc::clone(&desk);
        let owner = users.owner(&stream);
        let service = service_fn(move |request| {
            let desk = Arc::clone(&desk);
            async move { Ok::<_, Infallible>(respond(&desk, (door, owner), request).await) }
        });
        let connection = http1::Builder::new()
            .auto_date_header(false)
            .serve_connection(TokioIo::new(stream), service);
        let mut served = served.lock().unwrap_or_else(PoisonError::into_inner);
        while served.try_join_next().is_some() {}
        served.spawn(async move {
            // A client that breaks off has nobody to be told.
            let _ = connection.await;
        });
    }
}

async fn respond(
    desk: &Session,
    (door, owner): (Door, Owner),
    request: Request<Incoming>,
) -> Response<Body> {
    let admitted = operator::admit(&request, owner);
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await;
    let body = body.map(|body| body.to_bytes());
    let body = body.map_err(|error| error.to_string());
    let mut response = operator::respond(desk, door, admitted, &parts, body).await;
    // Whoever ends a session waits for the last answer to be read.
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

impl Desk for Session {
    fn commands(&self) -> Vec<Command> {
        let levers = [
            Lever::Maintenance,
            Lever::Backend,
            Lever::Push,
            Lever::ExpireTokens,
            Lever::DropSockets,
        ];
        let own = [
            Command::Network,
            Command::Websocket,
            Command::Socket,
            Command::Fault,
            Command::Mark,
            Command::App,
            Command::End,
        ];
        let changes = self.around.changes().into_iter().map(Lever::Own);
        let levers = levers.into_iter().chain(changes);
        levers.map(Command::Lever).chain(own).collect()
    }

    fn lacks(&self, command: &Command) -> Option<String> {
        self.around.lacks(command)
    }

    fn refuses(&self, command: &Command) -> Option<Refusal> {
        let why = self.lacks(command)?;
        Some(Refusal(409, "cannot-be-moved", why))
    }

    fn directory(&self) -> Map<String, Value> {
        let acts: Vec<&str> = ACTS.iter().map(|(_, body)| *body).collect();
        Map::from_iter([
            ("contract".to_owned(), json!(self.around.contract.name)),
            ("services".to_owned(), json!(self.ready.services)),
            ("acts".to_owned(), json!(acts)),
        ])
    }

    fn state(&self) -> Value {
        let tally = self.around.tally();
        let switches = self.switches();
        let elapsed = self.around.recorder.clock().elapsed().as_millis();
        json!({
            "entries": self.around.recorder.journal().len(),
            "requests_judged": tally.requests_judged,
            "frames_judged": tally.frames_judged,
            "forbidden": tally.forbidden,
            "undeclared": tally.undeclared,
            "maintenance": switches.maintenance,
            "stopped": switches.stopped,
            "network": switches.network,
            "websocket": switches.websocket,
            "socket": switches.socket,
            "faults": switches.faults,
            "elapsed_ms": u64::try_from(elapsed).unwrap_or(u64::MAX),
        })
    }

    fn contract(&self) -> Arc<Contract> {
        Arc::clone(&self.around.contract)
    }

    fn tape(&self) -> Arc<Tape> {
        Arc::clone(&self.tape)
    }

    async fn perform(&self, order: Order) -> Result<Value, Refusal> {
        match order {
            Order::Change(change) => self.change(&change).await,
            Order::Fault(asked) => {
                let fault = json!({ "fault": asked });
                let change = suite::read_setting(&fault, &self.around.contract)
                    .map_err(|problems| Command::Fault.misread(&problems.on_one_line()))?;
                self.change(&change).await
            }
            Order::Mark(asked) => self.mark(asked),
            Order::App(asked) => self.app(asked),
            Order::End => self.end().await,
            Order::SendAway { .. }
            | Order::Ask { .. }
            | Order::Keep(_)
            | Order::Restore(_)
            | Order::World(_) => Err(Refusal::not_found()),
        }
    }
}

impl Session {
    /// Changes the world, and says how it is from now on.
    async fn change(&self, change: &Change) -> Result<Value, Refusal> {
        self.know(change)?;
        let moved = self.around.set(change).await;
        moved.map_err(|why| Refusal(409, "cannot-be-moved", why.to_string()))?;
        let services = self.ready.services.keys().map(String::as_str);
        self.switches().note(change, services);
        Ok(match change {
            Change::Maintenance(on) => json!({ "maintenance": on }),
            Change::Backend { service, running } => {
                json!({ "service": service, "running": running })
            }
            Change::Push { event, .. } => json!({ "event": event }),
            Change::Malform { resource, class } => {
                json!({ "resource": resource, "as": class.map_or("good", Malformed::name) })
            }
            Change::Own(name) => json!({ "change": name }),
            Change::ExpireTokens => json!({ "expired": true }),
            Change::DropSockets => json!({ "dropped": true }),
            Change::Network(there) => json!({ "network": there }),
            Change::Websocket(open) => json!({ "websocket": open }),
            Change::Socket(open) => json!({ "socket": open }),
            Change::ForgetSessions => json!({ "forgotten": true }),
            Change::Fault { on, fault } => {
                json!({ "on": on.to_string(), "fault": fault.is_some() })
            }
        })
    }

    /// Refuses names that the contract does not have.
    fn know(&self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::Backend {
                service: Some(name),
                ..
            } => known("service", name, self.ready.services.keys()),
            Change::Push { event, .. } => {
                let feed = self.around.contract.realtime.iter();
                let events = feed.flat_map(|feed| feed.events.iter().map(|own| &own.name));
                known("event", event, events)
            }
            _ => Ok(()),
        }
    }

    fn mark(&self, asked: Value) -> Result<Value, Refusal> {
        let act = serde_json::from_value::<Mark>(asked)
            .map_err(|error| error.to_string())
            .and_then(|mark| {
                let act = mark.read(&self.around.contract, &self.around.accounts());
                act.map_err(|why| why.to_string())
            })
            .map_err(|why| Command::Mark.misread(&why))?;
        let entry = self.around.recorder.record(Fact::Act(act.clone()));
        Ok(json!({"act": act, "entry": entry.id}))
    }

    /// Writes down what the app shows, as whoever drives it sees it.
    fn app(&self, asked: Value) -> Result<Value, Refusal> {
        let accounts = self.around.accounts();
        let told = report(asked, &self.around.contract, &accounts)
            .map_err(|why| Command::App.misread(&why))?;
        let fact = AppFact::Reported(told.clone());
        let entry = self.around.recorder.record(Fact::App(fact));
        Ok(json!({"app": told, "entry": entry.id}))
    }

    async fn end(&self) -> Result<Value, Refusal> {
        let (send, outcome) = oneshot::channel();
        let over = || Refusal(409, "nothing-to-do", "it is ending already".to_owned());
        self.end.send(send).map_err(|_| over())?;
        outcome
            .await
            .map(|Outcome(value)| value)
            .map_err(|_| over())
    }

    fn switches(&self) -> std::sync::MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses a name that the contract does not have, with those that it has.
fn known<'a>(
    kind: &str,
    name: &str,
    mut all: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), Refusal> {
    if all.clone().any(|own| own == name) {
        return Ok(());
    }
    let first = all.next().map_or("", String::as_str);
    let listed = all.fold(first.to_owned(), |list, own| format!("{list}, {own}"));
    let why = format!("there is no {kind} `{name}`; there are {listed}");
    Err(Refusal(404, "unknown", why))
}
