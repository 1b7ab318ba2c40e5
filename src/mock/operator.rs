//! The operator's HTTP interface of a mock that runs as its own process: its levers, as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::serving::{Cut, Running, read, serve};
use super::{LeverError, Mock};
use crate::domain::change::{Change, Lever};
use crate::domain::contract::Contract;
use crate::domain::malformed::Malformed;
use crate::net::{Listener, Owner, Users};
use crate::operator::{self, BODY_LIMIT, Body, Command, Desk, Door, Look, Order, Refusal, Tape};
use crate::protocol::server::Transport;

/// Serves the interface for as long as `mock` finds one.
pub(super) fn start<F>(listener: Listener, door: Door, users: Users, mock: F) -> Running
where
    F: Fn() -> Option<Mock> + Send + Sync + 'static,
{
    let mock = Arc::new(mock);
    Running::start(listener, move |stream, _life| {
        let mock = mock.clone();
        let owner = users.owner(&stream);
        serve(stream, move |request| {
            let mock = mock.clone();
            async move { respond(mock().ok_or(Cut)?, (door, owner), request).await }
        })
    })
}

async fn respond(
    mock: Mock,
    (door, owner): (Door, Owner),
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let admitted = operator::admit(&request, owner);
    let (parts, body) = request.into_parts();
    let body = read(body, BODY_LIMIT).await.map_err(|_| Cut)?;
    Ok(operator::respond(&mock, door, admitted, &parts, Ok(body.into())).await)
}

impl Desk for Mock {
    fn commands(&self) -> Vec<Command> {
        let levers = Lever::ALL.iter().map(|(lever, _)| lever.clone());
        let world = Arc::clone(&self.inner.backend.core().world);
        let own = world.changes.keys().cloned().map(Lever::Own);
        let levers = levers.chain(own).map(Command::Lever);
        let own = [
            Command::SendAway,
            Command::Ask,
            Command::Keep,
            Command::Restore,
        ];
        let between = [
            Command::Network,
            Command::Websocket,
            Command::Socket,
            Command::Fault,
        ];
        let disturbs = self.inner.backend.reads.is_some();
        let between = between.into_iter().filter(|_| disturbs);
        let edits = Command::edits();
        levers.chain(own).chain(between).chain(edits).collect()
    }

    fn lacks(&self, command: &Command) -> Option<String> {
        command.pointless(&self.inner.backend.contract)
    }

    fn directory(&self) -> Map<String, Value> {
        let services: Map<_, _> = self
            .inner
            .endpoints
            .keys()
            .map(|name| (name.clone(), self.url(name).into()))
            .collect();
        let contract = self.inner.backend.contract.name.as_str();
        Map::from_iter([
            ("contract".to_owned(), contract.into()),
            ("services".to_owned(), services.into()),
        ])
    }

    fn state(&self) -> Value {
        self.condition()
    }

    fn contract(&self) -> Arc<Contract> {
        Arc::clone(&self.inner.backend.contract)
    }

    fn tape(&self) -> Arc<Tape> {
        self.followed()
    }

    fn look(&self, look: &Look) -> Option<Result<Value, Refusal>> {
        Some(self.inner.backend.look(look))
    }

    async fn perform(&self, order: Order) -> Result<Value, Refusal> {
        let asked = order.to_string();
        let done = self.carry_out(order).await;
        if let Ok(done) = &done
            && done.get("check").is_none()
        {
            let backend = &self.inner.backend;
            backend.note("operator", || json!({ "asked": asked, "done": done }));
        }
        done
    }
}

impl Mock {
    async fn carry_out(&self, order: Order) -> Result<Value, Refusal> {
        match order {
            Order::Change(change) => self.change(&change).await.map_err(refused),
            Order::SendAway { user, connection } => {
                let sent = self.send_away(user.as_deref(), connection);
                Ok(json!({ "sent_away": sent.map_err(refused)? }))
            }
            Order::Ask { event, args } => {
                let asked = self.inner.backend.ask(&event, args);
                let asked = asked.map_err(|why| Refusal(400, "bad-body", why))?;
                let mut answers = Vec::new();
                for question in asked {
                    answers.push(question.settled().await);
                }
                Ok(json!({ "event": event, "answers": answers }))
            }
            Order::Keep(name) => {
                let kept = self.keep(&name).map_err(refused)?;
                Ok(json!({ "kept": kept }))
            }
            Order::Restore(name) => {
                let users = self.go_back(&name).map_err(refused)?;
                Ok(json!({ "restored": name, "users": users }))
            }
            Order::Fault(asked) => {
                let backend = &self.inner.backend;
                let read = backend.reads.ok_or_else(Refusal::not_found)?;
                let change = read(&json!({ "fault": asked }), &backend.contract)
                    .map_err(|why| Command::Fault.misread(&why))?;
                self.change(&change).await.map_err(refused)
            }
            Order::World(edit) => self.inner.backend.edit(edit),
            Order::Mark(_) | Order::App(_) | Order::End => Err(Refusal::not_found()),
        }
    }
}

fn refused(error: LeverError) -> Refusal {
    let (status, code) = match error {
        LeverError::Unknown { .. } => (404, "unknown"),
        LeverError::Nothing { .. } => (409, "nothing-to-do"),
        LeverError::Start(_) => (500, "cannot-start"),
    };
    Refusal(status, code, error.to_string())
}

impl Mock {
    /// Changes what is the backend's to change, and says what came of it.
    pub(crate) async fn change(&self, change: &Change) -> Result<Value, LeverError> {
        Ok(match change {
            Change::Maintenance(on) => {
                self.set_maintenance(*on)?;
                json!({ "maintenance": on })
            }
            Change::Backend { service, running } => {
                self.set_running(service.as_deref(), *running).await?;
                json!({ "running": self.running().await })
            }
            Change::Push { event, payload } => {
                let sent = self.push(event, payload.clone())?;
                json!({ "event": event, "sockets": sent })
            }
            Change::Malform { resource, class } => {
                self.malform(resource, *class);
                json!({ "resource": resource, "as": class.map_or("good", Malformed::name) })
            }
            Change::Own(name) => json!({ "change": name, "users": self.alter(name)? }),
            Change::ExpireTokens => {
                self.expire_tokens();
                json!({ "expired": true })
            }
            Change::DropSockets => {
                self.drop_sockets();
                json!({ "dropped": true })
            }
            Change::Network(on) | Change::Websocket(on) | Change::Socket(on)
                if self.inner.backend.reads.is_some() =>
            {
                self.disturb(change).await?;
                json!({ "on": on })
            }
            Change::Fault { on, fault } if self.inner.backend.reads.is_some() => {
                self.disturb(change).await?;
                json!({ "on": on.to_string(), "fault": fault.is_some() })
            }
            Change::Network(_)
            | Change::Websocket(_)
            | Change::Socket(_)
            | Change::ForgetSessions
            | Change::Fault { .. } => {
                return Err(LeverError::Nothing {
                    lever: "a backend".to_owned(),
                    why: "what is between it and its clients is not its to change".to_owned(),
                });
            }
        })
    }

    /// Which services run.
    async fn running(&self) -> Value {
        let running = self.inner.running.lock().await;
        self.inner
            .endpoints
            .keys()
            .map(|name| (name.clone(), running.contains_key(name).into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn condition(&self) -> Value {
        let faults = &self.inner.backend.faults;
        let names = self.inner.endpoints.keys();
        let stopped: Vec<&String> = names.filter(|name| !faults.is_running(name)).collect();
        let core = self.inner.backend.core();
        let name = |user: usize| core.people.get(user).map(|own| own.user.name.as_str());
        let mut signed_in: BTreeMap<&str, u64> = BTreeMap::new();
        for user in core.sessions.live_users().filter_map(name) {
            *signed_in.entry(user).or_default() += 1;
        }
        let connected = core.sockets.peers.iter().map(|(id, peer)| {
            let transport = core.sockets.board.server.transport_of(*id);
            json!({
                "user": name(peer.user),
                "transport": transport.map(Transport::name),
                "listens": peer.listens,
                "away": peer.away,
            })
        });
        let malformed = core.malformed.iter();
        let malformed: Map<_, _> = malformed
            .map(|(resource, class)| (resource.clone(), class.name().into()))
            .collect();
        let users: Vec<&str> = core
            .people
            .iter()
            .map(|person| person.user.name.as_str())
            .collect();
        let away = core.sockets.peers.values().filter(|peer| peer.away).count();
        let mut condition = json!({
            "users": users,
            "maintenance": core.maintenance,
            "stopped": stopped,
            "malformed": malformed,
            "signed_in": signed_in,
            "connected": connected.collect::<Vec<_>>(),
            "sessions": core.sessions.live_count(),
            "sockets": core.sockets.peers.len() - away,
            "away": away,
            "requests": core.requests,
            "forbidden_calls": core.forbidden,
            "kept": core.kept.keys().collect::<Vec<_>>(),
            "edits": core.edits.shown(),
            "elapsed_ms": u64::try_from(self.inner.backend.clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        if let Some(condition) = condition.as_object_mut()
            && self.inner.backend.reads.is_some()
        {
            condition.extend(faults.shown());
        }
        condition
    }
}
