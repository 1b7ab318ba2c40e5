//! Messages that are too long to be held, on their way.

use tokio_tungstenite::tungstenite::Message;

use super::feed::{End, Feed, Reader, Writer, release};
use super::framing::Kind;
use super::wire::{Incoming, Piece};
use crate::domain::journal::{Direction, SocketEnd};
use crate::gateway::lock::lock;
use crate::gateway::observe::Capture;
use crate::protocol::packet::{DecodeError, Packet};

/// The direction that a large message goes.
pub(super) struct Way<'a> {
    pub(super) direction: Direction,
    pub(super) from: &'a mut Reader,
    pub(super) to: &'a mut Writer,
    /// Messages that wait for this one.
    pub(super) held: &'a mut Vec<Message>,
}

impl Feed {
    /// Takes a large message to its end: passes it on as it comes, or not at all. Comes to the
    /// acknowledgement that the sender of one that was kept back expects.
    pub(super) async fn stream(
        &self,
        way: Way<'_>,
        kind: Kind,
        piece: Piece,
    ) -> Result<Option<Packet>, End> {
        let Way {
            direction,
            from,
            to,
            held,
        } = way;
        let sender = match direction {
            Direction::Up => SocketEnd::Client,
            Direction::Down => SocketEnd::Backend,
        };
        let beginning = match kind {
            Kind::Text => Some(readable(&piece.bytes).ok_or_else(|| End::no_frame(&sender))?),
            Kind::Binary => None,
        };
        // One that begins on a dead line is gone as a whole.
        let mut large = (!self.controls().is_frozen()).then(|| {
            let session = self.session::<DecodeError>(&Err(DecodeError::TooLarge));
            let large = lock(session).begin_large(direction, beginning);
            (session, large)
        });
        let passes = large.as_ref().is_some_and(|(_, large)| large.passes);
        let over = large.as_ref().is_some_and(|(_, large)| large.over);
        if passes && !release(to, held, None).await {
            return Err(End::lost(&sender));
        }
        if large.is_some() {
            held.clear();
        }
        let mut capture = Capture::new(0);
        let (mut piece, mut first, mut answer) = (piece, true, None);
        loop {
            capture.add(&piece.bytes);
            if piece.ends
                && let Some((session, large)) = large.take()
            {
                let (bytes, sha256) = capture.measure();
                answer = lock(session).end_large(large, bytes, sha256);
            }
            if passes && to.piece(kind, &piece, first).await.is_err() {
                return Err(End::lost(&sender));
            }
            if piece.ends {
                break;
            }
            first = false;
            piece = self.more(from, to, &sender).await?;
            if passes {
                // Half a message would spoil all that follows it, so a dead line delays the rest.
                self.controls().thawed().await;
            }
        }
        if over {
            return Err(End::broken("the session was over"));
        }
        Ok(answer)
    }

    /// Waits for the next piece of a large message; control frames pass meanwhile.
    async fn more(
        &self,
        from: &mut Reader,
        to: &mut Writer,
        sender: &SocketEnd,
    ) -> Result<Piece, End> {
        loop {
            match from.next().await {
                Some(Incoming::More(piece)) => return Ok(piece),
                Some(Incoming::Signal(signal, payload)) => {
                    self.signal(signal, payload, to, sender.clone()).await?;
                }
                Some(_) => {}
                None => {
                    self.controls().thawed().await;
                    return Err(End::of(from, sender));
                }
            }
        }
    }
}

/// The text of a beginning, whose last character may be cut in two.
fn readable(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .or_else(|error| match error.error_len() {
            None => std::str::from_utf8(&bytes[..error.valid_up_to()]),
            Some(_) => Err(error),
        })
        .ok()
}
