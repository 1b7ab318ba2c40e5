//! Bodies on their way through: whole, or passed on as they come.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::observe::Capture;
use super::scribe::Scribe;
use crate::domain::journal::Fact;

/// A body that the gateway sends, either way.
pub(super) enum Payload<S> {
    /// All of it.
    Whole(Bytes),
    /// One that passes as it comes.
    Streamed(Box<S>),
}

/// What a body comes to next.
pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, hyper::Error>>>;

impl<S: Body<Data = Bytes, Error = hyper::Error> + Unpin> Body for Payload<S> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(body) => body.size_hint(),
        }
    }
}

/// A request's body that is too long to be read before it passes: its rest is hashed on its way.
pub(super) struct Upload {
    read: Bytes,
    rest: Incoming,
    capture: Capture,
    scribe: Arc<Scribe>,
    /// Whose length and hash are to be journalled, until they are.
    exchange: Option<u64>,
}

impl Upload {
    pub(super) fn new(read: Vec<u8>, rest: Incoming, scribe: Arc<Scribe>, exchange: u64) -> Self {
        let mut capture = Capture::new(0);
        capture.add(&read);
        Self {
            read: read.into(),
            rest,
            capture,
            scribe,
            exchange: Some(exchange),
        }
    }

    fn settle(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            let (bytes, sha256) = self.capture.measure();
            self.scribe.record(Fact::Uploaded {
                exchange,
                bytes,
                sha256,
            });
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let upload = self.get_mut();
        if !upload.read.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut upload.read)))));
        }
        let polled = Pin::new(&mut upload.rest).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(chunk) = frame.data_ref() {
                    upload.capture.add(chunk);
                }
                if upload.rest.is_end_stream() {
                    upload.settle();
                }
            }
            Poll::Ready(None) => upload.settle(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        longer(&self.rest, self.read.len())
    }
}

/// How much a body holds with so many bytes before it.
pub(super) fn longer(body: &Incoming, by: usize) -> SizeHint {
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
