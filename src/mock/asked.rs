//! How a lever is asked for over HTTP: an address, and the JSON that moves it. The mock's operator
//! API has these levers in common with the proxy's control API.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::contract::Contract;

/// An address, and a body that moves what is behind it.
pub(crate) type Asked = (&'static str, &'static str);

/// The levers that both APIs have.
pub(crate) const COMMON: [Asked; 6] = [
    ("/maintenance", r#"{"on": true}"#),
    (
        "/backend",
        r#"{"service": "<name, or null for all>", "running": false}"#,
    ),
    (
        "/push",
        r#"{"event": "<name>", "payload": "<any, or absent>"}"#,
    ),
    ("/close-trade", "{}"),
    ("/expire-tokens", "{}"),
    ("/drop-sockets", "{}"),
];

/// Something is switched on or off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    pub(crate) on: bool,
}

/// Services are stopped or started.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    #[serde(default)]
    pub(crate) service: Option<String>,
    pub(crate) running: bool,
}

/// An event is emitted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Push {
    pub(crate) event: String,
    #[serde(default)]
    pub(crate) payload: Option<Value>,
}

/// There is nothing to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The body that `lever` takes, as an example.
fn wanted(lever: &str, own: &[Asked]) -> Option<&'static str> {
    let all = COMMON.iter().chain(own);
    all.into_iter()
        .find(|(path, _)| *path == lever)
        .map(|(_, body)| *body)
}

/// Why the contract leaves nothing to be moved at an address, if it does.
pub(crate) fn pointless(path: &str, contract: &Contract) -> Option<String> {
    let feed = contract.realtime.as_ref();
    let what = match path {
        "/maintenance" if contract.kill_switch.is_none() => "kill-switch",
        "/push" if feed.is_none_or(|feed| feed.events.is_empty()) => "events",
        "/drop-sockets" | "/websocket" | "/socket" if feed.is_none() => "live feed",
        _ => return None,
    };
    Some(format!("the contract has no {what}"))
}

/// Whether there is such a lever, among the common ones or these.
pub(crate) fn is_lever(path: &str, own: &[Asked]) -> bool {
    wanted(path, own).is_some()
}

/// Reads a lever's body; none at all is an empty object.
///
/// # Errors
/// With what is wrong, and what the lever takes.
pub(crate) fn parse<T: DeserializeOwned>(
    lever: &str,
    own: &[Asked],
    body: &[u8],
) -> Result<T, String> {
    let body = if body.trim_ascii().is_empty() {
        b"{}"
    } else {
        body
    };
    serde_json::from_slice(body).map_err(|error| misread(lever, own, &error.to_string()))
}

/// What is said about a body that cannot be used.
pub(crate) fn misread(lever: &str, own: &[Asked], why: &str) -> String {
    let wanted = wanted(lever, own).unwrap_or("{}");
    format!("{why}. POST {lever} takes JSON like {wanted}")
}

/// Every lever for the directory; `lacking` says why one cannot be moved here.
pub(crate) fn directory(own: &[Asked], lacking: impl Fn(&str) -> Option<String>) -> Vec<Value> {
    let all = COMMON.iter().chain(own);
    all.map(|(path, body)| {
        let mut lever = json!({"method": "POST", "path": path, "body": body});
        if let Some(why) = lacking(path) {
            lever["unavailable"] = why.into();
        }
        lever
    })
    .collect()
}
