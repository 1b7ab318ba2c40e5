//! HTTP calls that go straight to a deployment, and why they bring no answer.

use std::time::Duration;

use reqwest::Client;

use crate::suite::config::{LeverMeans, Target};

/// How long a service may take to answer before it counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing can be asked over HTTP.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client could be set up: {0}")]
pub struct NoClient(String);

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// None came in time.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
    /// The other end does not speak TLS.
    #[error("TLS was spoken to something that does not speak it; is it http://? ({0})")]
    NoTls(String),
    /// Nothing listens, or the way there is closed.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The other end may expect TLS.
    #[error("the connection was broken off; is it https://? ({0})")]
    BrokenOff(String),
    /// Whatever else the client says.
    #[error("{0}")]
    Other(String),
}

impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        let chain = chain(&error);
        if error.is_timeout() {
            Self::Late
        } else if chain.contains("InvalidContentType") || chain.contains("corrupt message") {
            Self::NoTls(chain)
        } else if error.is_connect() {
            Self::NoConnection(chain)
        } else if error.is_request() && error.url().is_some_and(|url| url.scheme() == "http") {
            // What expects TLS breaks off when it is spoken to in plain text.
            Self::BrokenOff(chain)
        } else {
            Self::Other(chain)
        }
    }
}

/// A client for the calls to one deployment.
pub(super) fn client(target: &Target) -> Result<Client, NoClient> {
    let secure = target.services.values().any(|url| url.scheme() == "https")
        || target
            .levers
            .values()
            .flat_map(LeverMeans::calls)
            .any(|call| call.url.expose().starts_with("https://"));
    let builder = Client::builder().no_proxy().timeout(PATIENCE);
    // Reading the system's certificates costs more than a whole local run; plain http needs none.
    let builder = if secure {
        builder
    } else {
        builder.tls_certs_only(Vec::new())
    };
    builder.build().map_err(|error| NoClient(chain(&error)))
}

/// What went wrong and why, without the URL, which is said already and may hold a secret.
fn chain(error: &dyn std::error::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() {
        error.to_string()
    } else {
        causes.join(": ")
    }
}
