//! What the harness itself asks for, through the gateway and marked as its own.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::net::Endpoint;

/// The header by which the gateway knows the harness's own calls; it never reaches the backend.
const MARK: &str = "x-rehearsal";

/// Why a call of the harness itself failed.
#[derive(Debug, thiserror::Error)]
#[error("{method} {target} through the gateway at {gateway}: {why}")]
pub(crate) struct CallFailed {
    method: String,
    target: String,
    gateway: String,
    why: String,
}

/// One call of the harness itself.
pub(crate) struct Call<'a> {
    /// The gateway's listener for the service, if there is one.
    pub(crate) endpoint: Option<&'a Endpoint>,
    /// The method.
    pub(crate) method: &'a str,
    /// The request target.
    pub(crate) target: &'a str,
    /// `canary` or `probe`, and the run's marker.
    pub(crate) mark: String,
    /// A JSON body.
    pub(crate) body: Option<Value>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Bytes,
}

impl Call<'_> {
    /// Sends the call on a connection of its own and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn send(self) -> Result<Reply, CallFailed> {
        self.attempt().await.map_err(|why| CallFailed {
            method: self.method.to_owned(),
            target: self.target.to_owned(),
            gateway: self.endpoint.map(Endpoint::authority).unwrap_or_default(),
            why,
        })
    }

    async fn attempt(&self) -> Result<Reply, String> {
        let endpoint = self.endpoint.ok_or("the gateway has no such service")?;
        let stream = endpoint
            .connect()
            .await
            .map_err(|error| error.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let connection = tokio::spawn(connection);
        let mut request = hyper::Request::builder()
            .method(self.method)
            .uri(self.target)
            .header(hyper::header::HOST, endpoint.authority())
            .header(MARK, &self.mark);
        let body = match &self.body {
            Some(body) => {
                request = request.header(hyper::header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = answer
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        drop(sender);
        connection.abort();
        Ok(Reply { status, body })
    }
}
