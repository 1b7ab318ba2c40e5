//! The one API by which levers and faults are moved: JSON over HTTP, for whoever operates a mock or
//! a session of the proxy.
//!
//! What can be asked for is one list, [`Command`], and what was asked for is one list, [`Order`]: a
//! desk that serves them says which of the commands it takes and has an arm for every order, so
//! nothing can be asked for that does something else.

use std::future::Future;

use http::Method;
use serde_json::{Map, Value, json};

mod command;
mod guard;

pub(crate) use command::{Command, Order};
pub(crate) use guard::{admit, protect};

/// What stands for every service in a call.
pub(crate) const ALL: &str = "*";

/// Bytes of a body that an operator may send.
pub(crate) const BODY_LIMIT: usize = 1_000_000;

/// Who is operated.
pub(crate) trait Desk {
    /// What can be asked for here, in the order of the directory.
    fn commands(&self) -> Vec<Command>;

    /// Why a command has nothing to move here, if it has not.
    fn lacks(&self, command: &Command) -> Option<String>;

    /// Why a command is refused before its body is looked at, if it is.
    fn refuses(&self, _command: &Command) -> Option<Refusal> {
        None
    }

    /// What the directory says beside what can be asked for.
    fn directory(&self) -> Map<String, Value>;

    /// What is going on: no token and no password is in it.
    fn state(&self) -> Value;

    /// Does what was asked for, and says what came of it.
    fn perform(&self, order: Order) -> impl Future<Output = Result<Value, Refusal>> + Send;
}

/// A status, a stable word and what to tell people.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str, pub(crate) String);

impl Refusal {
    /// What is asked for is not there.
    pub(crate) fn not_found() -> Self {
        Self(404, "not-found", "GET / lists what there is".to_owned())
    }
}

/// The answer to an operator.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Value,
    /// The method that would have been right, if it was wrong.
    pub(crate) allow: Option<&'static str>,
}

impl From<Refusal> for Answer {
    fn from(Refusal(status, error, message): Refusal) -> Self {
        Self {
            status,
            body: json!({ "error": error, "message": message }),
            allow: None,
        }
    }
}

/// Answers one request of an operator.
pub(crate) async fn answer<D: Desk>(desk: &D, method: &Method, path: &str, body: &[u8]) -> Answer {
    let path = path.trim_end_matches('/');
    let mut commands = desk.commands().into_iter();
    let (allowed, command) = match path {
        "" | "/state" => (Method::GET, None),
        _ => match commands.find(|command| command.is_at(path)) {
            Some(command) => (Method::POST, Some(command)),
            None => return Refusal::not_found().into(),
        },
    };
    if *method != allowed {
        let allow = if command.is_some() { "POST" } else { "GET" };
        let message = format!("this takes {allow}");
        return Answer {
            allow: Some(allow),
            ..Refusal(405, "method-not-allowed", message).into()
        };
    }
    let done = match command {
        Some(command) => pull(desk, &command, body).await,
        None if path.is_empty() => Ok(directory(desk)),
        None => Ok(desk.state()),
    };
    match done {
        Ok(body) => Answer {
            status: 200,
            body,
            allow: None,
        },
        Err(refusal) => refusal.into(),
    }
}

async fn pull<D: Desk>(desk: &D, command: &Command, body: &[u8]) -> Result<Value, Refusal> {
    if let Some(refusal) = desk.refuses(command) {
        return Err(refusal);
    }
    desk.perform(command.read(body)?).await
}

fn directory<D: Desk>(desk: &D) -> Value {
    let levers = desk.commands().into_iter().map(|command| {
        let (path, body) = (command.path(), command.example());
        let mut lever = json!({"method": "POST", "path": path, "body": body});
        if let Some(why) = desk.lacks(&command) {
            lever["unavailable"] = why.into();
        }
        lever
    });
    let mut directory = desk.directory();
    directory.insert("levers".to_owned(), levers.collect());
    let state = json!({"method": "GET", "path": "/state"});
    directory.insert("state".to_owned(), state);
    directory.into()
}
