//! Requests, as a phone's `fetch` makes them.
//!
//! No proxy, no cookies, and no compression is asked for. A redirect is followed only when nothing can go wrong by
//! it: a `GET`, at most five times, and only within its origin. A write that is answered with 307
//! or 308 is not sent again, and whatever leads elsewhere (a captive portal) is handed to the app
//! as the answer it is, so no token can follow it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Request, Upgraded};
use url::Url;

use crate::app::Channel;
use crate::domain::coding::{self, Unread};
use crate::net::ServiceAddress;

mod client;
mod route;
mod traffic;

use client::{Client, SendError};
use route::Route;
pub use traffic::{ExchangeId, Traffic};

/// How many redirects are followed, as browsers and phones agree to within a few.
const REDIRECTS: usize = 5;
/// An answer larger than this is given up: a phone would run out of memory long before.
const ANSWER_LIMIT: usize = 32 * 1024 * 1024;

/// The connections of one process to every service.
///
/// Cheap to clone. Dropping the last clone closes whatever connection is idle.
#[derive(Debug, Clone)]
pub struct Clients(Arc<[Service]>);

#[derive(Debug)]
struct Service {
    name: String,
    url: Url,
    route: Arc<Route>,
    client: Client,
    /// Made for the first call that asks nothing of a certificate.
    unverified: OnceLock<Client>,
}

/// One request.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// Path and query from the root of the service's origin, so with the base path.
    pub target: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body; none at all without one.
    pub body: Option<Bytes>,
    /// How long it may take from beginning to end; without one, for ever.
    pub timeout: Option<Duration>,
    /// What is expected of the connection.
    pub purpose: Purpose,
    /// What it may be sent over.
    pub channel: Channel,
}

/// What is expected of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// The next request.
    #[default]
    Answer,
    /// Another protocol: the answer is to be 101.
    Switch,
}

/// How a request ended.
#[derive(Debug)]
pub enum Outcome {
    /// With an answer.
    Answered(Answer),
    /// With a connection that now speaks another protocol.
    Switched(Switched),
    /// No connection could be made, so nothing was sent.
    NotSent {
        /// What kept it from being sent, without a secret.
        why: String,
    },
    /// It may have been sent, and no answer came.
    Broken {
        /// What broke it, without a secret.
        why: String,
    },
    /// Its time was over.
    TimedOut,
}

/// A connection that now speaks another protocol.
#[derive(Debug)]
pub struct Switched {
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The connection.
    pub connection: Upgraded,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

/// The device's side of HTTP could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is not one that can be asked.
    #[error("service `{service}`: {url} is not an http:// or https:// URL with a host")]
    Address {
        /// The service.
        service: String,
        /// Its URL, without credentials.
        url: String,
    },
    /// TLS or the transport could not be set up.
    #[error("service `{service}`: {why}")]
    Setup {
        /// The service.
        service: String,
        /// What could not be set up.
        why: String,
    },
}

impl Clients {
    /// Clients for these services. Nothing is connected yet.
    ///
    /// # Errors
    /// When a URL cannot be asked or TLS cannot be set up.
    pub fn new(services: &BTreeMap<String, ServiceAddress>) -> Result<Self, HttpError> {
        Self::from_source(services, None)
    }

    /// The same, with connections that come from one of this machine's addresses.
    ///
    /// # Errors
    /// When a URL cannot be asked or TLS cannot be set up.
    pub fn from_source(
        services: &BTreeMap<String, ServiceAddress>,
        source: Option<IpAddr>,
    ) -> Result<Self, HttpError> {
        let mut shared: Vec<(Arc<Route>, Client)> = Vec::new();
        let mut all = Vec::with_capacity(services.len());
        for (name, address) in services {
            let route = Route::to(name, address, source)?;
            let known = shared.iter().find(|(own, _)| **own == route);
            let (route, client) = match known {
                Some(known) => known.clone(),
                None => {
                    let built = route.client(Channel::Verified);
                    let client = built.map_err(|why| HttpError::Setup {
                        service: name.clone(),
                        why,
                    })?;
                    shared.push((Arc::new(route), client));
                    shared[shared.len() - 1].clone()
                }
            };
            all.push(Service {
                name: name.clone(),
                url: address.url.clone(),
                route,
                client,
                unverified: OnceLock::new(),
            });
        }
        Ok(Self(all.into()))
    }

    /// The base path of a service's URL, without a trailing slash; empty for an unknown service.
    #[must_use]
    pub fn base_path(&self, service: &str) -> &str {
        self.service(service)
            .map_or("", |service| service.url.path().trim_end_matches('/'))
    }

    /// The `host:port` at which a service is asked, as its URL names it; empty for an unknown service.
    fn authority(&self, service: &str) -> &str {
        self.service(service)
            .map_or("", |service| service.url.authority())
    }

    fn service(&self, name: &str) -> Result<&Service, String> {
        self.0
            .iter()
            .find(|service| service.name == name)
            .ok_or_else(|| format!("nobody said where service `{name}` is"))
    }

    /// The URL of a target on a service's origin, or why there is none.
    fn url(&self, service: &str, target: &str) -> Result<Url, String> {
        let service = self.service(service)?;
        // Joining would read a target that begins with two slashes as another host.
        let origin = service.url.origin().ascii_serialization();
        let url = Url::parse(&format!("{origin}{target}"));
        url.map_err(|error| format!("no URL: {error}"))
    }

    /// The path that a call's request line will carry: a URL is normalized on its way there.
    fn sent_path(&self, call: &Call) -> String {
        match self.url(&call.service, &call.target) {
            Ok(url) => url.path().to_owned(),
            Err(_) => call.target.clone(),
        }
    }
}

impl Service {
    /// The client by which a call is sent.
    fn client(&self, channel: Channel) -> Result<Client, String> {
        if channel != Channel::Unverified {
            return Ok(self.client.clone());
        }
        if let Some(client) = self.unverified.get() {
            return Ok(client.clone());
        }
        let client = self.route.client(channel)?;
        Ok(self.unverified.get_or_init(|| client).clone())
    }
}

/// Where a followed redirect leads.
struct Hop {
    status: u16,
    url: Url,
}

/// Performs one call to its end; `hopped` is told of every redirect before it is followed, and may keep it
/// from being followed.
async fn perform(
    clients: &Clients,
    call: Call,
    hopped: impl Fn(&Call, &Hop) -> Result<(), String>,
) -> Outcome {
    let (method, headers) = match head(&call) {
        Ok(head) => head,
        Err(why) => return Outcome::NotSent { why },
    };
    let service = clients.service(&call.service);
    let client = match service.and_then(|own| own.client(call.channel)) {
        Ok(client) => client,
        Err(why) => return Outcome::NotSent { why },
    };
    let mut url = match clients.url(&call.service, &call.target) {
        Ok(url) => url,
        Err(why) => return Outcome::NotSent { why },
    };
    let work = async {
        for followed in 0.. {
            let mut request = Request::new(method.clone(), url.clone());
            request.headers_mut().clone_from(&headers);
            *request.body_mut() = call.body.clone().map(Into::into);
            let response = match client.send(request).await {
                Ok(response) => response,
                Err(error)
                    if call.channel == Channel::OrClear
                        && error.is_connect()
                        && url.scheme() == "https" =>
                {
                    if url.set_scheme("http").is_err() {
                        return unsent(&error);
                    }
                    continue;
                }
                Err(error) => return unsent(&error),
            };
            match redirect(&method, &url, &response) {
                Some(hop) if followed < REDIRECTS => {
                    if let Err(why) = hopped(&call, &hop) {
                        return Outcome::NotSent { why };
                    }
                    url = hop.url;
                }
                _ => return finish(response, call.purpose).await,
            }
        }
        failure("too many redirects")
    };
    match call.timeout {
        Some(timeout) => tokio::time::timeout(timeout, work)
            .await
            .unwrap_or(Outcome::TimedOut),
        None => work.await,
    }
}

fn head(call: &Call) -> Result<(Method, HeaderMap), String> {
    let method = Method::from_bytes(call.method.as_bytes())
        .map_err(|_| format!("method {:?} cannot be sent", call.method))?;
    let mut headers = HeaderMap::with_capacity(call.headers.len());
    for (name, value) in &call.headers {
        // Values are not repeated in the error: one of them may be a token.
        let (Ok(key), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) else {
            return Err(format!("header `{name}` cannot be sent"));
        };
        headers.append(key, value);
    }
    Ok((method, headers))
}

fn redirect(method: &Method, asked: &Url, response: &reqwest::Response) -> Option<Hop> {
    let status = response.status();
    let follows = matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !follows || *method != Method::GET {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let url = asked.join(location).ok()?;
    (url.origin() == asked.origin()).then(|| Hop {
        status: status.as_u16(),
        url,
    })
}

async fn finish(mut response: reqwest::Response, purpose: Purpose) -> Outcome {
    let status = response.status();
    if purpose == Purpose::Switch && status == StatusCode::SWITCHING_PROTOCOLS {
        let headers = response.headers().clone();
        return match response.upgrade().await {
            Ok(connection) => Outcome::Switched(Switched {
                headers,
                connection,
            }),
            Err(error) => failed(&error),
        };
    }
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_LIMIT => {
                return failure("the answer is too large");
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return failed(&error),
        }
    }
    match opened(&headers, &body) {
        Ok(opened) => Outcome::Answered(Answer {
            status: status.as_u16(),
            body: opened.unwrap_or(body).into(),
            headers,
        }),
        Err(why) => failure(&why),
    }
}

/// What a phone's HTTP stack makes of a body before its app sees it: content codings are undone although
/// nobody asked for them, and text is UTF-8 without a byte order mark. Nothing where it stays as it is, as
/// what cannot be read does; out of all proportion no app would get it.
fn opened(headers: &[(String, String)], body: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let pairs = headers.iter();
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
    match coding::read(pairs, body, true, ANSWER_LIMIT) {
        Ok(opened) => Ok(match opened.bytes {
            Cow::Owned(bytes) => Some(bytes),
            Cow::Borrowed(_) => None,
        }),
        Err(unread @ Unread::Bomb { .. }) => Err(unread.to_string()),
        Err(_) => Ok(None),
    }
}

fn failure(why: &str) -> Outcome {
    Outcome::Broken {
        why: why.to_owned(),
    }
}

fn unsent(error: &SendError) -> Outcome {
    let why = cause(error.error());
    if error.is_connect() {
        Outcome::NotSent { why }
    } else {
        Outcome::Broken { why }
    }
}

fn failed(error: &reqwest::Error) -> Outcome {
    failure(&cause(error))
}

/// Says what went wrong, without the URL, which may hold a secret.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut deepest = None;
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>()
            && io.kind() != io::ErrorKind::Other
        {
            // Some kinds have no name yet, like that of too many open files.
            let kind = io.kind().to_string();
            let is_named = kind != "uncategorized error";
            return if is_named { kind } else { io.to_string() };
        }
        deepest = Some(source);
        next = source.source();
    }
    deepest.map_or_else(|| "the request broke".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;
