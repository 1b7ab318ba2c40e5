//! The server: Engine.IO sessions and Socket.IO namespaces as a Node `socket.io` 4.8 server has them, without I/O.
//!
//! One [`Server`] serves one Socket.IO path. The shell gives every HTTP request and every WebSocket an id of its own,
//! feeds [`Input`]s to [`Server::handle`], performs the [`Output`]s in order and calls with [`Input::Tick`] no later
//! than [`Server::deadline`]. The application behind it sees [`Event`]s and answers with the same kind of inputs;
//! rooms are its own business.

mod boundary;
mod options;

mod admission;
mod link;
mod polling;
mod session;
mod upgrade;

mod engine;

mod namespaces;
mod peer;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::packet::{Body, Frame, Packet, Progress, Reassembler};
use engine::{Engine, Opened};
use peer::{Peer, PeerState};
use session::{SessionId, Signal};

pub use super::client::Transport;
pub use boundary::{
    CloseReason, Delivery, Emit, Event, ExchangeId, Input, Output, PeerId, Request, Response,
    Scope, SocketId,
};
pub use options::Options;

/// All sessions and namespaces of one path.
#[derive(Debug)]
pub struct Server {
    engine: Engine,
    content: Content,
    connections: BTreeMap<SessionId, Connection>,
    peers: BTreeMap<PeerId, Peer>,
    peers_made: u64,
    by_recovery_id: HashMap<String, PeerId>,
    /// Acknowledgement ids count per namespace over all its peers, as in Node.
    ack_ids: HashMap<String, u64>,
    handshake_timers: BTreeSet<(Duration, SessionId)>,
    away_timers: BTreeSet<(Duration, PeerId)>,
}

/// What the sessions carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    SocketIo,
    Echo,
}

/// The Socket.IO side of one session.
#[derive(Debug, Default)]
struct Connection {
    reassembler: Reassembler,
    joined: BTreeMap<String, PeerId>,
    pending: BTreeSet<PeerId>,
    handshake_by: Option<Duration>,
}

impl Server {
    /// A Socket.IO server with no sessions.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self::with_content(options, Content::SocketIo)
    }

    /// A bare Engine.IO server that sends every message back: the counterpart the official Engine.IO suite expects.
    #[must_use]
    pub fn echo(options: Options) -> Self {
        Self::with_content(options, Content::Echo)
    }

    fn with_content(options: Options, content: Content) -> Self {
        Self {
            engine: Engine::new(options),
            content,
            connections: BTreeMap::new(),
            peers: BTreeMap::new(),
            peers_made: 0,
            by_recovery_id: HashMap::new(),
            ack_ids: HashMap::new(),
            handshake_timers: BTreeSet::new(),
            away_timers: BTreeSet::new(),
        }
    }

    /// Takes one input. Inputs that name a request, socket or peer which is gone are ignored.
    pub fn handle(&mut self, input: Input, now: Duration) {
        // A busy machine may bring a request before the tick that would have ended its session.
        let is_request = matches!(input, Input::Request { .. } | Input::Upgrade { .. });
        if is_request && self.deadline().is_some_and(|due| due <= now) {
            self.tick(now);
        }
        match input {
            Input::Request { exchange, request } => {
                if let Some(opened) = self.engine.request(exchange, &request, now) {
                    self.opened(opened, request.query, now);
                }
            }
            Input::RequestAborted { exchange } => self.engine.request_aborted(exchange),
            Input::Upgrade { socket, query } => {
                if let Some(opened) = self.engine.upgrade(socket, &query, now) {
                    self.opened(opened, query, now);
                }
            }
            Input::WsFrame { socket, frame } => self.engine.frame(socket, &frame, now),
            Input::WsClosed { socket } => self.engine.socket_closed(socket),
            Input::Accept { peer } => self.accept(peer, now),
            Input::Refuse { peer, refusal } => self.refuse(peer, refusal, now),
            Input::Emit { peer, emit } => self.emit(peer, emit, now),
            Input::Answer { peer, id, args } => {
                self.write_peer(peer, Body::Ack { id: Some(id), args }, now)
            }
            Input::Disconnect { peer, scope } => self.disconnect(peer, scope, now),
            Input::Shutdown => self.shutdown(now),
            Input::Tick => self.tick(now),
        }
        self.settle(now);
    }

    /// The next thing to do, until `None`.
    pub fn next_output(&mut self) -> Option<Output> {
        self.engine.effects.outputs.pop_front()
    }

    /// When [`Input::Tick`] is wanted at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let handshake = self.handshake_timers.first().map(|(at, _)| *at);
        let away = self.away_timers.first().map(|(at, _)| *at);
        [self.engine.deadline(), handshake, away]
            .into_iter()
            .flatten()
            .min()
    }

    /// How many sessions are alive.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.engine.len()
    }

    /// Over which transport a client of a namespace is connected, while it is.
    #[must_use]
    pub fn transport_of(&self, peer: PeerId) -> Option<Transport> {
        let PeerState::Joined(session) = self.peers.get(&peer)?.state else {
            return None;
        };
        Some(self.engine.get(session)?.transport())
    }

    fn event(&mut self, event: Event) {
        self.engine.effects.outputs.push_back(Output::Event(event));
    }

    fn opened(&mut self, opened: Opened, query: String, now: Duration) {
        let Opened { id, sid, transport } = opened;
        let mut connection = Connection::default();
        if self.content == Content::SocketIo {
            let by = now + self.engine.options.connect_timeout;
            connection.handshake_by = Some(by);
            self.handshake_timers.insert((by, id));
        }
        self.connections.insert(id, connection);
        self.event(Event::SessionOpened {
            session: sid,
            transport,
            query,
        });
    }

    /// Works off what the sessions have to say, which may make them say more.
    fn settle(&mut self, now: Duration) {
        while let Some((id, signal)) = self.engine.next_signal() {
            match signal {
                Signal::Text(_) | Signal::Binary(_) if !self.engine.is_open(id) => {}
                Signal::Text(text) if self.content == Content::Echo => {
                    self.engine.send(id, Frame::Text(format!("4{text}")), now);
                }
                Signal::Binary(bytes) if self.content == Content::Echo => {
                    self.engine.send(id, Frame::Binary(bytes), now);
                }
                Signal::Text(text) => self.receive(id, |reassembler| reassembler.text(&text), now),
                Signal::Binary(bytes) => {
                    self.receive(id, |reassembler| reassembler.binary(bytes), now)
                }
                Signal::PostRead => self.engine.post_read(id),
                Signal::Upgraded { session } => self.event(Event::SessionUpgraded { session }),
                Signal::Closed { session, reason } => {
                    self.connection_lost(id, reason, now);
                    self.connections.remove(&id);
                    self.event(Event::SessionClosed { session, reason });
                }
            }
        }
    }

    fn receive(
        &mut self,
        id: SessionId,
        read: impl FnOnce(&mut Reassembler) -> Result<Progress<'_>, super::packet::DecodeError>,
        now: Duration,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        match read(&mut connection.reassembler) {
            Ok(Progress::Complete(packet)) => self.packet(id, packet, now),
            Ok(Progress::Pending { .. }) => {}
            Err(_) => self.engine.close(id, now),
        }
    }

    fn packet(&mut self, id: SessionId, packet: Packet, now: Duration) {
        let Packet { namespace, body } = packet;
        let joined = self
            .connections
            .get(&id)
            .and_then(|connection| connection.joined.get(&namespace))
            .copied();
        match (body, joined) {
            (Body::Connect(auth), None) => self.connect(id, namespace, auth, now),
            (Body::Event { id, name, args }, Some(peer)) => self.event(Event::Received {
                peer,
                name,
                args,
                ack: id,
            }),
            (Body::Ack { id, args }, Some(peer)) => {
                let awaited = self
                    .peers
                    .get_mut(&peer)
                    .and_then(|peer| peer.acks.remove(&id?));
                if let Some(token) = awaited {
                    self.event(Event::Ack { peer, token, args });
                }
            }
            (Body::Disconnect, Some(peer)) => {
                self.gone(peer, CloseReason::ClientNamespaceDisconnect, now)
            }
            // Anything else shows a client that has lost track.
            _ => self.close_connection(id, now),
        }
    }

    fn shutdown(&mut self, now: Duration) {
        let sessions: Vec<SessionId> = self.connections.keys().copied().collect();
        for session in sessions {
            self.connection_lost(session, CloseReason::ServerShuttingDown, now);
        }
        self.engine.discard_all();
    }

    fn tick(&mut self, now: Duration) {
        self.engine.tick(now);
        self.settle(now);
        while let Some((_, session)) = self
            .handshake_timers
            .first()
            .copied()
            .filter(|(at, _)| *at <= now)
        {
            self.handshake_timers.pop_first();
            self.close_connection(session, now);
        }
        while let Some((_, peer)) = self
            .away_timers
            .first()
            .copied()
            .filter(|(at, _)| *at <= now)
        {
            self.away_timers.pop_first();
            self.forget(peer);
            self.event(Event::Forgotten { peer });
        }
    }

    fn close_connection(&mut self, id: SessionId, now: Duration) {
        self.engine.close(id, now);
        self.connection_lost(id, CloseReason::ForcedServerClose, now);
    }

    /// Takes every peer off a session that is ending.
    fn connection_lost(&mut self, id: SessionId, reason: CloseReason, now: Duration) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let connection = std::mem::take(connection);
        if let Some(by) = connection.handshake_by {
            self.handshake_timers.remove(&(by, id));
        }
        for peer in connection.joined.into_values().chain(connection.pending) {
            self.gone(peer, reason, now);
        }
    }

    fn write_peer(&mut self, id: PeerId, body: Body, now: Duration) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        if let PeerState::Joined(session) = peer.state {
            self.write(session, peer.namespace.clone(), body, now);
        }
    }

    fn write(&mut self, session: SessionId, namespace: String, body: Body, now: Duration) {
        for frame in (Packet { namespace, body }).encode() {
            self.engine.send(session, frame, now);
        }
    }
}
