//! The namespaces of a client: connecting, emitting, acknowledging, being sent away.

use std::time::Duration;

use serde_json::Value;

use super::namespace::{AckOwner, Awaited, Namespace, Queued, Received, Unsent};
use super::{
    AckOutcome, AckRequest, Client, ConnectError, DisconnectReason, Emit, Engine, Event, Output,
    SentAway, State,
};
use crate::protocol::packet::{Args, Auth, Body, Packet};

impl Client {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.namespaces
            .iter()
            .position(|namespace| namespace.name == name)
    }

    /// The namespaces connect in the order in which they became active.
    fn activate(&mut self, name: String) -> bool {
        let mut namespace = match self.find(&name) {
            Some(index) if self.namespaces[index].connected => return false,
            Some(index) if self.namespaces[index].active => return true,
            Some(index) => self.namespaces.remove(index),
            None => Namespace::new(name),
        };
        namespace.active = true;
        namespace.return_at = None;
        // Most clients have one, and a list that grows by itself makes room for four.
        self.namespaces.reserve_exact(1);
        self.namespaces.push(namespace);
        true
    }

    pub(super) fn connect(&mut self, name: String, now: Duration) {
        if !self.activate(name.clone()) {
            return;
        }
        if !self.reconnect.running {
            self.open(false, now);
        }
        if self.state == State::Open {
            self.want_auth(name);
        }
    }

    pub(super) fn want_auth(&mut self, namespace: String) {
        self.wire
            .outputs
            .push_back(Output::AuthWanted { namespace });
        self.wire.auth_wanted += 1;
    }

    pub(super) fn send_connect(&mut self, name: &str, auth: Option<Auth>) {
        self.wire.auth_wanted = self.wire.auth_wanted.saturating_sub(1);
        let Some(index) = self.find(name) else { return };
        let namespace = &self.namespaces[index];
        if namespace.active && self.state == State::Open {
            let packet = Packet {
                namespace: namespace.name.clone(),
                body: namespace.connect_body(auth),
            };
            self.write(&packet);
        }
    }

    pub(super) fn disconnect(&mut self, name: &str, now: Duration) {
        let Some(index) = self.find(name) else { return };
        let was_connected = self.namespaces[index].connected;
        if was_connected {
            self.write(&Packet {
                namespace: name.to_owned(),
                body: Body::Disconnect,
            });
        }
        self.deactivate(index, now);
        if was_connected {
            self.namespace_closed(index, DisconnectReason::IoClientDisconnect, now);
        }
    }

    /// Takes a namespace out of the connection, and closes that with the last one.
    fn deactivate(&mut self, index: usize, now: Duration) {
        self.namespaces[index].active = false;
        self.namespaces[index].return_at = None;
        if !self.namespaces.iter().any(|namespace| namespace.active) {
            self.close(now);
        }
    }

    pub(super) fn namespace_closed(
        &mut self,
        index: usize,
        reason: DisconnectReason,
        now: Duration,
    ) {
        self.namespaces[index].connected = false;
        let namespace = self.namespaces[index].name.clone();
        self.event(Event::Disconnected { namespace, reason });
        for awaited in self.namespaces[index].take_lost() {
            // An event of the queue that would wait for ever is simply sent again after the next connect.
            if matches!(awaited.owner, AckOwner::App(_)) || awaited.by.is_some() {
                self.acknowledged(index, awaited, AckOutcome::Disconnected, now);
            }
        }
    }

    pub(super) fn report_error(&mut self, error: &ConnectError) {
        for index in 0..self.namespaces.len() {
            let namespace = &self.namespaces[index];
            if namespace.active && !namespace.connected {
                self.event(Event::ConnectError {
                    namespace: namespace.name.clone(),
                    error: error.clone(),
                });
            }
        }
    }

    pub(super) fn namespace_timer(&mut self, index: usize, now: Duration) {
        if let Some(awaited) = self.namespaces[index].take_overdue(now) {
            self.acknowledged(index, awaited, AckOutcome::TimedOut, now);
        } else if self.namespaces[index].return_at.take().is_some() {
            let name = self.namespaces[index].name.clone();
            self.connect(name, now);
        }
    }

    pub(super) fn answer(&mut self, namespace: String, id: u64, args: Args) {
        let body = Body::Ack { id: Some(id), args };
        self.write(&Packet { namespace, body });
    }

    pub(super) fn emit(&mut self, name: &str, emit: Emit, now: Duration) {
        let index = self.find(name).unwrap_or_else(|| {
            self.namespaces.push(Namespace::new(name.to_owned()));
            self.namespaces.len() - 1
        });
        if self.options.retries.is_some_and(|retries| retries > 0) && !emit.volatile {
            self.namespaces[index].queue.push_back(Queued {
                emit,
                tries: 0,
                pending: false,
            });
            return self.drain_queue(index, false, now);
        }
        let owner = emit.ack.map(|ack| AckOwner::App(ack.token));
        self.emit_now(index, emit, owner, now);
    }

    fn emit_now(&mut self, index: usize, emit: Emit, owner: Option<AckOwner>, now: Duration) {
        let timeout = emit
            .ack
            .and_then(|ack| ack.timeout)
            .or(self.options.ack_timeout);
        let namespace = &mut self.namespaces[index];
        let id = owner.map(|owner| {
            let by = timeout.map(|timeout| now + timeout);
            namespace.await_ack(Awaited { by, owner })
        });
        let writable = self.engine.as_ref().is_some_and(Engine::is_writable);
        if emit.volatile && !writable {
            return;
        }
        let body = Body::Event {
            id,
            name: emit.name,
            args: emit.args,
        };
        if namespace.connected {
            let namespace = namespace.name.clone();
            self.write(&Packet { namespace, body });
        } else {
            namespace.unsent.push(Unsent { id, body });
        }
    }

    /// Sends the front of the queue, if it is not already under way.
    fn drain_queue(&mut self, index: usize, again: bool, now: Duration) {
        let namespace = &mut self.namespaces[index];
        let connected = namespace.connected;
        let Some(front) = namespace.queue.front_mut().filter(|_| connected) else {
            return;
        };
        if front.pending && !again {
            return;
        }
        front.pending = true;
        front.tries += 1;
        let emit = front.emit.clone();
        self.emit_now(index, emit, Some(AckOwner::Queue), now);
    }

    fn acknowledged(&mut self, index: usize, awaited: Awaited, outcome: AckOutcome, now: Duration) {
        match awaited.owner {
            AckOwner::App(token) => self.tell_app(index, token, outcome),
            AckOwner::Queue => {
                let limit = self.options.retries.unwrap_or(0);
                let answered = matches!(outcome, AckOutcome::Answered(_));
                let queue = &mut self.namespaces[index].queue;
                let Some(front) = queue.front_mut() else {
                    return;
                };
                front.pending = false;
                if answered || front.tries > limit {
                    let ack = front.emit.ack;
                    queue.pop_front();
                    if let Some(AckRequest { token, .. }) = ack {
                        self.tell_app(index, token, outcome);
                    }
                }
                self.drain_queue(index, false, now);
            }
        }
    }

    fn tell_app(&mut self, index: usize, token: u64, outcome: AckOutcome) {
        let namespace = self.namespaces[index].name.clone();
        self.event(Event::Ack {
            namespace,
            token,
            outcome,
        });
    }

    /// Acts on a packet from the server; one for a namespace that takes no part is dropped.
    pub(super) fn dispatch(&mut self, packet: Packet, now: Duration) {
        let Some(index) = self
            .find(&packet.namespace)
            .filter(|index| self.namespaces[*index].active)
        else {
            return;
        };
        match packet.body {
            Body::Connect(fields) => self.connect_answered(index, fields.unwrap_or_default(), now),
            Body::Event { id, name, args } => {
                let received = Received { id, name, args };
                if self.namespaces[index].connected {
                    self.deliver(index, received);
                } else {
                    self.namespaces[index].early.push(received);
                }
            }
            Body::Ack { id, args } => {
                let awaited = id.and_then(|id| self.namespaces[index].acks.remove(&id));
                if let Some(awaited) = awaited {
                    self.acknowledged(index, awaited, AckOutcome::Answered(args), now);
                }
            }
            Body::Disconnect => {
                self.deactivate(index, now);
                self.namespace_closed(index, DisconnectReason::IoServerDisconnect, now);
                self.sent_away(index, now);
            }
            Body::ConnectError(refusal) => {
                self.deactivate(index, now);
                self.event(Event::ConnectError {
                    namespace: packet.namespace,
                    error: ConnectError::Refused(refusal),
                });
                self.sent_away(index, now);
            }
        }
    }

    fn connect_answered(&mut self, index: usize, fields: Auth, now: Duration) {
        let text = |name: &str| {
            fields
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let namespace = self.namespaces[index].name.clone();
        let Some(sid) = text("sid").map(str::to_owned) else {
            let error = ConnectError::OldServer;
            return self.event(Event::ConnectError { namespace, error });
        };
        let recovered = self.namespaces[index].connected(text("pid").map(str::to_owned));
        for received in std::mem::take(&mut self.namespaces[index].early) {
            self.deliver(index, received);
        }
        for unsent in std::mem::take(&mut self.namespaces[index].unsent) {
            let namespace = namespace.clone();
            let body = unsent.body;
            self.write(&Packet { namespace, body });
        }
        self.drain_queue(index, true, now);
        if let Some(transport) = self.engine.as_ref().map(Engine::transport) {
            self.event(Event::Connected {
                namespace,
                sid,
                recovered,
                transport,
            });
        }
    }

    fn deliver(&mut self, index: usize, received: Received) {
        self.namespaces[index].note_offset(&received);
        let Received { id, name, args } = received;
        self.event(Event::Received {
            namespace: self.namespaces[index].name.clone(),
            name,
            args,
            ack: id,
        });
    }

    fn sent_away(&mut self, index: usize, now: Duration) {
        if let SentAway::Return { after } = self.options.reconnection.when_sent_away {
            self.namespaces[index].return_at = Some(now + after);
        }
    }
}
