//! A session's long-polling side: parked polls, posts, and the close that travels with a poll.

use std::time::Duration;

use super::link::Link;
use super::session::{Effects, Session, Signal, respond};
use super::{CloseReason, ExchangeId, Options, Response};
use crate::protocol::packet::{EnginePacket, Frame, payload};

impl Session {
    pub(super) fn poll(&mut self, exchange: ExchangeId, now: Duration, effects: &mut Effects) {
        let Link::Polling(polling) = &mut self.link else {
            return respond(exchange, Response::empty(400), effects);
        };
        if polling.parked.is_some() {
            self.end(CloseReason::TransportError, effects);
            return respond(exchange, Response::empty(400), effects);
        }
        polling.parked = Some(exchange);
        self.flush(now, effects);
        if let Link::Polling(polling) = &self.link
            && polling.parked.is_some()
            && polling.close_by.is_some()
        {
            self.write(vec![Frame::from(&EnginePacket::Noop)], effects);
        }
    }

    pub(super) fn poll_aborted(&mut self, exchange: ExchangeId, effects: &mut Effects) {
        if let Link::Polling(polling) = &mut self.link
            && polling.parked == Some(exchange)
        {
            polling.parked = None;
            self.end(CloseReason::TransportError, effects);
        }
    }

    pub(super) fn post(
        &mut self,
        exchange: ExchangeId,
        body: &str,
        options: &Options,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Link::Polling(polling) = &mut self.link else {
            return respond(exchange, Response::empty(400), effects);
        };
        polling.posting = Some(exchange);
        for packet in payload::packets(body) {
            if packet == Ok(EnginePacket::Close) {
                self.close_by_client(effects);
                break;
            }
            self.packet(packet, options, now, effects);
        }
        effects.signals.push_back((self.id, Signal::PostRead));
    }

    /// Refuses a post for its form and ends the session.
    pub(super) fn post_refused(&mut self, exchange: ExchangeId, effects: &mut Effects) {
        self.end(CloseReason::TransportError, effects);
        respond(exchange, Response::empty(400), effects);
    }

    /// Answers the post whose messages have now been dealt with.
    pub(super) fn post_read(&mut self, effects: &mut Effects) {
        if let Link::Polling(polling) = &mut self.link
            && let Some(exchange) = polling.posting.take()
        {
            respond(exchange, Response::ok(), effects);
        }
    }

    pub(super) fn close_by_client(&mut self, effects: &mut Effects) {
        self.post_read(effects);
        if let Link::Polling(polling) = &mut self.link
            && let Some(parked) = polling.parked.take()
        {
            respond(
                parked,
                Response::poll(&[Frame::from(&EnginePacket::Noop)]),
                effects,
            );
        }
        self.link = Link::Gone;
        self.end(CloseReason::TransportClose, effects);
    }
}
