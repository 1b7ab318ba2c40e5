//! What happens to the app: every input of the machine.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::domain::contract::TransportName;
use crate::domain::secret::Secret;

use super::effect::{RequestId, SocketId, TimerId};

/// The moment at which an event is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Time since any fixed start; it only goes forward.
    pub elapsed: Duration,
    /// What the device's wall clock says, since 1970; it may be wrong.
    pub unix: Duration,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The process started. Comes first, once.
    Started {
        /// Whether the device has a network.
        online: bool,
    },
    /// The secure storage was read, as [`super::Effect::ReadStorage`] asked.
    StorageRead(StorageRead),
    /// A request was answered.
    Answered {
        /// The request.
        request: RequestId,
        /// The answer to it.
        answer: Answer,
    },
    /// A request ended without an answer.
    RequestFailed {
        /// The request.
        request: RequestId,
        /// What became of it.
        failure: RequestFailure,
    },
    /// A timer is due.
    Timer(TimerId),
    /// Something happened on a socket.
    Socket {
        /// The socket; the app disregards all but its newest one.
        socket: SocketId,
        /// What the client of that socket says.
        event: SocketEvent,
    },
    /// The network came or went.
    Connectivity(bool),
    /// The user did something.
    User(UserAct),
}

/// What the secure storage held.
#[derive(Clone, PartialEq, Eq)]
pub enum StorageRead {
    /// The bytes that were last written.
    Found(Vec<u8>),
    /// Nothing.
    Absent,
    /// Something that is damaged.
    Corrupt,
    /// Something that the device's key does not open any more.
    Undecryptable,
}

impl std::fmt::Debug for StorageRead {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Found(bytes) => write!(out, "Found(‹{} bytes›)", bytes.len()),
            Self::Absent => out.write_str("Absent"),
            Self::Corrupt => out.write_str("Corrupt"),
            Self::Undecryptable => out.write_str("Undecryptable"),
        }
    }
}

/// An HTTP answer. Redirects are not followed: they arrive here.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers in order.
    pub headers: Vec<(String, String)>,
    /// The whole body, decompressed.
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers and body may hold tokens.
        write!(out, "Answer({}, ‹{} bytes›)", self.status, self.body.len())
    }
}

/// How a request ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestFailure {
    /// No connection could be made: nothing was sent.
    NotSent(String),
    /// It was sent, or may have been, and the connection broke.
    Broken(String),
    /// No answer within the request's timeout.
    TimedOut,
}

/// Something that happened on a socket.
#[derive(Debug, Clone, PartialEq)]
pub enum SocketEvent {
    /// A namespace is about to connect and its payload is wanted: answered in the same step by
    /// [`super::Effect::SocketAuth`].
    AuthWanted {
        /// The namespace that is about to connect.
        namespace: String,
    },
    /// A namespace is connected.
    Connected {
        /// The namespace.
        namespace: String,
        /// Whether the server restored the previous session and sent what was missed.
        recovered: bool,
        /// The transport at this moment.
        transport: TransportName,
    },
    /// An attempt to connect failed; the client tries again by itself.
    ConnectFailed {
        /// What went wrong, as the client says it.
        why: String,
    },
    /// The session moved to another transport.
    Upgraded {
        /// The new one.
        transport: TransportName,
    },
    /// The server emitted an event.
    Received {
        /// The namespace.
        namespace: String,
        /// The event's name.
        name: String,
        /// The arguments after the name.
        args: Vec<Value>,
    },
    /// An acknowledgement arrived.
    Acked {
        /// The token of the emit.
        token: u64,
        /// The arguments.
        args: Vec<Value>,
    },
    /// The server refused a namespace (CONNECT_ERROR); the client does not try again.
    Refused {
        /// The namespace.
        namespace: String,
        /// The message.
        message: String,
        /// What the server adds to the message, such as a code.
        data: Option<Value>,
    },
    /// A namespace is no longer connected.
    Disconnected {
        /// The namespace.
        namespace: String,
        /// What ended it.
        reason: DisconnectReason,
    },
}

/// Why a namespace is no longer connected, as `socket.io-client` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// `io server disconnect`: the client does not reconnect by itself.
    IoServerDisconnect,
    /// `io client disconnect`: the app itself left.
    IoClientDisconnect,
    /// `ping timeout`: the client reconnects by itself.
    PingTimeout,
    /// `transport close`: the client reconnects by itself.
    TransportClose,
    /// `transport error`: the client reconnects by itself.
    TransportError,
    /// `parse error`: the client reconnects by itself.
    ParseError,
}

/// Something that the user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAct {
    /// Filled in the sign-in form. What comes while the app still loads is done when it can be.
    SignIn {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// Pressed sign-out.
    SignOut,
    /// Pulled to refresh.
    Refresh,
    /// Opened a screen of the contract.
    Open(String),
    /// Asked for older items of a resource until there are none.
    LoadAll(String),
    /// Left the app.
    Background,
    /// Came back to it.
    Foreground,
}
