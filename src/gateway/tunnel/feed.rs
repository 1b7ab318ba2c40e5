//! The live feed's WebSocket as both directions see it: whose session it carries, and what becomes of
//! one message.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::framing::Signal;
use super::wire;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Direction, SocketEnd};
use crate::gateway::controls::Controls;
use crate::gateway::lock::lock;
use crate::gateway::service::Service;
use crate::gateway::sessions::{Passage, Piece, Shared};
use crate::protocol::packet::{EnginePacket, Frame, Packet};

pub(super) type Reader = wire::Reader<ReadHalf<TokioIo<Upgraded>>>;
pub(super) type Writer = wire::Writer<WriteHalf<TokioIo<Upgraded>>>;

/// The live feed's WebSocket, as both directions see it.
pub(super) struct Feed {
    service: Arc<Service>,
    session: OnceLock<Shared>,
}

/// How one direction ended.
pub(super) struct End {
    pub(super) why: SocketEnd,
    /// What a peer that has closed the connection said, to be answered.
    pub(super) closed: Option<Bytes>,
}

impl End {
    pub(super) fn broken(detail: &str) -> Self {
        Self {
            why: SocketEnd::Network {
                detail: detail.to_owned(),
            },
            closed: None,
        }
    }

    /// `sender` broke off.
    pub(super) fn left(sender: &SocketEnd) -> Self {
        Self::broken(match sender {
            SocketEnd::Client => "the client's connection broke",
            _ => "the backend's connection broke",
        })
    }

    /// `sender` sent something that is no WebSocket frame (RFC 6455 §5.2); none of it was passed on.
    pub(super) fn no_frame(sender: &SocketEnd) -> Self {
        Self::broken(match sender {
            SocketEnd::Client => "what the client sent is no WebSocket frame",
            _ => "what the backend sent is no WebSocket frame",
        })
    }

    /// Nothing more can be read of what `sender` sends.
    pub(super) fn of(reader: &Reader, sender: &SocketEnd) -> Self {
        if reader.is_broken() {
            Self::no_frame(sender)
        } else {
            Self::left(sender)
        }
    }

    /// What `sender` sent could not be passed on.
    pub(super) fn lost(sender: &SocketEnd) -> Self {
        Self::broken(match sender {
            SocketEnd::Client => "the backend's connection broke",
            _ => "the client's connection broke",
        })
    }
}

impl Feed {
    /// A feed that carries a session, or opens one with what comes first.
    pub(super) fn new(service: Arc<Service>, session: Option<Shared>) -> Self {
        Self {
            service,
            session: session.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    pub(super) fn controls(&self) -> &Controls {
        &self.service.state.controls
    }

    /// The feed's connection is gone, or is given up.
    pub(super) fn end(&self, end: SocketEnd) {
        if let Some(session) = self.session.get() {
            self.service.state.sessions.lose_tunnel(session, end);
        }
    }

    /// Passes a control frame on; a closing one ends the direction.
    pub(super) async fn signal(
        &self,
        signal: Signal,
        payload: Bytes,
        to: &mut Writer,
        sender: SocketEnd,
    ) -> Result<(), End> {
        if self.controls().is_frozen() {
            return match (signal, sender) {
                // Whoever closes stays no longer, answered or not.
                (Signal::Close, SocketEnd::Client) => Err(End::left(&SocketEnd::Client)),
                (Signal::Close, sender) => {
                    // A dead line does not tell one end that the other has left.
                    self.controls().thawed().await;
                    Err(End::left(&sender))
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
            (_, Err(_)) => Err(End::lost(&sender)),
        }
    }

    /// Journals a message; `None` for one that goes nowhere and stands nowhere, because a fault
    /// withholds it.
    pub(super) fn observe(&self, direction: Direction, message: &Message) -> Option<Passage> {
        let (text, packet) = match message {
            Message::Text(text) => (text.as_str(), EnginePacket::decode(text.as_str())),
            Message::Binary(bytes) => ("", Ok(EnginePacket::Binary(bytes.clone()))),
            _ => return None,
        };
        if packet
            .as_ref()
            .is_ok_and(|packet| self.controls().withholds(direction, packet))
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
    pub(super) fn session<E>(&self, packet: &Result<EnginePacket<'_>, E>) -> &Shared {
        self.session.get_or_init(|| {
            let handshake = match packet {
                Ok(EnginePacket::Open(handshake)) => handshake,
                _ => "",
            };
            let websocket = TransportName::Websocket;
            self.service
                .state
                .sessions
                .open(&self.service.name, websocket, handshake)
        })
    }

    pub(super) fn left_owing(&self) -> Vec<Packet> {
        self.session
            .get()
            .map(|session| lock(session).left_owing())
            .unwrap_or_default()
    }

    /// Answers the sender of a packet that was kept back.
    pub(super) async fn answer(&self, packet: Packet, answers: &mpsc::Sender<Message>) {
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

/// Sends what was held, and a message after it; says whether that was possible.
pub(super) async fn release(
    to: &mut Writer,
    held: &mut Vec<Message>,
    message: Option<Message>,
) -> bool {
    for message in held.drain(..).chain(message) {
        if to.message(&message).await.is_err() {
            return false;
        }
    }
    true
}
