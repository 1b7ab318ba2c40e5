//! Levers and faults between the mock and its clients, as the gateway has them before a deployment: what is switched,
//! and what is done to a request because of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::reply::Body;
use crate::domain::change::{Change, Disposition, Fault, Levers, MadeUp, RequestFacts};
use crate::domain::contract::Contract;

/// Reads a change in the words of a scenario, for whoever operates the mock.
pub type ReadChange = fn(&Value, &Contract) -> Result<Change, String>;

/// What is switched.
#[derive(Default)]
pub(super) struct Faults {
    levers: Mutex<Levers>,
    frozen: watch::Sender<bool>,
}

/// What a change cuts that is open already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing.
    Nothing,
    /// WebSockets.
    WebSockets,
    /// The live feed on both of its transports.
    Feed,
}

impl Faults {
    /// What is done to a request.
    pub(super) fn decide(&self, contract: &Contract, request: &RequestFacts<'_>) -> Disposition {
        self.levers().decide(contract, request)
    }

    /// Whether a service's listener is open.
    pub(super) fn lets_in(&self, service: &str) -> bool {
        self.levers().lets_in(service)
    }

    /// Whether a service shows the certificate that its clients trust.
    pub(super) fn is_trusted(&self, service: &str) -> bool {
        self.levers().is_trusted(service)
    }

    /// Stops a service, or has it run again.
    pub(super) fn set_running(&self, service: &str, running: bool) {
        self.levers().set_running(service, running);
    }

    /// Whether a service was not stopped by anybody, whatever else keeps it from its clients.
    pub(super) fn is_running(&self, service: &str) -> bool {
        self.levers().is_running(service)
    }

    /// Makes a change, and says what it cuts; nothing of it where it changes something else.
    ///
    /// # Errors
    /// With what a mock does not do.
    pub(super) fn set(&self, change: &Change, contract: &Contract) -> Result<Cut, &'static str> {
        let mut levers = self.levers();
        Ok(match change {
            Change::Network(there) => {
                levers.network = *there;
                Cut::Nothing
            }
            Change::Websocket(open) => {
                levers.websocket = *open;
                if *open { Cut::Nothing } else { Cut::WebSockets }
            }
            Change::Socket(open) => {
                levers.socket = *open;
                if *open { Cut::Nothing } else { Cut::Feed }
            }
            Change::Fault {
                fault: Some(Fault::Withhold(_)),
                ..
            } => {
                return Err(
                    "packets of the live feed are withheld by the proxy alone: put it before this mock",
                );
            }
            Change::Fault { on, fault } => {
                levers.set_fault(on.clone(), fault.clone());
                self.frozen.send_replace(levers.freezes_sockets(contract));
                let severs = fault.is_some() && levers.severs_sockets(contract);
                if severs { Cut::Feed } else { Cut::Nothing }
            }
            _ => Cut::Nothing,
        })
    }

    /// Tells when open WebSockets swallow what they carry.
    pub(super) fn frozen(&self) -> watch::Receiver<bool> {
        self.frozen.subscribe()
    }

    /// What is switched, for whoever asks.
    pub(super) fn shown(&self) -> Map<String, Value> {
        let levers = self.levers();
        let faults: Vec<String> = levers.faulty().map(ToString::to_string).collect();
        Map::from_iter([
            ("network".to_owned(), json!(levers.network)),
            ("websocket".to_owned(), json!(levers.websocket)),
            ("socket".to_owned(), json!(levers.socket)),
            ("faults".to_owned(), json!(faults)),
        ])
    }

    fn levers(&self) -> MutexGuard<'_, Levers> {
        self.levers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A made-up answer as it is sent.
pub(super) fn response(made_up: MadeUp) -> Response<Body> {
    let (kind, body) = match made_up.body {
        None => (None, Vec::new()),
        Some(Value::String(text)) => (Some("text/plain; charset=utf-8"), text.into_bytes()),
        Some(value) => (Some("application/json"), value.to_string().into_bytes()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let status = StatusCode::from_u16(made_up.status);
    *response.status_mut() = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    for (name, value) in &made_up.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    if let Some(kind) = kind {
        let kind = HeaderValue::from_static(kind);
        headers.entry(CONTENT_TYPE).or_insert(kind);
    }
    response
}
