//! All Engine.IO sessions of a server: admission, routing of requests and sockets, timers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::admission::{Admission, Arrival, Query};
use super::session::{Effects, Holds, Opening, Session, SessionId, Signal, respond};
use super::{CloseReason, ExchangeId, Options, Output, Request, Response, SocketId, Transport};
use crate::protocol::packet::Frame;

/// The sessions of a server, and what finds them: ids, sockets, polls and timers.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) options: Options,
    rng: fastrand::Rng,
    opened: u64,
    sessions: BTreeMap<SessionId, Session>,
    sids: HashMap<String, SessionId>,
    sockets: HashMap<SocketId, SessionId>,
    polls: HashMap<ExchangeId, SessionId>,
    timers: BTreeSet<(Duration, SessionId)>,
    pub(super) effects: Effects,
}

/// A session that has just opened.
pub(super) struct Opened {
    pub(super) id: SessionId,
    pub(super) sid: String,
    pub(super) transport: Transport,
}

impl Engine {
    pub(super) fn new(options: Options) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(options.seed),
            options,
            opened: 0,
            sessions: BTreeMap::new(),
            sids: HashMap::new(),
            sockets: HashMap::new(),
            polls: HashMap::new(),
            timers: BTreeSet::new(),
            effects: Effects::default(),
        }
    }

    pub(super) fn request(
        &mut self,
        exchange: ExchangeId,
        request: &Request,
        now: Duration,
    ) -> Option<Opened> {
        let arrival = Arrival::Http {
            method: &request.method,
        };
        match self.admit(&Query::parse(&request.query), arrival) {
            Err(refused) => respond(exchange, refused.to_request(), &mut self.effects),
            Ok(Admission::Handshake(_)) => return Some(self.open(Opening::Poll(exchange), now)),
            Ok(Admission::Session(id)) => self.session_request(id, exchange, request, now),
        }
        None
    }

    fn session_request(
        &mut self,
        id: SessionId,
        exchange: ExchangeId,
        request: &Request,
        now: Duration,
    ) {
        let is_binary = request.content_type.as_deref() == Some("application/octet-stream");
        let max_payload = self.options.max_payload;
        match request.method.as_str() {
            "GET" => {
                self.with(id, |session, _, effects| {
                    session.poll(exchange, now, effects)
                });
            }
            "POST" if is_binary => self.with(id, |session, _, effects| {
                session.post_refused(exchange, effects)
            }),
            "POST" if request.body.len() > max_payload => {
                respond(exchange, Response::empty(413), &mut self.effects)
            }
            "POST" => self.with(id, |session, options, effects| {
                session.post(exchange, &request.body, options, now, effects);
            }),
            _ => respond(exchange, Response::empty(500), &mut self.effects),
        }
    }

    pub(super) fn request_aborted(&mut self, exchange: ExchangeId) {
        if let Some(id) = self.polls.get(&exchange).copied() {
            self.with(id, |session, _, effects| {
                session.poll_aborted(exchange, effects)
            });
        }
    }

    pub(super) fn upgrade(
        &mut self,
        socket: SocketId,
        query: &str,
        now: Duration,
    ) -> Option<Opened> {
        let query = Query::parse(query);
        match self.admit(&query, Arrival::Upgrade) {
            Err(refused) => {
                let response = refused.to_handshake();
                self.effects
                    .outputs
                    .push_back(Output::RejectWs { socket, response });
            }
            // Node completes such a handshake and then has no use for the socket.
            Ok(_) if !query.is_websocket() => {
                self.effects.outputs.push_back(Output::AcceptWs { socket });
                self.effects
                    .outputs
                    .push_back(Output::CloseWs { socket, code: None });
            }
            Ok(Admission::Handshake(_)) => {
                return Some(self.open(Opening::WebSocket(socket), now));
            }
            Ok(Admission::Session(id)) => {
                self.with(id, |session, options, effects| {
                    session.probe(socket, options, now, effects)
                });
            }
        }
        None
    }

    pub(super) fn frame(&mut self, socket: SocketId, frame: &Frame, now: Duration) {
        if let Some(&id) = self.sockets.get(&socket) {
            self.with(id, |session, options, effects| {
                session.frame(socket, frame, options, now, effects)
            });
        }
    }

    pub(super) fn socket_closed(&mut self, socket: SocketId) {
        if let Some(id) = self.sockets.get(&socket).copied() {
            self.with(id, |session, _, effects| {
                session.socket_ended(socket, CloseReason::TransportClose, effects);
            });
        }
    }

    pub(super) fn tick(&mut self, now: Duration) {
        while let Some(&(at, id)) = self.timers.first() {
            if at > now {
                break;
            }
            self.with(id, |session, options, effects| {
                session.tick(options, now, effects)
            });
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    pub(super) fn is_open(&self, id: SessionId) -> bool {
        self.get(id).is_some_and(Session::is_open)
    }

    pub(super) fn send(&mut self, id: SessionId, frame: Frame, now: Duration) {
        self.with(id, |session, _, effects| session.send(frame, now, effects));
    }

    pub(super) fn post_read(&mut self, id: SessionId) {
        self.with(id, |session, _, effects| session.post_read(effects));
    }

    pub(super) fn close(&mut self, id: SessionId, now: Duration) {
        self.with(id, |session, _, effects| session.close(now, effects));
    }

    pub(super) fn discard_all(&mut self) {
        let ids: Vec<_> = self.sessions.keys().copied().collect();
        for id in ids {
            self.with(id, |session, _, effects| session.discard(effects));
        }
    }

    pub(super) fn next_signal(&mut self) -> Option<(SessionId, Signal)> {
        self.effects.signals.pop_front()
    }

    /// Fifteen random bytes in base64, the form of Node's ids.
    pub(super) fn new_sid(&mut self) -> String {
        let mut bytes = [0; 15];
        self.rng.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn admit(
        &self,
        query: &Query,
        arrival: Arrival<'_>,
    ) -> Result<Admission<SessionId>, super::admission::Refused> {
        query.admit(arrival, &self.options, |sid| {
            let id = *self.sids.get(sid)?;
            Some((id, self.sessions.get(&id)?.transport()))
        })
    }

    fn open(&mut self, opening: Opening, now: Duration) -> Opened {
        let id = SessionId(self.opened);
        self.opened += 1;
        let sid = self.new_sid();
        let session = Session::open(
            id,
            sid.clone(),
            opening,
            &self.options,
            now,
            &mut self.effects,
        );
        let transport = session.transport();
        self.file(id, None, session.deadline());
        self.route(id, Holds::default(), session.holds());
        self.sessions.insert(id, session);
        self.sids.insert(sid.clone(), id);
        Opened { id, sid, transport }
    }

    /// Every change of a session passes here, so that its timer is always filed, its requests and sockets always
    /// find it, and its end is always noticed.
    fn with(&mut self, id: SessionId, change: impl FnOnce(&mut Session, &Options, &mut Effects)) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (deadline, holds) = (session.deadline(), session.holds());
        change(session, &self.options, &mut self.effects);
        let closed = session.is_closed();
        let (deadline_now, holds_now) = match closed {
            true => (None, Holds::default()),
            false => (session.deadline(), session.holds()),
        };
        if deadline != deadline_now {
            self.file(id, deadline, deadline_now);
        }
        if holds != holds_now {
            self.route(id, holds, holds_now);
        }
        if closed && let Some(session) = self.sessions.remove(&id) {
            self.sids.remove(&session.sid);
        }
    }

    fn file(&mut self, id: SessionId, before: Option<Duration>, after: Option<Duration>) {
        if let Some(before) = before {
            self.timers.remove(&(before, id));
        }
        if let Some(after) = after {
            self.timers.insert((after, id));
        }
    }

    fn route(&mut self, id: SessionId, before: Holds, after: Holds) {
        if let Some(poll) = before.poll {
            self.polls.remove(&poll);
        }
        for socket in [before.socket, before.probe].into_iter().flatten() {
            self.sockets.remove(&socket);
        }
        if let Some(poll) = after.poll {
            self.polls.insert(poll, id);
        }
        for socket in [after.socket, after.probe].into_iter().flatten() {
            self.sockets.insert(socket, id);
        }
    }
}
