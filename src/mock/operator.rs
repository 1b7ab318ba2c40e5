//! The operator's HTTP interface of a mock that runs as its own process: its levers, as JSON.

use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::reply::{Body, Reply};
use super::routes::NOT_KEPT;
use super::serving::{Cut, Running, read, serve};
use super::{LeverError, Mock};
use crate::domain::change::{Change, Lever};
use crate::domain::malformed::Malformed;
use crate::net::Listener;
use crate::operator::{self, BODY_LIMIT, Command, Desk, Order, Refusal};

/// Serves the interface for as long as `mock` finds one.
pub(super) fn start<F>(listener: Listener, mock: F) -> Running
where
    F: Fn() -> Option<Mock> + Send + Sync + 'static,
{
    let mock = Arc::new(mock);
    Running::start(listener, move |stream, _life| {
        let mock = mock.clone();
        serve(stream, move |request| {
            let mock = mock.clone();
            async move { respond(mock().ok_or(Cut)?, request).await }
        })
    })
}

async fn respond(mock: Mock, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let admitted = operator::admit(&request);
    let (parts, body) = request.into_parts();
    let body = read(body, BODY_LIMIT).await.map_err(|_| Cut)?;
    let answer = match admitted {
        Ok(()) => operator::answer(&mock, &parts.method, parts.uri.path(), &body).await,
        Err(refusal) => refusal.into(),
    };
    let reply = Reply::json(answer.status, answer.body);
    let reply = match answer.allow {
        Some(allow) => reply.with("allow", allow),
        None => reply,
    };
    let mut response = reply.finish(NOT_KEPT);
    operator::protect(response.headers_mut());
    Ok(response)
}

impl Desk for Mock {
    fn commands(&self) -> Vec<Command> {
        let levers = Lever::ALL.iter().map(|(lever, _)| lever.clone());
        let own = self.inner.backend.changes.keys().cloned().map(Lever::Own);
        let levers = levers.chain(own).map(Command::Lever);
        levers.chain([Command::SendAway, Command::Ask]).collect()
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

    async fn perform(&self, order: Order) -> Result<Value, Refusal> {
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
            Order::Fault(_) | Order::Mark(_) | Order::App(_) | Order::End => {
                Err(Refusal::not_found())
            }
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
        let core = self.inner.backend.core();
        let users: Vec<&str> = core
            .people
            .iter()
            .map(|person| person.user.name.as_str())
            .collect();
        let away = core.sockets.peers.values().filter(|peer| peer.away).count();
        json!({
            "users": users,
            "maintenance": core.maintenance,
            "sessions": core.sessions.live_count(),
            "sockets": core.sockets.peers.len() - away,
            "away": away,
            "requests": core.requests,
            "forbidden_calls": core.forbidden,
            "elapsed_ms": u64::try_from(self.inner.backend.clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}
