//! One service of the contract: from its connections to routes and to the realtime machine.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::backend::Backend;
use super::call::{Call, Connection};
use super::handshake::serve_service;
use super::reply::{Body, Reply};
use super::routes::{Route, finish};
use super::serving::{Cut, Running, Shutdown, read};
use super::{engine, faults, target};
use crate::domain::change::{Disposition, RequestFacts};
use crate::domain::scope::canonical::pairs;
use crate::net::Listener;

/// Bytes of a request's body that are read; a polling body of the realtime machine is one less.
pub(super) const BODY_LIMIT: usize = 1_000_001;

/// Binds a service's listener and serves it.
pub(super) fn start(backend: &Arc<Backend>, service: &str, listener: Listener) -> Running {
    let realtime = backend.contract.realtime.as_ref();
    let drives = realtime.is_some_and(|realtime| realtime.service == service);
    let for_driver = backend.clone();
    let backend = backend.clone();
    let service: Arc<str> = service.into();
    let running = Running::start(listener, move |stream, shutdown| {
        let (backend, service) = (backend.clone(), service.clone());
        let connection = Connection::default();
        let (own, name) = (backend.clone(), service.clone());
        serve_service(own, name, stream, move |request| {
            let (backend, service, shutdown) = (backend.clone(), service.clone(), shutdown.clone());
            let connection = connection.clone();
            async move {
                let asking = backend.pages.asking(&request);
                let mut response = match asking.as_ref().and_then(|asking| asking.preflight()) {
                    Some(response) => response,
                    None => respond(&backend, &service, request, connection, shutdown).await?,
                };
                if let Some(date) = date(backend.dated()) {
                    response.headers_mut().insert(http::header::DATE, date);
                }
                if let Some(asking) = asking {
                    asking.permit(response.headers_mut());
                }
                Ok(response)
            }
        })
    });
    if drives {
        tokio::spawn(engine::drive(for_driver, running.shutdown()));
    }
    running
}

/// The `Date` of an answer (RFC 9110 §6.6.1), by the run's clock: hyper's own would be the
/// machine's, which no seed repeats.
fn date(unix: Duration) -> Option<http::HeaderValue> {
    let seconds = i64::try_from(unix.as_secs()).ok()?;
    let moment = jiff::Timestamp::from_second(seconds).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&moment)
        .ok()?;
    http::HeaderValue::try_from(text).ok()
}

async fn respond(
    backend: &Arc<Backend>,
    service: &str,
    request: Request<Incoming>,
    connection: Connection,
    shutdown: Shutdown,
) -> Result<Response<Body>, Cut> {
    let path = target::canonical(request.uri().path());
    let base = backend
        .contract
        .service(service)
        .map(|service| service.base_path.as_str());
    let Some(path) = target::below(base.unwrap_or_default(), &path) else {
        let reply = Reply::error(404, "not-found", "nothing is served outside the base path");
        return Ok(finish(backend, reply));
    };
    let slashed = request.uri().path().ends_with('/');
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let (parts, body) = request.into_parts();
    let body = read(body, BODY_LIMIT).await.map_err(|_| Cut)?;
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        slashed,
        query: pairs(&raw_query).collect(),
        raw_query,
        headers: parts.headers.clone(),
        body,
        connection,
    };
    let began = backend.clock.elapsed();
    let hold = match undisturbed(backend, service, &call, began).await? {
        ControlFlow::Continue(hold) => hold,
        ControlFlow::Break(response) => return Ok(response),
    };
    let route = backend.route(service, &call);
    if !hold.is_zero() {
        tokio::time::sleep(hold).await;
    }
    let answered = |response: Response<Body>| {
        backend.note("request", || {
            told(backend, service, &call, &response, began)
        });
        response
    };
    match route {
        Route::Answer(_) if call.body.len() >= BODY_LIMIT => {
            let reply = Reply::error(413, "too-large", "the body is too large");
            Ok(answered(finish(backend, reply)))
        }
        Route::Answer(reply) => {
            if let Some(pause) = backend.pause(service, &call) {
                tokio::time::sleep(pause).await;
            }
            Ok(answered(finish(backend, reply)))
        }
        Route::Realtime => engine::respond(backend, call, parts, shutdown).await,
    }
}

/// For how long the answer to a request is held back, or what is answered in its place; nobody is answered at all
/// where a fault has it so.
async fn undisturbed(
    backend: &Backend,
    service: &str,
    call: &Call,
    began: Duration,
) -> Result<ControlFlow<Response<Body>, Duration>, Cut> {
    match disposition(backend, service, call) {
        Disposition::Forward { hold } => Ok(ControlFlow::Continue(hold)),
        Disposition::Answer(made_up) => {
            let response = faults::response(made_up);
            backend.note("request", || told(backend, service, call, &response, began));
            Ok(ControlFlow::Break(response))
        }
        Disposition::Sever => {
            kept_from(backend, service, call, "broke the connection");
            Err(Cut)
        }
        Disposition::Hang => {
            kept_from(backend, service, call, "lets it wait for ever");
            std::future::pending().await
        }
    }
}

/// What the faults that are switched do to a request.
fn disposition(backend: &Backend, service: &str, call: &Call) -> Disposition {
    let contract = &backend.contract;
    let role = call.role(contract, service);
    let upgrade = call.header("upgrade");
    let request = RequestFacts {
        role: role.as_ref(),
        method: &call.method,
        service,
        path: &call.path,
        upgrade: upgrade.is_some_and(|own| own.eq_ignore_ascii_case("websocket")),
    };
    backend.faults.decide(contract, &request)
}

/// Notes that a request was not served because of a fault.
fn kept_from(backend: &Backend, service: &str, call: &Call, what: &str) {
    let why = format!("a fault {what}: {} {}", call.method, call.path);
    backend.note("refused", || json!({ "service": service, "why": why }));
}

/// A request and its answer, without a secret.
fn told(
    backend: &Backend,
    service: &str,
    call: &Call,
    response: &Response<Body>,
    began: Duration,
) -> Value {
    let token = call.access_token(&backend.contract);
    let contract = &backend.contract;
    let mut told = backend.shown.exchange(contract, service, call, response);
    let core = backend.core();
    let holder = core.sessions.check(token.as_deref(), backend.clock.unix());
    let user = holder
        .ok()
        .map(|holder| &core.people[holder.user].user.name);
    let took = backend.clock.elapsed().saturating_sub(began);
    for (name, value) in [
        ("service", json!(service)),
        ("method", json!(call.method)),
        ("status", json!(response.status().as_u16())),
        ("user", json!(user)),
        (
            "took_ms",
            json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        ),
    ] {
        told.insert(name.to_owned(), value);
    }
    told.into()
}
