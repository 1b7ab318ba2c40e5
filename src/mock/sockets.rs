//! Who is connected to the feed, with what right and for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;

use super::switchboard::Switchboard;
use crate::domain::contract::Contract;
use crate::protocol::packet::Args;
use crate::protocol::server::{Options, PeerId, Server};

/// The namespace that a client joins without naming one.
pub(super) const MAIN: &str = "/";

/// Everything that hangs on one Engine.IO path.
pub(super) struct Sockets {
    pub(super) board: Switchboard,
    pub(super) peers: BTreeMap<PeerId, Peer>,
    /// Access tokens that came with a handshake's headers, by Engine.IO session. Kept only for
    /// contracts that do not send the token with CONNECT.
    pub(super) credentials: BTreeMap<String, String>,
    /// The one of the request that is being handled.
    pub(super) credential: Option<String>,
    /// Acknowledgements that somebody waits for, by the token they were asked with.
    pub(super) awaited: BTreeMap<u64, oneshot::Sender<Args>>,
    /// When each feed emits next, while anybody listens.
    pub(super) feeds: Vec<Option<Duration>>,
    /// When something changes by itself next; it may wait until somebody looks.
    pub(super) next_change: Option<Duration>,
    /// When the driver wakes next, as far as it knows.
    pub(super) armed: Option<Duration>,
    /// Who came first, and when by the count of starts. Only a defect looks at it.
    first: Option<(u64, PeerId)>,
    options: Options,
    questions: u64,
    generation: u64,
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
    /// Whether their connection is lost and they may come back as themselves.
    pub(super) away: bool,
}

impl Sockets {
    /// Sockets of the namespaces that the contract names; `main` has the main one open beside them.
    pub(super) fn new(contract: &Contract, seed: u64, feeds: usize, main: bool) -> Self {
        let mut options = Options {
            seed,
            ..Options::default()
        };
        let forbidden = contract.scope.forbid_namespaces.iter().cloned();
        options.namespaces.extend(forbidden);
        options.namespaces.extend(main.then(|| MAIN.to_owned()));
        if let Some(realtime) = &contract.realtime {
            options.namespaces.push(realtime.namespace.clone());
            options.recovery = realtime.client.recovery;
        }
        Self {
            board: Switchboard::new(Server::new(options.clone())),
            peers: BTreeMap::new(),
            credentials: BTreeMap::new(),
            credential: None,
            awaited: BTreeMap::new(),
            feeds: vec![None; feeds],
            next_change: None,
            armed: None,
            first: None,
            options,
            questions: 0,
            generation: 0,
        }
    }

    /// Forgets every session, as a process that died: all queues end, and no id is used again.
    pub(super) fn reset(&mut self) {
        self.generation += 1;
        let seed = self.options.seed ^ (self.generation << 32);
        let options = self.options.clone();
        self.board.replace(Server::new(Options { seed, ..options }));
        self.awaited.clear();
        self.peers.clear();
        self.credentials.clear();
        self.feeds.fill(None);
    }

    /// Whether the service was stopped since the run began.
    pub(super) fn have_restarted(&self) -> bool {
        self.generation > 0
    }

    /// Notes that somebody listens.
    pub(super) fn came(&mut self, peer: PeerId) {
        self.first.get_or_insert((self.generation, peer));
    }

    /// Whether this is who came first of all.
    pub(super) fn is_first(&self, peer: PeerId) -> bool {
        self.first == Some((self.generation, peer))
    }

    /// A token to ask with, whose answer goes to `sender`.
    pub(super) fn ask(&mut self, sender: oneshot::Sender<Args>) -> u64 {
        self.questions += 1;
        self.awaited.insert(self.questions, sender);
        self.questions
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
        let listened = self.has_listener(None);
        let change = self.next_change.as_ref().filter(|_| listened);
        let due = feeds.into_iter().chain(ends).chain(change);
        let due = due.min().copied();
        due.into_iter().chain(self.board.server.deadline()).min()
    }
}
