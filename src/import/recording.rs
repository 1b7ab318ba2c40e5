//! Traffic that was recorded, whoever recorded it: exchanges and the packets of sockets, in their order.

use serde_json::Value;

use super::api::Left;

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// In the order in which they began.
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) packets: Vec<Packet>,
    /// What of it cannot be used.
    pub(crate) left: Vec<Left>,
}

/// A request and its answer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Exchange {
    /// When it began, in milliseconds since 1970.
    pub(crate) at: f64,
    /// How long it took, in milliseconds.
    pub(crate) took: f64,
    /// Whether a fault of the harness may have made it longer.
    pub(crate) held_up: bool,
    pub(crate) method: String,
    /// Scheme, host and port.
    pub(crate) origin: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Sent>,
    pub(crate) status: u16,
    pub(crate) answer_headers: Vec<(String, String)>,
    /// The media type of the answer.
    pub(crate) kind: String,
    pub(crate) answer: Option<Value>,
    /// The page of the archive that it belongs to.
    pub(crate) page: Option<String>,
}

/// What was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Whether it is a form, not JSON.
    pub(crate) form: bool,
    pub(crate) value: Value,
}

/// A Socket.IO packet on its way.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    /// When, in milliseconds since 1970.
    pub(crate) at: f64,
    pub(crate) origin: String,
    pub(crate) path: String,
    /// Whether it went over long-polling.
    pub(crate) polling: bool,
    /// Whether the client sent it.
    pub(crate) up: bool,
    pub(crate) namespace: String,
    pub(crate) says: Says,
}

/// What a packet says.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    Connect(Option<Value>),
    Event {
        name: String,
        args: Vec<Value>,
        ack: bool,
    },
    Other,
}

impl Exchange {
    /// Whether it was answered with success.
    pub(crate) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// Method and path.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
