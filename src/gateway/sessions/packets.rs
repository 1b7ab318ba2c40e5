//! What passes on a session, on either transport: decoded, judged and journalled.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::frame::{describe, refusal};
use crate::domain::contract::TransportName;
use crate::domain::journal::{Direction, Fact, Frame, Judgement};
use crate::domain::scope::{judge_packet, judge_unreadable};
use crate::gateway::observe::{KEPT, sha256};
use crate::gateway::scribe::Scribe;
use crate::protocol::packet::{
    Body, DecodeError, EnginePacket, Limits, Packet, Progress, Reassembler,
};

/// The settings of a handshake.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handshake {
    #[serde(default)]
    sid: String,
    #[serde(default)]
    ping_interval: u64,
    #[serde(default)]
    ping_timeout: u64,
}

impl Handshake {
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn sid(&self) -> Option<String> {
        Some(self.sid.clone()).filter(|sid| !sid.is_empty())
    }

    /// Within what time something is heard of a session that lives.
    pub(super) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.ping_interval.saturating_add(self.ping_timeout))
    }
}

/// What has passed on a session, as far as what follows depends on it.
pub(super) struct Packets {
    pub(super) scribe: Arc<Scribe>,
    /// The session's number.
    socket: u64,
    up: Half,
    down: Half,
    /// How many attachments of a packet that was kept back are still to come.
    pub(super) unwanted: usize,
}

/// One direction of a session.
pub(super) struct Half {
    pub(super) whole: Reassembler,
    bytes: u64,
    judgement: Option<Judgement>,
    /// How many attachments are still to pass of a packet that was too long to wait for them.
    pub(super) passing: usize,
}

impl Half {
    fn new() -> Self {
        Self {
            whole: Reassembler::new(Limits::default()),
            bytes: 0,
            judgement: None,
            passing: 0,
        }
    }
}

/// What becomes of one packet.
#[derive(Debug, PartialEq)]
pub(in crate::gateway) enum Passage {
    /// It passes, with whatever was held before it.
    Forward,
    /// It waits for its attachments.
    Hold,
    /// It goes nowhere, nor does what was held before it. `answer` is the acknowledgement that its
    /// sender expects.
    Drop {
        /// The acknowledgement.
        answer: Option<Packet>,
    },
    /// The session is over: nothing passes on it any more.
    Over,
}

/// A packet as it was found on a transport.
pub(in crate::gateway) struct Piece<'a> {
    pub(in crate::gateway) direction: Direction,
    pub(in crate::gateway) transport: TransportName,
    pub(in crate::gateway) bytes: u64,
    /// The text it was decoded from; empty for binary data.
    pub(in crate::gateway) text: &'a str,
    pub(in crate::gateway) packet: Result<EnginePacket<'a>, DecodeError>,
}

impl Packets {
    pub(super) fn new(scribe: Arc<Scribe>, socket: u64) -> Self {
        Self {
            scribe,
            socket,
            up: Half::new(),
            down: Half::new(),
            unwanted: 0,
        }
    }

    /// Journals one packet, judged if it goes up, and says what becomes of it.
    pub(super) fn pass(&mut self, piece: Piece<'_>) -> Passage {
        let (direction, transport) = (piece.direction, piece.transport);
        let is_data = matches!(piece.packet, Ok(EnginePacket::Binary(_)));
        if piece.text.len() > KEPT && !is_data {
            return self.long(&piece);
        }
        let packet = match piece.packet {
            Ok(packet) => packet,
            Err(error) => return self.unreadable(direction, transport, piece.text, &error),
        };
        let frame = match packet {
            EnginePacket::Text(text) => {
                return self.text(direction, transport, piece.bytes, text);
            }
            EnginePacket::Binary(bytes) => {
                return self.binary(direction, transport, piece.bytes, bytes);
            }
            EnginePacket::Open(handshake) => {
                let settings = Handshake::read(handshake);
                Frame::Open {
                    ping_interval: settings.as_ref().map_or(0, |it| it.ping_interval),
                    ping_timeout: settings.as_ref().map_or(0, |it| it.ping_timeout),
                }
            }
            EnginePacket::Close => Frame::Close,
            EnginePacket::Ping(data) => Frame::Ping {
                probe: data == "probe",
            },
            EnginePacket::Pong(data) => Frame::Pong {
                probe: data == "probe",
            },
            EnginePacket::Upgrade => Frame::Upgrade,
            EnginePacket::Noop => Frame::Noop,
        };
        self.record(direction, transport, piece.bytes, frame, None);
        Passage::Forward
    }

    /// A text that is too long for the journal, judged by its beginning as it would be on a WebSocket.
    fn long(&mut self, piece: &Piece<'_>) -> Passage {
        let beginning = &piece.text[..piece.text.floor_char_boundary(KEPT)];
        let way = (piece.direction, piece.transport);
        let large = self.begin_large(way, Some(beginning), true);
        let passes = large.passes;
        let answer = self.end_large(large, piece.bytes, sha256(piece.text.as_bytes()));
        if passes {
            Passage::Forward
        } else {
            Passage::Drop { answer }
        }
    }

    pub(super) fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    fn text(
        &mut self,
        direction: Direction,
        transport: TransportName,
        bytes: u64,
        text: &str,
    ) -> Passage {
        if direction == Direction::Up {
            self.unwanted = 0;
        }
        let half = self.half(direction);
        half.passing = 0;
        let (packet, missing) = match half.whole.text(text) {
            Err(error) => return self.unreadable(direction, transport, text, &error),
            Ok(Progress::Complete(packet)) => (packet, 0),
            Ok(Progress::Pending { packet, missing }) => (packet.clone(), missing),
        };
        let judgement = (direction == Direction::Up)
            .then(|| judge_packet(&self.scribe.contract, &packet, missing))
            .flatten()
            .map(|judgement| self.scribe.clean(judgement));
        let denied = judgement
            .as_ref()
            .is_some_and(|it| self.scribe.denies(it.class));
        if missing > 0 && !denied {
            let half = self.half(direction);
            half.bytes = bytes;
            half.judgement = judgement;
            return Passage::Hold;
        }
        if missing > 0 {
            self.half(direction).whole.reset();
            self.unwanted = missing;
        }
        let answer = denied.then(|| refusal(&packet)).flatten();
        let frame = describe(&self.scribe, direction, packet, missing, bytes, false);
        self.record(direction, transport, bytes, frame, judgement);
        if denied {
            Passage::Drop { answer }
        } else {
            Passage::Forward
        }
    }

    pub(super) fn binary(
        &mut self,
        direction: Direction,
        transport: TransportName,
        bytes: u64,
        data: bytes::Bytes,
    ) -> Passage {
        if direction == Direction::Up && self.unwanted > 0 {
            self.unwanted -= 1;
            return Passage::Drop { answer: None };
        }
        let half = self.half(direction);
        if half.passing > 0 {
            half.passing -= 1;
            return Passage::Forward;
        }
        let packet = match half.whole.binary(data) {
            Err(error) => return self.unreadable(direction, transport, "", &error),
            Ok(Progress::Pending { .. }) => {
                half.bytes += bytes;
                return Passage::Hold;
            }
            Ok(Progress::Complete(packet)) => packet,
        };
        let bytes = half.bytes + bytes;
        let judgement = half.judgement.take();
        let attachments = match &packet.body {
            Body::Event { args, .. } | Body::Ack { args, .. } => args.attachments.len(),
            _ => 0,
        };
        let frame = describe(&self.scribe, direction, packet, attachments, bytes, false);
        self.record(direction, transport, bytes, frame, judgement);
        Passage::Forward
    }

    fn unreadable(
        &mut self,
        direction: Direction,
        transport: TransportName,
        text: &str,
        error: &DecodeError,
    ) -> Passage {
        let up = direction == Direction::Up;
        let judgement = up.then(|| {
            self.scribe
                .clean(judge_unreadable(&self.scribe.contract, text, error))
        });
        let denied = judgement
            .as_ref()
            .is_some_and(|it| self.scribe.denies(it.class));
        let why = self.scribe.redact(&error.to_string());
        let frame = Frame::Unreadable { why };
        let bytes = text.len() as u64;
        self.record(direction, transport, bytes, frame, judgement);
        if denied {
            Passage::Drop { answer: None }
        } else {
            Passage::Forward
        }
    }

    pub(super) fn record(
        &mut self,
        direction: Direction,
        transport: TransportName,
        bytes: u64,
        packet: Frame,
        judgement: Option<Judgement>,
    ) {
        self.scribe.record(Fact::Frame {
            socket: self.socket,
            direction,
            transport,
            bytes,
            packet,
            judgement,
        });
    }

    /// Journals a packet of the gateway's own on its way down.
    pub(super) fn record_answer(&mut self, transport: TransportName, packet: Packet, bytes: u64) {
        let frame = describe(&self.scribe, Direction::Down, packet, 0, bytes, true);
        self.record(Direction::Down, transport, bytes, frame, None);
    }
}
