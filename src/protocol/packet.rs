//! The codec: Engine.IO packets and polling bodies, Socket.IO packets, and the joining of binary attachments.
//!
//! Decoding never trusts its input: whatever arrives ends in a packet or in a [`DecodeError`], within the bounds of
//! [`Limits`]. It accepts what the JavaScript parsers accept, because a decoder that is stricter than the server
//! behind it would let a disguised event pass unseen.
//!
//! The way in: [`EnginePacket::decode`] for a WebSocket text frame or [`payload::packets`] for a polling body; every
//! [`EnginePacket::Text`] and [`EnginePacket::Binary`] then goes, per session and direction, to one [`Reassembler`].

mod args;
mod auth;
mod engine;
pub mod payload;
mod reassembly;
mod socket;

pub use args::Args;
pub use auth::Auth;
pub(in crate::protocol) use auth::WithoutAuth;
pub use engine::{EnginePacket, Frame};
pub use reassembly::{Progress, Reassembler};
pub use socket::{Body, Header, Packet, Refusal, is_reserved};

/// What a decoder is willing to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attachments of one binary packet; the official parsers stop at ten.
    pub attachments: usize,
    /// Bytes of one binary packet with all its attachments.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attachments: 10,
            bytes: 16 * 1024 * 1024,
        }
    }
}

/// Why some text or bytes are not a packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A packet without even a type.
    #[error("the packet is empty")]
    Empty,
    /// The first character is no Engine.IO packet type.
    #[error("{0:?} is no Engine.IO packet type")]
    EngineType(char),
    /// The first character is no Socket.IO packet type.
    #[error("{0:?} is no Socket.IO packet type")]
    SocketType(char),
    /// The attachment count is missing, malformed or zero.
    #[error("the attachment count is malformed")]
    AttachmentCount,
    /// More attachments are announced than the limit allows.
    #[error("{0} attachments are more than allowed")]
    TooManyAttachments(u64),
    /// The acknowledgement id is not a whole number that can be held.
    #[error("the acknowledgement id is malformed")]
    AckId,
    /// The JSON is malformed or has the wrong shape for this type of packet.
    #[error("the payload does not fit the packet type")]
    Payload,
    /// The event has a name that only the library itself may use.
    #[error("{0:?} is a reserved event name")]
    Reserved(String),
    /// A text packet arrived while attachments were still missing.
    #[error("a text packet arrived while attachments were missing")]
    TextAmidAttachments,
    /// Binary data arrived although no packet waits for it.
    #[error(
        "binary data arrived that no packet waits for; another parser than the default one, such as msgpack, may be spoken"
    )]
    StrayAttachment,
    /// A placeholder names an attachment that does not exist.
    #[error("a placeholder names an attachment that does not exist")]
    Placeholder,
    /// The packet and its attachments exceed the byte limit.
    #[error("the packet is larger than allowed")]
    TooLarge,
}
