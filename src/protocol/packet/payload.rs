//! Polling bodies: packets joined by the record separator, binary ones as `b` and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{DecodeError, EnginePacket, Frame};

/// What stands between two packets of one body.
pub const SEPARATOR: char = '\u{1e}';

/// The packets of a polling body, in order. Stop at the first error: the official parser reads no further either.
pub fn packets(body: &str) -> impl Iterator<Item = Result<EnginePacket<'_>, DecodeError>> {
    let mut failed = false;
    body.split(SEPARATOR).map_while(move |piece| {
        if failed {
            return None;
        }
        let packet = EnginePacket::decode(piece);
        failed = packet.is_err();
        Some(packet)
    })
}

/// Makes one polling body of several packets.
#[must_use]
pub fn join<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> String {
    let mut body = String::new();
    for (index, frame) in frames.into_iter().enumerate() {
        if index > 0 {
            body.push(SEPARATOR);
        }
        match frame {
            Frame::Text(text) => body.push_str(text),
            Frame::Binary(bytes) => {
                body.push('b');
                STANDARD.encode_string(bytes, &mut body);
            }
        }
    }
    body
}
