//! A suite in the making: what was recognised, with the evidence for it, before it is written.

use serde_json::Value;

use super::api::{Known, Left, Service};

/// A contract, a world and a scenario in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) services: Vec<Service>,
    pub(super) request_id: Option<Known<String>>,
    pub(super) health: Vec<Request>,
    pub(super) session: Session,
    pub(super) switch: Option<Switch>,
    pub(super) resources: Vec<Resource>,
    /// Screens with the names of what they show; the first is where a session lands.
    pub(super) screens: Vec<(String, Vec<String>)>,
    pub(super) realtime: Option<Realtime>,
    /// What must never be called, as patterns.
    pub(super) forbid: Vec<String>,
    pub(super) users: Vec<User>,
    /// What the user did, in order, as steps of a scenario; none for the usual round.
    pub(super) steps: Vec<Value>,
    /// Where all of this comes from, in a sentence.
    pub(super) origin: String,
    pub(super) left: Vec<Left>,
}

/// A request as a contract declares it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) service: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, Value)>,
    pub(super) headers: Vec<(String, Value)>,
    pub(super) json: Option<Value>,
    pub(super) form: Vec<(String, Value)>,
    /// What it was recognised by, a comment each.
    pub(super) why: Vec<String>,
}

impl Request {
    /// The request line.
    pub(super) fn line(&self) -> String {
        format!("{} {} {}", self.method, self.service, self.path)
    }

    /// Whether nothing is to be said beside the line.
    pub(super) fn is_plain(&self) -> bool {
        self.query.is_empty()
            && self.headers.is_empty()
            && self.json.is_none()
            && self.form.is_empty()
    }
}

/// How a session goes.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) sign_in: Request,
    pub(super) answer: Tokens,
    pub(super) refresh: Option<(Request, Tokens)>,
    pub(super) sign_out: Option<Request>,
    /// A header and its template, if it is not the usual one.
    pub(super) authorize: Option<Known<(String, String)>>,
    pub(super) refused_by: Vec<u16>,
    pub(super) ended_by: Vec<u16>,
    pub(super) keys: Option<Request>,
    pub(super) identity: Option<Identity>,
    /// The field by which a user says who they are: `email`.
    pub(super) name_field: String,
}

/// Where the tokens stand in an answer, as selectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) expires_in: Option<String>,
    pub(super) expires_at: Option<String>,
}

/// How the backend says whose session it is.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) resource: String,
    pub(super) subject: Option<String>,
    pub(super) username: Option<String>,
    pub(super) why: String,
}

/// The kill-switch.
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) request: Request,
    pub(super) at: String,
    pub(super) off: Value,
    pub(super) on: Value,
}

/// What the app reads.
#[derive(Debug, Default)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) items: Option<Known<String>>,
    pub(super) key: Option<String>,
    pub(super) paging: Option<Known<Value>>,
    pub(super) schema: Option<Value>,
    /// Where its position in the stream of changes stands.
    pub(super) sequence: Option<String>,
    /// An answer that fits.
    pub(super) sample: Value,
    pub(super) group: Option<String>,
}

/// The live feed.
#[derive(Debug)]
pub(super) struct Realtime {
    pub(super) service: String,
    pub(super) path: String,
    pub(super) namespace: String,
    pub(super) auth: Option<Value>,
    pub(super) websocket_only: bool,
    pub(super) subscribe: Vec<Value>,
    pub(super) events: Vec<Event>,
}

/// Something that the server emits.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) updates: Option<(String, &'static str)>,
    pub(super) items: Option<String>,
    pub(super) schema: Option<Value>,
    /// Where its position in the stream of changes stands.
    pub(super) sequence: Option<String>,
    /// Where it says of which moment it is, and how old that was at most, in milliseconds.
    pub(super) as_of: Option<(String, u64)>,
    pub(super) why: String,
    /// How often it came on average, in milliseconds, where it came often enough to say so.
    pub(super) every_ms: Option<u64>,
}

/// Somebody who can sign in.
#[derive(Debug, Clone, Default)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) username: String,
    pub(super) subject: Option<String>,
    /// Answers by resource; what is not here is the resource's sample.
    pub(super) data: Vec<(String, Value)>,
}
