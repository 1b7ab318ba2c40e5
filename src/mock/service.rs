//! One service's listener and connections.
//!
//! Everything that a running service has spawned holds a [`Life`]. Stopping ends the life and waits
//! until nobody holds it any more: after that the listener is closed and every connection is cut.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use super::backend::Backend;
use super::call::{Call, Connection, pairs};
use super::reply::{Body, Reply};
use super::routes::{Route, finish};
use super::{engine, target};
use crate::net::{Endpoint, Listener, Stream};

/// Bytes of a request's body that are read; a polling body of the realtime machine is one less.
pub(super) const BODY_LIMIT: usize = 1_000_001;

/// How long nothing is accepted after an attempt failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The exchange is cut without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut")]
pub(super) struct Cut;

/// Held by everything that ends with a service.
#[derive(Clone)]
pub(super) struct Life(watch::Receiver<bool>);

impl Life {
    /// Completes when the service stops, or the mock is gone.
    pub(super) async fn ended(&mut self) {
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// A listener that runs.
pub(super) struct Running(watch::Sender<bool>);

impl Running {
    /// Accepts connections and hands each to `serve`.
    pub(super) fn start<F, Done>(listener: Listener, serve: F) -> Self
    where
        F: Fn(Stream, Life) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = watch::channel(false);
        let mut life = Life(receiver);
        tokio::spawn(async move {
            let spare = life.clone();
            let accept = async {
                loop {
                    let Ok(stream) = listener.accept().await else {
                        // The system is out of something; the client waits in the backlog.
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    };
                    let mut life = spare.clone();
                    let served = serve(stream, life.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            biased;
                            () = life.ended() => {}
                            () = served => {}
                        }
                    });
                }
            };
            tokio::select! {
                biased;
                () = life.ended() => {}
                () = accept => {}
            }
            // The life is let go of only after the socket is closed.
            drop(listener);
            drop(spare);
            drop(life);
        });
        Self(sender)
    }

    /// One more task ends with the service.
    pub(super) fn life(&self) -> Life {
        Life(self.0.subscribe())
    }

    /// Closes the listener and cuts every connection.
    pub(super) async fn stop(self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

/// Binds a service's listener and serves it.
pub(super) fn start(backend: &Arc<Backend>, service: &str, listener: Listener) -> Running {
    let realtime = backend.contract.realtime.as_ref();
    let drives = realtime.is_some_and(|realtime| realtime.service == service);
    let for_driver = backend.clone();
    let backend = backend.clone();
    let service: Arc<str> = service.into();
    let running = Running::start(listener, move |stream, life| {
        let (backend, service) = (backend.clone(), service.clone());
        let connection = Connection::default();
        serve(stream, move |request| {
            let (backend, service, life) = (backend.clone(), service.clone(), life.clone());
            let connection = connection.clone();
            async move {
                let mut response = respond(&backend, &service, request, connection, life).await?;
                if let Some(date) = date(backend.clock.unix()) {
                    response.headers_mut().insert(http::header::DATE, date);
                }
                Ok(response)
            }
        })
    });
    if drives {
        tokio::spawn(engine::drive(for_driver, running.life()));
    }
    running
}

/// The `Date` of an answer (RFC 9110 §6.6.1), by the run's clock: hyper's own would be the
/// machine's, which no seed repeats.
fn date(unix: std::time::Duration) -> Option<http::HeaderValue> {
    let seconds = i64::try_from(unix.as_secs()).ok()?;
    let moment = jiff::Timestamp::from_second(seconds).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&moment)
        .ok()?;
    http::HeaderValue::try_from(text).ok()
}

/// Listens where `endpoint` says.
pub(super) fn bind(endpoint: &Endpoint) -> io::Result<Listener> {
    Listener::bind(endpoint)
}

/// Serves HTTP/1.1 on one connection.
pub(super) async fn serve<F, Done>(stream: Stream, answer: F)
where
    F: Fn(Request<Incoming>) -> Done,
    Done: Future<Output = Result<Response<Body>, Cut>>,
{
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades();
    // However it ended, the client has noticed it itself.
    let _ = connection.await;
}

async fn respond(
    backend: &Arc<Backend>,
    service: &str,
    request: Request<Incoming>,
    connection: Connection,
    life: Life,
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
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let (parts, body) = request.into_parts();
    let body = read(body, BODY_LIMIT).await.map_err(|_| Cut)?;
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        query: pairs(&raw_query),
        raw_query,
        headers: parts.headers.clone(),
        body,
        connection,
    };
    match backend.route(service, &call) {
        Route::Answer(_) if call.body.len() >= BODY_LIMIT => {
            let reply = Reply::error(413, "too-large", "the body is too large");
            Ok(finish(backend, reply))
        }
        Route::Answer(reply) => Ok(finish(backend, reply)),
        Route::Realtime => engine::respond(backend, call, parts, life).await,
    }
}

/// The first `limit` bytes of a body.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Vec<u8>, hyper::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < limit
        && let Some(frame) = body.frame().await
    {
        if let Some(data) = frame?.data_ref() {
            bytes.extend_from_slice(&data[..data.len().min(limit - bytes.len())]);
        }
    }
    Ok(bytes)
}
