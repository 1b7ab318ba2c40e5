//! Engine.IO packets: one character of type, then the data.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::{DecodeError, WithoutAuth};

/// One Engine.IO packet, borrowing its text from the frame or body it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnginePacket<'a> {
    /// `0`: the handshake, JSON.
    Open(&'a str),
    /// `1`: the session ends.
    Close,
    /// `2`: a heartbeat, or `2probe`.
    Ping(&'a str),
    /// `3`: the answer to a heartbeat, or `3probe`.
    Pong(&'a str),
    /// `4`: a text message, that is a Socket.IO packet.
    Text(&'a str),
    /// A binary message, that is a Socket.IO attachment.
    Binary(Bytes),
    /// `5`: the client moves to this WebSocket.
    Upgrade,
    /// `6`: nothing; it releases a parked poll.
    Noop,
}

/// A packet as it travels in one WebSocket frame; `Debug` leaves the payload of a CONNECT out. [`payload::join`](super::payload::join) makes a polling body of several.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text frame, its Engine.IO type included.
    Text(String),
    /// A binary frame: the attachment and nothing else.
    Binary(Bytes),
}

impl<'a> EnginePacket<'a> {
    /// Decodes the text of a WebSocket frame, or one piece of a polling body.
    ///
    /// `b` introduces base64 on either transport, as the official parser has it.
    ///
    /// # Errors
    /// [`DecodeError::Empty`] or [`DecodeError::EngineType`].
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(DecodeError::Empty)?;
        let data = chars.as_str();
        Ok(match kind {
            '0' => Self::Open(data),
            '1' => Self::Close,
            '2' => Self::Ping(data),
            '3' => Self::Pong(data),
            '4' => Self::Text(data),
            '5' => Self::Upgrade,
            '6' => Self::Noop,
            'b' => Self::Binary(decode_base64(data)),
            other => return Err(DecodeError::EngineType(other)),
        })
    }

    /// Decodes a WebSocket frame of either sort; binary data is shared, not copied.
    ///
    /// # Errors
    /// As [`EnginePacket::decode`]; a binary frame is always a packet.
    pub fn from_frame(frame: &'a Frame) -> Result<Self, DecodeError> {
        match frame {
            Frame::Text(text) => Self::decode(text),
            Frame::Binary(bytes) => Ok(Self::Binary(bytes.clone())),
        }
    }
}

impl From<&EnginePacket<'_>> for Frame {
    fn from(packet: &EnginePacket<'_>) -> Self {
        let typed = |kind: char, data: &str| {
            let mut text = String::with_capacity(1 + data.len());
            text.push(kind);
            text.push_str(data);
            Self::Text(text)
        };
        match packet {
            EnginePacket::Open(data) => typed('0', data),
            EnginePacket::Close => typed('1', ""),
            EnginePacket::Ping(data) => typed('2', data),
            EnginePacket::Pong(data) => typed('3', data),
            EnginePacket::Text(data) => typed('4', data),
            EnginePacket::Binary(bytes) => Self::Binary(bytes.clone()),
            EnginePacket::Upgrade => typed('5', ""),
            EnginePacket::Noop => typed('6', ""),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(&WithoutAuth(text)).finish(),
            Self::Binary(bytes) => f.debug_tuple("Binary").field(bytes).finish(),
        }
    }
}

impl Frame {
    /// Bytes on the WebSocket, without the frame's own header.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether the frame carries nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes base64 the way Node's `Buffer` does: what is no base64 character is passed over, so this cannot fail.
fn decode_base64(text: &str) -> Bytes {
    if let Ok(bytes) = LENIENT.decode(text) {
        return bytes.into();
    }
    let mut kept: Vec<u8> = text
        .bytes()
        .take_while(|byte| *byte != b'=')
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            other if other.is_ascii_alphanumeric() => Some(other),
            _ => None,
        })
        .collect();
    // A single left-over character holds six bits, not enough for a byte.
    if kept.len() % 4 == 1 {
        kept.pop();
    }
    LENIENT.decode(kept).unwrap_or_default().into()
}
