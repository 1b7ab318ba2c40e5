//! What crosses the server's boundary: ids, inputs, outputs, events.

use std::fmt;

use crate::protocol::client::Transport;
use crate::protocol::packet::{Args, Auth, Frame, Refusal, WithoutAuth};

/// One HTTP request, named by the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub u64);

/// One WebSocket, named by the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// One client in one namespace, named by the server. A recovered one keeps its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(super) u64);

/// What happens to the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An HTTP request on the server's path that is no WebSocket upgrade, its body already read up to `max_payload + 1` bytes.
    Request {
        /// The shell's name for it; answered by [`Output::Respond`], perhaps much later.
        exchange: ExchangeId,
        /// What it asks.
        request: Request,
    },
    /// The client gave a request up before it was answered.
    RequestAborted {
        /// The request.
        exchange: ExchangeId,
    },
    /// A WebSocket handshake on the server's path; answered at once by [`Output::AcceptWs`] or [`Output::RejectWs`].
    Upgrade {
        /// The shell's name for the WebSocket to be.
        socket: SocketId,
        /// The query of its URL, without the question mark.
        query: String,
    },
    /// A frame has arrived.
    WsFrame {
        /// The socket.
        socket: SocketId,
        /// Text or binary.
        frame: Frame,
    },
    /// An accepted socket has ended, in an orderly way or cut.
    WsClosed {
        /// The socket.
        socket: SocketId,
    },
    /// Lets a client into the namespace it asked for.
    Accept {
        /// Who asked, by [`Event::Connect`].
        peer: PeerId,
    },
    /// Keeps it out, as a middleware would.
    Refuse {
        /// Who asked, by [`Event::Connect`].
        peer: PeerId,
        /// What it is told.
        refusal: Refusal,
    },
    /// Sends an event. To a peer that is away and may recover it is kept for later.
    Emit {
        /// The peer.
        peer: PeerId,
        /// The event.
        emit: Emit,
    },
    /// Acknowledges an event that carried an `ack` id.
    Answer {
        /// The peer.
        peer: PeerId,
        /// The id.
        id: u64,
        /// The answer.
        args: Args,
    },
    /// Takes a peer out of its namespace.
    Disconnect {
        /// The peer.
        peer: PeerId,
        /// How far it goes.
        scope: Scope,
    },
    /// Ends every session, as a server that stops.
    Shutdown,
    /// Only time has passed.
    Tick,
}

/// How far a forced disconnect goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This namespace only: `disconnect()`.
    Namespace,
    /// The connection with all its namespaces: `disconnect(true)`.
    Connection,
}

/// An HTTP request, as far as Engine.IO looks at it. `Debug` leaves the payload of a CONNECT out.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// The query, without the question mark.
    pub query: String,
    /// The `content-type` header.
    pub content_type: Option<String>,
    /// The body, invalid UTF-8 replaced.
    pub body: String,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Request");
        shown
            .field("method", &self.method)
            .field("query", &self.query);
        shown.field("content_type", &self.content_type);
        shown.field("body", &WithoutAuth(&self.body)).finish()
    }
}

/// An event to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Emit {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Args,
    /// Comes back in [`Event::Ack`] if an acknowledgement is wanted; the caller's choice.
    pub ack: Option<u64>,
    /// Whether it may be dropped when the peer cannot be written to at once.
    pub delivery: Delivery,
}

/// Whether an event may be lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Buffered while the transport is busy.
    #[default]
    Buffered,
    /// Dropped then.
    Volatile,
}

/// What the shell is to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Answer a request, with `cache-control: no-store`.
    Respond {
        /// The request.
        exchange: ExchangeId,
        /// The answer.
        response: Response,
    },
    /// Complete the WebSocket handshake; frames for it may follow at once.
    AcceptWs {
        /// The socket.
        socket: SocketId,
    },
    /// Answer the handshake with this instead, and close.
    RejectWs {
        /// The socket.
        socket: SocketId,
        /// The answer.
        response: Response,
    },
    /// Send a frame.
    SendWs {
        /// The socket.
        socket: SocketId,
        /// Text or binary.
        frame: Frame,
    },
    /// Close a WebSocket after what was sent. Nothing needs to be reported any more.
    CloseWs {
        /// The socket.
        socket: SocketId,
        /// The close code; `None`: a close frame without one.
        code: Option<u16>,
    },
    /// Something the application wants to know.
    Event(Event),
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The content type, if there is a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
}

/// What the application learns.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A session has opened; no namespace is connected yet.
    SessionOpened {
        /// Its Engine.IO id.
        session: String,
        /// The transport it opened on.
        transport: Transport,
        /// The query of the request that opened it.
        query: String,
    },
    /// A session has moved to WebSocket.
    SessionUpgraded {
        /// Its Engine.IO id.
        session: String,
    },
    /// A session has ended.
    SessionClosed {
        /// Its Engine.IO id.
        session: String,
        /// What ended it.
        reason: CloseReason,
    },
    /// A client asks for a namespace that exists; decide with [`Input::Accept`] or [`Input::Refuse`], now or later.
    Connect {
        /// Who asks.
        peer: PeerId,
        /// The id it gets if accepted.
        sid: String,
        /// The namespace.
        namespace: String,
        /// Its auth payload, recovery fields included.
        auth: Option<Auth>,
        /// The Engine.IO session it came over.
        session: String,
    },
    /// A peer that was away has its session back, without being asked for again; what it missed has been sent.
    Recovered {
        /// The peer, under the id that it had.
        peer: PeerId,
        /// The Engine.IO session it came over.
        session: String,
    },
    /// An event from a client.
    Received {
        /// Who sent it.
        peer: PeerId,
        /// Its name.
        name: String,
        /// Its arguments.
        args: Args,
        /// The id to answer with [`Input::Answer`], if an acknowledgement is wanted.
        ack: Option<u64>,
    },
    /// A client has acknowledged an event.
    Ack {
        /// The client that acknowledged.
        peer: PeerId,
        /// The caller's token.
        token: u64,
        /// The answer.
        args: Args,
    },
    /// A peer has left; also one that was never accepted.
    Disconnected {
        /// The peer that left.
        peer: PeerId,
        /// What ended it.
        reason: CloseReason,
        /// Whether it may come back as itself; then [`Event::Recovered`] or [`Event::Forgotten`] follows.
        recoverable: bool,
    },
    /// A peer that was away did not come back in time.
    Forgotten {
        /// The peer, whose id means nobody from now on.
        peer: PeerId,
    },
}

/// Why a peer or a session has ended, in the words of Node's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The connection was closed or lost.
    TransportClose,
    /// The client broke the transport's rules.
    TransportError,
    /// The client did not answer a heartbeat.
    PingTimeout,
    /// The client sent something that is no packet.
    ParseError,
    /// The server closed the connection.
    ForcedServerClose,
    /// The engine session was closed under the client.
    ForcedClose,
    /// The server took the peer out of its namespace.
    ServerNamespaceDisconnect,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The server stops.
    ServerShuttingDown,
}

impl CloseReason {
    /// Whether a peer lost for this reason may come back as itself: not if one side meant it to leave.
    pub(super) fn is_recoverable(self) -> bool {
        !matches!(
            self,
            Self::ServerNamespaceDisconnect | Self::ClientNamespaceDisconnect | Self::ParseError
        )
    }

    /// The text Node's server gives.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedServerClose => "forced server close",
            Self::ForcedClose => "forced close",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerShuttingDown => "server shutting down",
        }
    }
}
