//! Sockets: who is let in, what they are answered, and when they end.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::LeverError;
use super::backend::{Backend, Core};
use super::call::{self, Call};
use super::capture::{self, Captures};
use super::defect::Defect;
use super::engine::Host;
use super::routes::stamp;
use super::sessions::{Denied, Holder};
use super::sockets::{MAIN, Peer};
use super::switchboard::Switchboard;
use crate::domain::contract::{Realtime, TokenChecked};
use crate::net::Clock;
use crate::protocol::packet::{Args, Auth, Refusal};
use crate::protocol::server::{Event, Input, PeerId, Scope};

/// How long a socket may outlive its token where the contract names no leeway.
const LEEWAY: Duration = Duration::from_secs(30);

impl Host for Backend {
    fn frozen(&self) -> watch::Receiver<bool> {
        self.faults.frozen()
    }

    fn board<T>(&self, act: impl FnOnce(&mut Switchboard) -> T) -> T {
        act(&mut self.core().sockets.board)
    }

    fn tell(&self, input: Input, call: Option<&Call>) {
        let mut core = self.core();
        core.sockets.credential = call.and_then(|call| handshake_credential(self, call));
        self.feed_machine(&mut core, input);
        core.sockets.credential = None;
    }

    /// Everything that is due by now: heartbeats, feeds, sockets whose token has ended.
    fn tick(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let mut core = self.core();
        let core = &mut *core;
        // The driver is awake: whatever follows is seen before it sleeps again.
        core.sockets.armed = Some(Duration::ZERO);
        if core
            .sockets
            .board
            .server
            .deadline()
            .is_some_and(|at| at <= now)
        {
            self.feed_machine(core, Input::Tick);
        }
        let feeds = Arc::clone(&core.feeds);
        for (at, feed) in feeds.iter().enumerate() {
            if core.sockets.feeds[at].is_some_and(|due| due <= now) {
                core.sockets.feeds[at] = Some(now + feed.every);
                self.emit_feed(core, feed);
            }
        }
        self.live_on(core);
        let ended: Vec<PeerId> = core
            .sockets
            .peers
            .iter()
            .filter(|(_, peer)| peer.ends <= now)
            .map(|(peer, _)| *peer)
            .collect();
        self.disconnect(core, ended);
        core.sockets.armed = core.sockets.due();
        core.sockets.armed
    }

    fn reset(&self) {
        self.core().sockets.reset();
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn wake(&self) -> &Notify {
        &self.wake
    }

    fn stamp(&self, headers: &mut HeaderMap) {
        stamp(self, headers);
    }
}

impl Backend {
    /// Cuts every WebSocket; sessions on long-polling go on.
    pub(super) fn cut_websockets(&self) {
        for socket in self.board(Switchboard::cut_websockets) {
            self.tell(Input::WsClosed { socket }, None);
        }
    }

    /// Gives the machine one input and does what it wants done.
    pub(super) fn feed_machine(&self, core: &mut Core, input: Input) {
        core.sockets
            .board
            .server
            .handle(input, self.clock.elapsed());
        self.settle(core);
    }

    /// Closes the connections of everybody in `peers`.
    pub(super) fn disconnect(&self, core: &mut Core, peers: Vec<PeerId>) {
        for peer in peers {
            self.let_go(core, peer);
            let scope = Scope::Connection;
            self.feed_machine(core, Input::Disconnect { peer, scope });
        }
        self.stop_idle_feeds(core);
    }

    /// Somebody is connected no more.
    fn let_go(&self, core: &mut Core, peer: PeerId) {
        if let Some(gone) = core.sockets.peers.remove(&peer) {
            let user = core.people.get(gone.user).map(|own| &own.user.name);
            self.note("socket", || json!({ "user": user, "open": false }));
        }
    }

    /// Sends away whoever is there of a user's sockets, or of everybody's.
    pub(super) fn send_away(
        &self,
        user: Option<&str>,
        connection: bool,
    ) -> Result<usize, LeverError> {
        let mut core = self.core();
        let core = &mut *core;
        let found = user.map(|name| {
            let mut people = core.people.iter();
            let found = people.position(|person| person.user.name == name);
            found.ok_or_else(|| LeverError::Unknown {
                kind: "user",
                name: name.to_owned(),
            })
        });
        let user = found.transpose()?;
        let going: Vec<PeerId> = core
            .sockets
            .peers
            .iter()
            .filter(|(_, peer)| !peer.away && user.is_none_or(|user| peer.user == user))
            .map(|(peer, _)| *peer)
            .collect();
        let scope = if connection {
            Scope::Connection
        } else {
            Scope::Namespace
        };
        for peer in &going {
            self.feed_machine(core, Input::Disconnect { peer: *peer, scope });
        }
        Ok(going.len())
    }

    /// Switches the kill-switch.
    pub(super) fn switch(&self, core: &mut Core, on: bool) {
        core.maintenance = on;
        core.was_maintained |= on;
        let stay = [Defect::DataDuringMaintenance, Defect::SocketsOutliveSwitch];
        if on && !stay.iter().any(|defect| self.has(*defect)) {
            let peers = core.sockets.peers.keys().copied().collect();
            self.disconnect(core, peers);
        }
    }

    /// Closes the connections that a session has opened.
    pub(super) fn close_sockets_of(&self, core: &mut Core, family: u64) {
        let peers = core
            .sockets
            .peers
            .iter()
            .filter(|(_, peer)| peer.family == family)
            .map(|(peer, _)| *peer)
            .collect();
        self.disconnect(core, peers);
    }

    /// Lets sockets end that hold a token which has just been declared expired.
    pub(super) fn shorten_sockets(&self, core: &mut Core) {
        let ends = self.clock.elapsed() + self.leeway();
        if !self.has(Defect::EventsAfterExpiry) && !self.outlives_tokens() {
            for peer in core.sockets.peers.values_mut() {
                peer.ends = peer.ends.min(ends);
            }
        }
        self.wake_driver(core);
    }

    /// Performs what the machine wants done, and answers what it tells.
    pub(super) fn settle(&self, core: &mut Core) {
        while let Some(event) = core.sockets.board.next_event() {
            self.handle_event(core, event);
        }
        self.wake_driver(core);
    }

    pub(super) fn wake_driver(&self, core: &Core) {
        let due = core.sockets.due();
        if due.is_some_and(|due| core.sockets.armed.is_none_or(|armed| due < armed)) {
            self.wake.notify_one();
        }
    }

    fn handle_event(&self, core: &mut Core, event: Event) {
        let Some(realtime) = &self.contract.realtime else {
            return;
        };
        let now = self.clock.elapsed();
        match event {
            Event::SessionOpened { session, .. } => {
                if let Some(token) = core.sockets.credential.take() {
                    core.sockets.credentials.insert(session, token);
                }
            }
            Event::SessionClosed { session, .. } => {
                core.sockets.credentials.remove(&session);
            }
            Event::Connect {
                peer,
                namespace,
                auth,
                session,
                ..
            } => {
                let input = match self.admit(core, realtime, &namespace, auth, &session) {
                    Ok(holder) => {
                        let listens = namespace == realtime.namespace || namespace == MAIN;
                        self.add_peer(core, peer, holder, listens);
                        Input::Accept { peer }
                    }
                    Err(refusal) => Input::Refuse { peer, refusal },
                };
                core.sockets.board.server.handle(input, now);
            }
            Event::Received {
                peer,
                name,
                args,
                ack,
            } => self.received(core, realtime, peer, &name, &args, ack),
            Event::Disconnected {
                peer,
                recoverable: true,
                ..
            } => {
                if let Some(lost) = core.sockets.peers.get_mut(&peer) {
                    lost.away = true;
                }
            }
            Event::Disconnected { peer, .. } | Event::Forgotten { peer } => {
                self.let_go(core, peer);
                self.stop_idle_feeds(core);
            }
            Event::Recovered { peer, .. } => self.recovered(core, peer),
            Event::Ack { token, args, .. } => {
                if let Some(asked) = core.sockets.awaited.remove(&token) {
                    // Whoever asked may have run out of patience.
                    let _ = asked.send(args);
                }
            }
            Event::SessionUpgraded { .. } => {}
        }
    }

    fn recovered(&self, core: &mut Core, peer: PeerId) {
        let now = self.clock.elapsed();
        match core.sockets.peers.get_mut(&peer) {
            Some(back) => {
                back.away = false;
                // What they missed was sent again just now.
                core.emitted.values_mut().for_each(|at| *at = now);
            }
            // They were sent away in their absence.
            None => {
                let scope = Scope::Connection;
                let input = Input::Disconnect { peer, scope };
                core.sockets.board.server.handle(input, now);
            }
        }
    }

    /// A connected client hands over a token: the socket lives as long as that one. What is no good
    /// leaves everything as it is.
    fn renewed(&self, core: &mut Core, realtime: &Realtime, peer: PeerId, name: &str, args: &Args) {
        let renewal = realtime.renewal.as_ref();
        let renewal = renewal.filter(|_| !self.has(Defect::DeafToRenewals));
        let Some(renewal) = renewal.filter(|renewal| renewal.emit.event == name) else {
            return;
        };
        let mut found = Captures::new();
        for (template, arg) in renewal.emit.args.iter().zip(&args.values) {
            capture::value(&template.0, Some(arg), &mut found);
        }
        let token = call::text(&found, "access-token");
        let holder = core.sessions.check(token.as_deref(), self.clock.unix());
        if let (Ok(holder), Some(own)) = (holder, core.sockets.peers.get_mut(&peer))
            && own.user == holder.user
            && own.ends != Duration::MAX
        {
            own.family = holder.family;
            own.ends = self.end_of(&holder);
        }
    }

    fn received(
        &self,
        core: &mut Core,
        realtime: &Realtime,
        peer: PeerId,
        name: &str,
        args: &Args,
        ack: Option<u64>,
    ) {
        self.renewed(core, realtime, peer, name, args);
        let scope = &self.contract.scope;
        let status = if scope.forbid_emits.iter().any(|event| event == name) {
            core.forbidden += 1;
            "accepted"
        } else if realtime.emits().any(|emit| emit.event == name)
            || scope.allow_emits.iter().any(|event| event == name)
        {
            "ok"
        } else {
            return;
        };
        if let Some(id) = ack.filter(|_| !self.has(Defect::NeverAcknowledges)) {
            let args = Args::none().and(json!({ "status": status }));
            let answer = Input::Answer { peer, id, args };
            core.sockets
                .board
                .server
                .handle(answer, self.clock.elapsed());
        }
    }

    /// Decides who comes in, as a middleware of the backend would.
    fn admit(
        &self,
        core: &mut Core,
        realtime: &Realtime,
        namespace: &str,
        auth: Option<Auth>,
        session: &str,
    ) -> Result<Holder, Refusal> {
        let mut found = Captures::new();
        let payload = auth.map(|auth| Value::Object(auth.0));
        capture::value(&realtime.auth.0, payload.as_ref(), &mut found);
        let token = call::text(&found, "access-token")
            .or_else(|| core.sockets.credentials.get(session).cloned());
        let holder = core
            .sessions
            .check(token.as_deref(), self.clock.unix())
            .or_else(|denied| match self.lets_anybody_in(namespace) {
                true => Ok(Holder {
                    user: 0,
                    family: 0,
                    expires: self.clock.unix() + core.world.access_token_lifetime,
                }),
                false => Err(denied),
            })
            .map_err(unauthorized)?;
        let forbidden = &self.contract.scope.forbid_namespaces;
        if forbidden.iter().any(|name| name == namespace) {
            let open = self.has(Defect::ForbiddenNamespaceOpen);
            if !core.people[holder.user].user.admin && !open {
                core.forbidden += 1;
                return Err(refusal("forbidden", "this is not for testers"));
            }
        } else if namespace == MAIN && self.has(Defect::MainNamespaceOpen) {
            return Ok(holder);
        } else if namespace != realtime.namespace || self.has(Defect::NoNamespace) {
            return Err(refusal("Invalid namespace", "there is no such namespace"));
        }
        let open = [
            Defect::DataDuringMaintenance,
            Defect::SocketDuringMaintenance,
        ];
        if core.maintenance && !open.iter().any(|defect| self.has(*defect)) {
            return Err(refusal("maintenance", "the service is being maintained"));
        }
        Ok(holder)
    }

    /// Whether a defect opens a namespace to whoever comes.
    fn lets_anybody_in(&self, namespace: &str) -> bool {
        self.has(Defect::SocketForAnyToken)
            || (namespace == MAIN && self.has(Defect::MainNamespaceOpen))
    }

    fn add_peer(&self, core: &mut Core, peer: PeerId, holder: Holder, listens: bool) {
        let now = self.clock.elapsed();
        let ends = if self.has(Defect::EventsAfterExpiry) || self.outlives_tokens() {
            Duration::MAX
        } else {
            self.end_of(&holder)
        };
        let peer_of = Peer {
            user: holder.user,
            family: holder.family,
            ends,
            listens,
            away: false,
        };
        core.sockets.peers.insert(peer, peer_of);
        let user = &core.people[holder.user].user.name;
        self.note("socket", || json!({ "user": user, "open": true }));
        if listens {
            core.sockets.came(peer);
            for (due, feed) in core.sockets.feeds.iter_mut().zip(core.feeds.iter()) {
                due.get_or_insert(now + feed.every);
            }
        }
    }

    /// Whether a socket is checked at CONNECT only.
    fn outlives_tokens(&self) -> bool {
        let feed = self.contract.realtime.as_ref();
        feed.is_some_and(|feed| feed.token_checked == TokenChecked::Handshake)
    }

    /// When a socket of this token's holder ends, since the run began.
    fn end_of(&self, holder: &Holder) -> Duration {
        holder.expires.saturating_sub(self.clock.epoch()) + self.leeway()
    }

    /// Nobody listens: no feed needs a timer.
    fn stop_idle_feeds(&self, core: &mut Core) {
        if !core.sockets.has_listener(None) {
            core.sockets.feeds.fill(None);
        }
    }

    fn leeway(&self) -> Duration {
        self.contract.session.token.leeway().unwrap_or(LEEWAY)
    }
}

/// The token in a handshake's headers, for contracts whose CONNECT does not carry it.
fn handshake_credential(backend: &Backend, call: &Call) -> Option<String> {
    let realtime = backend.contract.realtime.as_ref()?;
    let in_payload = realtime
        .auth
        .names()
        .iter()
        .any(|name| name == "access-token");
    (!in_payload)
        .then(|| call.access_token(&backend.contract))
        .flatten()
}

fn unauthorized(denied: Denied) -> Refusal {
    refusal("unauthorized", denied.reason())
}

fn refusal(message: &str, reason: &str) -> Refusal {
    let code = message.to_ascii_lowercase().replace(' ', "-");
    Refusal {
        message: message.to_owned(),
        data: Some(json!({ "code": code, "reason": reason })),
    }
}
