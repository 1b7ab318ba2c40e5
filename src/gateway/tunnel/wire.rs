//! One end of a WebSocket: messages are read whole as long as they are of ordinary size, and in
//! pieces beyond that. Cancelling a read or a write loses nothing.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::framing::{Broken, Deframer, Kind, Part, Signal, put_data, put_signal};
use crate::gateway::observe::KEPT;

/// Room for what a feed brings at once. Larger buffers would be most of what a tunnel weighs.
const ROOM: usize = 4 * 1024;
/// Room while more is known to come.
const WIDE: usize = 64 * 1024;

/// What comes next.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A message.
    Whole(Message),
    /// The beginning of a message that is longer than what the journal keeps of one.
    Large(Kind, Piece),
    /// What follows a beginning or another such piece.
    More(Piece),
    /// A control frame.
    Signal(Signal, Bytes),
}

/// Some of a large message.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// Whether the message ends with it.
    pub(super) ends: bool,
}

/// The reading half.
pub(super) struct Reader<R> {
    io: R,
    input: BytesMut,
    deframer: Deframer,
    /// What has come of a message that is not known to be large.
    begun: BytesMut,
    /// Whether the message under way is.
    large: bool,
    /// Whether what came was no frame.
    broken: bool,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads from a client, whose frames are masked, or from a backend.
    pub(super) fn new(io: R, masked: bool) -> Self {
        Self {
            io,
            input: BytesMut::new(),
            deframer: Deframer::new(masked),
            begun: BytesMut::new(),
            large: false,
            broken: false,
        }
    }

    /// Waits for what comes next; `None` once the connection is at its end or its peer does not keep
    /// to the protocol.
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        loop {
            match self.read() {
                Ok(Some(incoming)) => return Some(incoming),
                Ok(None) => self.fill().await?,
                Err(Broken) => {
                    self.broken = true;
                    return None;
                }
            }
        }
    }

    /// Whether the end came because the peer sent something that is no WebSocket.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// What has come whole; `None` when more must come first.
    fn read(&mut self) -> Result<Option<Incoming>, Broken> {
        while let Some(part) = self.deframer.next(&mut self.input)? {
            let incoming = match part {
                Part::Signal(signal, payload) => Some(Incoming::Signal(signal, payload)),
                Part::Data { kind, bytes, ends } => self.data(kind, Piece { bytes, ends })?,
            };
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
        Ok(None)
    }

    /// Adds to the message under way; `None` when more of it must come first.
    fn data(&mut self, kind: Kind, mut piece: Piece) -> Result<Option<Incoming>, Broken> {
        if self.large {
            self.large = !piece.ends;
            return Ok(Some(Incoming::More(piece)));
        }
        if !piece.ends || !self.begun.is_empty() {
            self.begun.extend_from_slice(&piece.bytes);
            if !piece.ends && self.begun.len() <= KEPT {
                return Ok(None);
            }
            piece.bytes = std::mem::take(&mut self.begun).freeze();
        }
        if piece.bytes.len() > KEPT {
            self.large = !piece.ends;
            return Ok(Some(Incoming::Large(kind, piece)));
        }
        Ok(Some(Incoming::Whole(match kind {
            Kind::Text => Message::Text(Utf8Bytes::try_from(piece.bytes).map_err(|_| Broken)?),
            Kind::Binary => Message::Binary(piece.bytes),
        })))
    }

    async fn fill(&mut self) -> Option<()> {
        let want = if self.deframer.due() > ROOM as u64 {
            WIDE
        } else {
            ROOM
        };
        let room = self.input.capacity() - self.input.len();
        if self.input.is_empty() && (room < want / 2 || room > 2 * want) {
            self.input = BytesMut::with_capacity(want);
        } else if room < want / 4 {
            self.input.reserve(want);
        }
        let read = self.io.read_buf(&mut self.input).await.ok()?;
        (read > 0).then_some(())
    }

    /// Reads until the peer has closed, so that it is not cut off in the middle of a word.
    pub(super) async fn drain(&mut self) {
        while let Some(incoming) = self.next().await {
            if let Incoming::Signal(Signal::Close, _) = incoming {
                return;
            }
        }
    }
}

/// The writing half.
pub(super) struct Writer<W> {
    io: W,
    out: BytesMut,
    /// Where masks come from, for frames that go to a backend.
    masks: Option<fastrand::Rng>,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes to a client.
    pub(super) fn to_client(io: W) -> Self {
        Self {
            io,
            out: BytesMut::new(),
            masks: None,
        }
    }

    /// Writes to a backend, which wants its frames masked.
    pub(super) fn to_backend(io: W) -> Self {
        Self {
            masks: Some(fastrand::Rng::new()),
            ..Self::to_client(io)
        }
    }

    pub(super) async fn message(&mut self, message: &Message) -> io::Result<()> {
        let (kind, bytes) = match message {
            Message::Text(text) => (Kind::Text, text.as_bytes()),
            Message::Binary(bytes) => (Kind::Binary, &bytes[..]),
            // Those of the protocol itself come and go as signals.
            _ => return Ok(()),
        };
        let mask = self.mask();
        put_data(&mut self.out, kind, bytes, true, true, mask);
        self.flush().await
    }

    /// Writes a piece of a large message, its first or a later one.
    pub(super) async fn piece(&mut self, kind: Kind, piece: &Piece, first: bool) -> io::Result<()> {
        let mask = self.mask();
        put_data(&mut self.out, kind, &piece.bytes, first, piece.ends, mask);
        self.flush().await
    }

    pub(super) async fn signal(&mut self, signal: Signal, payload: &[u8]) -> io::Result<()> {
        let mask = self.mask();
        put_signal(&mut self.out, signal, payload, mask);
        self.flush().await
    }

    fn mask(&mut self) -> Option<[u8; 4]> {
        self.masks.as_mut().map(|rng| rng.u32(..).to_be_bytes())
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            if self.io.write_buf(&mut self.out).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        if self.out.capacity() > WIDE {
            self.out = BytesMut::new();
        }
        self.io.flush().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// How many bytes the two halves have room for at this moment.
    fn held<R, W>(reader: &Reader<R>, writer: &Writer<W>) -> usize {
        reader.input.capacity() + reader.begun.capacity() + writer.out.capacity()
    }

    #[tokio::test]
    async fn a_message_of_any_length_passes_in_bounded_memory_and_leaves_little_behind() {
        const LENGTH: usize = 24 << 20;
        let (mut peer, near) = duplex(50_000);
        let (far, mut other) = duplex(50_000);
        let (mut reader, mut writer) = (Reader::new(near, false), Writer::to_client(far));
        let mut head = BytesMut::from(&[0x82, 127][..]);
        head.extend_from_slice(&(LENGTH as u64).to_be_bytes());
        let send = async {
            peer.write_all(&head).await.unwrap();
            for _ in 0..LENGTH / 4_096 {
                peer.write_all(&[7; 4_096]).await.unwrap();
            }
            peer.write_all(&[0x81, 2, b'o', b'k']).await.unwrap();
            peer
        };
        let carry = async {
            let (mut most, mut passed) = (0, 0);
            loop {
                let incoming = reader.next().await.unwrap();
                let (first, piece) = match incoming {
                    Incoming::Large(_, piece) => (true, piece),
                    Incoming::More(piece) => (false, piece),
                    Incoming::Whole(message) => {
                        assert_eq!(message, Message::text("ok"));
                        writer.message(&message).await.unwrap();
                        break;
                    }
                    Incoming::Signal(..) => panic!("nobody signals"),
                };
                passed += piece.bytes.len();
                writer.piece(Kind::Binary, &piece, first).await.unwrap();
                most = most.max(held(&reader, &writer) + piece.bytes.len());
            }
            drop(writer.io);
            writer.io = duplex(1).0;
            (most, passed, held(&reader, &writer))
        };
        let read = async {
            let mut sink = vec![0; 64 << 10];
            while other.read(&mut sink).await.unwrap() > 0 {}
        };
        let (_peer, (most, passed, left), ()) = tokio::join!(send, carry, read);
        assert_eq!(passed, LENGTH);
        assert!(most <= 4 * KEPT, "{most}");
        assert!(left <= 3 * WIDE, "{left}");
    }
}
