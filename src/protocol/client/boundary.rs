//! What crosses the client's boundary: ids, inputs, outputs, events.

use std::fmt;
use std::time::Duration;

use super::Transport;
use crate::protocol::packet::{Args, Auth, Frame, Refusal, WithoutAuth, is_reserved};

/// One HTTP request of the client; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// One WebSocket of the client; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// The content type of every [`Output::Post`].
pub const POST_CONTENT_TYPE: &str = "text/plain;charset=UTF-8";

/// What happens to the client. Answers to requests or sockets it has given up are ignored, so late ones do no harm.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Connect a namespace, opening the connection if need be.
    Connect {
        /// The namespace, `/` for the main one.
        namespace: String,
    },
    /// Leave a namespace; the connection closes with the last one.
    Disconnect {
        /// The namespace.
        namespace: String,
    },
    /// Close the connection under all namespaces; none reconnects by itself.
    Close,
    /// The answer to [`Output::AuthWanted`], to be given before anything else.
    Auth {
        /// The namespace that asked.
        namespace: String,
        /// The payload of its CONNECT; `None`: without one.
        payload: Option<Auth>,
    },
    /// Send an event.
    Emit {
        /// The namespace.
        namespace: String,
        /// The event.
        emit: Emit,
    },
    /// Acknowledge an event of the server that carried an `ack` id.
    Answer {
        /// The namespace it came from.
        namespace: String,
        /// Its id.
        id: u64,
        /// The answer.
        args: Args,
    },
    /// A request was answered, with whatever status.
    HttpDone {
        /// The request.
        request: RequestId,
        /// The answer's status.
        status: u16,
        /// The answer's body, invalid UTF-8 replaced.
        body: String,
    },
    /// A request ended without an answer.
    HttpFailed {
        /// The request.
        request: RequestId,
    },
    /// The WebSocket handshake has succeeded.
    WsOpened {
        /// The socket.
        socket: SocketId,
    },
    /// A frame has arrived; ping, pong and close frames are the shell's own business.
    WsFrame {
        /// The socket.
        socket: SocketId,
        /// Text or binary.
        frame: Frame,
    },
    /// An open socket has ended, in an orderly way or cut.
    WsClosed {
        /// The socket.
        socket: SocketId,
    },
    /// The handshake has failed, or an open socket broke the WebSocket protocol.
    WsFailed {
        /// The socket.
        socket: SocketId,
    },
    /// Only time has passed.
    Tick,
}

/// An event to be sent. Its name is checked on the way in, so a reserved one cannot get here.
#[derive(Debug, Clone, PartialEq)]
pub struct Emit {
    pub(super) name: String,
    pub(super) args: Args,
    pub(super) ack: Option<AckRequest>,
    pub(super) volatile: bool,
}

/// The wish for an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckRequest {
    /// Comes back in [`Event::Ack`]; the caller's choice.
    pub token: u64,
    /// How long to wait; `None`: as [`Options::ack_timeout`](super::Options::ack_timeout) says.
    pub timeout: Option<Duration>,
}

/// The library itself uses this event name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is a reserved event name")]
pub struct ReservedName(pub String);

impl Emit {
    /// An event without acknowledgement.
    ///
    /// # Errors
    /// If the name is reserved.
    pub fn new(name: impl Into<String>, args: Args) -> Result<Self, ReservedName> {
        let name = name.into();
        if is_reserved(&name) {
            return Err(ReservedName(name));
        }
        Ok(Self {
            name,
            args,
            ack: None,
            volatile: false,
        })
    }

    /// Asks for an acknowledgement.
    #[must_use]
    pub fn acknowledged(mut self, ack: AckRequest) -> Self {
        self.ack = Some(ack);
        self
    }

    /// Lets the event be dropped when it cannot be sent at once.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }
}

/// What the shell is to do, in this order. `Debug` leaves the payload of a CONNECT out.
#[derive(Clone, PartialEq)]
pub enum Output {
    /// Send `GET target`, end it with [`Input::HttpDone`] or [`Input::HttpFailed`]; without a timeout of the shell's.
    Poll {
        /// The request.
        request: RequestId,
        /// Path and query.
        target: String,
    },
    /// Send `POST target` with [`POST_CONTENT_TYPE`], end it in the same way.
    Post {
        /// The request.
        request: RequestId,
        /// Path and query.
        target: String,
        /// The body.
        body: String,
    },
    /// Open a WebSocket, end it with [`Input::WsOpened`] or [`Input::WsFailed`].
    OpenWs {
        /// The socket.
        socket: SocketId,
        /// Path and query.
        target: String,
    },
    /// Send a frame on an open WebSocket.
    SendWs {
        /// The socket.
        socket: SocketId,
        /// Text or binary.
        frame: Frame,
    },
    /// Close a WebSocket after what was sent, or abandon its handshake. Nothing needs to be reported any more.
    CloseWs {
        /// The socket.
        socket: SocketId,
    },
    /// Evaluate the auth payload now and answer with [`Input::Auth`].
    AuthWanted {
        /// The namespace about to connect.
        namespace: String,
    },
    /// Something the application wants to know.
    Event(Event),
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll { request, target } => {
                f.debug_tuple("Poll").field(request).field(target).finish()
            }
            Self::Post {
                request,
                target,
                body,
            } => {
                let mut shown = f.debug_tuple("Post");
                shown
                    .field(request)
                    .field(target)
                    .field(&WithoutAuth(body))
                    .finish()
            }
            Self::OpenWs { socket, target } => {
                f.debug_tuple("OpenWs").field(socket).field(target).finish()
            }
            Self::SendWs { socket, frame } => {
                f.debug_tuple("SendWs").field(socket).field(frame).finish()
            }
            Self::CloseWs { socket } => f.debug_tuple("CloseWs").field(socket).finish(),
            Self::AuthWanted { namespace } => f.debug_tuple("AuthWanted").field(namespace).finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
        }
    }
}

/// What the application learns.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A namespace is connected; what was emitted meanwhile has been sent before this.
    Connected {
        /// The namespace.
        namespace: String,
        /// Its id, new on every connect unless recovered.
        sid: String,
        /// Whether the server has restored the previous session and sent what was missed.
        recovered: bool,
        /// The transport at this moment.
        transport: Transport,
    },
    /// The session has moved to another transport.
    Upgraded {
        /// The new one.
        transport: Transport,
    },
    /// The move to WebSocket failed; the session stays where it is.
    UpgradeFailed,
    /// An event from the server.
    Received {
        /// The namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its arguments.
        args: Args,
        /// The id to answer with [`Input::Answer`], if the server wants an acknowledgement.
        ack: Option<u64>,
    },
    /// What became of an acknowledgement asked for.
    Ack {
        /// The namespace.
        namespace: String,
        /// The caller's token.
        token: u64,
        /// The answer or the lack of it.
        outcome: AckOutcome,
    },
    /// A namespace could not connect.
    ConnectError {
        /// The namespace.
        namespace: String,
        /// Why; only a refusal is final.
        error: ConnectError,
    },
    /// A namespace is no longer connected, or its pending connect has come to nothing.
    Disconnected {
        /// The namespace.
        namespace: String,
        /// What ended it.
        reason: DisconnectReason,
    },
    /// The connection will be opened again.
    ReconnectScheduled {
        /// Counted from one.
        attempt: u32,
        /// Time until then.
        delay: Duration,
    },
    /// A scheduled attempt begins.
    ReconnectAttempt {
        /// Counted from one.
        attempt: u32,
    },
    /// The connection is open again; the namespaces connect next.
    Reconnected {
        /// How many attempts it took.
        attempt: u32,
    },
    /// The attempts are used up.
    ReconnectFailed,
}

/// What became of an acknowledgement.
#[derive(Debug, Clone, PartialEq)]
pub enum AckOutcome {
    /// The server answered.
    Answered(Args),
    /// It did not in time.
    TimedOut,
    /// The namespace was disconnected first.
    Disconnected,
}

/// Why a namespace could not connect.
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectError {
    /// The server refused; the client does not try again by itself.
    Refused(Refusal),
    /// The connection failed on this transport.
    Transport(Transport),
    /// The connection did not open in time.
    Timeout,
    /// The server speaks an older protocol.
    OldServer,
}

/// Why a namespace is no longer connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// The connection was closed by the other side or lost.
    TransportClose,
    /// A request failed.
    TransportError,
    /// No heartbeat came in time.
    PingTimeout,
    /// The server sent something that is no packet.
    ParseError,
    /// The server disconnected the namespace.
    IoServerDisconnect,
    /// The application did.
    IoClientDisconnect,
    /// The application closed the whole connection.
    ForcedClose,
}

impl DisconnectReason {
    /// The text `socket.io-client` gives.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::IoServerDisconnect => "io server disconnect",
            Self::IoClientDisconnect => "io client disconnect",
            Self::ForcedClose => "forced close",
        }
    }
}
