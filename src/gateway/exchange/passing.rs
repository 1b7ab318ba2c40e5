//! An answer of the backend on its way to the client: passed on as it comes, followed by the journal.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::ending::{Exchange, Given};
use super::polling::observe_poll;
use crate::domain::coding;
use crate::domain::contract::{self, Role};
use crate::domain::journal::{Answerer, Direction, Fact, LossReason};
use crate::gateway::body::{Polled, longer};
use crate::gateway::headers;
use crate::gateway::observe::{Capture, Captured};
use crate::gateway::service::Service;
use crate::gateway::tokens::Grant;
use crate::gateway::upstream::describe;
use crate::protocol::packet::{EnginePacket, payload};

/// An answer of the backend that is being passed on.
pub(super) struct Passing {
    pub(super) exchange: Exchange,
    pub(super) service: Arc<Service>,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// The headers that were changed, as the backend sent them.
    pub(super) sent: Vec<(String, String)>,
    /// Headers that lead past the gateway.
    pub(super) leads_past: Vec<String>,
    pub(super) role: Option<Role>,
    pub(super) grantee: Option<String>,
    /// Whether this is the answer to a poll, so that its body holds packets.
    pub(super) poll: bool,
}

impl Passing {
    /// A piece of the answer to a poll in which each ping that a fault withholds became a noop: the poll
    /// ends as it would, and the client hears no heartbeat. `begins` says whether the piece begins a
    /// packet, and then whether the next one does.
    fn without_withheld(&self, chunk: Bytes, begins: &mut bool) -> Bytes {
        let state = self.exchange.state();
        if !self.poll || !self.is_plain() {
            return chunk;
        }
        let ping = EnginePacket::Ping("");
        let withheld = state.controls.withholds(Direction::Down, &ping);
        let mut bytes = chunk.to_vec();
        for byte in &mut bytes {
            if withheld && *begins && *byte == b'2' {
                *byte = b'6';
            }
            *begins = *byte == payload::SEPARATOR as u8;
        }
        bytes.into()
    }

    /// Whether its bytes are what it says.
    fn is_plain(&self) -> bool {
        let pairs = self.headers.iter();
        coding::is_plain(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The whole answer is there.
    pub(super) fn complete(mut self, captured: Captured) {
        let captured = captured.opened(&self.headers);
        let state = Arc::clone(self.exchange.state());
        let number = self.exchange.number();
        let socket = self.exchange.session().cloned();
        let holds_packets = self.poll && self.status == 200;
        let parsed = captured.json();
        let issued = if (200..300).contains(&self.status) {
            state.tokens.learn(Grant {
                exchange: number,
                role: self.role.as_ref(),
                headers: &self.headers,
                body: parsed.as_ref(),
                grantee: self.grantee.as_ref(),
            })
        } else {
            Vec::new()
        };
        if let Some(body) = &parsed {
            let places = self.service.origins.places(body);
            let places = places.into_iter().map(|place| format!("body {place}"));
            self.leads_past.extend(places);
        }
        let headers = headers::redacted(&state.scribe, self.headers);
        let body = captured.content(&state.scribe, parsed, &contract::Body::Empty);
        self.exchange.answered(Given {
            sent: headers::redacted(&state.scribe, self.sent),
            leads_past: self.leads_past,
            ..Given::of(self.status, headers, body, Answerer::Backend)
        });
        for token in issued {
            state.scribe.record(Fact::TokenIssued(token));
        }
        if holds_packets && let Ok(body) = std::str::from_utf8(&captured.bytes) {
            observe_poll(&state.sessions, &self.service.name, socket, body);
        }
    }

    /// The backend broke off.
    pub(super) fn broken(self, detail: String) {
        self.exchange.lost(LossReason::Upstream { detail });
    }
}

/// An answer that passes while the journal follows it.
pub(in crate::gateway) struct Watched {
    /// What the gateway says before the backend does.
    before: Bytes,
    incoming: Incoming,
    /// Whether the next byte begins a packet of a poll's answer.
    begins_packet: bool,
    capture: Capture,
    passing: Option<Passing>,
}

impl Watched {
    /// Follows a body of which `read` was read already; one that is empty has already passed.
    pub(super) fn resumed(
        read: Vec<u8>,
        incoming: Incoming,
        limit: usize,
        passing: Passing,
    ) -> Self {
        let mut watched = Self::new(Bytes::new(), incoming, limit, passing);
        watched.capture.add(&read);
        watched.before = read.into();
        watched
    }

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

    fn complete(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.complete(self.capture.finish());
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let watched = self.get_mut();
        if !watched.before.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut watched.before)))));
        }
        let frame = match std::task::ready!(Pin::new(&mut watched.incoming).poll_frame(cx)) {
            None => {
                watched.complete();
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                if let Some(passing) = watched.passing.take() {
                    passing.broken(describe(&error));
                }
                return Poll::Ready(Some(Err(error)));
            }
            Some(Ok(frame)) => frame,
        };
        let frame = match (frame.into_data(), &watched.passing) {
            (Ok(chunk), Some(passing)) => {
                let chunk = passing.without_withheld(chunk, &mut watched.begins_packet);
                watched.capture.add(&chunk);
                Frame::data(chunk)
            }
            (Ok(chunk), None) => Frame::data(chunk),
            (Err(frame), _) => frame,
        };
        watched.settle();
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.before.is_empty() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        longer(&self.incoming, self.before.len())
    }
}
