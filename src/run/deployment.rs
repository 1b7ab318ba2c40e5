//! A deployment: whether it can be reached, and how its operator moves its levers.
//!
//! These calls go straight to the deployment, not through the gateway: they are the operator's, and
//! the journal holds what was done and how, not each call.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::time::Instant;

use super::interrupt::Interrupt;
use crate::domain::contract::{Condition, Contract, Operation, Role};
use crate::domain::scenario::Change;
use crate::domain::selector::{Selector, fill_text};
use crate::suite::config::{Call, Target};

/// How long a service may take to answer before it counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before a call is repeated.
const PAUSE: Duration = Duration::from_millis(250);

/// What keeps the target from being played against, service by service.
pub(super) fn reach(target: &Target, contract: &Contract, interrupt: &Interrupt) -> Vec<String> {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return vec![format!("no runtime could be started: {error}")],
    };
    runtime.block_on(async {
        let client = match client(target) {
            Ok(client) => client,
            Err(why) => return vec![why],
        };
        let mut complaints = Vec::new();
        for service in &contract.services {
            let Some(url) = target.services.get(&service.name) else {
                continue;
            };
            // An operation that anybody may call says most: its answer must be the contract's.
            let probe = contract
                .operations()
                .filter(|(role, operation)| {
                    operation.service == service.name
                        && operation.method == "GET"
                        && matches!(role, Role::Status | Role::Keys | Role::Health)
                })
                .min_by_key(|(role, _)| *role == Role::Health);
            let base = url.as_str().trim_end_matches('/');
            let asked = match &probe {
                Some((_, operation)) => format!("{base}{}", path_with_query(operation)),
                None => format!("{base}/"),
            };
            let expected = match &probe {
                None => Expected::Anything,
                Some((Role::Keys, _)) => Expected::Json,
                Some((Role::Status, _)) if reads_body(contract) => Expected::Json,
                Some(_) => Expected::Found,
            };
            let headers = probe.map_or(&[][..], |(_, operation)| &operation.headers);
            let answer = tokio::select! {
                answer = ask(&client, &asked, headers, expected) => answer,
                () = interrupt.triggered() => return complaints,
            };
            if let Err(why) = answer {
                complaints.push(format!("  service `{}`: GET {asked}: {why}", service.name));
            }
        }
        complaints
    })
}

/// Whether the kill-switch stands in the body of its answer.
fn reads_body(contract: &Contract) -> bool {
    contract
        .kill_switch
        .as_ref()
        .is_some_and(|switch| match &switch.blocked_when {
            Condition::OneOf(at, _) | Condition::NoneOf(at, _) => {
                matches!(at, Selector::Pointer(_) | Selector::Path(_))
            }
            Condition::Status(_) => false,
        })
}

fn path_with_query(operation: &Operation) -> String {
    let mut path = operation.path.clone();
    for (index, (key, value)) in operation.query.iter().enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        let query = form_urlencoded(key, &fill_text(value, &|_| None));
        path.push_str(&query);
    }
    path
}

fn form_urlencoded(key: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair(key, value)
        .finish()
}

fn client(target: &Target) -> Result<Client, String> {
    let secure = target.services.values().any(|url| url.scheme() == "https")
        || target
            .levers
            .values()
            .any(|means| format!("{means:?}").contains("https://"));
    let builder = Client::builder().no_proxy().timeout(PATIENCE);
    // Reading the system's certificates costs more than a whole local run; plain http needs none.
    let builder = if secure {
        builder
    } else {
        builder.tls_certs_only(Vec::new())
    };
    builder
        .build()
        .map_err(|error| format!("no HTTP client could be set up: {}", chain(&error)))
}

/// What an answer must be for the service to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Nothing of the contract can be asked without a session: whatever answers is there.
    Anything,
    /// The contract names the path, so it is not 404.
    Found,
    /// The contract also finds something in the body, so it is JSON.
    Json,
}

async fn ask(
    client: &Client,
    url: &str,
    headers: &[(String, String)],
    expected: Expected,
) -> Result<(), String> {
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(name, fill_text(value, &|_| None));
    }
    let answer = request.send().await.map_err(|error| explain(&error))?;
    let status = answer.status();
    let kind = answer
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("no content type")
        .to_owned();
    let body = answer.bytes().await.map_err(|error| explain(&error))?;
    if status.as_u16() == 404 && expected != Expected::Anything {
        return Err(format!(
            "answered 404 ({kind}): is this the service's URL, and the contract's path?"
        ));
    }
    // Maintenance may show as an error status; what counts is that the service speaks.
    if expected == Expected::Json && serde_json::from_slice::<Value>(&body).is_err() {
        return Err(format!(
            "answered {} with {kind} where the contract has JSON: is something else in front of the service?",
            status.as_u16()
        ));
    }
    Ok(())
}

fn explain(error: &reqwest::Error) -> String {
    let chain = chain(error);
    if error.is_timeout() {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else if chain.contains("InvalidContentType") || chain.contains("corrupt message") {
        format!("TLS was spoken to something that does not speak it; is it http://? ({chain})")
    } else if error.is_connect() {
        format!("no connection: {chain}")
    } else if error.is_request() && error.url().is_some_and(|url| url.scheme() == "http") {
        // What expects TLS breaks off when it is spoken to in plain text.
        format!("the connection was broken off; is it https://? ({chain})")
    } else {
        chain
    }
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

/// Moves a lever by the operator's calls, in order, each until it is done.
pub(super) async fn operate(
    target: &Target,
    setting: &Change,
    set: &[Call],
    reset: &[Call],
) -> Result<(), String> {
    let (calls, service, event, payload) = match setting {
        Change::Maintenance(on) => (if *on { set } else { reset }, None, None, None),
        Change::Backend { service, running } => (
            if *running { reset } else { set },
            service.clone(),
            None,
            None,
        ),
        Change::Push { event, payload } => (set, None, Some(event.clone()), payload.clone()),
        _ => (set, None, None, None),
    };
    let client = client(target)?;
    let lookup = |name: &str| -> Option<Value> {
        match name {
            "service" => service.clone().map(Value::from),
            "event" => event.clone().map(Value::from),
            "payload" => payload.clone(),
            _ => name
                .strip_prefix("env:")
                .and_then(|variable| target.secrets.get(variable))
                .map(|secret| Value::from(secret.expose())),
        }
    };
    for call in calls {
        let began = Instant::now();
        loop {
            let complaint = match attempt(&client, call, &lookup).await {
                Ok(()) => break,
                Err(complaint) => complaint,
            };
            let over = call
                .repeat_for
                .is_none_or(|time| began.elapsed() + PAUSE > time);
            if over {
                // The URL as written: filled in, it may hold a secret.
                return Err(format!(
                    "the operator's call {} {}: {complaint}",
                    call.method, call.url
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

async fn attempt(
    client: &Client,
    call: &Call,
    lookup: &(dyn Fn(&str) -> Option<Value> + Sync),
) -> Result<(), String> {
    let method = reqwest::Method::from_bytes(call.method.as_bytes())
        .map_err(|_| format!("`{}` is not an HTTP method", call.method))?;
    let mut request = client
        .request(method, fill_text(&call.url, lookup))
        .timeout(call.timeout);
    for (name, value) in &call.headers {
        request = request.header(name, fill_text(value, lookup));
    }
    request = match call.body.as_ref().map(|body| body.fill(lookup)) {
        None => request,
        Some(Value::String(text)) => request.body(text),
        Some(json) => request
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(json.to_string()),
    };
    let answer = request.send().await.map_err(|error| explain(&error))?;
    let status = answer.status().as_u16();
    let headers: Vec<(String, String)> = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let body = answer.bytes().await.map_err(|error| explain(&error))?;
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    if call.done.is_met(status, &headers, body.as_ref()) {
        Ok(())
    } else {
        Err(format!(
            "answered {status}, which is not what counts as done"
        ))
    }
}
