//! A deployment: whether it can be reached, and how its operator moves its levers.

mod http;
mod operator;

use std::io;

use reqwest::Client;
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::interrupt::Interrupt;
use crate::domain::coding;
use crate::domain::contract::{Asked, Condition, Contract, KillSwitch, Operation, Role};
use crate::domain::media_type;
use crate::domain::selector::{Selector, fill_text};
use crate::net::Pace;
use crate::suite::config::Target;
pub(super) use http::Clients;
use http::{NoAnswer, NoClient};
pub(super) use operator::{OperatorError, Turn, operate};

/// What keeps a target from being played against.
#[derive(Debug, thiserror::Error)]
pub enum Complaint {
    /// Nothing can be asked at all.
    #[error("no runtime could be started: {0}")]
    Runtime(io::Error),
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

/// How the world must be in which something is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum World {
    /// Not in maintenance: whatever a scenario found of it would be blamed on the backend.
    AsItShouldBe,
    /// However it is.
    Any,
}

/// How an answer is unlike what the contract says.
#[derive(Debug, thiserror::Error)]
pub enum Unlike {
    /// Nothing can be asked at all.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// There is none.
    #[error(transparent)]
    None(#[from] NoAnswer),
    /// The path is not known there.
    #[error("answered 404 ({kind}): is this the service's URL, and the contract's path?")]
    NotFound {
        /// Its content type.
        kind: String,
    },
    /// The kill-switch is on.
    #[error(
        "the target is in maintenance already, and no run that is known here switched it: switch it off before anything is played"
    )]
    InMaintenance,
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
pub(super) fn reach(
    target: &Target,
    contract: &Contract,
    world: World,
    pace: &Pace,
    interrupt: &Interrupt,
) -> Vec<Complaint> {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return vec![Complaint::Runtime(error)],
    };
    runtime.block_on(async {
        let clients = Clients::of(target);
        let mut complaints = Vec::new();
        for service in &contract.services {
            let Some(asked) = inquiry(target, contract, &service.name, world) else {
                continue;
            };
            let asking = async {
                pace.turn_of_the_operator().await;
                asked.ask(&clients).await
            };
            let answer = tokio::select! {
                answer = asking => answer,
                () = interrupt.triggered() => return complaints,
            };
            if let Err(why) = answer {
                complaints.push(Complaint::Service {
                    service: service.name.clone(),
                    url: asked.url,
                    why,
                });
            }
        }
        complaints
    })
}

/// A question to a service that anybody may ask.
pub(super) struct Inquiry<'c> {
    /// What is asked for.
    pub(super) url: String,
    headers: &'c [(String, String)],
    expected: Expected,
    /// What must not be on.
    open: Option<&'c KillSwitch>,
}

/// The question to a service whose answer says most; none where the target has no such service.
pub(super) fn inquiry<'c>(
    target: &Target,
    contract: &'c Contract,
    service: &str,
    world: World,
) -> Option<Inquiry<'c>> {
    let base = target.services.get(service)?.as_str().trim_end_matches('/');
    // An operation that anybody may call says most: its answer must be the contract's.
    let probe = contract
        .operations()
        .filter(|(role, operation)| {
            operation.service == service
                && operation.method == "GET"
                && matches!(role, Role::Status | Role::Keys | Role::Health)
        })
        .min_by_key(|(role, _)| *role == Role::Health);
    let url = match &probe {
        Some((_, operation)) => format!("{base}{}", path_with_query(operation)),
        None => format!("{base}/"),
    };
    let asks_switch = matches!(&probe, Some((Role::Status, _)));
    let expected = match &probe {
        None => Expected::Anything,
        Some((Role::Keys, _)) => Expected::Json,
        Some((Role::Status, _)) if reads_body(contract) => Expected::Json,
        Some(_) => Expected::Found,
    };
    let switch = contract.kill_switch.as_ref();
    Some(Inquiry {
        url,
        headers: probe.map_or(&[][..], |(_, operation)| &operation.headers),
        expected,
        open: switch.filter(|_| asks_switch && world == World::AsItShouldBe),
    })
}

impl Inquiry<'_> {
    /// Asks once.
    pub(super) async fn ask(&self, clients: &Clients<'_>) -> Result<Answered, Unlike> {
        let client = clients.at(&self.url)?;
        ask(&client, &self.url, self.headers, self.expected, self.open).await
    }
}

/// What is known of an answer that is as the contract says.
pub(super) struct Answered {
    pub(super) status: u16,
    /// The time that it says it is.
    pub(super) date: Option<String>,
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
    open: Option<&KillSwitch>,
) -> Result<Answered, Unlike> {
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(name, fill_text(value, &|_| None));
    }
    let answer = request.send().await.map_err(NoAnswer::from)?;
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let pairs = || {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .iter()
            .map(move |(name, value)| (name.as_str(), text(value)))
    };
    let kind = pairs()
        .find(|(name, _)| *name == "content-type")
        .map_or_else(|| "no content type".to_owned(), |(_, kind)| kind);
    let packed = answer.bytes().await.map_err(NoAnswer::from)?;
    let named: Vec<(&str, String)> = pairs().collect();
    let named = || named.iter().map(|(name, value)| (*name, value.as_str()));
    let body = match coding::read(named(), &packed, true, packed.len().max(ROOM)) {
        Ok(opened) => opened.bytes,
        Err(unread) => {
            return Err(Unlike::NotJson {
                status,
                kind: format!("{kind}; {unread}"),
            });
        }
    };
    if status == 404 && expected != Expected::Anything {
        return Err(Unlike::NotFound { kind });
    }
    let json: Option<Value> = serde_json::from_slice(&body).ok();
    // Maintenance may show as an error status; what counts is that the service speaks.
    if expected == Expected::Json && json.is_none() {
        return Err(Unlike::NotJson { status, kind });
    }
    let asked = Asked {
        status,
        is_page: media_type::is_html(&kind),
        body: json.as_ref(),
    };
    let find = |at: &Selector| at.in_answer(named(), json.as_ref());
    match open.and_then(|switch| switch.says(asked, find)) {
        Some(true) => Err(Unlike::InMaintenance),
        Some(false) | None => Ok(Answered {
            status,
            date: pairs()
                .find(|(name, _)| *name == "date")
                .map(|(_, date)| date),
        }),
    }
}
