//! What the app wants done: every output of the machine.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::domain::contract::SocketClient;
use crate::domain::journal::AppFact;

/// The app's number for a request; never used twice by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The app's number for a socket; never used twice by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// The app's number for a timer; never used twice by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

/// Something that the device has to do, in the order of the list.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send a request.
    Request(Request),
    /// Give a request up; nothing needs to be reported about it any more.
    Cancel(RequestId),
    /// Open a socket and connect its namespaces.
    OpenSocket(OpenSocket),
    /// Leave all namespaces of a socket and close it for good; nothing needs to be reported about
    /// it any more.
    CloseSocket(SocketId),
    /// Leave all namespaces of a socket and keep it, to be joined again; only a quirk does.
    LeaveSocket(SocketId),
    /// Connect the namespaces of a socket that was left.
    RejoinSocket(SocketId),
    /// The payload that `AuthWanted` asked for.
    SocketAuth {
        /// The socket.
        socket: SocketId,
        /// The namespace.
        namespace: String,
        /// The payload of CONNECT; `Null` for none.
        payload: SocketPayload,
    },
    /// Emit an event.
    Emit {
        /// The socket.
        socket: SocketId,
        /// The namespace.
        namespace: String,
        /// The event's name.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
        /// The token under which the acknowledgement is to be reported, if one is wanted.
        ack: Option<u64>,
    },
    /// Read the secure storage and report it.
    ReadStorage,
    /// Replace the content of the secure storage.
    WriteStorage(StorageContent),
    /// Empty the secure storage.
    ClearStorage,
    /// Report a timer when it is due.
    SetTimer {
        /// The timer; always a new one.
        id: TimerId,
        /// How long from now it is due.
        after: Duration,
    },
    /// Forget a timer.
    ClearTimer(TimerId),
    /// Append to the journal.
    Journal(AppFact),
}

/// A request to send. Redirects are not to be followed.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// Path and query below the service's URL, percent-encoded; to be sent as it is.
    pub target: String,
    /// Headers, `content-type` included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
    /// How long the whole answer may take.
    pub timeout: Duration,
    /// What it may be sent over.
    pub channel: Channel,
}

/// What a request to a service that is served over TLS may be sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channel {
    /// TLS with the service's own certificate, or not at all.
    #[default]
    Verified,
    /// TLS with whatever certificate is shown; only a quirk allows it.
    Unverified,
    /// The clear, when TLS fails; only a quirk allows it.
    OrClear,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Query, headers and body may hold tokens and passwords.
        let path = self.target.split('?').next().unwrap_or_default();
        write!(
            out,
            "Request(#{} {} {} {path})",
            self.id.0, self.method, self.service
        )
    }
}

/// A socket to open.
#[derive(Clone)]
pub struct OpenSocket {
    /// Its number.
    pub socket: SocketId,
    /// The service.
    pub service: String,
    /// The Engine.IO path below the service's URL.
    pub path: String,
    /// Extra query parameters of the Engine.IO requests, not yet percent-encoded.
    pub query: Vec<(String, String)>,
    /// The namespaces to connect; the feed's is the first.
    pub namespaces: Vec<String>,
    /// How the client connects and reconnects.
    pub client: SocketClient,
    /// Whether the client leaves a socket on which nothing arrives any more; only a quirk does not.
    pub notices_silence: bool,
    /// Whether the client answers the server's pings; only a quirk does not.
    pub answers_pings: bool,
}

impl std::fmt::Debug for OpenSocket {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A quirk may have put a token into the query.
        write!(
            out,
            "OpenSocket(#{} {} {} {:?})",
            self.socket.0, self.service, self.path, self.namespaces
        )
    }
}

/// The payload of a CONNECT, which holds a token.
#[derive(Clone, PartialEq)]
pub struct SocketPayload(pub Value);

impl std::fmt::Debug for SocketPayload {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("‹payload›")
    }
}

/// What is kept in the secure storage.
#[derive(Clone, PartialEq, Eq)]
pub struct StorageContent(pub Vec<u8>);

impl std::fmt::Debug for StorageContent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "‹{} bytes›", self.0.len())
    }
}
