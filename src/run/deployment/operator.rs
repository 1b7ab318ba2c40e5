//! How the operator of a deployment moves its levers.
//!
//! These calls, by HTTP or by programs, go straight to the deployment, not through the gateway: they are the operator's, and
//! the journal holds what was done and how, not each call.
//!
//! One call is under way at a time, and each comes to its end, also when whoever wanted it is interrupted:
//! one that was given up on its way could take effect after the one that puts it back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

use super::http::{Clients, NoAnswer, NoClient};
use crate::domain::change::Change;
use crate::domain::runbook::CheckEnd;
use crate::domain::selector::fill_text;
use crate::net::Pace;
use crate::operator::ALL;
use crate::suite::config::{By, Call, Means, Request, Target};

mod command;

/// How long to wait before a call is repeated.
const PAUSE: Duration = Duration::from_millis(250);

/// Whose turn it is to call a deployment, and how fast. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::run) struct Turn {
    one: Arc<tokio::sync::Mutex<()>>,
    pace: Pace,
}

impl Turn {
    /// Turns of calls that count with all else that the target is asked.
    pub(in crate::run) fn at(pace: &Pace) -> Self {
        Self {
            one: Arc::default(),
            pace: pace.clone(),
        }
    }
}

/// Why the operator's calls did not move a lever.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// One was not done, however often it was repeated.
    #[error("the operator's call {call}: {why}")]
    Call {
        /// Its line. Where that depends on the environment, it is told as the configuration has it:
        /// filled in, it may hold a secret.
        call: String,
        /// How its last attempt ended.
        why: NotDone,
    },
}

/// How an attempt ended that was not the last.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// Nothing can be asked over HTTP.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// It could not be made.
    #[error("`{0}` is not an HTTP method")]
    Method(String),
    /// Nobody answered.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The call itself broke.
    #[error("the call broke: {0}")]
    Broken(tokio::task::JoinError),
    /// The answer has another status, or lacks what must be in it.
    #[error("answered {0}, which is not what counts as done")]
    Answered(u16),
    /// The program could not be started.
    #[error("`{program}` could not be started: {why}; is it installed, and on the PATH?")]
    NotStarted {
        /// What was to be started.
        program: String,
        /// What the system says.
        why: String,
    },
    /// The program ended otherwise than it should, or did not end in its time.
    #[error("it {ended}, which is not what counts as done{}", words(.last))]
    Ended {
        /// How it ended.
        ended: CheckEnd,
        /// Its last line, without secrets.
        last: Option<String>,
    },
    /// The program never said what it must say.
    #[error("it never said `{says}`{}", words(.last))]
    NotSaid {
        /// What it should have said.
        says: String,
        /// Its last line, without secrets.
        last: Option<String>,
    },
}

fn words(last: &Option<String>) -> String {
    last.as_ref()
        .map_or_else(String::new, |last| format!("; its last line: {last}"))
}

/// Moves a lever by the operator's calls, in order, each until it is done.
pub(in crate::run) async fn operate(
    target: &Target,
    turn: &Turn,
    setting: &Change,
    set: &[Call],
    reset: &[Call],
) -> Result<Means, OperatorError> {
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
    let clients = Clients::of(target);
    let lookup = |name: &str| -> Option<Value> {
        match name {
            "service" => Some(Value::from(service.as_deref().unwrap_or(ALL))),
            "event" => event.clone().map(Value::from),
            "payload" => payload.clone(),
            _ => target
                .secrets
                .get(name)
                .map(|secret| Value::from(secret.expose())),
        }
    };
    for call in calls {
        let began = Instant::now();
        loop {
            let why = match attempt(&clients, turn, call, &lookup).await {
                Ok(()) => break,
                Err(why) => why,
            };
            let over = call
                .repeat_for
                .is_none_or(|time| began.elapsed() + PAUSE > time);
            if over {
                return Err(OperatorError::Call {
                    call: call.shown.clone(),
                    why,
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Means::of(calls.iter()))
}

/// Makes a call when it has the turn. What is sent is waited for by whoever is next, if not by this.
async fn to_its_end(
    request: RequestBuilder,
    turn: &Turn,
) -> Result<(u16, HeaderMap, Bytes), NotDone> {
    let held = Arc::clone(&turn.one).lock_owned().await;
    turn.pace.turn_of_the_operator().await;
    let sent = tokio::spawn(async move {
        let _held = held;
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
    });
    match sent.await {
        Ok(answer) => answer.map_err(|error| NoAnswer::from(error).into()),
        Err(broken) => Err(NotDone::Broken(broken)),
    }
}

/// What a placeholder stands for.
type Lookup<'l> = &'l (dyn Fn(&str) -> Option<Value> + Sync);

async fn attempt(
    clients: &Clients<'_>,
    turn: &Turn,
    call: &Call,
    lookup: Lookup<'_>,
) -> Result<(), NotDone> {
    match &call.by {
        By::Request(request) => ask(clients, turn, call.timeout, request, lookup).await,
        By::Command(command) => {
            let target = clients.target();
            command::run(target, turn, call.timeout, command, lookup).await
        }
    }
}

async fn ask(
    clients: &Clients<'_>,
    turn: &Turn,
    timeout: Duration,
    call: &Request,
    lookup: Lookup<'_>,
) -> Result<(), NotDone> {
    let method = reqwest::Method::from_bytes(call.method.as_bytes())
        .map_err(|_| NotDone::Method(call.method.clone()))?;
    let url = fill_text(call.url.expose(), lookup);
    let mut request = clients.at(&url)?.request(method, url).timeout(timeout);
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
    let (status, headers, body) = to_its_end(request, turn).await?;
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    if call.done.is_met(status, &headers, body.as_ref()) {
        Ok(())
    } else {
        Err(NotDone::Answered(status))
    }
}
