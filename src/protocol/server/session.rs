//! One Engine.IO session: a transport, perhaps a second one that probes, a write buffer and two heartbeat timers.
//!
//! What it says to the network goes into [`Effects`] at once; what it says to the Socket.IO layer is a [`Signal`].

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;

use super::link::{Link, Polling, Probe};
use super::{CloseReason, ExchangeId, Options, Output, Response, SocketId, Transport};
use crate::protocol::packet::{DecodeError, EnginePacket, Frame};

/// How long an orderly close waits for a poll that could carry it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a parked poll is looked for while a WebSocket probes.
pub(super) const CHECK_EVERY: Duration = Duration::from_millis(100);

/// The number of a session within its server; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionId(pub(super) u64);

/// What the sessions want done or have to say.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) outputs: VecDeque<Output>,
    pub(super) signals: VecDeque<(SessionId, Signal)>,
}

/// What a session tells the layer above.
#[derive(Debug)]
pub(super) enum Signal {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(bytes::Bytes),
    /// A polling body has been read to its end.
    PostRead,
    /// The session has moved to WebSocket.
    Upgraded {
        /// Its Engine.IO id.
        session: String,
    },
    /// The session has ended.
    Closed {
        /// Its Engine.IO id.
        session: String,
        /// What ended it.
        reason: CloseReason,
    },
}

/// How far a session is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Closing,
    Closed,
}

/// What of the network a session holds at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Holds {
    pub(super) poll: Option<ExchangeId>,
    pub(super) socket: Option<SocketId>,
    pub(super) probe: Option<SocketId>,
}

/// One session, as the server keeps it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) sid: String,
    pub(super) state: State,
    pub(super) link: Link,
    pub(super) probe: Option<Probe>,
    pub(super) upgraded: bool,
    buffer: Vec<Frame>,
    close_when_drained: bool,
    ping_at: Option<Duration>,
    pub(super) pong_by: Option<Duration>,
    pong_extended: bool,
}

/// Where a new session lives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Opening {
    Poll(ExchangeId),
    WebSocket(SocketId),
}

impl Session {
    pub(super) fn open(
        id: SessionId,
        sid: String,
        opening: Opening,
        options: &Options,
        now: Duration,
        effects: &mut Effects,
    ) -> Self {
        let (link, upgrades) = match opening {
            Opening::Poll(exchange) => {
                let offered =
                    options.upgrades && options.transports.contains(&Transport::WebSocket);
                let polling = Polling {
                    parked: Some(exchange),
                    ..Polling::default()
                };
                (
                    Link::Polling(polling),
                    if offered { vec!["websocket"] } else { vec![] },
                )
            }
            Opening::WebSocket(socket) => {
                effects.outputs.push_back(Output::AcceptWs { socket });
                (Link::WebSocket(socket), vec![])
            }
        };
        let handshake = json!({
            "sid": sid,
            "upgrades": upgrades,
            "pingInterval": millis(options.ping_interval),
            "pingTimeout": millis(options.ping_timeout),
            "maxPayload": options.max_payload,
        });
        let mut session = Self {
            id,
            sid,
            state: State::Open,
            link,
            probe: None,
            upgraded: false,
            buffer: Vec::new(),
            close_when_drained: false,
            ping_at: Some(now + options.ping_interval),
            pong_by: None,
            pong_extended: false,
        };
        session.send(Frame::Text(format!("0{handshake}")), now, effects);
        session
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub(super) fn transport(&self) -> Transport {
        match self.link {
            Link::Polling(_) => Transport::Polling,
            Link::WebSocket(_) | Link::Gone => Transport::WebSocket,
        }
    }

    /// Whether a frame would leave at once.
    pub(super) fn is_writable(&self) -> bool {
        match &self.link {
            Link::Polling(polling) => polling.parked.is_some(),
            Link::WebSocket(_) => true,
            Link::Gone => false,
        }
    }

    /// The poll that is parked and the sockets in use, for whoever routes to this session.
    pub(super) fn holds(&self) -> Holds {
        Holds {
            poll: match &self.link {
                Link::Polling(polling) => polling.parked,
                _ => None,
            },
            socket: match self.link {
                Link::WebSocket(socket) => Some(socket),
                _ => None,
            },
            probe: self.probe.as_ref().map(|probe| probe.socket),
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let close_by = match &self.link {
            Link::Polling(polling) => polling.close_by,
            _ => None,
        };
        let probe = self.probe.as_ref();
        [
            self.ping_at,
            self.pong_by,
            close_by,
            probe.map(|probe| probe.give_up),
            probe.and_then(|probe| probe.check),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn tick(&mut self, options: &Options, now: Duration, effects: &mut Effects) {
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if due(self.pong_by) {
            return self.end(CloseReason::PingTimeout, effects);
        }
        if due(self.ping_at) {
            // The next one is scheduled by the answer, so an unanswered ping is the last.
            self.ping_at = None;
            self.pong_extended = false;
            self.send(Frame::Text("2".to_owned()), now, effects);
            self.pong_by = Some(now + options.ping_timeout);
        }
        if let Link::Polling(polling) = &self.link
            && due(polling.close_by)
        {
            return self.end(CloseReason::ForcedClose, effects);
        }
        if due(self.probe.as_ref().map(|probe| probe.give_up)) {
            self.drop_probe(effects);
        }
        if let Some(probe) = &mut self.probe
            && due(probe.check)
        {
            probe.check = Some(now + CHECK_EVERY);
            if matches!(self.link, Link::Polling(_)) && self.is_writable() {
                self.write(vec![Frame::from(&EnginePacket::Noop)], effects);
            }
        }
    }

    /// Queues a message and sends it as soon as the transport lets it.
    pub(super) fn send(&mut self, frame: Frame, now: Duration, effects: &mut Effects) {
        if self.state == State::Open {
            self.buffer.push(frame);
            self.flush(now, effects);
        }
    }

    /// Closes after what is buffered has been sent.
    pub(super) fn close(&mut self, now: Duration, effects: &mut Effects) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Closing;
        if self.buffer.is_empty() {
            self.close_transport(now, effects);
        } else {
            self.close_when_drained = true;
        }
    }

    /// Closes without regard to what is buffered.
    pub(super) fn discard(&mut self, effects: &mut Effects) {
        self.end(CloseReason::ForcedClose, effects);
    }

    pub(super) fn frame(
        &mut self,
        socket: SocketId,
        frame: &Frame,
        options: &Options,
        now: Duration,
        effects: &mut Effects,
    ) {
        let probing = self
            .probe
            .as_ref()
            .is_some_and(|probe| probe.socket == socket);
        if !probing && !matches!(self.link, Link::WebSocket(link) if link == socket) {
            return;
        }
        if frame.len() > options.max_payload {
            let code = Some(1009);
            effects.outputs.push_back(Output::CloseWs { socket, code });
            return self.socket_ended(socket, CloseReason::TransportError, effects);
        }
        let packet = EnginePacket::from_frame(frame);
        if probing {
            self.probe_packet(packet, now, effects);
        } else {
            self.packet(packet, options, now, effects);
        }
    }

    /// The other side of a WebSocket is gone.
    pub(super) fn socket_ended(
        &mut self,
        socket: SocketId,
        reason: CloseReason,
        effects: &mut Effects,
    ) {
        if self
            .probe
            .as_ref()
            .is_some_and(|probe| probe.socket == socket)
        {
            self.probe = None;
        } else if matches!(self.link, Link::WebSocket(link) if link == socket) {
            self.link = Link::Gone;
            self.end(reason, effects);
        }
    }

    pub(super) fn packet(
        &mut self,
        packet: Result<EnginePacket<'_>, DecodeError>,
        options: &Options,
        now: Duration,
        effects: &mut Effects,
    ) {
        if self.state != State::Open {
            return;
        }
        let is_pong = matches!(packet, Ok(EnginePacket::Pong(_)));
        // Any packet shows that the client lives; it buys time once per ping.
        if self.pong_by.is_some() && !self.pong_extended && !is_pong {
            self.pong_by = Some(now + options.ping_timeout);
            self.pong_extended = true;
        }
        match packet {
            Err(_) => self.end(CloseReason::ParseError, effects),
            // In this version of the protocol only the server pings.
            Ok(EnginePacket::Ping(_)) => self.end(CloseReason::TransportError, effects),
            Ok(EnginePacket::Pong(_)) => {
                self.pong_by = None;
                self.ping_at = Some(now + options.ping_interval);
            }
            Ok(EnginePacket::Text(text)) => {
                let signal = Signal::Text(text.to_owned());
                effects.signals.push_back((self.id, signal));
            }
            Ok(EnginePacket::Binary(bytes)) => {
                effects.signals.push_back((self.id, Signal::Binary(bytes)));
            }
            // On WebSocket Node lets these pass without a word, `1` included.
            Ok(
                EnginePacket::Open(_)
                | EnginePacket::Close
                | EnginePacket::Upgrade
                | EnginePacket::Noop,
            ) => {}
        }
    }

    pub(super) fn flush(&mut self, now: Duration, effects: &mut Effects) {
        if self.state == State::Closed || self.buffer.is_empty() || !self.is_writable() {
            return;
        }
        let frames = std::mem::take(&mut self.buffer);
        self.write(frames, effects);
        if self.close_when_drained && self.state == State::Closing {
            self.close_when_drained = false;
            self.close_transport(now, effects);
        }
    }

    /// Gives frames to a writable transport; on polling a waiting close goes along.
    pub(super) fn write(&mut self, mut frames: Vec<Frame>, effects: &mut Effects) {
        match &mut self.link {
            Link::WebSocket(socket) => {
                let socket = *socket;
                let sends = frames
                    .into_iter()
                    .map(|frame| Output::SendWs { socket, frame });
                effects.outputs.extend(sends);
            }
            Link::Polling(polling) => {
                let Some(exchange) = polling.parked.take() else {
                    return;
                };
                let closing = polling.close_by.take().is_some();
                if closing {
                    frames.push(Frame::from(&EnginePacket::Close));
                }
                respond(exchange, Response::poll(&frames), effects);
                if closing {
                    self.end(CloseReason::ForcedClose, effects);
                }
            }
            Link::Gone => {}
        }
    }

    fn close_transport(&mut self, now: Duration, effects: &mut Effects) {
        match &mut self.link {
            Link::Polling(polling) if polling.parked.is_none() => {
                if let Some(exchange) = polling.posting.take() {
                    respond(exchange, Response::empty(400), effects);
                }
                polling.close_by.get_or_insert(now + CLOSE_TIMEOUT);
            }
            _ => self.end(CloseReason::ForcedClose, effects),
        }
    }

    pub(super) fn end(&mut self, reason: CloseReason, effects: &mut Effects) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.ping_at = None;
        self.pong_by = None;
        self.drop_probe(effects);
        self.close_link(effects);
        self.buffer.clear();
        let session = self.sid.clone();
        effects
            .signals
            .push_back((self.id, Signal::Closed { session, reason }));
    }

    /// A parked poll learns of the end by `1`. A post in hand is cut off by Node; the nearest answer is a refusal.
    pub(super) fn close_link(&mut self, effects: &mut Effects) {
        match std::mem::replace(&mut self.link, Link::Gone) {
            Link::WebSocket(socket) => {
                effects
                    .outputs
                    .push_back(Output::CloseWs { socket, code: None });
            }
            Link::Polling(polling) => {
                if let Some(parked) = polling.parked {
                    let close = Frame::from(&EnginePacket::Close);
                    respond(parked, Response::poll(&[close]), effects);
                }
                if let Some(posting) = polling.posting {
                    respond(posting, Response::empty(400), effects);
                }
            }
            Link::Gone => {}
        }
    }
}

pub(super) fn respond(exchange: ExchangeId, response: Response, effects: &mut Effects) {
    effects
        .outputs
        .push_back(Output::Respond { exchange, response });
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
