//! The live feed on its polling transport: bodies that hold packets.

use std::sync::Arc;

use crate::domain::contract::TransportName;
use crate::domain::journal::{Direction, SocketEnd};
use crate::gateway::lock::lock;
use crate::gateway::sessions::{Passage, Piece, Sessions, Shared};
use crate::protocol::packet::{EnginePacket, payload};

/// Journals the packets of a poll's answer.
pub(super) fn observe_poll(
    sessions: &Arc<Sessions>,
    service: &str,
    socket: Option<Shared>,
    body: &str,
) {
    let mut socket = socket;
    for text in body.split(payload::SEPARATOR) {
        let packet = EnginePacket::decode(text);
        if let (None, Ok(EnginePacket::Open(handshake))) = (&socket, &packet) {
            let polling = TransportName::Polling;
            socket = Some(sessions.open(service, polling, handshake));
        }
        let Some(socket) = &socket else {
            return;
        };
        let closed = packet == Ok(EnginePacket::Close);
        {
            let mut session = lock(socket);
            session.hear();
            session.observe(Piece {
                direction: Direction::Down,
                transport: TransportName::Polling,
                bytes: text.len() as u64,
                text,
                packet,
            });
        }
        if closed {
            sessions.end(socket, SocketEnd::Backend);
        }
    }
}

/// What a polling POST may do.
pub(super) struct Posted {
    /// The packets that pass, if some do not.
    pub(super) passes: Option<String>,
    pub(super) closes: bool,
}

/// Journals and judges the packets of a polling POST. One that is kept back takes its attachments with
/// it and leaves the others their way, as on a WebSocket.
pub(super) fn observe_post(socket: &Shared, body: &[u8]) -> Posted {
    let mut posted = Posted {
        passes: None,
        closes: false,
    };
    let mut passing = Vec::new();
    let mut dropped = false;
    let text = String::from_utf8_lossy(body);
    let mut session = lock(socket);
    session.hear();
    for text in text.split(payload::SEPARATOR) {
        let packet = EnginePacket::decode(text);
        posted.closes |= packet == Ok(EnginePacket::Close);
        let passage = session.observe(Piece {
            direction: Direction::Up,
            transport: TransportName::Polling,
            bytes: text.len() as u64,
            text,
            packet,
        });
        match passage {
            Passage::Forward | Passage::Hold | Passage::Over => passing.push(text),
            Passage::Drop { answer } => {
                dropped = true;
                session.owe(answer);
            }
        }
    }
    if dropped {
        posted.passes = Some(passing.join(&payload::SEPARATOR.to_string()));
    }
    posted
}
