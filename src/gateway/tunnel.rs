//! Upgraded connections: the live feed's WebSocket, and whatever else a backend may switch to.
//!
//! A message of ordinary size is held whole, judged and passed on as one frame. A larger one is judged
//! by its beginning and passes in fragments, as it comes. Control frames pass between them, so a ping
//! asks the other end and not the gateway.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;

use super::lock::lock;
use super::service::Service;
use super::sessions::{Passage, Piece, Shared};
use super::state::State;
use super::upstream;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Direction, SocketEnd};
use crate::protocol::packet::{EnginePacket, Frame, Packet};

mod framing;
mod large;
mod wire;

use framing::Signal;
use large::Way;
use wire::Incoming;

/// Both ends of an upgraded connection.
pub(super) struct Ends {
    pub(super) client: OnUpgrade,
    pub(super) backend: OnUpgrade,
    /// Keeps the backend's connection alive until the upgrade is done.
    pub(super) wire: upstream::Wire,
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

type Reader = wire::Reader<ReadHalf<TokioIo<Upgraded>>>;
type Writer = wire::Writer<WriteHalf<TokioIo<Upgraded>>>;

/// How long both ends may take to end a connection that one of them has closed.
const FAREWELL: Duration = Duration::from_secs(5);

/// How many answers to packets that were kept back may wait for a client that does not read. A client
/// that sends more is not read from either, as a backend would do.
const ANSWERS: usize = 16;

async fn upgraded(
    client: OnUpgrade,
    backend: OnUpgrade,
    wire: upstream::Wire,
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
    service: Arc<Service>,
    /// Known by its id, or opened by what comes first.
    session: OnceLock<Shared>,
}

/// Follows the live feed's WebSocket until it ends. One for a session that is unknown or over ends
/// at once, for nobody could say whose packets it carries.
pub(super) async fn follow(service: Arc<Service>, sid: Option<String>, mut ends: Ends) {
    let session = sid
        .as_deref()
        .and_then(|sid| service.state.sessions.find(sid));
    if sid.is_some() && session.is_none() {
        return;
    }
    let feed = Feed {
        service,
        session: session.map_or_else(OnceLock::new, OnceLock::from),
    };
    tokio::select! {
        biased;
        () = ends.cuts.cut() => feed.end(SocketEnd::Gateway),
        () = feed.run(ends.client, ends.backend, ends.wire) => {}
    }
}

/// How one direction ended.
struct End {
    why: SocketEnd,
    /// What a peer that has closed the connection said, to be answered.
    closed: Option<Bytes>,
}

impl Feed {
    fn state(&self) -> &Arc<State> {
        &self.service.state
    }

    fn end(&self, end: SocketEnd) {
        if let Some(session) = self.session.get() {
            self.state().sessions.lose_tunnel(session, end);
        }
    }

    async fn run(&self, client: OnUpgrade, backend: OnUpgrade, wire: upstream::Wire) {
        let Some((client, backend)) = upgraded(client, backend, wire).await else {
            return self.end(network("the upgrade broke"));
        };
        let (from_client, to_client) = tokio::io::split(client);
        let (from_backend, to_backend) = tokio::io::split(backend);
        let mut from_client = Reader::new(from_client, true);
        let mut from_backend = Reader::new(from_backend, false);
        let mut to_client = Writer::to_client(to_client);
        let mut to_backend = Writer::to_backend(to_backend);
        let (answers, mut answered) = mpsc::channel(ANSWERS);
        let end = tokio::select! {
            biased;
            end = self.carry_up(&mut from_client, &mut to_backend, &answers) => end,
            end = self.carry_down(&mut from_backend, &mut to_client, &mut answered) => end,
        };
        let by_client = end.why == SocketEnd::Client;
        self.end(end.why);
        let Some(said) = end.closed else { return };
        let farewell = async {
            if by_client {
                let _ = to_client.signal(Signal::Close, &said).await;
                from_backend.drain().await;
            } else {
                let _ = to_backend.signal(Signal::Close, &said).await;
                from_client.drain().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    async fn carry_up(
        &self,
        from: &mut Reader,
        to: &mut Writer,
        answers: &mpsc::Sender<Message>,
    ) -> End {
        let mut held = Vec::new();
        while let Some(incoming) = from.next().await {
            let message = match incoming {
                Incoming::Whole(message) => message,
                Incoming::Signal(signal, payload) => {
                    match self.signal(signal, payload, to, SocketEnd::Client).await {
                        Ok(()) => continue,
                        Err(end) => return end,
                    }
                }
                Incoming::Large(kind, piece) => {
                    let way = Way {
                        direction: Direction::Up,
                        from,
                        to,
                        held: &mut held,
                    };
                    match self.stream(way, kind, piece).await {
                        Ok(Some(packet)) => self.answer(packet, answers).await,
                        Ok(None) => {}
                        Err(end) => return end,
                    }
                    continue;
                }
                // Whoever takes a large message takes it to its end.
                Incoming::More(_) => continue,
            };
            if self.state().controls.is_frozen() {
                continue;
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
                Some(Passage::Forward) if release(to, &mut held, Some(message)).await => {
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
        from: &mut Reader,
        to: &mut Writer,
        answered: &mut mpsc::Receiver<Message>,
    ) -> End {
        let mut held = Vec::new();
        loop {
            let incoming = tokio::select! {
                biased;
                Some(answer) = answered.recv() => {
                    if to.message(&answer).await.is_err() {
                        return broken("the client's connection broke");
                    }
                    continue;
                }
                incoming = from.next() => incoming,
            };
            let message = match incoming {
                Some(Incoming::Whole(message)) => message,
                Some(Incoming::Signal(signal, payload)) => {
                    match self.signal(signal, payload, to, SocketEnd::Backend).await {
                        Ok(()) => continue,
                        Err(end) => return end,
                    }
                }
                Some(Incoming::Large(kind, piece)) => {
                    let way = Way {
                        direction: Direction::Down,
                        from,
                        to,
                        held: &mut held,
                    };
                    match self.stream(way, kind, piece).await {
                        Ok(_) => continue,
                        Err(end) => return end,
                    }
                }
                Some(Incoming::More(_)) => continue,
                None => {
                    // A dead line does not tell one end that the other has left.
                    self.state().controls.thawed().await;
                    return broken("the backend's connection broke");
                }
            };
            if self.state().controls.is_frozen() {
                continue;
            }
            match self.observe(Direction::Down, &message) {
                None | Some(Passage::Drop { .. }) => {}
                Some(Passage::Over) => return broken("the session was over"),
                Some(Passage::Hold) => held.push(message),
                Some(Passage::Forward) if release(to, &mut held, Some(message)).await => {}
                Some(Passage::Forward) => return broken("the client's connection broke"),
            }
        }
    }

    /// Passes a control frame on; a closing one ends the direction.
    async fn signal(
        &self,
        signal: Signal,
        payload: Bytes,
        to: &mut Writer,
        sender: SocketEnd,
    ) -> Result<(), End> {
        if self.state().controls.is_frozen() {
            return match (signal, sender) {
                // Whoever closes stays no longer, answered or not.
                (Signal::Close, SocketEnd::Client) => Err(broken("the client's connection broke")),
                (Signal::Close, _) => {
                    // A dead line does not tell one end that the other has left.
                    self.state().controls.thawed().await;
                    Err(broken("the backend's connection broke"))
                }
                _ => Ok(()),
            };
        }
        let sent = to.signal(signal, &payload).await;
        match (signal, sent) {
            (Signal::Close, _) => Err(End {
                why: sender,
                closed: Some(payload),
            }),
            (_, Ok(())) => Ok(()),
            (_, Err(_)) => Err(lost(sender)),
        }
    }

    /// Journals a message; `None` for one that goes nowhere and stands nowhere, because a fault
    /// withholds it.
    fn observe(&self, direction: Direction, message: &Message) -> Option<Passage> {
        let (text, packet) = match message {
            Message::Text(text) => (text.as_str(), EnginePacket::decode(text.as_str())),
            Message::Binary(bytes) => ("", Ok(EnginePacket::Binary(bytes.clone()))),
            _ => return None,
        };
        if packet
            .as_ref()
            .is_ok_and(|packet| self.state().controls.withholds(direction, packet))
        {
            return None;
        }
        let session = self.session(&packet);
        let passage = lock(session).observe(Piece {
            direction,
            transport: TransportName::Websocket,
            bytes: message.len() as u64,
            text,
            packet,
        });
        Some(passage)
    }

    /// The session that this carries, opened by this packet if it was unknown.
    fn session<E>(&self, packet: &Result<EnginePacket<'_>, E>) -> &Shared {
        self.session.get_or_init(|| {
            let handshake = match packet {
                Ok(EnginePacket::Open(handshake)) => handshake,
                _ => "",
            };
            let websocket = TransportName::Websocket;
            self.state()
                .sessions
                .open(&self.service.name, websocket, handshake)
        })
    }

    fn left_owing(&self) -> Vec<Packet> {
        self.session
            .get()
            .map(|session| lock(session).left_owing())
            .unwrap_or_default()
    }

    /// Answers the sender of a packet that was kept back.
    async fn answer(&self, packet: Packet, answers: &mpsc::Sender<Message>) {
        let frames = packet.encode();
        if let Some(session) = self.session.get() {
            let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
            lock(session).record_answer(packet, bytes);
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

fn network(detail: &str) -> SocketEnd {
    SocketEnd::Network {
        detail: detail.to_owned(),
    }
}

fn broken(detail: &str) -> End {
    End {
        why: network(detail),
        closed: None,
    }
}

/// What `sender` sent could not be passed on.
fn lost(sender: SocketEnd) -> End {
    match sender {
        SocketEnd::Client => broken("the backend's connection broke"),
        _ => broken("the client's connection broke"),
    }
}

/// Sends what was held, and a message after it; says whether that was possible.
async fn release(to: &mut Writer, held: &mut Vec<Message>, message: Option<Message>) -> bool {
    for message in held.drain(..).chain(message) {
        if to.message(&message).await.is_err() {
            return false;
        }
    }
    true
}
