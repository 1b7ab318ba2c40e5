//! The operator's HTTP interface of a mock that runs as its own process: its levers, as JSON.

use std::sync::Arc;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::asked::{self, Asked, Backend, Nothing, Push, Switch};
use super::reply::{Body, Reply};
use super::routes::NOT_KEPT;
use super::serving::{Cut, Running, read, serve};
use super::{LeverError, Mock, NO_TRADES};
use crate::domain::malformed::Malformed;
use crate::net::Listener;

/// Bytes of a body that an operator may send.
const BODY_LIMIT: usize = 1_000_000;

/// What only the mock can do, with a body that has it done.
const OWN: [Asked; 3] = [
    (
        "/malform",
        r#"{"resource": "<name>", "as": "<class, or good>"}"#,
    ),
    (
        "/send-away",
        r#"{"user": "<name, or null for all>", "connection": false}"#,
    ),
    (
        "/ask",
        r#"{"event": "<name>", "args": ["<any>", {"$binary": "<base64>"}]}"#,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Malform {
    resource: String,
    #[serde(rename = "as")]
    class: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendAway {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    connection: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    event: String,
    #[serde(default)]
    args: Vec<Value>,
}

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
    let (parts, body) = request.into_parts();
    let body = read(body, BODY_LIMIT).await.map_err(|_| Cut)?;
    let path = parts.uri.path().trim_end_matches('/');
    let reply = match (&parts.method, path) {
        (&Method::GET, "") => Reply::json(200, directory(&mock)),
        (&Method::GET, "/state") => Reply::json(200, mock.state()),
        (&Method::POST, lever) if asked::is_lever(lever, &OWN) => {
            match pull(&mock, lever, &body).await {
                Ok(done) => Reply::json(200, done),
                Err(reply) => reply,
            }
        }
        (_, "" | "/state") => not_allowed("GET"),
        (_, lever) if asked::is_lever(lever, &OWN) => not_allowed("POST"),
        _ => Reply::error(404, "not-found", "GET / lists what there is"),
    };
    Ok(reply.finish(NOT_KEPT))
}

async fn pull(mock: &Mock, lever: &str, body: &[u8]) -> Result<Value, Reply> {
    match lever {
        "/maintenance" => {
            let Switch { on } = parse(lever, body)?;
            mock.set_maintenance(on).map_err(refused)?;
            Ok(json!({ "maintenance": on }))
        }
        "/backend" => {
            let Backend { service, running } = parse(lever, body)?;
            mock.set_running(service.as_deref(), running)
                .await
                .map_err(refused)?;
            Ok(json!({ "running": mock.running().await }))
        }
        "/push" => {
            let Push { event, payload } = parse(lever, body)?;
            let sent = mock.push(&event, payload).map_err(refused)?;
            Ok(json!({ "event": event, "sockets": sent }))
        }
        "/malform" => {
            let Malform { resource, class } = parse(lever, body)?;
            let known = Malformed::ALL.iter().find(|(name, _)| *name == class);
            if known.is_none() && class != "good" {
                let names: Vec<&str> = Malformed::ALL.iter().map(|(name, _)| *name).collect();
                let why = format!("`as` is `good` or one of: {}", names.join(", "));
                return Err(Reply::error(400, "bad-body", &why));
            }
            mock.malform(&resource, known.map(|(_, class)| *class));
            Ok(json!({ "resource": resource, "as": class }))
        }
        "/close-trade" => {
            let Nothing {} = parse(lever, body)?;
            Ok(json!({ "closed": mock.close_trade().map_err(refused)? }))
        }
        "/send-away" => {
            let SendAway { user, connection } = parse(lever, body)?;
            let sent = mock.send_away(user.as_deref(), connection);
            Ok(json!({ "sent_away": sent.map_err(refused)? }))
        }
        "/ask" => {
            let Ask { event, args } = parse(lever, body)?;
            let asked = mock.inner.backend.ask(&event, args);
            let asked = asked.map_err(|why| Reply::error(400, "bad-body", &why))?;
            let mut answers = Vec::new();
            for question in asked {
                answers.push(question.settled().await);
            }
            Ok(json!({ "event": event, "answers": answers }))
        }
        "/expire-tokens" => {
            let Nothing {} = parse(lever, body)?;
            mock.expire_tokens();
            Ok(json!({ "expired": true }))
        }
        _ => {
            let Nothing {} = parse(lever, body)?;
            mock.drop_sockets();
            Ok(json!({ "dropped": true }))
        }
    }
}

fn parse<T: DeserializeOwned>(lever: &str, body: &[u8]) -> Result<T, Reply> {
    asked::parse(lever, &OWN, body).map_err(|why| Reply::error(400, "bad-body", &why))
}

fn refused(error: LeverError) -> Reply {
    let (status, code) = match error {
        LeverError::Unknown { .. } => (404, "unknown"),
        LeverError::Nothing { .. } => (409, "nothing-to-do"),
        LeverError::Start(_) => (500, "cannot-start"),
    };
    Reply::error(status, code, &error.to_string())
}

fn not_allowed(method: &str) -> Reply {
    let message = format!("this takes {method}");
    Reply::error(405, "method-not-allowed", &message).with("allow", method)
}

fn directory(mock: &Mock) -> Value {
    let services: serde_json::Map<_, _> = mock
        .inner
        .endpoints
        .keys()
        .map(|name| (name.clone(), mock.url(name).into()))
        .collect();
    json!({
        "contract": mock.inner.backend.contract.name,
        "services": services,
        "levers": asked::directory(&OWN, |path| mock.lacks(path)),
        "state": { "method": "GET", "path": "/state" },
    })
}

impl Mock {
    /// Why there is nothing to be moved at an address, if there is not.
    pub(crate) fn lacks(&self, path: &str) -> Option<String> {
        let backend = &self.inner.backend;
        asked::pointless(path, &backend.contract).or_else(|| {
            let trades = path != "/close-trade" || backend.close_trade.is_some();
            (!trades).then(|| NO_TRADES.to_owned())
        })
    }

    /// Which services run.
    pub(super) async fn running(&self) -> Value {
        let running = self.inner.running.lock().await;
        self.inner
            .endpoints
            .keys()
            .map(|name| (name.clone(), running.contains_key(name).into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// What an operator may know: no token and no password is in it.
    pub(super) fn state(&self) -> Value {
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
