//! The one API by which levers and faults are moved: JSON over HTTP, for whoever operates a mock or
//! a session of the proxy.
//!
//! What can be asked for is one list, [`Command`], and what was asked for is one list, [`Order`]: a
//! desk that serves them says which of the commands it takes and has an arm for every order, so
//! nothing can be asked for that does something else. The description of the API is made from the same list.
//!
//! Reading order: [`Desk`] and [`respond`]; `command` (the list), `guard` (who may), `tape` and `follow` (what
//! happened), `agreed` (the contract), `look` (the world), `openapi` (the description), `console` (the page).

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{Either, Full, StreamBody};
use serde_json::{Map, Value, json};

mod agreed;
mod command;
mod console;
mod follow;
mod guard;
mod look;
mod openapi;
mod tape;

pub(crate) use command::{Command, Edit, Edits, Order, Row};
pub(crate) use console::Door;
pub(crate) use guard::admit;
pub(crate) use look::Look;
pub(crate) use tape::Tape;

use crate::domain::contract::Contract;
use follow::{Asked, EVENT_STREAM, Frames};

/// The media type of what is said when something was not done (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// Says which tape a stream is of: numbers of another process mean nothing here.
const TAPE: HeaderName = HeaderName::from_static("x-rehearsal-tape");

/// The body of an answer: whole, or a stream that goes on.
pub(crate) type Body = Either<Full<Bytes>, StreamBody<Frames>>;

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

    /// What was agreed on.
    fn contract(&self) -> Arc<Contract>;

    /// What happens, for whoever wants to follow it.
    fn tape(&self) -> Arc<Tape>;

    /// What is in the world; nothing where there is none to look into.
    fn look(&self, _look: &Look) -> Option<Result<Value, Refusal>> {
        None
    }

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
struct Answer {
    status: u16,
    body: Value,
    /// The method that would have been right, if it was wrong.
    allow: Option<&'static str>,
}

impl From<Refusal> for Answer {
    fn from(Refusal(status, error, message): Refusal) -> Self {
        let title = StatusCode::from_u16(status).ok();
        let title = title.and_then(|status| status.canonical_reason());
        Self {
            status,
            // The last two were there before the others, and stay.
            body: json!({
                "type": format!("urn:rehearsal:problem:{error}"),
                "title": title.unwrap_or("Error"),
                "status": status,
                "detail": message,
                "error": error,
                "message": message,
            }),
            allow: None,
        }
    }
}

/// Answers one request of an operator, if it was admitted and its body could be read.
pub(crate) async fn respond<D: Desk>(
    desk: &D,
    door: Door,
    admitted: Result<(), Refusal>,
    request: &Parts,
    body: Result<Bytes, String>,
) -> Response<Body> {
    let body = body.map_err(|why| Refusal(400, "bad-body", why));
    let query = request.uri.query().unwrap_or_default();
    let answer = match (admitted.and(body), door.api(request.uri.path())) {
        (Err(refusal), _) => refusal.into(),
        (Ok(_), None) => match console::file(&request.method, request.uri.path()) {
            Ok(file) => return file,
            Err(refusal) => refusal.into(),
        },
        (Ok(_), Some("/journal")) if request.method == Method::GET => {
            match Asked::read(query, &request.headers) {
                Err(refusal) => refusal.into(),
                Ok(asked) if asked.streams => return streamed(asked, desk.tape()),
                Ok(asked) => found(asked.page(&desk.tape()).await),
            }
        }
        (Ok(_), Some("/world")) if request.method == Method::GET => {
            let looked = Look::read(query).and_then(|look| {
                let looked = desk.look(&look);
                looked.unwrap_or_else(|| Err(Refusal::not_found()))
            });
            looked.map_or_else(Answer::from, found)
        }
        (Ok(body), Some(path)) => answer(desk, &request.method, path, &body).await,
    };
    let mut text = answer.body.to_string();
    text.push('\n');
    let kind = match answer.status {
        200 => "application/json",
        _ => PROBLEM,
    };
    let mut response = sent(kind, Either::Left(Full::new(Bytes::from(text))));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    if let Some(allow) = answer.allow {
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

fn streamed(asked: Asked, tape: Arc<Tape>) -> Response<Body> {
    let id = HeaderValue::from(tape.id());
    let frames = asked.stream(tape);
    let mut response = sent(EVENT_STREAM, Either::Right(StreamBody::new(frames)));
    response.headers_mut().insert(TAPE, id);
    response
}

fn sent(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    guard::protect(headers);
    response
}

fn found(body: Value) -> Answer {
    Answer {
        status: 200,
        body,
        allow: None,
    }
}

/// What is said to one request.
async fn answer<D: Desk>(desk: &D, method: &Method, path: &str, body: &[u8]) -> Answer {
    let path = path.trim_end_matches('/');
    if path == "/contract" && *method == Method::POST {
        return agreed::check(&desk.contract(), body).map_or_else(Answer::from, found);
    }
    let commands = desk.commands();
    let has_world = || commands.iter().any(Command::is_edit);
    let mut commands = commands.iter().cloned();
    let (allowed, command) = match path {
        "" | "/state" | "/journal" | "/contract" | "/openapi.json" => (Method::GET, None),
        "/world" if has_world() => (Method::GET, None),
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
        None if path == "/contract" => Ok(agreed::agreed(&desk.contract())),
        None if path == "/openapi.json" => Ok(openapi::document(&desk.commands())),
        None => Ok(desk.state()),
    };
    done.map_or_else(Answer::from, found)
}

async fn pull<D: Desk>(desk: &D, command: &Command, body: &[u8]) -> Result<Value, Refusal> {
    if let Some(refusal) = desk.refuses(command) {
        return Err(refusal);
    }
    desk.perform(command.read(body)?).await
}

fn directory<D: Desk>(desk: &D) -> Value {
    let commands = desk.commands();
    let levers = commands.iter().map(|command| {
        let (path, body) = (command.path(), command.example());
        let mut lever = json!({"method": "POST", "path": path, "body": body});
        if let Some(why) = desk.lacks(command) {
            lever["unavailable"] = why.into();
        }
        lever
    });
    let mut directory = desk.directory();
    directory.insert("levers".to_owned(), levers.collect());
    if commands.iter().any(Command::is_edit) {
        let question = json!({"method": "GET", "path": "/world"});
        directory.insert("world".to_owned(), question);
    }
    for (name, path) in [
        ("state", "/state"),
        ("journal", "/journal?since=0"),
        ("agreement", "/contract"),
        ("openapi", "/openapi.json"),
    ] {
        let question = json!({"method": "GET", "path": path});
        directory.insert(name.to_owned(), question);
    }
    directory.into()
}
