//! Bodies on their way through: passed on as they come, followed by the journal.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::exchange::Passing;
use super::observe::Capture;
use super::upstream::describe;

/// A body that the gateway sends, either way.
pub(super) enum Payload {
    /// All of it.
    Whole(Bytes),
    /// A beginning that was read ahead, and the rest as it comes.
    Ahead { read: Bytes, rest: Incoming },
    /// An answer that passes while the journal follows it.
    Watched(Box<Watched>),
}

/// An answer that passes while the journal follows it.
pub(super) struct Watched {
    incoming: Incoming,
    capture: Capture,
    passing: Option<Passing>,
}

impl Watched {
    /// Follows a body; one that is empty has already passed.
    pub(super) fn new(incoming: Incoming, limit: usize, passing: Passing) -> Self {
        let mut watched = Self {
            incoming,
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

    fn complete(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.complete(self.capture.finish());
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Ahead { read, .. } if !read.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(read)))))
            }
            Self::Ahead { rest, .. } => Pin::new(rest).poll_frame(cx),
            Self::Watched(watched) => {
                let polled = Pin::new(&mut watched.incoming).poll_frame(cx);
                match &polled {
                    Poll::Pending => {}
                    Poll::Ready(Some(Ok(frame))) => {
                        if let Some(chunk) = frame.data_ref() {
                            watched.capture.add(chunk);
                        }
                        watched.settle();
                    }
                    Poll::Ready(Some(Err(error))) => {
                        if let Some(passing) = watched.passing.take() {
                            passing.broken(describe(error));
                        }
                    }
                    Poll::Ready(None) => watched.complete(),
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Ahead { read, rest } => read.is_empty() && rest.is_end_stream(),
            Self::Watched(watched) => watched.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Ahead { read, rest } => {
                let hint = rest.size_hint();
                match hint.exact() {
                    Some(rest) => SizeHint::with_exact(rest + read.len() as u64),
                    None => SizeHint::new(),
                }
            }
            Self::Watched(watched) => watched.incoming.size_hint(),
        }
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
