//! HTTP calls that go straight to a deployment, and why they bring no answer.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy};
use url::Url;

use crate::domain::access::{self, Access};
use crate::gateway::client_config;
use crate::suite::config::{By, LeverMeans, Target};

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

/// The clients for calls to one deployment and around it, each made when it is first needed.
pub(in crate::run) struct Clients<'t> {
    target: &'t Target,
    own: OnceLock<Client>,
    elsewhere: OnceLock<Client>,
}

impl<'t> Clients<'t> {
    pub(in crate::run) fn of(target: &'t Target) -> Self {
        Self {
            target,
            own: OnceLock::new(),
            elsewhere: OnceLock::new(),
        }
    }

    /// The deployment.
    pub(super) fn target(&self) -> &Target {
        self.target
    }

    /// The client for a URL. What is meant for the deployment's services is told at their origins alone.
    pub(super) fn at(&self, url: &str) -> Result<Client, NoClient> {
        let services = self.target.services.values();
        let parsed = Url::parse(url);
        let own = parsed.is_ok_and(|url| access::is_at(&url, services));
        let cell = if own { &self.own } else { &self.elsewhere };
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let client = client(self.target, own)?;
        Ok(cell.get_or_init(|| client).clone())
    }
}

/// A client for the services of a deployment, or for whatever else its operator calls.
fn client(target: &Target, own: bool) -> Result<Client, NoClient> {
    let access = &target.access;
    let mut builder = Client::builder().no_proxy().timeout(PATIENCE);
    if let Some(proxy) = &access.proxy {
        let mut through =
            Proxy::all(proxy.url.as_str()).map_err(|error| NoClient(chain(&error)))?;
        if let Some((name, password)) = &proxy.credentials {
            through = through.basic_auth(name.expose(), password.expose());
        }
        builder = builder.proxy(through);
    }
    if own {
        builder = builder
            .default_headers(headers(access))
            .redirect(stays(target));
    }
    let configured = access.ca.is_some() || (own && access.identity.is_some());
    builder = if configured {
        let config = client_config(access, own).map_err(|error| NoClient(error.to_string()))?;
        builder.tls_backend_preconfigured(config)
    } else if is_secure(target) {
        builder
    } else {
        // Reading the system's certificates costs more than a whole local run; plain http needs none.
        builder.tls_certs_only(Vec::new())
    };
    builder.build().map_err(|error| NoClient(chain(&error)))
}

/// Whether anything of it is called over TLS.
fn is_secure(target: &Target) -> bool {
    let calls = target.levers.values().flat_map(LeverMeans::calls);
    let mut requests = calls.filter_map(|call| match &call.by {
        By::Request(request) => Some(&request.url),
        By::Command(_) => None,
    });
    let mut services = target.services.values();
    services.any(|url| url.scheme() == "https")
        || requests.any(|url| url.expose().starts_with("https://"))
}

fn headers(access: &Access) -> HeaderMap {
    let headers = access.headers.iter().filter_map(|(name, value)| {
        let mut value = HeaderValue::from_str(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
    });
    headers.collect()
}

/// Follows redirects among the deployment's own services: elsewhere nobody is told what is meant for them.
fn stays(target: &Target) -> Policy {
    let services: Vec<Url> = target.services.values().cloned().collect();
    Policy::custom(move |attempt| {
        let stays = access::is_at(attempt.url(), services.iter());
        match attempt.previous().len() {
            _ if !stays => attempt.stop(),
            0..=10 => attempt.follow(),
            _ => attempt.error("it leads on and on"),
        }
    })
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
