//! Who may open or use a session: the checks Node makes on every request, in its order.

use percent_encoding::percent_decode_str;
use serde_json::json;

use super::{Options, Response, Transport};
use crate::protocol::packet::{Frame, payload};

/// Why a request is turned away; the discriminants are Engine.IO's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    UnknownTransport = 0,
    UnknownSession = 1,
    BadHandshakeMethod = 2,
    BadRequest = 3,
    UnsupportedVersion = 5,
}

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission<S> {
    /// It opens a session.
    Handshake(Transport),
    /// It belongs to this session.
    Session(S),
}

/// How a request arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival<'a> {
    Http { method: &'a str },
    Upgrade,
}

/// The query parameters Engine.IO looks at. Of a repeated one the last counts, as in Node.
#[derive(Debug, Default)]
pub(super) struct Query {
    version: Option<String>,
    transport: Option<String>,
    session: Option<String>,
}

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                let spaced = text.replace('+', " ");
                percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
            };
            let slot = match decode(key).as_str() {
                "EIO" => &mut parsed.version,
                "transport" => &mut parsed.transport,
                "sid" => &mut parsed.session,
                _ => continue,
            };
            *slot = Some(decode(value));
        }
        parsed
    }

    /// Judges the request. `find` looks a session up and says which transport it is on.
    pub(super) fn admit<S>(
        &self,
        arrival: Arrival<'_>,
        options: &Options,
        find: impl FnOnce(&str) -> Option<(S, Transport)>,
    ) -> Result<Admission<S>, Refused> {
        let transport = match self.transport.as_deref() {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(Refused::UnknownTransport),
        };
        if !options.transports.contains(&transport) {
            return Err(Refused::UnknownTransport);
        }
        let current_version = self.version.as_deref() == Some("4");
        if let Some(sid) = self.session.as_deref().filter(|sid| !sid.is_empty()) {
            let (session, on) = find(sid).ok_or(Refused::UnknownSession)?;
            let matches = arrival == Arrival::Upgrade || on == transport;
            return if matches && current_version {
                Ok(Admission::Session(session))
            } else {
                Err(Refused::BadRequest)
            };
        }
        match arrival {
            Arrival::Http { method } if method != "GET" => Err(Refused::BadHandshakeMethod),
            Arrival::Http { .. } if transport == Transport::WebSocket => Err(Refused::BadRequest),
            _ if !current_version => Err(Refused::UnsupportedVersion),
            _ => Ok(Admission::Handshake(transport)),
        }
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.transport.as_deref() == Some("websocket")
    }
}

impl Refused {
    fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }

    /// The answer to a request: a numeric code and its text.
    pub(super) fn to_request(self) -> Response {
        Response {
            status: 400,
            content_type: Some("application/json"),
            body: json!({ "code": self as u8, "message": self.message() }).to_string(),
        }
    }

    /// The answer to a WebSocket handshake: the text alone.
    pub(super) fn to_handshake(self) -> Response {
        Response {
            status: 400,
            content_type: Some("text/html"),
            body: self.message().to_owned(),
        }
    }
}

impl Response {
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: None,
            body: String::new(),
        }
    }

    /// The answer to a post. HTML, so that no browser offers it as a download.
    pub(super) fn ok() -> Self {
        Self {
            status: 200,
            content_type: Some("text/html"),
            body: "ok".to_owned(),
        }
    }

    pub(super) fn poll(frames: &[Frame]) -> Self {
        Self {
            status: 200,
            content_type: Some("text/plain; charset=UTF-8"),
            body: payload::join(frames),
        }
    }
}
