//! The framing of WebSocket (RFC 6455) without I/O: bytes in, pieces of messages out.
//!
//! A piece is what has arrived of a message, so nothing is held for a frame that has not come to its
//! end, however long it says it is.

use bytes::{Bytes, BytesMut};

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
}

/// What a control frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Close,
    Ping,
    Pong,
}

/// What has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A control frame, whole.
    Signal(Signal, Bytes),
    /// Some bytes of a message; the last ones if it ends here.
    Data {
        kind: Kind,
        bytes: Bytes,
        ends: bool,
    },
}

/// The peer does not keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Takes one direction of a connection apart.
#[derive(Debug)]
pub(super) struct Deframer {
    /// Who sends: clients mask what they send, servers do not.
    masked: bool,
    /// The message that has not ended yet.
    message: Option<Kind>,
    /// What is left of the data frame that has begun.
    frame: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    kind: Kind,
    left: u64,
    last: bool,
    mask: [u8; 4],
}

struct Head {
    last: bool,
    opcode: u8,
    length: u64,
    mask: [u8; 4],
    /// Its own bytes.
    size: usize,
}

/// No control frame holds more.
const SIGNAL: u64 = 125;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

impl Deframer {
    /// Before the first byte of a peer whose frames are masked or not.
    pub(super) fn new(masked: bool) -> Self {
        Self {
            masked,
            message: None,
            frame: None,
        }
    }

    /// How many bytes of the frame that has begun are still to come.
    pub(super) fn due(&self) -> u64 {
        self.frame.as_ref().map_or(0, |rest| rest.left)
    }

    /// Takes the next part from the front of `input`; `None` when more bytes are needed.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Part>, Broken> {
        loop {
            if let Some(rest) = &mut self.frame {
                if rest.left > 0 && input.is_empty() {
                    return Ok(None);
                }
                let (kind, ends, bytes) = rest.take(input);
                if rest.left == 0 {
                    self.frame = None;
                }
                if ends {
                    self.message = None;
                } else if bytes.is_empty() {
                    continue;
                }
                return Ok(Some(Part::Data { kind, bytes, ends }));
            }
            let Some(head) = self.head(input)? else {
                return Ok(None);
            };
            let signal = match head.opcode {
                CLOSE => Signal::Close,
                PING => Signal::Ping,
                PONG => Signal::Pong,
                _ => {
                    let _ = input.split_to(head.size);
                    self.begin(&head)?;
                    continue;
                }
            };
            if !head.last || head.length > SIGNAL {
                return Err(Broken);
            }
            let length = usize::try_from(head.length).map_err(|_| Broken)?;
            if input.len() < head.size + length {
                return Ok(None);
            }
            let _ = input.split_to(head.size);
            let mut payload = input.split_to(length);
            apply(head.mask, &mut payload);
            return Ok(Some(Part::Signal(signal, payload.freeze())));
        }
    }

    /// Reads a frame's head without taking it.
    fn head(&self, input: &[u8]) -> Result<Option<Head>, Broken> {
        let [first, second, more @ ..] = input else {
            return Ok(None);
        };
        // The reserved bits belong to extensions, and none was agreed on.
        let (masked, short) = (second & 0x80 != 0, second & 0x7f);
        if first & 0x70 != 0 || masked != self.masked {
            return Err(Broken);
        }
        let (length, more, wide) = match short {
            126 => match more.split_first_chunk::<2>() {
                Some((wide, more)) => (u64::from(u16::from_be_bytes(*wide)), more, 2),
                None => return Ok(None),
            },
            127 => match more.split_first_chunk::<8>() {
                Some((wide, more)) => (u64::from_be_bytes(*wide), more, 8),
                None => return Ok(None),
            },
            short => (u64::from(short), more, 0),
        };
        if length > i64::MAX as u64 {
            return Err(Broken);
        }
        let mask = match (masked, more.first_chunk::<4>()) {
            (false, _) => [0; 4],
            (true, Some(mask)) => *mask,
            (true, None) => return Ok(None),
        };
        Ok(Some(Head {
            last: first & 0x80 != 0,
            opcode: first & 0x0f,
            length,
            mask,
            size: 2 + wide + if masked { 4 } else { 0 },
        }))
    }

    fn begin(&mut self, head: &Head) -> Result<(), Broken> {
        let kind = match (head.opcode, self.message) {
            (CONTINUATION, Some(kind)) => kind,
            (TEXT, None) => Kind::Text,
            (BINARY, None) => Kind::Binary,
            _ => return Err(Broken),
        };
        self.message = Some(kind);
        self.frame = Some(Rest {
            kind,
            left: head.length,
            last: head.last,
            mask: head.mask,
        });
        Ok(())
    }
}

impl Rest {
    fn take(&mut self, input: &mut BytesMut) -> (Kind, bool, Bytes) {
        let there = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let mut bytes = input.split_to(there);
        apply(self.mask, &mut bytes);
        self.mask.rotate_left(there % 4);
        self.left -= there as u64;
        (self.kind, self.last && self.left == 0, bytes.freeze())
    }
}

fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    if mask != [0; 4] {
        for (byte, mask) in bytes.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
    }
}

/// Appends a control frame.
pub(super) fn put_signal(
    out: &mut BytesMut,
    signal: Signal,
    payload: &[u8],
    mask: Option<[u8; 4]>,
) {
    let opcode = match signal {
        Signal::Close => CLOSE,
        Signal::Ping => PING,
        Signal::Pong => PONG,
    };
    put(out, 0x80 | opcode, payload, mask);
}

/// Appends a piece of a message, in a frame of its own.
pub(super) fn put_data(
    out: &mut BytesMut,
    kind: Kind,
    payload: &[u8],
    begins: bool,
    ends: bool,
    mask: Option<[u8; 4]>,
) {
    let opcode = match kind {
        _ if !begins => CONTINUATION,
        Kind::Text => TEXT,
        Kind::Binary => BINARY,
    };
    put(out, opcode | if ends { 0x80 } else { 0 }, payload, mask);
}

fn put(out: &mut BytesMut, first: u8, payload: &[u8], mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.reserve(14 + payload.len());
    match payload.len() {
        short @ 0..=125 => out.extend_from_slice(&[first, masked | short as u8]),
        long => match u16::try_from(long) {
            Ok(long) => {
                out.extend_from_slice(&[first, masked | 126]);
                out.extend_from_slice(&long.to_be_bytes());
            }
            Err(_) => {
                out.extend_from_slice(&[first, masked | 127]);
                out.extend_from_slice(&(long as u64).to_be_bytes());
            }
        },
    }
    out.extend_from_slice(&mask.unwrap_or_default()[..if mask.is_some() { 4 } else { 0 }]);
    let begin = out.len();
    out.extend_from_slice(payload);
    apply(mask.unwrap_or_default(), &mut out[begin..]);
}

#[cfg(test)]
mod tests;
