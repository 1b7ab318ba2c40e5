//! The client: one `socket.io-client` 4.8 manager with its namespaces, as a state machine without I/O.
//!
//! Feed it [`Input`]s with [`Client::handle`], and after each one perform every [`Output`] that
//! [`Client::next_output`] yields, in order. Call it with [`Input::Tick`] no later than [`Client::deadline`]. The
//! shell that does so decides nothing: it carries requests and frames, and answers [`Output::AuthWanted`].

mod boundary;
mod options;

mod wire;

mod engine;
mod link;
mod upgrade;

mod namespace;
mod sockets;

use std::collections::VecDeque;
use std::time::Duration;

use super::packet::{EnginePacket, Frame, Packet, Progress, Reassembler, payload};
use engine::{Claim, Engine};
use namespace::Namespace;
use wire::{Signal, Wire};

pub use boundary::{
    AckOutcome, AckRequest, ConnectError, DisconnectReason, Emit, Event, Input, Output,
    POST_CONTENT_TYPE, RequestId, ReservedName, SocketId,
};
pub use options::{Backoff, Options, Reconnection, SentAway, Transport};

/// A manager and its namespaces.
#[derive(Debug)]
pub struct Client {
    options: Options,
    wire: Wire,
    state: State,
    engine: Option<Engine>,
    /// Engines that still send their last words.
    retiring: Vec<Engine>,
    engines_made: u64,
    reassembler: Reassembler,
    /// Packets are acted on only when the body or frame they came in is dealt with, as the real client does.
    decoded: VecDeque<Packet>,
    namespaces: Vec<Namespace>,
    open_by: Option<Duration>,
    reconnect: Reconnect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Opening,
    Open,
}

/// Where the reconnection loop stands.
#[derive(Debug, Default)]
struct Reconnect {
    attempts: u32,
    at: Option<Duration>,
    running: bool,
    /// Set by a deliberate close until the next opening.
    suppressed: bool,
    /// Whether the opening under way is one of the loop's.
    opening: bool,
}

/// The timers, in the order in which they run when they are due at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Ping,
    RetiringPing(usize),
    Open,
    Reconnect,
    Namespace(usize),
}

impl Client {
    /// A client that has not connected anything yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            wire: Wire::new(options.seed),
            options,
            state: State::Closed,
            engine: None,
            retiring: Vec::new(),
            engines_made: 0,
            reassembler: Reassembler::default(),
            decoded: VecDeque::new(),
            namespaces: Vec::new(),
            open_by: None,
            reconnect: Reconnect::default(),
        }
    }

    /// Takes one input. Timers that were due strictly before `now` run first, so a phone that wakes up after a long
    /// time notices its dead connection before it looks at what has arrived meanwhile.
    pub fn handle(&mut self, input: Input, now: Duration) {
        if !matches!(input, Input::Auth { .. }) {
            self.wire.release();
        }
        let is_tick = input == Input::Tick;
        self.run_timers(now, |at| at < now || (is_tick && at == now));
        match input {
            Input::Connect { namespace } => self.connect(namespace, now),
            Input::Disconnect { namespace } => self.disconnect(&namespace, now),
            Input::Close => self.close(now),
            Input::Auth { namespace, payload } => self.send_connect(&namespace, payload),
            Input::Emit { namespace, emit } => self.emit(&namespace, emit, now),
            Input::Answer {
                namespace,
                id,
                args,
            } => self.answer(namespace, id, args),
            Input::HttpDone {
                request,
                status,
                body,
            } => self.http_done(request, status, &body, now),
            Input::HttpFailed { request } => {
                self.offer(|engine, options, wire| engine.http_failed(request, options, wire))
            }
            Input::WsOpened { socket } => {
                self.offer(|engine, _, wire| engine.ws_opened(socket, wire))
            }
            Input::WsFrame { socket, frame } => self.ws_frame(socket, &frame, now),
            Input::WsClosed { socket } => {
                self.offer(|engine, options, wire| engine.ws_ended(socket, true, options, wire))
            }
            Input::WsFailed { socket } => {
                self.offer(|engine, options, wire| engine.ws_ended(socket, false, options, wire))
            }
            Input::Tick => {}
        }
        self.settle(now);
    }

    /// The next thing to do, until `None`.
    pub fn next_output(&mut self) -> Option<Output> {
        self.wire.next_output()
    }

    /// When [`Input::Tick`] is wanted at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.next_timer().map(|(at, _)| at)
    }

    /// Whether a namespace is connected at this moment.
    #[must_use]
    pub fn is_connected(&self, namespace: &str) -> bool {
        self.find(namespace)
            .is_some_and(|index| self.namespaces[index].connected)
    }

    /// The transport in use, if there is an open session.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        let engine = self.engine.as_ref().filter(|_| self.state == State::Open)?;
        Some(engine.transport())
    }

    fn event(&mut self, event: Event) {
        self.wire.outputs.push_back(Output::Event(event));
    }

    fn next_timer(&self) -> Option<(Duration, Timer)> {
        let engine = self.engine.as_ref().and_then(Engine::deadline);
        let retiring = self.retiring.iter().enumerate();
        let retiring = retiring
            .filter_map(|(index, engine)| Some((engine.deadline()?, Timer::RetiringPing(index))));
        let namespaces = self.namespaces.iter().enumerate();
        let namespaces =
            namespaces.filter_map(|(index, one)| Some((one.deadline()?, Timer::Namespace(index))));
        [
            engine.map(|at| (at, Timer::Ping)),
            self.open_by.map(|at| (at, Timer::Open)),
            self.reconnect.at.map(|at| (at, Timer::Reconnect)),
        ]
        .into_iter()
        .flatten()
        .chain(retiring)
        .chain(namespaces)
        .min()
    }

    fn run_timers(&mut self, now: Duration, due: impl Fn(Duration) -> bool) {
        while let Some((_, timer)) = self.next_timer().filter(|(at, _)| due(*at)) {
            match timer {
                Timer::Ping => {
                    if let Some(engine) = &mut self.engine {
                        engine.ping_missed(&self.options, &mut self.wire);
                    }
                }
                Timer::RetiringPing(index) => {
                    self.retiring[index].ping_missed(&self.options, &mut self.wire)
                }
                Timer::Open => {
                    self.opening_failed(ConnectError::Timeout, now);
                    self.close_engine();
                }
                Timer::Reconnect => self.attempt_reconnect(now),
                Timer::Namespace(index) => self.namespace_timer(index, now),
            }
            self.settle(now);
        }
    }

    /// Gives an occurrence to the engine it belongs to; nobody's are dropped.
    fn offer(&mut self, mut handle: impl FnMut(&mut Engine, &Options, &mut Wire) -> Claim) {
        for engine in self.engine.iter_mut().chain(&mut self.retiring) {
            if handle(engine, &self.options, &mut self.wire) != Claim::No {
                break;
            }
        }
    }

    /// As [`Client::offer`], and says whose packets are to be read.
    fn claim(
        &mut self,
        mut handle: impl FnMut(&mut Engine, &Options, &mut Wire) -> Claim,
    ) -> Option<u64> {
        let mut reader = None;
        self.offer(|engine, options, wire| {
            let claim = handle(engine, options, wire);
            if claim == Claim::Read {
                reader = Some(engine.number);
            }
            claim
        });
        reader
    }

    fn http_done(&mut self, request: RequestId, status: u16, body: &str, now: Duration) {
        let reader =
            self.claim(|engine, options, wire| engine.http_done(request, status, options, wire));
        let Some(number) = reader else { return };
        for packet in payload::packets(body) {
            self.read(number, packet, now);
        }
        self.offer(|engine, options, wire| engine.body_read(number, options, wire));
    }

    fn ws_frame(&mut self, socket: SocketId, frame: &Frame, now: Duration) {
        let reader =
            self.claim(|engine, options, wire| engine.ws_frame(socket, frame, options, wire));
        if let Some(number) = reader {
            self.read(number, EnginePacket::from_frame(frame), now);
        }
    }

    fn read(
        &mut self,
        number: u64,
        packet: Result<EnginePacket<'_>, super::packet::DecodeError>,
        now: Duration,
    ) {
        let mut engines = self.engine.iter_mut().chain(&mut self.retiring);
        if let Some(engine) = engines.find(|engine| engine.number == number) {
            engine.packet(packet, &self.options, now, &mut self.wire);
        }
        self.handle_signals(now);
    }

    /// Acts on signals at once, then on the packets they brought, until all is quiet.
    fn settle(&mut self, now: Duration) {
        self.handle_signals(now);
        while let Some(packet) = self.decoded.pop_front() {
            self.dispatch(packet, now);
            self.handle_signals(now);
        }
        self.retiring.retain(|engine| !engine.is_closed());
    }

    fn handle_signals(&mut self, now: Duration) {
        while let Some((number, signal)) = self.wire.signals.pop_front() {
            if self
                .engine
                .as_ref()
                .is_some_and(|engine| engine.number == number)
            {
                self.handle_signal(signal, now);
            }
        }
    }

    /// While opening the real client listens for `open` and `error` only; once closed, for nothing.
    fn handle_signal(&mut self, signal: Signal, now: Duration) {
        match (self.state, signal) {
            (State::Opening, Signal::Open) => self.opened(),
            (State::Opening, Signal::Failed(transport)) => {
                self.opening_failed(ConnectError::Transport(transport), now);
            }
            (State::Open, Signal::Text(text)) => match self.reassembler.text(&text) {
                Ok(Progress::Complete(packet)) => self.decoded.push_back(packet),
                Ok(Progress::Pending { .. }) => {}
                Err(_) => self.closed(DisconnectReason::ParseError, now),
            },
            (State::Open, Signal::Binary(bytes)) => match self.reassembler.binary(bytes) {
                Ok(Progress::Complete(packet)) => self.decoded.push_back(packet),
                Ok(Progress::Pending { .. }) => {}
                Err(_) => self.closed(DisconnectReason::ParseError, now),
            },
            (State::Open, Signal::Failed(transport)) => {
                self.report_error(&ConnectError::Transport(transport))
            }
            (State::Open, Signal::Closed(reason)) => self.closed(reason, now),
            (State::Open, Signal::Upgraded) => {
                let transport = Transport::WebSocket;
                self.event(Event::Upgraded { transport });
            }
            (State::Open, Signal::UpgradeFailed) => self.event(Event::UpgradeFailed),
            _ => {}
        }
    }

    /// Opens a new engine unless one is open or opening.
    fn open(&mut self, by_reconnect: bool, now: Duration) {
        if self.state != State::Closed {
            return;
        }
        self.state = State::Opening;
        self.reconnect.suppressed = false;
        self.reconnect.opening = by_reconnect;
        self.open_by = self.options.connect_timeout.map(|timeout| now + timeout);
        let number = self.engines_made;
        self.engines_made += 1;
        let engine = Engine::open(number, &self.options, &mut self.wire);
        if let Some(old) = self.engine.replace(engine) {
            self.retiring.push(old);
        }
    }

    fn opened(&mut self) {
        self.stop_timers();
        self.state = State::Open;
        let active = self.namespaces.iter().filter(|namespace| namespace.active);
        let names: Vec<String> = active.map(|namespace| namespace.name.clone()).collect();
        for name in names {
            self.want_auth(name);
        }
        if std::mem::take(&mut self.reconnect.opening) {
            let attempt = std::mem::take(&mut self.reconnect.attempts);
            self.reconnect.running = false;
            self.event(Event::Reconnected { attempt });
        }
        if let Some(engine) = &mut self.engine {
            engine.after_open(&self.options, &mut self.wire);
        }
    }

    fn opening_failed(&mut self, error: ConnectError, now: Duration) {
        self.stop_timers();
        self.state = State::Closed;
        self.report_error(&error);
        if std::mem::take(&mut self.reconnect.opening) {
            self.reconnect.running = false;
            self.schedule_reconnect(now);
        } else if !self.reconnect.running && self.reconnects() && self.reconnect.attempts == 0 {
            self.schedule_reconnect(now);
        }
    }

    /// The connection is over, for whatever reason.
    fn closed(&mut self, reason: DisconnectReason, now: Duration) {
        self.stop_timers();
        self.close_engine();
        self.reconnect.attempts = 0;
        self.state = State::Closed;
        for index in 0..self.namespaces.len() {
            if self.namespaces[index].active {
                self.namespace_closed(index, reason, now);
            }
        }
        if self.reconnects() && !self.reconnect.suppressed {
            self.schedule_reconnect(now);
        }
    }

    /// Closes deliberately: nothing reconnects by itself.
    fn close(&mut self, now: Duration) {
        self.reconnect.suppressed = true;
        self.reconnect.running = false;
        self.closed(DisconnectReason::ForcedClose, now);
    }

    fn close_engine(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.close(&self.options, &mut self.wire);
        }
    }

    fn stop_timers(&mut self) {
        self.open_by = None;
        self.reconnect.at = None;
        self.reassembler.reset();
    }

    fn reconnects(&self) -> bool {
        self.options.reconnection.attempts != Some(0)
    }

    fn schedule_reconnect(&mut self, now: Duration) {
        if self.reconnect.running || self.reconnect.suppressed {
            return;
        }
        let limit = self.options.reconnection.attempts;
        if limit.is_some_and(|limit| self.reconnect.attempts >= limit) {
            self.reconnect.attempts = 0;
            return self.event(Event::ReconnectFailed);
        }
        let backoff = self.options.reconnection.backoff;
        let delay = backoff.delay(self.reconnect.attempts, &mut self.wire.rng);
        self.reconnect.attempts += 1;
        self.reconnect.running = true;
        self.reconnect.at = Some(now + delay);
        self.event(Event::ReconnectScheduled {
            attempt: self.reconnect.attempts,
            delay,
        });
    }

    fn attempt_reconnect(&mut self, now: Duration) {
        self.reconnect.at = None;
        if self.reconnect.suppressed {
            return;
        }
        let attempt = self.reconnect.attempts;
        self.event(Event::ReconnectAttempt { attempt });
        self.open(true, now);
    }

    fn write(&mut self, packet: &Packet) {
        if let Some(engine) = &mut self.engine {
            for frame in packet.encode() {
                engine.send(frame, &self.options, &mut self.wire);
            }
        }
    }
}
