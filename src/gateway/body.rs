//! Bodies on their way through: whole, or passed on as they come.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::bounds::Bounds;
use super::observe::{Capture, KEPT};
use super::scribe::Scribe;
use crate::domain::journal::{Bound, Fact};

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

/// Why a body was not read to where it was to be.
pub(super) enum Unread {
    /// Its sender broke off.
    Broken,
    /// For this limit, which is so much.
    Limited(Bound, usize),
}

/// Reads a body as [`read_ahead`] does, within limits: what waits for room in memory lets its sender
/// wait. What it holds is held until `held` is dropped. A body that says how long it is gets as much at
/// once: one that grows piece by piece is copied again and again, and takes twice its length.
pub(super) async fn read_within(
    mut incoming: Incoming,
    limit: usize,
    read: &mut Vec<u8>,
    held: &mut Vec<OwnedSemaphorePermit>,
    bounds: &Bounds,
) -> Result<Option<Incoming>, Unread> {
    let most = bounds.limits.body;
    let seconds = most.map_or(0, |most| most.as_secs() as usize);
    let announced = incoming
        .size_hint()
        .exact()
        .and_then(|own| usize::try_from(own).ok());
    while read.len() <= limit {
        let next = within(most, incoming.frame()).await;
        let next = next.ok_or(Unread::Limited(Bound::Body, seconds))?;
        let Some(frame) = next.transpose().map_err(|_| Unread::Broken)? else {
            return Ok(None);
        };
        if let Some(chunk) = frame.data_ref() {
            let limited = || Unread::Limited(Bound::Buffered, bounds.limits.buffered);
            // What is not read far beyond that needs no place of a long body.
            if limit <= KEPT || read.len() + chunk.len() <= KEPT {
                let room = within(most, bounds.hold(chunk.len())).await;
                held.extend(room.ok_or_else(limited)?);
            } else if read.len() <= KEPT {
                let place = within(most, bounds.hold_long()).await;
                *held = Vec::from_iter(place.ok_or_else(limited)?);
            }
            if let (0, Some(announced)) = (read.len(), announced) {
                // Memory that is not written to is not taken: who announces much and sends little has little.
                let _ = read.try_reserve_exact(announced.min(limit.saturating_add(chunk.len())));
            }
            read.extend_from_slice(chunk);
        }
        if incoming.is_end_stream() {
            return Ok(None);
        }
    }
    Ok(Some(incoming))
}

/// What comes of it in time, if there is a limit to that.
pub(super) async fn within<F: Future>(limit: Option<Duration>, what: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, what).await.ok(),
        None => Some(what.await),
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
