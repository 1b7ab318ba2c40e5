//! Messages too long to be held: judged by their beginning, journalled by their length and hash.
//!
//! The scope never looks at what an event carries, so its name, which stands at the beginning, says
//! all that there is to judge. What cannot be told from the beginning is not judgeable.

use super::frame::refusal;
use super::packets::Packets;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Content, Direction, Frame, Judgement};
use crate::domain::scope::{judge_packet, judge_unreadable};
use crate::gateway::observe::{SEARCHED, SHOWN};
use crate::protocol::packet::{Body, DecodeError, EnginePacket, Header, Limits, Packet};

/// A large message on its way.
pub(in crate::gateway) struct Large {
    what: What,
    direction: Direction,
    transport: TransportName,
    judgement: Option<Judgement>,
    /// Whether it goes to the other end.
    pub(in crate::gateway) passes: bool,
    /// Whether its session is over, so that nothing may follow it.
    pub(in crate::gateway) over: bool,
}

enum What {
    /// An event or an acknowledgement, and how its arguments begin.
    Packet(Header, String),
    /// Data of a packet that waits for it.
    Attachment,
    /// Data of a packet that is journalled already.
    Passing,
    /// Data of a packet that was kept back.
    Unwanted,
    Unreadable(DecodeError),
}

impl Packets {
    /// Judges a message by its beginning; `text` is that of a text message, and `open` says whether its
    /// session is.
    pub(super) fn begin_large(
        &mut self,
        (direction, transport): (Direction, TransportName),
        text: Option<&str>,
        open: bool,
    ) -> Large {
        let up = direction == Direction::Up;
        let what = self.what(direction, text);
        let judgement = match &what {
            What::Packet(header, _) if up => {
                judge_packet(&self.scribe.contract, &header.packet, header.attachments)
            }
            What::Unreadable(error) if up => Some(judge_unreadable(
                &self.scribe.contract,
                text.unwrap_or_default(),
                error,
            )),
            _ => None,
        };
        let judgement = judgement.map(|judgement| self.scribe.clean(judgement));
        let denied = judgement
            .as_ref()
            .is_some_and(|it| self.scribe.denies(it.class));
        let what = match what {
            What::Packet(header, beginning) => {
                if denied {
                    self.unwanted = header.attachments;
                } else {
                    self.half(direction).passing = header.attachments;
                }
                let searched = beginning.floor_char_boundary(SEARCHED);
                let beginning = self.scribe.redact(&beginning[..searched]);
                let shown = beginning[..beginning.floor_char_boundary(SHOWN)].to_owned();
                What::Packet(header, shown)
            }
            what => what,
        };
        Large {
            passes: open && !denied && !matches!(what, What::Unwanted),
            over: !open,
            what,
            direction,
            transport,
            judgement,
        }
    }

    fn what(&mut self, direction: Direction, text: Option<&str>) -> What {
        let packet = match text.map(EnginePacket::decode) {
            None | Some(Ok(EnginePacket::Binary(_))) => {
                if direction == Direction::Up && self.unwanted > 0 {
                    self.unwanted -= 1;
                    return What::Unwanted;
                }
                let half = self.half(direction);
                if half.passing > 0 {
                    half.passing -= 1;
                    return What::Passing;
                }
                if half.whole.missing() > 0 {
                    return What::Attachment;
                }
                return What::Unreadable(DecodeError::StrayAttachment);
            }
            Some(Ok(EnginePacket::Text(text))) => {
                if direction == Direction::Up {
                    self.unwanted = 0;
                }
                let half = self.half(direction);
                half.passing = 0;
                if half.whole.missing() > 0 {
                    half.whole.reset();
                    Err(DecodeError::TextAmidAttachments)
                } else {
                    Packet::beginning(text, Limits::default())
                }
            }
            Some(Ok(_)) => Err(DecodeError::TooLarge),
            Some(Err(error)) => Err(error),
        };
        match packet {
            Ok((header, args)) => What::Packet(header, format!("[{args}")),
            Err(error) => What::Unreadable(error),
        }
    }

    /// Journals a large message when its length and hash are known, before its last bytes pass.
    /// Comes to the acknowledgement that the sender of one that was kept back expects.
    pub(super) fn end_large(&mut self, large: Large, bytes: u64, sha256: String) -> Option<Packet> {
        let answer = match &large.what {
            What::Packet(header, _) if !large.passes => refusal(&header.packet),
            _ => None,
        };
        let frame = match large.what {
            What::Unwanted | What::Passing => return None,
            What::Attachment => {
                // It counts, and what it holds is nobody's business.
                self.binary(large.direction, large.transport, bytes, bytes::Bytes::new());
                return None;
            }
            What::Unreadable(error) => Frame::Unreadable {
                why: self
                    .scribe
                    .redact(&format!("{error}: {bytes} bytes with the SHA-256 {sha256}")),
            },
            What::Packet(header, beginning) => {
                let namespace = self.scribe.redact(&header.packet.namespace);
                match header.packet.body {
                    Body::Event { id, name, .. } => Frame::Event {
                        namespace,
                        name: self.scribe.redact(&name),
                        args: Content::Truncated {
                            beginning,
                            bytes,
                            sha256,
                        },
                        ack: id,
                        attachments: header.attachments,
                    },
                    Body::Ack { id, .. } => Frame::Ack {
                        namespace,
                        id: id.unwrap_or_default(),
                    },
                    _ => Frame::Unreadable {
                        why: DecodeError::TooLarge.to_string(),
                    },
                }
            }
        };
        self.record(
            large.direction,
            large.transport,
            bytes,
            frame,
            large.judgement,
        );
        answer
    }
}
