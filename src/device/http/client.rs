//! What sends a request: reqwest over TCP; in memory, where reqwest cannot connect, the pool that it stands on.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderName, HeaderValue};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::{Body, Request, Response};
use tokio_rustls::rustls::client::ClientConfig;

use crate::net::{Connector, Endpoint};

/// What every request carries that says nothing else.
const USUAL: [(HeaderName, HeaderValue); 2] = [
    (ACCEPT, HeaderValue::from_static("*/*")),
    (
        USER_AGENT,
        HeaderValue::from_static(concat!("rehearsal/", env!("CARGO_PKG_VERSION"))),
    ),
];

/// A pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Client {
    Tcp(reqwest::Client),
    Memory(Arc<legacy::Client<HttpsConnector<Connector>, Body>>),
}

/// Why a request was not answered.
#[derive(Debug)]
pub(super) enum SendError {
    Tcp(reqwest::Error),
    Memory(legacy::Error),
}

impl Client {
    /// A client in memory, whose connections are kept that long for another request.
    pub(super) fn in_memory(port: &Endpoint, trust: ClientConfig, kept: Duration) -> Self {
        let connector = HttpsConnector::from((Connector::to(port), trust));
        let pool = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(kept)
            .build(connector);
        Self::Memory(Arc::new(pool))
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&self, mut request: Request) -> Result<Response, SendError> {
        for (name, value) in USUAL {
            request.headers_mut().entry(name).or_insert(value);
        }
        match self {
            Self::Tcp(client) => client.execute(request).await.map_err(SendError::Tcp),
            Self::Memory(pool) => {
                let request = http::Request::try_from(request).map_err(SendError::Tcp)?;
                let answer = pool.request(request).await.map_err(SendError::Memory)?;
                Ok(answer.map(Body::wrap).into())
            }
        }
    }
}

impl SendError {
    /// Whether nothing was sent, because there was no connection.
    pub(super) fn is_connect(&self) -> bool {
        match self {
            Self::Tcp(error) => error.is_connect() || error.is_builder(),
            Self::Memory(error) => error.is_connect(),
        }
    }

    /// The error itself.
    pub(super) fn error(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Tcp(error) => error,
            Self::Memory(error) => error,
        }
    }
}
