//! Upgraded connections: the live feed's WebSocket, and whatever else a backend may switch to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::hub::{Hub, lock};
use super::port::Site;
use super::session::{self, Passage, Piece, Shared};
use super::upstream::Wire;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Direction, SocketEnd};
use crate::protocol::packet::{EnginePacket, Frame, Packet};

/// Both ends of an upgraded connection.
pub(super) struct Ends {
    pub(super) client: OnUpgrade,
    pub(super) backend: OnUpgrade,
    /// Keeps the backend's connection alive until the upgrade is done.
    pub(super) wire: Wire,
    pub(super) cuts: Cuts,
}

/// What cuts a tunnel: everything that came after the request for it was let in.
pub(super) struct Cuts {
    pub(super) connection: watch::Receiver<()>,
    pub(super) tunnels: watch::Receiver<()>,
}

impl Cuts {
    async fn cut(&mut self) {
        tokio::select! {
            biased;
            _ = self.connection.changed() => {}
            _ = self.tunnels.changed() => {}
        }
    }
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// How long both ends may take to end a connection that one of them has closed.
const FAREWELL: Duration = Duration::from_secs(5);

/// How many answers to packets that were kept back may wait for a client that does not read. A client
/// that sends more is not read from either, as a backend would do.
const ANSWERS: usize = 16;

/// The largest message that passes. One is held whole, because it must be judged before it passes.
const LARGEST: usize = 64 * 1024 * 1024;

async fn upgraded(
    client: OnUpgrade,
    backend: OnUpgrade,
    wire: Wire,
) -> Option<(TokioIo<Upgraded>, TokioIo<Upgraded>)> {
    let (client, backend) = tokio::join!(client, backend);
    drop(wire);
    Some((TokioIo::new(client.ok()?), TokioIo::new(backend.ok()?)))
}

/// Passes bytes that nobody can read.
pub(super) async fn pass(mut ends: Ends) {
    let copy = async {
        let streams = upgraded(ends.client, ends.backend, ends.wire).await;
        if let Some((mut client, mut backend)) = streams {
            // However it ends, both ends learn it.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut backend).await;
        }
    };
    tokio::select! {
        biased;
        () = ends.cuts.cut() => {}
        () = copy => {}
    }
}

/// The live feed's WebSocket, as both directions see it.
struct Feed {
    site: Arc<Site>,
    session: Mutex<Option<Shared>>,
}

/// Follows the live feed's WebSocket until it ends. One for a session that is unknown or over ends
/// at once, for nobody could say whose packets it carries.
pub(super) async fn follow(site: Arc<Site>, sid: Option<String>, mut ends: Ends) {
    let session = sid.as_deref().and_then(|sid| site.hub.sessions().find(sid));
    if sid.is_some() && session.is_none() {
        return;
    }
    let feed = Feed {
        site,
        session: Mutex::new(session),
    };
    tokio::select! {
        biased;
        () = ends.cuts.cut() => feed.end(SocketEnd::Gateway),
        () = feed.run(ends.client, ends.backend, ends.wire) => {}
    }
}

fn config() -> WebSocketConfig {
    // The defaults cost a hundred times what a message of a feed needs.
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST))
}

impl Feed {
    fn hub(&self) -> &Arc<Hub> {
        &self.site.hub
    }

    fn end(&self, end: SocketEnd) {
        let session = lock(&self.session).clone();
        if let Some(session) = session {
            session::lose_tunnel(self.hub(), &session, end);
        }
    }

    async fn run(&self, client: OnUpgrade, backend: OnUpgrade, wire: Wire) {
        let Some((client, backend)) = upgraded(client, backend, wire).await else {
            return self.end(broken("the upgrade broke"));
        };
        let client = Socket::from_raw_socket(client, Role::Server, Some(config())).await;
        let backend = Socket::from_raw_socket(backend, Role::Client, Some(config())).await;
        let (mut to_client, mut from_client) = client.split();
        let (mut to_backend, mut from_backend) = backend.split();
        let (answers, mut answered) = mpsc::channel(ANSWERS);
        let end = tokio::select! {
            biased;
            end = self.carry_up(&mut from_client, &mut to_backend, &answers) => end,
            end = self.carry_down(&mut from_backend, &mut to_client, &mut answered) => end,
        };
        let farewell = matches!(end, SocketEnd::Client | SocketEnd::Backend);
        self.end(end);
        if farewell {
            let drained = async {
                tokio::join!(drain(&mut from_client), drain(&mut from_backend));
            };
            let _ = tokio::time::timeout(FAREWELL, drained).await;
        }
    }

    async fn carry_up(
        &self,
        from: &mut SplitStream<Socket>,
        to: &mut SplitSink<Socket, Message>,
        answers: &mpsc::Sender<Message>,
    ) -> SocketEnd {
        let mut held = Vec::new();
        while let Some(Ok(message)) = from.next().await {
            if self.hub().is_frozen() {
                continue;
            }
            if message.is_close() {
                let _ = to.send(message).await;
                return SocketEnd::Client;
            }
            match self.observe(Direction::Up, &message) {
                None => {}
                Some(Passage::Over) => return broken("the session was over"),
                Some(Passage::Hold) => held.push(message),
                Some(Passage::Drop { answer }) => {
                    held.clear();
                    if let Some(packet) = answer {
                        self.answer(packet, answers).await;
                    }
                }
                Some(Passage::Forward) if release(to, &mut held, message).await => {
                    for packet in self.left_owing() {
                        self.answer(packet, answers).await;
                    }
                }
                Some(Passage::Forward) => return broken("the backend's connection broke"),
            }
        }
        broken("the client's connection broke")
    }

    async fn carry_down(
        &self,
        from: &mut SplitStream<Socket>,
        to: &mut SplitSink<Socket, Message>,
        answered: &mut mpsc::Receiver<Message>,
    ) -> SocketEnd {
        let mut held = Vec::new();
        loop {
            let message = tokio::select! {
                biased;
                Some(answer) = answered.recv() => {
                    if to.send(answer).await.is_err() {
                        return broken("the client's connection broke");
                    }
                    continue;
                }
                message = from.next() => match message {
                    Some(Ok(message)) => message,
                    _ => {
                        // A dead line does not tell one end that the other has left.
                        self.hub().thawed().await;
                        return broken("the backend's connection broke");
                    }
                },
            };
            if self.hub().is_frozen() {
                continue;
            }
            if message.is_close() {
                let _ = to.send(message).await;
                return SocketEnd::Backend;
            }
            match self.observe(Direction::Down, &message) {
                None | Some(Passage::Drop { .. }) => {}
                Some(Passage::Over) => return broken("the session was over"),
                Some(Passage::Hold) => held.push(message),
                Some(Passage::Forward) if release(to, &mut held, message).await => {}
                Some(Passage::Forward) => return broken("the client's connection broke"),
            }
        }
    }

    /// Journals a message; `None` for one that goes nowhere and stands nowhere: one of WebSocket's own,
    /// which each side answers itself, and one that a fault withholds.
    fn observe(&self, direction: Direction, message: &Message) -> Option<Passage> {
        let (text, packet) = match message {
            Message::Text(text) => (text.as_str(), EnginePacket::decode(text.as_str())),
            Message::Binary(bytes) => ("", Ok(EnginePacket::Binary(bytes.clone()))),
            _ => return None,
        };
        if packet
            .as_ref()
            .is_ok_and(|packet| self.hub().withholds(direction, packet))
        {
            return None;
        }
        let session = self.session(&packet);
        let passage = lock(&session).observe(
            self.hub(),
            Piece {
                direction,
                transport: TransportName::Websocket,
                bytes: message.len() as u64,
                text,
                packet,
            },
        );
        Some(passage)
    }

    /// The session that this carries: known by its id, or opened by what comes first.
    fn session<E>(&self, packet: &Result<EnginePacket<'_>, E>) -> Shared {
        let mut known = lock(&self.session);
        let opened = || {
            let handshake = match packet {
                Ok(EnginePacket::Open(handshake)) => handshake,
                _ => "",
            };
            let websocket = TransportName::Websocket;
            session::opened(self.hub(), &self.site.service, websocket, handshake)
        };
        Arc::clone(known.get_or_insert_with(opened))
    }

    fn left_owing(&self) -> Vec<Packet> {
        let session = lock(&self.session);
        session
            .as_ref()
            .map(|session| lock(session).left_owing())
            .unwrap_or_default()
    }

    /// Answers the sender of a packet that was kept back.
    async fn answer(&self, packet: Packet, answers: &mpsc::Sender<Message>) {
        let frames = packet.encode();
        if let Some(session) = &*lock(&self.session) {
            let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
            lock(session).record_answer(self.hub(), packet, bytes);
        }
        for frame in frames {
            let message = match frame {
                Frame::Text(text) => Message::text(text),
                Frame::Binary(bytes) => Message::Binary(bytes),
            };
            // The other direction ends only together with this one.
            let _ = answers.send(message).await;
        }
    }
}

fn broken(detail: &str) -> SocketEnd {
    SocketEnd::Network {
        detail: detail.to_owned(),
    }
}

/// Sends a message after what was held for it; says whether that was possible.
async fn release(
    to: &mut SplitSink<Socket, Message>,
    held: &mut Vec<Message>,
    message: Message,
) -> bool {
    for message in held.drain(..) {
        if to.feed(message).await.is_err() {
            return false;
        }
    }
    to.send(message).await.is_ok()
}

/// Reads to the end, so that each side's closing frame is answered.
async fn drain(from: &mut SplitStream<Socket>) {
    while let Some(Ok(_)) = from.next().await {}
}
