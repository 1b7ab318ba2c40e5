//! One Engine.IO session: what carries it, what it owes, and whether it is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::large::Large;
use super::packets::{Handshake, Packets, Passage, Piece};
use crate::domain::contract::TransportName;
use crate::domain::journal::{Direction, Fact, SocketEnd};
use crate::gateway::scribe::Scribe;
use crate::protocol::packet::{EnginePacket, Packet, payload};

/// How many answers wait for a poll.
const OWED: usize = 16;

/// How long a session that told no heartbeat may be silent on polling.
const SILENCE: Duration = Duration::from_secs(45);

/// One Engine.IO session.
pub(in crate::gateway) struct Session {
    scribe: Arc<Scribe>,
    number: u64,
    sid: Option<String>,
    transport: TransportName,
    open: bool,
    packets: Packets,
    /// Answers to packets that were kept back on polling, until a poll or the WebSocket that the session
    /// moves to can carry them.
    owed: Vec<Packet>,
    /// How long the session may be silent on polling before it counts as gone.
    silence: Duration,
    heard: Instant,
    /// How many requests of the session are under way.
    exchanges: usize,
    /// How the WebSocket ended that the session was to move to, until the next request shows that it
    /// goes on polling.
    doubt: Option<SocketEnd>,
}

/// What the register knows a session by that has ended.
pub(super) struct Ended {
    pub(super) number: u64,
    pub(super) sid: Option<String>,
}

impl Session {
    pub(super) fn new(
        scribe: &Arc<Scribe>,
        number: u64,
        transport: TransportName,
        handshake: Option<Handshake>,
        open: bool,
    ) -> Self {
        Self {
            scribe: Arc::clone(scribe),
            number,
            transport,
            open,
            packets: Packets::new(Arc::clone(scribe), number),
            owed: Vec::new(),
            silence: handshake.as_ref().map_or(SILENCE, Handshake::heartbeat),
            sid: handshake.as_ref().and_then(Handshake::sid),
            heard: Instant::now(),
            exchanges: 0,
            doubt: None,
        }
    }

    /// Journals one packet, judged if it goes up, and says what becomes of it. A packet that a client
    /// sends after the session's end stands in the journal, too, and goes nowhere.
    pub(in crate::gateway) fn observe(&mut self, piece: Piece<'_>) -> Passage {
        if !self.open {
            if piece.direction == Direction::Up {
                self.packets.pass(piece);
            }
            return Passage::Over;
        }
        // Posted, it moves nothing: only the transport that takes over can say so.
        let upgrades = piece.packet == Ok(EnginePacket::Upgrade)
            && (piece.direction, piece.transport) == (Direction::Up, TransportName::Websocket);
        let passage = self.packets.pass(piece);
        if upgrades && self.is_polling() {
            self.transport = TransportName::Websocket;
            self.scribe.record(Fact::SocketUpgraded {
                socket: self.number,
            });
        }
        passage
    }

    /// Judges a message that is too long to be held by its beginning; `text` is that of a text message.
    pub(in crate::gateway) fn begin_large(
        &mut self,
        direction: Direction,
        text: Option<&str>,
    ) -> Large {
        let websocket = TransportName::Websocket;
        self.packets
            .begin_large((direction, websocket), text, self.open)
    }

    /// Journals a large message when its length and hash are known, before its last bytes pass.
    /// Comes to the acknowledgement that the sender of one that was kept back expects.
    pub(in crate::gateway) fn end_large(
        &mut self,
        large: Large,
        bytes: u64,
        sha256: String,
    ) -> Option<Packet> {
        self.packets.end_large(large, bytes, sha256)
    }

    /// Keeps an answer for the next poll. A client that asks on without polling gets the first ones.
    pub(in crate::gateway) fn owe(&mut self, answer: Option<Packet>) {
        if self.owed.len() < OWED {
            self.owed.extend(answer);
        }
    }

    /// What a poll is answered before the backend's own packets, journalled.
    pub(in crate::gateway) fn pay(&mut self) -> String {
        let mut before = String::new();
        for packet in std::mem::take(&mut self.owed) {
            let frames = packet.encode();
            let text = payload::join(&frames);
            self.record_answer(packet, text.len() as u64);
            before.push_str(&text);
            before.push(payload::SEPARATOR);
        }
        before
    }

    /// What polling still owes when the session has left it: its WebSocket carries that.
    pub(in crate::gateway) fn left_owing(&mut self) -> Vec<Packet> {
        match self.transport {
            TransportName::Polling => Vec::new(),
            TransportName::Websocket => std::mem::take(&mut self.owed),
        }
    }

    /// Journals a packet of the gateway's own on its way down.
    pub(in crate::gateway) fn record_answer(&mut self, packet: Packet, bytes: u64) {
        self.packets.record_answer(self.transport, packet, bytes);
    }

    /// Notes that a request of the session has begun.
    pub(in crate::gateway) fn join(&mut self) {
        self.hear();
        self.exchanges += 1;
        self.doubt = None;
    }

    pub(super) fn leave(&mut self) {
        self.hear();
        self.exchanges -= 1;
    }

    /// Notes that a request or an answer of the session passed.
    pub(in crate::gateway) fn hear(&mut self) {
        self.heard = Instant::now();
    }

    pub(super) fn is_polling(&self) -> bool {
        self.transport == TransportName::Polling
    }

    /// When it counts as gone unless something is heard of it.
    pub(super) fn silent_at(&self) -> Option<Instant> {
        (self.open && self.is_polling()).then(|| self.heard + self.silence + Duration::from_secs(1))
    }

    /// Notes that its WebSocket is gone. That is its end, unless it still lives on polling.
    pub(super) fn lose_tunnel(&mut self, end: SocketEnd) -> Option<SocketEnd> {
        if self.is_polling() {
            self.doubt = Some(end);
            return None;
        }
        Some(end)
    }

    /// Whether it was to leave polling for a WebSocket that is gone, and nobody polls.
    pub(super) fn is_doubted(&self) -> bool {
        self.open && self.doubt.is_some() && self.exchanges == 0 && self.is_polling()
    }

    /// Its end, if it is doubted still.
    pub(super) fn give_up(&mut self) -> Option<SocketEnd> {
        self.is_doubted().then(|| self.doubt.take()).flatten()
    }

    /// Ends the session, once.
    pub(super) fn end(&mut self, end: SocketEnd) -> Option<Ended> {
        if !std::mem::replace(&mut self.open, false) {
            return None;
        }
        self.scribe.record(Fact::SocketClosed {
            socket: self.number,
            end,
        });
        Some(Ended {
            number: self.number,
            sid: self.sid.take(),
        })
    }
}
