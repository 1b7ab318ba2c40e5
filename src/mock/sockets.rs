//! The realtime machine's shell, the part without I/O: who is connected, and which queue leads to whom.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::domain::contract::Contract;
use crate::protocol::packet::Frame;
use crate::protocol::server::{ExchangeId, Options, PeerId, Response, Server, SocketId};

/// Everything that hangs on one Engine.IO path.
pub(super) struct Sockets {
    pub(super) server: Server,
    pub(super) peers: BTreeMap<PeerId, Peer>,
    /// Access tokens that came with a handshake's headers, by Engine.IO session. Kept only for
    /// contracts that do not send the token with CONNECT.
    pub(super) credentials: BTreeMap<String, String>,
    /// The one of the request that is being handled.
    pub(super) credential: Option<String>,
    /// Requests that wait for their answer.
    pub(super) waiting: BTreeMap<ExchangeId, oneshot::Sender<Response>>,
    /// Queues to WebSockets.
    pub(super) links: BTreeMap<SocketId, mpsc::UnboundedSender<ToSocket>>,
    /// WebSocket handshakes that were turned away.
    pub(super) rejected: BTreeMap<SocketId, Response>,
    /// When each feed emits next, while anybody listens.
    pub(super) feeds: Vec<Option<Duration>>,
    /// When the driver wakes next, as far as it knows.
    pub(super) armed: Option<Duration>,
    namespaces: Vec<String>,
    seed: u64,
    generation: u64,
    last_id: u64,
}

/// Somebody in a namespace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) user: usize,
    pub(super) family: u64,
    /// When their token has ended for good, since the run began.
    pub(super) ends: Duration,
    /// Whether they get the feed, and are not only in some other namespace.
    pub(super) listens: bool,
}

/// What a WebSocket's task is to do.
pub(super) enum ToSocket {
    /// Send a frame.
    Frame(Frame),
    /// Close in an orderly way.
    Close(Option<u16>),
}

impl Sockets {
    pub(super) fn new(contract: &Contract, seed: u64, feeds: usize) -> Self {
        let mut namespaces = contract.scope.forbid_namespaces.clone();
        if let Some(realtime) = &contract.realtime {
            namespaces.push(realtime.namespace.clone());
        }
        Self {
            server: server(&namespaces, seed),
            peers: BTreeMap::new(),
            credentials: BTreeMap::new(),
            credential: None,
            waiting: BTreeMap::new(),
            links: BTreeMap::new(),
            rejected: BTreeMap::new(),
            feeds: vec![None; feeds],
            armed: None,
            namespaces,
            seed,
            generation: 0,
            last_id: 0,
        }
    }

    /// Forgets every session, as a process that died: all queues end, and no id is used again.
    pub(super) fn reset(&mut self) {
        self.generation += 1;
        self.server = server(&self.namespaces, self.seed ^ (self.generation << 32));
        self.peers.clear();
        self.credentials.clear();
        self.waiting.clear();
        self.links.clear();
        self.rejected.clear();
        self.feeds.fill(None);
    }

    /// A name for the next request or WebSocket.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether a socket of this user gets the feed; of anybody, when no user is named.
    pub(super) fn has_listener(&self, user: Option<usize>) -> bool {
        self.peers
            .values()
            .any(|peer| peer.listens && user.is_none_or(|user| peer.user == user))
    }

    /// When the driver must wake.
    pub(super) fn due(&self) -> Option<Duration> {
        let feeds = self.feeds.iter().flatten().min();
        let ends = self.peers.values().map(|peer| &peer.ends).min();
        let due = feeds.into_iter().chain(ends).min().copied();
        due.into_iter().chain(self.server.deadline()).min()
    }
}

fn server(namespaces: &[String], seed: u64) -> Server {
    let mut options = Options {
        seed,
        ..Options::default()
    };
    options.namespaces.extend(namespaces.iter().cloned());
    Server::new(options)
}
