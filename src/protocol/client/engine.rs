//! One Engine.IO session as the client sees it: opening, polling, probing, upgrading, heartbeat, closing.
//!
//! A client has one current engine; one that is still sending its last words while the next is already opening
//! lives on beside it, unheard.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::link::{Link, Polling, Probe, ProbeStage, Stage, sendable};
use super::wire::{Signal, Wire};
use super::{DisconnectReason, Options, Output, RequestId, SocketId, Transport};
use crate::protocol::packet::{DecodeError, EnginePacket, Frame, payload};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    Closing,
    Closed,
}

/// A close that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeferredClose {
    /// For the buffer to be sent.
    UntilDrained,
    /// For the upgrade under way to end.
    UntilUpgraded,
}

/// One session of the client.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) number: u64,
    state: State,
    /// The transports that an opening may still be tried with, the present one first.
    untried: VecDeque<Transport>,
    pub(super) link: Link,
    sid: Option<String>,
    pub(super) probe: Option<Probe>,
    upgrades: bool,
    pub(super) upgrading: bool,
    pub(super) deferred_close: Option<DeferredClose>,
    buffer: VecDeque<Frame>,
    /// How many frames the post under way carries.
    in_flight: usize,
    /// How long after one ping the next must come.
    heartbeat_timeout: Duration,
    max_payload: u64,
    ping_by: Option<Duration>,
}

/// A frame or body that was for this engine, to be read packet by packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is for somebody else, or for nobody any more.
    No,
    /// Dealt with.
    Done,
    /// The caller reads the packets, then calls [`Engine::body_read`] if they came in a body.
    Read,
}

impl Engine {
    pub(super) fn open(number: u64, options: &Options, wire: &mut Wire) -> Self {
        let mut engine = Self {
            number,
            state: State::Opening,
            untried: options.transports.iter().copied().collect(),
            link: Link::Gone { writable: false },
            sid: None,
            probe: None,
            upgrades: false,
            upgrading: false,
            deferred_close: None,
            buffer: VecDeque::new(),
            in_flight: 0,
            heartbeat_timeout: Duration::ZERO,
            max_payload: 0,
            ping_by: None,
        };
        engine.start(options, wire);
        engine
    }

    fn start(&mut self, options: &Options, wire: &mut Wire) {
        let remembered = options.remember_upgrade
            && wire.websocket_worked
            && self.untried.contains(&Transport::WebSocket);
        let first = self.untried.front().copied();
        self.link = match first.map(|first| {
            if remembered {
                Transport::WebSocket
            } else {
                first
            }
        }) {
            Some(Transport::Polling) => Link::Polling(Polling {
                stage: Stage::Opening,
                poll: Some(wire.poll(options, None)),
                post: None,
            }),
            Some(Transport::WebSocket) => Link::WebSocket {
                socket: wire.open_socket(options, None),
                open: false,
            },
            None => Link::Gone { writable: false },
        };
        if matches!(self.link, Link::Gone { .. }) {
            self.signal(Signal::Failed(Transport::Polling), wire);
            self.end(DisconnectReason::TransportError, options, wire);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub(super) fn transport(&self) -> Transport {
        match self.link {
            Link::Polling(_) => Transport::Polling,
            Link::WebSocket { .. } | Link::Gone { .. } => Transport::WebSocket,
        }
    }

    /// Whether a frame would leave at once; asked for volatile events only.
    pub(super) fn is_writable(&self) -> bool {
        match &self.link {
            Link::Polling(polling) => polling.stage != Stage::Opening && polling.post.is_none(),
            Link::WebSocket { open, .. } => *open,
            Link::Gone { writable } => *writable,
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.ping_by
    }

    /// The heartbeat is overdue.
    pub(super) fn ping_missed(&mut self, options: &Options, wire: &mut Wire) {
        self.end(DisconnectReason::PingTimeout, options, wire);
    }

    pub(super) fn send(&mut self, frame: Frame, options: &Options, wire: &mut Wire) {
        if matches!(self.state, State::Opening | State::Open) {
            self.buffer.push_back(frame);
            self.flush(options, wire);
        }
    }

    /// Closes, but not before what is buffered is sent and an upgrade under way is finished.
    pub(super) fn close(&mut self, options: &Options, wire: &mut Wire) {
        if !matches!(self.state, State::Opening | State::Open) {
            return;
        }
        self.state = State::Closing;
        if !self.buffer.is_empty() || self.in_flight > 0 {
            self.deferred_close = Some(DeferredClose::UntilDrained);
        } else if self.upgrading {
            self.deferred_close = Some(DeferredClose::UntilUpgraded);
        } else {
            self.end(DisconnectReason::ForcedClose, options, wire);
        }
    }

    /// What the real client does once everybody has heard of the opening: send what they wrote, then probe.
    pub(super) fn after_open(&mut self, options: &Options, wire: &mut Wire) {
        self.flush(options, wire);
        if self.state == State::Open && options.upgrade && self.upgrades {
            wire.websocket_worked = false;
            self.probe = Some(Probe {
                socket: wire.open_socket(options, self.sid.as_deref()),
                stage: ProbeStage::Opening,
            });
        }
    }

    pub(super) fn http_done(
        &mut self,
        request: RequestId,
        status: u16,
        options: &Options,
        wire: &mut Wire,
    ) -> Claim {
        let Link::Polling(polling) = &mut self.link else {
            return Claim::No;
        };
        let is_poll = polling.poll == Some(request);
        if !is_poll && polling.post != Some(request) {
            return Claim::No;
        }
        if status != 200 {
            self.transport_failed(options, wire);
            return Claim::Done;
        }
        if is_poll {
            return Claim::Read;
        }
        polling.post = None;
        self.drained(options, wire);
        self.upgrade_if_paused(options, wire);
        Claim::Done
    }

    /// The packets of a poll's body have been read: the next poll follows, unless polling is being paused.
    pub(super) fn body_read(&mut self, number: u64, options: &Options, wire: &mut Wire) -> Claim {
        if self.number != number {
            return Claim::No;
        }
        if let Link::Polling(polling) = &mut self.link {
            polling.poll = None;
            if polling.stage == Stage::Open {
                polling.poll = Some(wire.poll(options, self.sid.as_deref()));
            }
            self.upgrade_if_paused(options, wire);
        }
        Claim::Done
    }

    pub(super) fn ws_opened(&mut self, opened: SocketId, wire: &mut Wire) -> Claim {
        if let Link::WebSocket { socket, open } = &mut self.link
            && *socket == opened
        {
            *open = true;
            return Claim::Done;
        }
        match &mut self.probe {
            Some(probe) if probe.socket == opened => {
                probe.stage = ProbeStage::Probing;
                let frame = Frame::from(&EnginePacket::Ping("probe"));
                let socket = opened;
                wire.outputs.push_back(Output::SendWs { socket, frame });
                Claim::Done
            }
            _ => Claim::No,
        }
    }

    pub(super) fn ws_frame(
        &mut self,
        from: SocketId,
        frame: &Frame,
        options: &Options,
        wire: &mut Wire,
    ) -> Claim {
        if matches!(self.link, Link::WebSocket { socket, .. } if socket == from) {
            return Claim::Read;
        }
        let Some(probe) = self.probe.as_mut().filter(|probe| probe.socket == from) else {
            return Claim::No;
        };
        if probe.stage != ProbeStage::Probing {
            return Claim::Done;
        }
        if EnginePacket::from_frame(frame) == Ok(EnginePacket::Pong("probe")) {
            probe.stage = ProbeStage::Pausing;
            self.upgrading = true;
            wire.websocket_worked = true;
            if let Link::Polling(polling) = &mut self.link {
                polling.stage = Stage::Pausing;
            }
            self.upgrade_if_paused(options, wire);
        } else {
            probe.stage = ProbeStage::Spent;
            self.upgrade_failed(options, wire);
        }
        Claim::Done
    }

    pub(super) fn ws_ended(
        &mut self,
        ended: SocketId,
        cleanly: bool,
        options: &Options,
        wire: &mut Wire,
    ) -> Claim {
        if self
            .probe
            .as_ref()
            .is_some_and(|probe| probe.socket == ended)
        {
            // If polling was already pausing it stays so, and so does `upgrading`: the real client then hangs until
            // its heartbeat is overdue.
            self.probe = None;
            self.upgrade_failed(options, wire);
            return Claim::Done;
        }
        if !matches!(self.link, Link::WebSocket { socket, .. } if socket == ended) {
            return Claim::No;
        }
        if cleanly {
            let writable = self.is_writable();
            self.link = Link::Gone { writable };
            self.end(DisconnectReason::TransportClose, options, wire);
        } else {
            self.transport_failed(options, wire);
        }
        Claim::Done
    }

    /// A request of this engine ended without an answer.
    pub(super) fn http_failed(
        &mut self,
        request: RequestId,
        options: &Options,
        wire: &mut Wire,
    ) -> Claim {
        match &self.link {
            Link::Polling(polling)
                if polling.poll == Some(request) || polling.post == Some(request) =>
            {
                self.transport_failed(options, wire);
                Claim::Done
            }
            _ => Claim::No,
        }
    }

    pub(super) fn packet(
        &mut self,
        packet: Result<EnginePacket<'_>, DecodeError>,
        options: &Options,
        now: Duration,
        wire: &mut Wire,
    ) {
        if self.state == State::Closed {
            return;
        }
        match packet {
            Err(_) => self.transport_failed(options, wire),
            Ok(EnginePacket::Open(json)) => self.handshake(json, options, now, wire),
            Ok(EnginePacket::Close) if matches!(self.link, Link::Polling(_)) => {
                self.link = Link::Gone { writable: false };
                self.end(DisconnectReason::TransportClose, options, wire);
            }
            Ok(EnginePacket::Ping(_)) => {
                if options.pongs {
                    self.send(Frame::from(&EnginePacket::Pong("")), options, wire);
                }
                self.ping_by = options.heartbeat.then(|| now + self.heartbeat_timeout);
            }
            Ok(EnginePacket::Text(text)) => self.signal(Signal::Text(text.to_owned()), wire),
            Ok(EnginePacket::Binary(bytes)) => self.signal(Signal::Binary(bytes), wire),
            Ok(
                EnginePacket::Close
                | EnginePacket::Pong(_)
                | EnginePacket::Upgrade
                | EnginePacket::Noop,
            ) => {}
        }
    }

    fn handshake(&mut self, json: &str, options: &Options, now: Duration, wire: &mut Wire) {
        if self.state != State::Opening {
            return;
        }
        let fields: Value = serde_json::from_str(json).unwrap_or_default();
        let millis = |name: &str| fields[name].as_u64().map(Duration::from_millis);
        let (Some(sid), Some(interval), Some(timeout)) = (
            fields["sid"].as_str(),
            millis("pingInterval"),
            millis("pingTimeout"),
        ) else {
            return self.transport_failed(options, wire);
        };
        if let Link::Polling(polling) = &mut self.link {
            polling.stage = Stage::Open;
        }
        let offered = fields["upgrades"].as_array();
        self.sid = Some(sid.to_owned());
        self.upgrades = matches!(self.link, Link::Polling(_))
            && self.untried.contains(&Transport::WebSocket)
            && offered.is_some_and(|offered| offered.iter().any(|name| name == "websocket"));
        self.heartbeat_timeout = interval.saturating_add(timeout);
        self.max_payload = fields["maxPayload"].as_u64().unwrap_or(0);
        self.ping_by = options
            .heartbeat
            .then(|| now.saturating_add(self.heartbeat_timeout));
        self.state = State::Open;
        wire.websocket_worked = self.transport() == Transport::WebSocket;
        self.signal(Signal::Open, wire);
    }

    pub(super) fn flush(&mut self, options: &Options, wire: &mut Wire) {
        if self.state == State::Closed || self.upgrading || self.buffer.is_empty() {
            return;
        }
        match &mut self.link {
            Link::WebSocket { socket, open: true } => {
                let socket = *socket;
                let sends = self
                    .buffer
                    .drain(..)
                    .map(|frame| Output::SendWs { socket, frame });
                wire.outputs.extend(sends);
                self.drained(options, wire);
            }
            Link::Polling(polling) if polling.stage == Stage::Open && polling.post.is_none() => {
                let count = sendable(&self.buffer, self.max_payload);
                let frames: Vec<Frame> = self.buffer.drain(..count).collect();
                self.in_flight = count;
                let body = payload::join(&frames);
                polling.post = Some(wire.post(options, self.sid.as_deref(), body));
            }
            _ => {}
        }
    }

    fn drained(&mut self, options: &Options, wire: &mut Wire) {
        self.in_flight = 0;
        if !self.buffer.is_empty() {
            return self.flush(options, wire);
        }
        if self.deferred_close == Some(DeferredClose::UntilDrained) {
            if self.upgrading {
                self.deferred_close = Some(DeferredClose::UntilUpgraded);
            } else {
                self.end(DisconnectReason::ForcedClose, options, wire);
            }
        }
    }

    fn transport_failed(&mut self, options: &Options, wire: &mut Wire) {
        wire.websocket_worked = false;
        if options.try_all_transports && self.untried.len() > 1 && self.state == State::Opening {
            self.untried.pop_front();
            return self.start(options, wire);
        }
        self.signal(Signal::Failed(self.transport()), wire);
        self.end(DisconnectReason::TransportError, options, wire);
    }

    pub(super) fn end(&mut self, reason: DisconnectReason, options: &Options, wire: &mut Wire) {
        if self.state == State::Closed {
            return;
        }
        self.ping_by = None;
        let writable =
            matches!(self.link, Link::WebSocket { .. } | Link::Gone { .. }) && self.is_writable();
        match std::mem::replace(&mut self.link, Link::Gone { writable }) {
            // The farewell does not wait for a post in flight, and nobody waits for its answer.
            Link::Polling(polling) if polling.stage == Stage::Open => {
                let farewell = payload::join(&[Frame::from(&EnginePacket::Close)]);
                wire.post(options, self.sid.as_deref(), farewell);
            }
            Link::WebSocket { socket, .. } => wire.outputs.push_back(Output::CloseWs { socket }),
            Link::Polling(_) | Link::Gone { .. } => {}
        }
        if let Some(Probe { socket, .. }) = self.probe.take() {
            wire.outputs.push_back(Output::CloseWs { socket });
        }
        self.state = State::Closed;
        self.buffer.clear();
        self.signal(Signal::Closed(reason), wire);
    }

    pub(super) fn signal(&self, signal: Signal, wire: &mut Wire) {
        wire.signals.push_back((self.number, signal));
    }
}
