//! What the harness itself asks for, through the gateway and marked as its own.

use std::borrow::Cow;
use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::domain::{coding, rpc};
use crate::net::Endpoint;

/// The header by which the gateway knows the harness's own calls; it never reaches the backend.
pub(crate) const MARK: &str = "x-rehearsal";

/// How much of an opened body is kept.
const ROOM: usize = 32 * 1024 * 1024;

/// Why a call of the harness itself failed.
#[derive(Debug, thiserror::Error)]
#[error("{method} {target} through the gateway at {gateway}: {why}")]
pub struct CallFailed {
    method: String,
    target: String,
    gateway: String,
    why: ConnectionError,
}

/// Why a connection of the harness's own brought no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// There is nothing to connect to.
    #[error("the gateway has no such service")]
    NoService,
    /// The gateway cannot be reached.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The connection broke off, or what came was not HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The contract's words make no request.
    #[error(transparent)]
    Request(#[from] hyper::http::Error),
    /// Nothing came in the contract's time for a request.
    #[error("no answer in time")]
    Late,
}

/// One call of the harness itself.
pub(crate) struct Call<'a> {
    /// The method, upper case.
    pub(crate) method: &'a str,
    /// Path and query, with the service's base path.
    pub(crate) target: &'a str,
    /// `canary` or `probe`, and the run's marker.
    pub(crate) mark: String,
    /// Headers beside host and mark.
    pub(crate) headers: Vec<(String, String)>,
    /// A body and its type.
    pub(crate) body: Option<(&'static str, Bytes)>,
}

/// The answer to a call.
#[derive(Debug)]
pub(crate) struct Reply {
    /// How the backend, or the gateway in its place, answered.
    pub(crate) status: u16,
    /// The headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body as JSON, if it is that.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the status is one of success.
    pub(crate) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it gives what was asked for: one path for many operations says so in the body alone.
    pub(crate) fn is_given(&self) -> bool {
        self.succeeded() && !self.json().is_some_and(|body| rpc::is_error(&body))
    }

    /// Whether it refuses.
    pub(crate) fn is_refused(&self) -> bool {
        (400..500).contains(&self.status) || (self.succeeded() && !self.is_given())
    }

    /// The headers as selectors read them.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Call<'_> {
    /// Sends the call on a connection of its own and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn send(self, endpoint: Option<&Endpoint>) -> Result<Reply, CallFailed> {
        let sent = async {
            let mut connection = Connection::open(endpoint).await?;
            connection.send(&self).await
        };
        sent.await.map_err(|why| CallFailed {
            method: self.method.to_owned(),
            target: self.target.to_owned(),
            gateway: endpoint.map(Endpoint::authority).unwrap_or_default(),
            why,
        })
    }
}

/// A connection to the gateway that is kept for several calls.
pub(crate) struct Connection {
    host: String,
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<Result<(), hyper::Error>>,
}

impl Connection {
    /// Connects to the gateway's listener for a service, if there is one.
    pub(crate) async fn open(endpoint: Option<&Endpoint>) -> Result<Self, ConnectionError> {
        let endpoint = endpoint.ok_or(ConnectionError::NoService)?;
        let stream = endpoint.connect().await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            host: endpoint.authority(),
            sender,
            connection: tokio::spawn(connection),
        })
    }

    /// Sends a call and reads the whole answer.
    pub(crate) async fn send(&mut self, call: &Call<'_>) -> Result<Reply, ConnectionError> {
        let mut request = hyper::Request::builder()
            .method(call.method)
            .uri(call.target)
            .header(hyper::header::HOST, &self.host)
            .header(MARK, &call.mark);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let body = match &call.body {
            Some((kind, body)) => {
                request = request.header(hyper::header::CONTENT_TYPE, *kind);
                body.clone()
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect::<Vec<(String, String)>>();
        let body = answer.collect().await?.to_bytes();
        let body = opened(&headers, body);
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}

/// What a body says, its content codings undone; as it came where it cannot be read.
fn opened(headers: &[(String, String)], body: Bytes) -> Bytes {
    let pairs = headers.iter();
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
    match coding::read(pairs, &body, true, ROOM) {
        Ok(opened) => match opened.bytes {
            Cow::Owned(bytes) => bytes.into(),
            Cow::Borrowed(_) => body,
        },
        Err(_) => body,
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
