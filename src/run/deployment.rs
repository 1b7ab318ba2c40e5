//! A deployment: whether it can be reached, and how its operator moves its levers.

mod http;
mod operator;

use std::io;

use reqwest::Client;
use serde_json::Value;

use super::interrupt::Interrupt;
use crate::domain::coding;
use crate::domain::contract::{Condition, Contract, Operation, Role};
use crate::domain::selector::{Selector, fill_text};
use crate::suite::config::Target;
use http::{NoAnswer, NoClient};
pub(super) use operator::{OperatorError, operate};

/// What keeps a target from being played against.
#[derive(Debug, thiserror::Error)]
pub enum Complaint {
    /// Nothing can be asked at all.
    #[error("no runtime could be started: {0}")]
    Runtime(io::Error),
    /// Nothing can be asked over HTTP.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// A service does not answer, or not as the contract says.
    #[error("  service `{service}`: GET {url}: {why}")]
    Service {
        /// The service.
        service: String,
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        why: Unlike,
    },
}

/// How an answer is unlike what the contract says.
#[derive(Debug, thiserror::Error)]
pub enum Unlike {
    /// There is none.
    #[error(transparent)]
    None(#[from] NoAnswer),
    /// The path is not known there.
    #[error("answered 404 ({kind}): is this the service's URL, and the contract's path?")]
    NotFound {
        /// Its content type.
        kind: String,
    },
    /// Somebody else may have answered.
    #[error(
        "answered {status} with {kind} where the contract has JSON: is something else in front of the service?"
    )]
    NotJson {
        /// Its status.
        status: u16,
        /// Its content type.
        kind: String,
    },
}

/// Asks each service for something that the contract says of it.
pub(super) fn reach(target: &Target, contract: &Contract, interrupt: &Interrupt) -> Vec<Complaint> {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return vec![Complaint::Runtime(error)],
    };
    runtime.block_on(async {
        let client = match http::client(target) {
            Ok(client) => client,
            Err(error) => return vec![error.into()],
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
                complaints.push(Complaint::Service {
                    service: service.name.clone(),
                    url: asked,
                    why,
                });
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

/// How much of an answer is looked at when its body is packed.
const ROOM: usize = 1024 * 1024;

async fn ask(
    client: &Client,
    url: &str,
    headers: &[(String, String)],
    expected: Expected,
) -> Result<(), Unlike> {
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(name, fill_text(value, &|_| None));
    }
    let answer = request.send().await.map_err(NoAnswer::from)?;
    let status = answer.status();
    let kind = answer
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("no content type")
        .to_owned();
    let packed = answer.headers().get(reqwest::header::CONTENT_ENCODING);
    let coding = packed.and_then(|value| value.to_str().ok());
    let pairs = [
        ("content-type", kind.clone()),
        ("content-encoding", coding.unwrap_or_default().to_owned()),
    ];
    let body = answer.bytes().await.map_err(NoAnswer::from)?;
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
    let body = match coding::read(pairs, &body, true, body.len().max(ROOM)) {
        Ok(opened) => opened.bytes,
        Err(unread) => {
            return Err(Unlike::NotJson {
                status: status.as_u16(),
                kind: format!("{kind}; {unread}"),
            });
        }
    };
    if status.as_u16() == 404 && expected != Expected::Anything {
        return Err(Unlike::NotFound { kind });
    }
    // Maintenance may show as an error status; what counts is that the service speaks.
    if expected == Expected::Json && serde_json::from_slice::<Value>(&body).is_err() {
        return Err(Unlike::NotJson {
            status: status.as_u16(),
            kind,
        });
    }
    Ok(())
}
