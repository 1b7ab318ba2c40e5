//! The peers of a server: letting in, emitting, sending away, losing and recovering them.

use std::time::Duration;

use serde_json::Value;

use super::peer::{Peer, PeerState};
use super::session::{Session, SessionId};
use super::{CloseReason, Delivery, Emit, Event, PeerId, Scope, Server};
use crate::protocol::packet::{Auth, Body, Refusal};

impl Server {
    pub(super) fn connect(
        &mut self,
        id: SessionId,
        namespace: String,
        auth: Option<Auth>,
        now: Duration,
    ) {
        let exists = namespace == "/" || self.engine.options.namespaces.contains(&namespace);
        if !exists {
            let refusal = Refusal {
                message: "Invalid namespace".to_owned(),
                data: None,
            };
            return self.write(id, namespace, Body::ConnectError(refusal), now);
        }
        if let Some(auth) = &auth
            && let Some(peer) = self.recoverable(&namespace, auth)
        {
            return self.recover(peer, id, auth, now);
        }
        let Some(session) = self.engine.get(id).map(|session| session.sid.clone()) else {
            return;
        };
        let sid = self.engine.new_sid();
        let recovery_id = self
            .engine
            .options
            .recovery
            .is_some()
            .then(|| self.engine.new_sid());
        let peer = PeerId(self.peers_made);
        self.peers_made += 1;
        self.peers.insert(
            peer,
            Peer::new(id, namespace.clone(), sid.clone(), recovery_id),
        );
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.pending.insert(peer);
        }
        self.event(Event::Connect {
            peer,
            sid,
            namespace,
            auth,
            session,
        });
    }

    pub(super) fn accept(&mut self, id: PeerId, now: Duration) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let PeerState::Pending(session) = peer.state else {
            return;
        };
        peer.state = PeerState::Joined(session);
        self.join(id, session, now);
    }

    /// Enters the peer into its connection and tells the client.
    pub(super) fn join(&mut self, id: PeerId, session: SessionId, now: Duration) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let (namespace, connect) = (peer.namespace.clone(), peer.connect_body());
        if let Some(recovery_id) = &peer.recovery_id {
            self.by_recovery_id.insert(recovery_id.clone(), id);
        }
        if let Some(connection) = self.connections.get_mut(&session) {
            connection.pending.remove(&id);
            connection.joined.insert(namespace.clone(), id);
            if let Some(by) = connection.handshake_by.take() {
                self.handshake_timers.remove(&(by, session));
            }
        }
        self.write(session, namespace, connect, now);
    }

    pub(super) fn refuse(&mut self, id: PeerId, refusal: Refusal, now: Duration) {
        let Some(PeerState::Pending(session)) = self.peers.get(&id).map(|peer| peer.state) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&session) {
            connection.pending.remove(&id);
        }
        if let Some(peer) = self.peers.remove(&id) {
            self.write(session, peer.namespace, Body::ConnectError(refusal), now);
        }
    }

    pub(super) fn emit(&mut self, id: PeerId, emit: Emit, now: Duration) {
        let Emit {
            name,
            mut args,
            ack,
            delivery,
        } = emit;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        // Only what can be sent again later is kept, and only what is kept carries an offset.
        if let Some(window) = self.engine.options.recovery
            && ack.is_none()
            && delivery == Delivery::Buffered
            && !matches!(peer.state, PeerState::Pending(_))
        {
            peer.log(&name, &mut args, now, window);
        }
        let PeerState::Joined(session) = peer.state else {
            return;
        };
        let writable = self.engine.get(session).is_some_and(Session::is_writable);
        if delivery == Delivery::Volatile && !writable {
            return;
        }
        let ack_id = ack.map(|token| {
            let next = self.ack_ids.entry(peer.namespace.clone()).or_default();
            let ack_id = *next;
            *next += 1;
            peer.acks.insert(ack_id, token);
            ack_id
        });
        let body = Body::Event {
            id: ack_id,
            name,
            args,
        };
        self.write_peer(id, body, now);
    }

    pub(super) fn disconnect(&mut self, id: PeerId, scope: Scope, now: Duration) {
        let Some(PeerState::Joined(session)) = self.peers.get(&id).map(|peer| peer.state) else {
            return;
        };
        let leaving: Vec<PeerId> = match scope {
            Scope::Namespace => vec![id],
            Scope::Connection => {
                let connection = self.connections.get(&session);
                connection
                    .into_iter()
                    .flat_map(|connection| connection.joined.values().copied())
                    .collect()
            }
        };
        for peer in leaving {
            self.write_peer(peer, Body::Disconnect, now);
            self.gone(peer, CloseReason::ServerNamespaceDisconnect, now);
        }
        if scope == Scope::Connection {
            self.close_connection(session, now);
        }
    }

    pub(super) fn gone(&mut self, id: PeerId, reason: CloseReason, now: Duration) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let away_for = self
            .engine
            .options
            .recovery
            .filter(|_| reason.is_recoverable());
        let recoverable = match (peer.state, away_for) {
            (PeerState::Away { .. }, _) => return,
            (PeerState::Joined(session), away_for) => {
                if let Some(connection) = self.connections.get_mut(&session) {
                    connection.joined.remove(&peer.namespace);
                }
                if let Some(window) = away_for {
                    let until = now + window;
                    peer.state = PeerState::Away { until };
                    peer.acks.clear();
                    self.away_timers.insert((until, id));
                }
                away_for.is_some()
            }
            (PeerState::Pending(_), _) => false,
        };
        if !recoverable {
            self.forget(id);
        }
        self.event(Event::Disconnected {
            peer: id,
            reason,
            recoverable,
        });
    }

    pub(super) fn forget(&mut self, id: PeerId) {
        if let Some(recovery_id) = self.peers.remove(&id).and_then(|peer| peer.recovery_id) {
            self.by_recovery_id.remove(&recovery_id);
        }
    }

    /// The peer whose recovery id and offset these are, if it is away and the offset is still known.
    pub(super) fn recoverable(&self, namespace: &str, auth: &Auth) -> Option<PeerId> {
        self.engine.options.recovery?;
        let id = *self.by_recovery_id.get(auth.get("pid")?.as_str()?)?;
        let peer = self.peers.get(&id)?;
        let away = matches!(peer.state, PeerState::Away { .. }) && peer.namespace == namespace;
        peer.missed_since(auth.get("offset")?.as_str()?)
            .filter(|_| away)?;
        Some(id)
    }

    pub(super) fn recover(&mut self, id: PeerId, session: SessionId, auth: &Auth, now: Duration) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if let PeerState::Away { until } = peer.state {
            self.away_timers.remove(&(until, id));
        }
        peer.state = PeerState::Joined(session);
        let offset = auth
            .get("offset")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let missed = peer.missed_since(offset).unwrap_or_default();
        let namespace = peer.namespace.clone();
        // What was missed goes first: the client holds it back until it is connected.
        for body in missed {
            self.write(session, namespace.clone(), body, now);
        }
        self.join(id, session, now);
        let session = self.engine.get(session).map(|session| session.sid.clone());
        self.event(Event::Recovered {
            peer: id,
            session: session.unwrap_or_default(),
        });
    }
}
