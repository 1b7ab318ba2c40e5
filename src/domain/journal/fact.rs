//! What the gateway sees: requests, answers, tokens and packets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Content, Headers, Judgement};
use crate::domain::contract::{Asked, KillSwitch, Role, is_safe};
use crate::domain::media_type;
use crate::domain::selector::Selector;

/// A request, as it arrived at the gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The gateway's number for the exchange; its answer carries the same.
    pub exchange: u64,
    /// Who sent it.
    pub sender: Sender,
    /// The service whose listener it reached.
    pub service: String,
    /// The method as sent.
    pub method: String,
    /// The request target as sent, with query, labels in the place of secrets.
    pub target: String,
    /// The canonical path below the service's URL, without query: what patterns are held against.
    #[serde(default)]
    pub path: String,
    /// The `Host` header.
    pub host: String,
    /// All of its headers.
    pub headers: Headers,
    /// The body.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub body: Content,
    /// What it is for, if the contract declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What the scope says.
    pub judgement: Judgement,
    /// How it came where its client was to come over TLS and did not rightly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure: Option<Insecure>,
}

impl Request {
    /// Method, service and target: how a request is named in what people read.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {} {}", self.method, self.service, self.target)
    }

    /// What tells the requests of one operation from all others: method, service and target, and its
    /// role where a body says which of many operations behind one path it is.
    #[must_use]
    pub fn operation(&self) -> String {
        match &self.role {
            Some(role) if !is_safe(&self.method) => format!("{} ({role})", self.line()),
            _ => self.line(),
        }
    }

    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The first value of a query parameter, as sent.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then_some(value)
        })
    }

    /// The target as sent, without its query.
    #[must_use]
    pub fn bare_target(&self) -> &str {
        let target = self.target.as_str();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// Whether it begins a new Engine.IO session rather than carrying one on.
    #[must_use]
    pub fn is_handshake(&self) -> bool {
        self.role == Some(Role::Realtime) && self.query("sid").is_none()
    }

    /// Whether it asks for a WebSocket.
    #[must_use]
    pub fn wants_websocket(&self) -> bool {
        let upgrade = self.header("upgrade");
        self.query("transport") == Some("websocket")
            || upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }
}

/// What a client sent that the gateway could not read as a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// The service whose listener it reached.
    pub service: String,
    /// What it was meant to be, as far as that shows.
    pub speaks: Spoken,
    /// What the parser could not read.
    pub why: String,
    /// Its first bytes as text, labels in the place of secrets; empty for another protocol.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub beginning: String,
}

/// What somebody speaks who sends no request that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spoken {
    /// HTTP/1, or nothing that is known.
    Http,
    /// HTTP/2 without having agreed on it (RFC 9113 §3.3).
    Http2,
    /// TLS, where clients are served in the clear.
    Tls,
}

/// How a request came that should have come over TLS that its client trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Insecure {
    /// In the clear, although clients are served over TLS.
    Clear,
    /// Over TLS with a certificate that no client may trust.
    Untrusted,
}

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sender {
    /// The client under test.
    Client,
    /// The harness, to prove that the gateway catches a forbidden call.
    Canary,
    /// The harness, asking the backend something on its own account.
    Probe,
}

/// An answer, as it was passed to the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The exchange that it ends.
    pub exchange: u64,
    /// The status.
    pub status: u16,
    /// All of its headers.
    pub headers: Headers,
    /// The body.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub body: Content,
    /// Who gave it.
    pub from: Answerer,
    /// The request id, under the header that the contract names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The headers that the gateway changed, as the backend sent them.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub sent: Headers,
    /// Where the answer names the target's own origin, so that an app which goes there leaves the
    /// gateway: `header x`, `body /pointer`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leads_past: Vec<String>,
}

/// Whether a status says that what was asked for was done (RFC 9110 §15.3).
#[must_use]
pub fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

impl Answer {
    /// Whether its status says that what was asked for was done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        is_success(self.status)
    }

    /// What a contract's selector finds in it.
    #[must_use]
    pub fn find(&self, selector: &Selector) -> Option<Value> {
        selector.in_answer(self.headers.iter(), self.body.json())
    }

    /// Whether it means *blocked*, as an answer to the question for the kill-switch; nothing if it says
    /// neither.
    #[must_use]
    pub fn blocks(&self, switch: &KillSwitch) -> Option<bool> {
        let asked = Asked {
            status: self.status,
            is_page: self.is_page(),
            body: self.body.json(),
        };
        switch.says(asked, |selector| self.find(selector))
    }

    /// Whether it says that it is a page for people.
    #[must_use]
    pub fn is_page(&self) -> bool {
        let kind = self.headers.get("content-type");
        kind.is_some_and(media_type::is_html)
    }
}

fn is_empty(content: &Content) -> bool {
    *content == Content::Empty
}

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answerer {
    /// The backend.
    Backend,
    /// The gateway, because the scope denies the request.
    Policy,
    /// The gateway, because a fault or an imitated lever says so.
    Fault,
}

/// Why an exchange ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossReason {
    /// The backend could not be reached or broke off.
    Upstream {
        /// What happened.
        detail: String,
    },
    /// The client went away.
    ClientGone,
    /// A fault at the gateway broke the connection.
    Fault,
}

/// A token that the backend handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenIssued {
    /// The exchange that brought it.
    pub exchange: u64,
    /// Its label.
    pub label: String,
    /// What it is.
    pub kind: TokenKind,
    /// The JOSE header, when it is a JSON Web Token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Value>,
    /// The claims, when it is a JSON Web Token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
    /// What the key set says about its signature.
    pub signature: SignatureCheck,
    /// When it was seen, in seconds since 1970 on the run's clock.
    pub seen_at: u64,
    /// When it ends, in seconds since 1970, as far as the answer beside it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<u64>,
    /// The account it was handed out to, if the gateway saw the sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// Sent with data requests.
    Access,
    /// Sent to renew a session.
    Refresh,
}

/// What the key set says about a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureCheck {
    /// A key of the set made it.
    Verified,
    /// No key of the set made it, or the algorithm is not one that may sign.
    Refused {
        /// Why.
        why: String,
    },
    /// It could not be checked.
    NotChecked {
        /// Why not.
        why: String,
    },
}

/// The way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the client to the backend.
    Up,
    /// From the backend to the client.
    Down,
}

/// A decoded packet of Engine.IO v4 or Socket.IO v5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// Engine.IO open, with the handshake's settings.
    Open {
        /// Milliseconds between pings.
        ping_interval: u64,
        /// Milliseconds that a pong may take.
        ping_timeout: u64,
    },
    /// Engine.IO close.
    Close,
    /// Engine.IO ping.
    Ping {
        /// Whether it probes an upgrade.
        probe: bool,
    },
    /// Engine.IO pong.
    Pong {
        /// Whether it answers a probe.
        probe: bool,
    },
    /// Engine.IO upgrade.
    Upgrade,
    /// Engine.IO noop.
    Noop,
    /// Socket.IO CONNECT: up with the auth payload, down with the session.
    Connect {
        /// The namespace.
        namespace: String,
        /// The payload.
        #[serde(default, skip_serializing_if = "Content::is_nothing")]
        payload: Content,
    },
    /// Socket.IO CONNECT_ERROR.
    ConnectError {
        /// The namespace.
        namespace: String,
        /// The payload.
        payload: Content,
    },
    /// Socket.IO DISCONNECT.
    Disconnect {
        /// The namespace.
        namespace: String,
    },
    /// Socket.IO EVENT or BINARY_EVENT.
    Event {
        /// The namespace.
        namespace: String,
        /// The event's name.
        name: String,
        /// The arguments after the name, as one list.
        args: Content,
        /// The id under which an acknowledgement is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ack: Option<u64>,
        /// How many binary attachments came with it.
        #[serde(default, skip_serializing_if = "is_zero")]
        attachments: usize,
    },
    /// Socket.IO ACK or BINARY_ACK.
    Ack {
        /// The namespace.
        namespace: String,
        /// The id that it answers.
        id: u64,
    },
    /// Something that the codec cannot read.
    Unreadable {
        /// Why.
        why: String,
    },
}

impl Content {
    fn is_nothing(&self) -> bool {
        is_empty(self)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// How an Engine.IO session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketEnd {
    /// The client closed it.
    Client,
    /// The backend closed it.
    Backend,
    /// The connection broke.
    Network {
        /// What happened.
        detail: String,
    },
    /// The gateway closed it, because a fault or the scope says so.
    Gateway,
}
