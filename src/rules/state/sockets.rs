//! The Engine.IO sessions that are open, and which of them carry the live feed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::{Contract, Reason, TransportName};
use crate::domain::journal::{Act, Content, Direction, Entry, Fact, Frame};
use crate::rules::labels;
use crate::rules::moment::Moment;
use crate::rules::state::AFTERMATH;

/// The Engine.IO sessions that are open.
#[derive(Default)]
pub(crate) struct Sockets {
    open: BTreeMap<u64, Socket>,
    /// When the feed was last connected, and last lost.
    pub(crate) connected: Option<Moment>,
    pub(crate) lost: Option<Moment>,
    /// When the process of the app last began or ended.
    process: Option<Moment>,
    /// When the backend last refused the feed or left it.
    pub(crate) refused: Option<Moment>,
    /// The token for which it last refused the feed, by its label.
    pub(crate) refused_token: Option<String>,
}

/// One Engine.IO session.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    service: String,
    pub(crate) transport: TransportName,
    /// When the feed's namespace was joined.
    pub(crate) connected: Option<Moment>,
    /// When the last packet came down.
    pub(crate) heard: Moment,
    /// Whether a ping of the server has come down, so that the journal is known to hold them.
    pub(crate) pinged: bool,
    /// The ping of the server that waits for its answer.
    pub(crate) unanswered: Option<Moment>,
    /// How long that may take, by the handshake.
    pub(crate) answer_within: Option<Duration>,
    /// How long nothing may come down, by the handshake.
    pub(crate) patience: Option<Duration>,
    /// The label in the client's CONNECT, and the session that it asked to have recovered.
    token: Option<String>,
    pub(crate) asked_to_recover: Option<String>,
    /// Whether the server recovered it, so nothing was missed.
    pub(crate) recovered: bool,
}

impl Socket {
    /// Whether nothing has come down for longer than the handshake allows.
    pub(crate) fn is_silent(&self, now: Duration) -> bool {
        let patience = self.patience;
        patience.is_some_and(|patience| now >= self.heard.at + patience)
    }
}

impl Sockets {
    /// The open session of this number.
    pub(crate) fn get(&self, socket: u64) -> Option<&Socket> {
        self.open.get(&socket)
    }

    /// Every open session in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Socket)> {
        self.open.iter().map(|(number, socket)| (*number, socket))
    }

    /// How many sessions carry the live feed.
    pub(crate) fn live(&self) -> usize {
        self.open
            .values()
            .filter(|socket| socket.connected.is_some())
            .count()
    }

    /// Since when the feed has been there without a break.
    pub(crate) fn live_since(&self) -> Option<Moment> {
        self.connected.filter(|_| self.live() > 0)
    }

    /// Something came down, or a ping was answered.
    pub(crate) fn hear(&mut self, entry: &Entry) {
        let Fact::Frame {
            socket,
            direction,
            packet,
            ..
        } = &entry.fact
        else {
            return;
        };
        let Some(own) = self.open.get_mut(socket) else {
            return;
        };
        match (direction, packet) {
            (Direction::Up, Frame::Pong { probe: false }) => own.unanswered = None,
            (Direction::Up, _) => {}
            (Direction::Down, packet) => {
                own.heard = Moment::of(entry);
                own.pinged |= matches!(packet, Frame::Ping { .. });
                if *packet == (Frame::Ping { probe: false }) {
                    own.unanswered.get_or_insert(Moment::of(entry));
                }
            }
        }
    }

    /// Takes in that a session opened, was upgraded or closed.
    pub(super) fn engine(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::SocketOpened {
                socket,
                service,
                transport,
            } => {
                self.open.insert(
                    *socket,
                    Socket {
                        service: service.clone(),
                        transport: *transport,
                        connected: None,
                        heard: Moment::of(entry),
                        pinged: false,
                        unanswered: None,
                        answer_within: None,
                        patience: None,
                        token: None,
                        asked_to_recover: None,
                        recovered: false,
                    },
                );
            }
            Fact::SocketUpgraded { socket } => {
                if let Some(socket) = self.open.get_mut(socket) {
                    socket.transport = TransportName::Websocket;
                }
            }
            Fact::SocketClosed { socket, .. } => {
                let own = self.open.get_mut(socket);
                let was_live = own.and_then(|socket| socket.connected.take());
                if was_live.is_some_and(|since| !self.is_of_another_process(since, entry))
                    && self.live() == 0
                {
                    self.lost = Some(Moment::of(entry));
                }
            }
            _ => {}
        }
    }

    /// A process begins or ends.
    pub(super) fn act(&mut self, entry: &Entry, act: &Act) {
        if matches!(act, Act::Launch | Act::Kill) {
            self.process = Some(Moment::of(entry));
        }
    }

    /// Whether a feed that ends here is what a process left behind that is gone: the one that runs now did not lose
    /// it. Later on it is its own, and was only said late to have begun.
    fn is_of_another_process(&self, joined: Moment, entry: &Entry) -> bool {
        let process = self.process;
        process.is_some_and(|began| joined.id < began.id && entry.at <= began.at + AFTERMATH)
    }

    /// A service was stopped, or all were: none of its sessions lives on, even if nobody said good-bye.
    pub(super) fn stopped(&mut self, entry: &Entry, service: Option<&str>) {
        let before = self.live();
        for socket in self.open.values_mut() {
            if service.is_none_or(|service| socket.service == service) {
                socket.connected = None;
            }
        }
        if before > 0 && self.live() == 0 {
            self.lost = Some(Moment::of(entry));
        }
    }

    /// Takes in a packet that says something of a session, or of the feed on it.
    pub(super) fn packet(&mut self, entry: &Entry, packet: &Frame, contract: &Contract) {
        let Fact::Frame {
            socket, direction, ..
        } = &entry.fact
        else {
            return;
        };
        let feed = contract.realtime.as_ref().map(|feed| &feed.namespace);
        let before = self.live();
        let Some(own) = self.open.get_mut(socket) else {
            return;
        };
        match (packet, direction) {
            (
                Frame::Open {
                    ping_interval,
                    ping_timeout,
                },
                Direction::Down,
            ) => {
                own.answer_within = Some(Duration::from_millis(*ping_timeout));
                own.patience = Some(Duration::from_millis(
                    ping_interval.saturating_add(*ping_timeout),
                ));
            }
            (Frame::Connect { namespace, payload }, Direction::Up) if Some(namespace) == feed => {
                own.asked_to_recover = pid(payload);
                own.token = labels::in_content(payload).map(|label| labels::bare(label).to_owned());
            }
            (Frame::Connect { namespace, payload }, Direction::Down) if Some(namespace) == feed => {
                own.connected = Some(Moment::of(entry));
                own.recovered =
                    own.asked_to_recover.is_some() && own.asked_to_recover == pid(payload);
                if before == 0 {
                    self.connected = Some(Moment::of(entry));
                }
            }
            (Frame::ConnectError { namespace, payload }, Direction::Down)
                if Some(namespace) == feed =>
            {
                let feed = contract.realtime.as_ref();
                let why = feed.map(|feed| feed.refusal(payload.json()));
                if why == Some(Reason::Token) {
                    self.refused_token.clone_from(&own.token);
                }
                self.refused = Some(Moment::of(entry));
            }
            // A client that closes its transport takes the feed with it.
            (Frame::Close, Direction::Up) => own.connected = None,
            (Frame::Disconnect { namespace }, _) if Some(namespace) == feed => {
                own.connected = None;
                if *direction == Direction::Down {
                    self.refused = Some(Moment::of(entry));
                }
            }
            _ => {}
        }
        if before > 0 && self.live() == 0 {
            self.lost = Some(Moment::of(entry));
        }
    }

    /// Forgets a session that is closed.
    pub(super) fn forget(&mut self, socket: u64) {
        self.open.remove(&socket);
    }
}

/// The private id by which Socket.IO recovers a session.
fn pid(payload: &Content) -> Option<String> {
    payload.json()?.get("pid")?.as_str().map(str::to_owned)
}
