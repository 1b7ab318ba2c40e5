//! Bodies on their way through: passed on as they come, followed by the journal.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::exchange::Passing;
use super::observe::Capture;
use super::scribe::Scribe;
use super::upstream::describe;
use crate::domain::journal::Fact;

/// A body that the gateway sends, either way.
pub(super) enum Payload {
    /// All of it.
    Whole(Bytes),
    /// A beginning that was read ahead, and the rest as it comes.
    Ahead(Box<Ahead>),
    /// An answer that passes while the journal follows it.
    Watched(Box<Watched>),
}

/// A request's body that is too long to be read before it passes: its rest is hashed on its way.
pub(super) struct Ahead {
    read: Bytes,
    rest: Incoming,
    capture: Capture,
    upload: Option<Upload>,
}

/// Where the length and the hash of a long body are written once it has passed.
pub(super) struct Upload {
    pub(super) scribe: Arc<Scribe>,
    pub(super) exchange: u64,
}

impl Ahead {
    pub(super) fn new(read: Vec<u8>, rest: Incoming, upload: Upload) -> Self {
        let mut capture = Capture::new(0);
        capture.add(&read);
        Self {
            read: read.into(),
            rest,
            capture,
            upload: Some(upload),
        }
    }

    fn settle(&mut self) {
        if let Some(Upload { scribe, exchange }) = self.upload.take() {
            let (bytes, sha256) = self.capture.measure();
            scribe.record(Fact::Uploaded {
                exchange,
                bytes,
                sha256,
            });
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.rest).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(chunk) = frame.data_ref() {
                    self.capture.add(chunk);
                }
                if self.rest.is_end_stream() {
                    self.settle();
                }
            }
            Poll::Ready(None) => self.settle(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, hyper::Error>>>;

/// An answer that passes while the journal follows it.
pub(super) struct Watched {
    /// What the gateway says before the backend does.
    before: Bytes,
    incoming: Incoming,
    /// Whether the next byte begins a packet of a poll's answer.
    begins_packet: bool,
    capture: Capture,
    passing: Option<Passing>,
}

impl Watched {
    /// Follows a body; one that is empty has already passed.
    pub(super) fn new(before: Bytes, incoming: Incoming, limit: usize, passing: Passing) -> Self {
        let mut watched = Self {
            before,
            incoming,
            begins_packet: true,
            capture: Capture::new(limit),
            passing: Some(passing),
        };
        watched.settle();
        watched
    }

    /// Journals the answer when its end is known. This happens before the last bytes are passed on,
    /// so nothing that the client does with the answer can be journalled before the answer.
    fn settle(&mut self) {
        if self.incoming.is_end_stream() {
            self.complete();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        if !self.before.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.before)))));
        }
        let frame = match std::task::ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
            None => {
                self.complete();
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                if let Some(passing) = self.passing.take() {
                    passing.broken(describe(&error));
                }
                return Poll::Ready(Some(Err(error)));
            }
            Some(Ok(frame)) => frame,
        };
        let frame = match (frame.into_data(), &self.passing) {
            (Ok(chunk), Some(passing)) => {
                let chunk = passing.without_withheld(chunk, &mut self.begins_packet);
                self.capture.add(&chunk);
                Frame::data(chunk)
            }
            (Ok(chunk), None) => Frame::data(chunk),
            (Err(frame), _) => frame,
        };
        self.settle();
        Poll::Ready(Some(Ok(frame)))
    }

    fn complete(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.complete(self.capture.finish());
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Ahead(ahead) if !ahead.read.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut ahead.read)))))
            }
            Self::Ahead(ahead) => ahead.poll_rest(cx),
            Self::Watched(watched) => watched.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Ahead(ahead) => ahead.read.is_empty() && ahead.rest.is_end_stream(),
            Self::Watched(watched) => watched.before.is_empty() && watched.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Ahead(ahead) => longer(&ahead.rest, ahead.read.len()),
            Self::Watched(watched) => longer(&watched.incoming, watched.before.len()),
        }
    }
}

/// How much a body holds with so many bytes before it.
fn longer(body: &Incoming, by: usize) -> SizeHint {
    match body.size_hint().exact() {
        Some(rest) => SizeHint::with_exact(rest + by as u64),
        None => SizeHint::new(),
    }
}

/// Reads a body until its end or until more than `limit` bytes are there, into `read`. What is left
/// comes back.
pub(super) async fn read_ahead(
    mut incoming: Incoming,
    limit: usize,
    read: &mut Vec<u8>,
) -> Result<Option<Incoming>, hyper::Error> {
    while read.len() <= limit {
        let Some(frame) = incoming.frame().await.transpose()? else {
            return Ok(None);
        };
        if let Some(chunk) = frame.data_ref() {
            read.extend_from_slice(chunk);
        }
        if incoming.is_end_stream() {
            return Ok(None);
        }
    }
    Ok(Some(incoming))
}
