//! What one app and its backend agreed on.
//!
//! Everything rehearsal knows about an app stands here: where its services are, how a session is
//! opened, what the kill-switch looks like, which resources and events exist and what must never be
//! called. Code elsewhere names roles (sign-in, status, positions' list), never paths or fields.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

mod allowed;
mod fit;
mod freshness;
#[cfg(test)]
pub(crate) mod harbour;
mod lookup;
mod paging;
mod parity;
pub mod pattern;
mod promises;
mod refused;
#[cfg(test)]
pub(crate) mod renamed;
mod renewal;
mod resource;
mod sharing;
mod switch;

pub use allowed::{Queries, Scope, TrafficFloor};
pub use fit::{Misfit, kinds_at, misfits};
pub use freshness::{AfterChange, AsOf, EventPromise};
pub use lookup::{Role, is_safe};
pub use paging::{NextPage, Paging};
pub use parity::{Counterpart, Parity};
pub use pattern::{PathPattern, RequestPattern};
pub use promises::{AnswersTo, ErrorForm, HeaderPromise, ItemOrder, Promises, TokenChecked};
pub use refused::Reason;
pub use renewal::TokenRenewal;
pub use resource::Resource;
pub(in crate::domain) use sharing::DISPATCH;
pub use switch::{Asked, FeedWhileOn};

use super::figures::Limit;
use super::selector::{Selector, Template};

/// The whole agreement, as read from a contract file.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The app's name, for people.
    pub name: String,
    /// The backend's services, by the name that requests use.
    pub services: Vec<Service>,
    /// The response header that carries the request id, if the backend promises one.
    pub request_id: Option<String>,
    /// What is a secret, beside what is one by its own name or shape, and what is none.
    pub secrecy: Secrecy,
    /// How a session begins, goes on and ends.
    pub session: Session,
    /// How the backend tells the app to block, if it can.
    pub kill_switch: Option<KillSwitch>,
    /// The requests that say that a deployment is alive, of one service or of several.
    pub health: Vec<Operation>,
    /// What the backend promises of its answers.
    pub promises: Promises,
    /// What the app reads, in the order of the file.
    pub resources: Vec<Resource>,
    /// The app's tabs; the first one is where a session lands.
    pub screens: Vec<Screen>,
    /// The live feed, if the app has one.
    pub realtime: Option<Realtime>,
    /// How the app refreshes data while the feed is gone.
    pub polling: Option<Polling>,
    /// How the app repeats failed requests.
    pub retry: Retry,
    /// How long the app waits for one answer.
    pub request_timeout: Duration,
    /// The age past which shown data must be marked stale.
    pub stale_after: Duration,
    /// Another client whose data has to be the app's, if there is one.
    pub parity: Option<Parity>,
    /// What may and what must never be called.
    pub scope: Scope,
    /// The limits that are set to figures, in the order of the file.
    pub limits: Vec<Limit>,
}

/// What a contract says of secrets that nobody else declares.
#[derive(Debug, Clone, Default)]
pub struct Secrecy {
    /// Names of headers, fields and query keys whose values are secrets, beside those that say so
    /// themselves.
    pub names: Vec<String>,
    /// Every value of the file, as it is written. Whoever judges reads them, so none is a secret, whatever
    /// stands before it: the states of a switch, a client's name, a constant.
    pub literals: BTreeSet<String>,
}

/// One origin of the backend.
#[derive(Debug, Clone)]
pub struct Service {
    /// The name that requests use: `trading`.
    pub name: String,
    /// The app's environment variable that carries this service's URL, if it has one.
    pub variable: Option<String>,
    /// The path that the service's URL ends in, without a trailing slash, on the mock. A real
    /// target's URL brings its own.
    pub base_path: String,
}

/// One HTTP request that the app makes.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The method, upper case.
    pub method: String,
    /// The service's name.
    pub service: String,
    /// The path below the service's URL, which may hold placeholders: `/api/positions/{id}`.
    pub path: String,
    /// Query parameters, as templates.
    pub query: Vec<(String, String)>,
    /// Extra headers, as templates.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// Whether the session's authorization is sent along.
    pub authorized: bool,
}

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// None at all.
    #[default]
    Empty,
    /// `application/json`.
    Json(Template),
    /// `application/x-www-form-urlencoded`, as templates.
    Form(Vec<(String, String)>),
}

/// How a session begins, goes on and ends.
#[derive(Debug, Clone)]
pub struct Session {
    /// Credentials in (`{username}`, `{password}`), tokens out.
    pub sign_in: SessionRequest,
    /// A refresh token in (`{refresh-token}`), tokens out. Without it a session ends when its
    /// access token does.
    pub refresh: Option<SessionRequest>,
    /// The request that ends a session on the server.
    pub sign_out: Option<Operation>,
    /// The header that carries the access token, and its template: `Bearer {access-token}`.
    pub authorize: (String, String),
    /// Statuses by which a refresh says that the session is over.
    pub ended_by: Vec<u16>,
    /// Statuses by which a sign-in says that the credentials are wrong.
    pub refused_by: Vec<u16>,
    /// How long before expiry the app refreshes.
    pub refresh_ahead: Duration,
    /// What an access token is.
    pub token: Token,
    /// Whose session it is, as the backend says it.
    pub identity: Option<Identity>,
    /// How long a used refresh token may still be exchanged, for clients that lost the answer.
    pub reuse_grace: Duration,
    /// Whether each refresh hands out a new refresh token.
    pub rotates: bool,
    /// Whether a sign-out ends the access token at once, and not only the refresh token.
    pub sign_out_ends_access: bool,
    /// Statuses by which a request says that its access token is over.
    pub expired_by: Vec<u16>,
    /// A sign-in whose tokens are genuine and for somebody else: another audience, another product.
    pub other_audience: Option<SessionRequest>,
    /// Names of parameters and headers by which the backend could be asked for another user's data.
    pub user_parameters: Vec<String>,
}

/// A request that is answered with tokens.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// The request.
    pub operation: Operation,
    /// Where the tokens stand in its answer.
    pub answer: TokenAnswer,
}

/// Where tokens stand in an answer.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: Selector,
    /// The refresh token; absent from a refresh's answer when it is not rotated.
    pub refresh_token: Option<Selector>,
    /// When the access token ends. Without it, a JWT's `exp` is read.
    pub expiry: Option<Expiry>,
}

/// How an answer says when the access token ends.
#[derive(Debug, Clone)]
pub enum Expiry {
    /// Seconds from now (RFC 6749 `expires_in`).
    In(Selector),
    /// A moment: seconds or milliseconds since 1970, or an RFC 3339 text.
    At(Selector),
}

/// What an access token is.
#[derive(Debug, Clone)]
pub enum Token {
    /// Only the backend can read it.
    Opaque,
    /// A signed JSON Web Token (RFC 7519).
    Jwt(Box<JwtPolicy>),
}

/// What makes a JSON Web Token genuine.
#[derive(Debug, Clone)]
pub struct JwtPolicy {
    /// The key set (RFC 7517) that verifies signatures.
    pub keys: Option<Operation>,
    /// `iss` must be this.
    pub issuer: Option<String>,
    /// `aud` must be or hold this.
    pub audience: Option<String>,
    /// Algorithms that may sign; never `none`, never a symmetric one.
    pub algorithms: Vec<String>,
    /// Claims that must be there with these values, by JSON Pointer into the claims.
    pub claims: Vec<(String, Value)>,
    /// How far clocks may differ.
    pub leeway: Duration,
}

/// Where the backend says whose session it is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The resource that is the user's profile.
    pub resource: String,
    /// In the profile: the user's id, which must equal the token's subject.
    pub subject: Option<Selector>,
    /// In the token's claims: the subject (`/sub` unless said otherwise).
    pub claim: String,
    /// In the profile: what the user signed in with.
    pub username: Option<Selector>,
}

/// How the backend tells the app to block.
#[derive(Debug, Clone)]
pub struct KillSwitch {
    /// The request that asks.
    pub operation: Operation,
    /// When its answer means *blocked*.
    pub blocked_when: Condition,
    /// What it means that nothing stands where the condition looks: blocked or not. Without it,
    /// such an answer says neither.
    pub absent: Option<bool>,
    /// The answer while it is off, for the mock and for imitation at the gateway.
    pub answer_off: Value,
    /// The answer while it is on.
    pub answer_on: Value,
    /// The status of the answer while it is on.
    pub status_on: u16,
    /// How data requests are answered while it is on, if the backend refuses them.
    pub data_refusal: Option<u16>,
    /// How often a visible app asks.
    pub every: Duration,
    /// How long an answer is good for when the app comes to the foreground.
    pub fresh_for: Duration,
    /// How soon after the switch the app must have stopped asking for data.
    pub takes_effect_within: Duration,
    /// Whether the app promises that the time between two of its questions varies.
    pub jitter: bool,
    /// What the app does while it cannot ask.
    pub fail_mode: FailMode,
    /// What becomes of the live feed while it is on, if that was agreed.
    pub feed: Option<FeedWhileOn>,
}

/// A question about one answer.
#[derive(Debug, Clone)]
pub enum Condition {
    /// The value at the selector is one of these.
    OneOf(Selector, Vec<Value>),
    /// The value at the selector is there and none of these.
    NoneOf(Selector, Vec<Value>),
    /// The answer's status is one of these.
    Status(Vec<u16>),
}

/// What the app does while the kill-switch cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailMode {
    /// It keeps the last answer it had; without one, it is open.
    #[default]
    LastKnown,
    /// It goes on.
    Open,
    /// It blocks.
    Closed,
}

/// A tab of the app.
#[derive(Debug, Clone)]
pub struct Screen {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub resources: Vec<String>,
}

/// The live feed.
#[derive(Debug, Clone)]
pub struct Realtime {
    /// The service that serves it.
    pub service: String,
    /// The Engine.IO path below the service's URL.
    pub path: String,
    /// The Socket.IO namespace.
    pub namespace: String,
    /// The payload of CONNECT (`{access-token}`).
    pub auth: Template,
    /// Extra query parameters of the Engine.IO requests.
    pub query: Vec<(String, String)>,
    /// How the client connects.
    pub client: SocketClient,
    /// What the app emits after every connect.
    pub subscribe: Vec<Emit>,
    /// What the server emits, and what it changes.
    pub events: Vec<EventRule>,
    /// How soon after connecting or returning the feed must be live again.
    pub live_within: Duration,
    /// How a CONNECT_ERROR says that it is about the token, if that was agreed.
    pub refused_by: Option<Condition>,
    /// When the backend looks at the token.
    pub token_checked: TokenChecked,
    /// How a connected client hands over a renewed token, if it does.
    pub renewal: Option<TokenRenewal>,
}

/// How `socket.io-client` is set up; the defaults are its own.
#[derive(Debug, Clone)]
pub struct SocketClient {
    /// The transports, in the order in which they are tried.
    pub transports: Vec<TransportName>,
    /// Whether a polling connection is upgraded.
    pub upgrade: bool,
    /// Whether the next transport is tried when one fails at open.
    pub try_all_transports: bool,
    /// Whether a successful upgrade is remembered for the next connection.
    pub remember_upgrade: bool,
    /// First reconnection delay.
    pub delay: Duration,
    /// Largest reconnection delay.
    pub delay_max: Duration,
    /// Share by which a delay is varied, from 0 to 1.
    pub jitter: f64,
    /// How long one connection attempt may take.
    pub timeout: Duration,
    /// How long the backend keeps what a lost connection misses; `None`: it keeps nothing.
    pub recovery: Option<Duration>,
}

impl Default for SocketClient {
    fn default() -> Self {
        Self {
            transports: vec![TransportName::Polling, TransportName::Websocket],
            upgrade: true,
            try_all_transports: false,
            remember_upgrade: false,
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(5),
            jitter: 0.5,
            timeout: Duration::from_secs(20),
            recovery: None,
        }
    }
}

/// The two transports of Engine.IO.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum TransportName {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    Websocket,
}

/// Something that the app emits.
#[derive(Debug, Clone)]
pub struct Emit {
    /// The event's name.
    pub event: String,
    /// Its arguments.
    pub args: Vec<Template>,
    /// Whether an acknowledgement is asked for.
    pub ack: bool,
}

/// An event of the server, and what it changes.
#[derive(Debug, Clone)]
pub struct EventRule {
    /// The event's name on the wire.
    pub name: String,
    /// The resource that it changes, if any.
    pub updates: Option<String>,
    /// How what it holds is merged into the resource.
    pub apply: Apply,
    /// In the first argument: the items or the object that the change consists of.
    pub items: Option<Selector>,
    /// In the first argument: what leaves the list, by key or as items. Without `items`, such an
    /// event brings nothing else.
    pub removed: Option<Selector>,
    /// In the resource's answer: the object or the list that changes, if it is not what the resource
    /// is about.
    pub into: Option<Selector>,
    /// The identity of an item of the event, if it does not stand where it stands in the list.
    pub key: Option<Selector>,
    /// In the first argument: the position in the stream of changes.
    pub sequence: Option<Selector>,
    /// JSON Schema of the first argument.
    pub schema: Option<Value>,
    /// How often and how soon it comes, and how old it may be.
    pub promise: EventPromise,
}

/// How an event changes its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    /// It brings the whole list or object.
    Replace,
    /// It brings items (matched by key) or fields that have changed.
    Merge,
    /// It only says that something changed: the app reads the resource again.
    Refetch,
    /// It changes nothing that is shown.
    Ignore,
}

/// How the app refreshes data while the feed is gone.
#[derive(Debug, Clone)]
pub struct Polling {
    /// How long the feed must be gone before polling starts.
    pub after: Duration,
    /// The interval.
    pub every: Duration,
    /// The interval below which nobody may poll.
    pub floor: Duration,
    /// What is polled.
    pub resources: Vec<String>,
}

/// How the app repeats failed requests.
#[derive(Debug, Clone)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The first delay; each further one doubles.
    pub delay: Duration,
    /// The largest delay.
    pub delay_max: Duration,
    /// Share by which a delay is varied, from 0 to 1.
    pub jitter: f64,
}

/// Values for the placeholders of templates, by name.
pub type Values = BTreeMap<String, Value>;
