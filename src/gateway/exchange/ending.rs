//! How an exchange ends: by an answer of the backend or of the gateway, or by a loss.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use tokio::sync::watch;

use super::polling::observe_poll;
use crate::domain::contract::{Body, Role};
use crate::domain::journal::{Answer, Answerer, Content, Direction, Fact, LossReason, SocketEnd};
use crate::gateway::body::Payload;
use crate::gateway::headers;
use crate::gateway::lock::lock;
use crate::gateway::observe::Captured;
use crate::gateway::reply::Reply;
use crate::gateway::sessions::Shared;
use crate::gateway::state::State;
use crate::gateway::tokens::Grant;
use crate::protocol::packet::{EnginePacket, payload};

/// An exchange that must end in the journal: by an answer, or by a loss. One that is dropped was
/// given up by the client or cut by a fault.
pub(in crate::gateway) struct Exchange {
    pub(super) state: Arc<State>,
    pub(super) number: u64,
    pub(super) cut: watch::Receiver<()>,
    /// The web page that asks: only with leave may it read what the gateway answers itself.
    pub(super) asker: Option<String>,
    /// The Engine.IO session whose polling this is part of.
    pub(super) socket: Option<Shared>,
    /// Whether the client ends that session by it.
    pub(super) closes: bool,
    pub(super) open: bool,
}

impl Exchange {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Makes this a request of a session.
    pub(super) fn join(&mut self, socket: Shared) {
        lock(&socket).join();
        self.socket = Some(socket);
    }

    fn leave(&mut self) {
        self.open = false;
        if let Some(socket) = &self.socket {
            self.state.sessions.leave(socket);
        }
    }

    pub(super) fn answered(
        mut self,
        status: u16,
        headers: Vec<(String, String)>,
        body: Content,
        from: Answerer,
    ) {
        self.leave();
        let request_id = self
            .state
            .scribe
            .contract
            .request_id
            .as_ref()
            .and_then(|name| {
                headers
                    .iter()
                    .find(|(own, _)| own.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.clone())
            });
        self.state.scribe.record(Fact::Answer(Answer {
            exchange: self.number,
            status,
            headers: headers.into(),
            body,
            from,
            request_id,
        }));
        if status >= 400 {
            let end = if from == Answerer::Backend {
                SocketEnd::Backend
            } else {
                SocketEnd::Gateway
            };
            self.end_socket(end);
        } else if self.closes {
            self.end_socket(SocketEnd::Client);
        }
    }

    pub(super) fn lost(mut self, reason: LossReason) {
        self.lose(reason);
    }

    fn lose(&mut self, reason: LossReason) {
        self.leave();
        let end = match &reason {
            LossReason::Upstream { detail } => SocketEnd::Network {
                detail: detail.clone(),
            },
            LossReason::ClientGone => SocketEnd::Network {
                detail: "the client went away".to_owned(),
            },
            LossReason::Fault => SocketEnd::Gateway,
        };
        self.state.scribe.record(Fact::Lost {
            exchange: self.number,
            reason,
        });
        self.end_socket(end);
    }

    /// Ends the session, if it still lives on polling.
    fn end_socket(&self, end: SocketEnd) {
        if let Some(socket) = &self.socket {
            self.state.sessions.end_polling(socket, end);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.open {
            let cut = self.cut.has_changed().unwrap_or(true);
            self.lose(if cut {
                LossReason::Fault
            } else {
                LossReason::ClientGone
            });
        }
    }
}

/// An answer of the backend that is being passed on.
pub(in crate::gateway) struct Passing {
    pub(super) exchange: Exchange,
    pub(super) service: String,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) role: Option<Role>,
    pub(super) grantee: Option<String>,
    /// Whether this is the answer to a poll, so that its body holds packets.
    pub(super) poll: bool,
}

impl Passing {
    /// A piece of the answer to a poll in which each ping that a fault withholds became a noop: the poll
    /// ends as it would, and the client hears no heartbeat. `begins` says whether the piece begins a
    /// packet, and then whether the next one does.
    pub(in crate::gateway) fn without_withheld(&self, chunk: Bytes, begins: &mut bool) -> Bytes {
        let state = &self.exchange.state;
        if !self.poll {
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

    /// The whole answer is there.
    pub(in crate::gateway) fn complete(self, captured: Captured) {
        let state = Arc::clone(&self.exchange.state);
        let number = self.exchange.number;
        let socket = self.exchange.socket.clone();
        let packets = (self.poll && self.status == 200)
            .then(|| String::from_utf8(captured.bytes.clone()).ok())
            .flatten();
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
        let headers = headers::redacted(&state.scribe, self.headers);
        let body = captured.content(&state.scribe, parsed, &Body::Empty);
        self.exchange
            .answered(self.status, headers, body, Answerer::Backend);
        for token in issued {
            state.scribe.record(Fact::TokenIssued(token));
        }
        if let Some(body) = packets {
            observe_poll(&state.sessions, &self.service, socket, &body);
        }
    }

    /// The backend broke off.
    pub(in crate::gateway) fn broken(self, detail: String) {
        self.exchange.lost(LossReason::Upstream { detail });
    }
}

/// Answers in the place of the backend.
pub(super) fn own_answer(exchange: Exchange, reply: Reply, from: Answerer) -> Response<Payload> {
    let response = reply.into_response(exchange.asker.as_deref());
    let state = Arc::clone(&exchange.state);
    let headers = headers::redacted(&state.scribe, headers::as_text(response.headers()));
    let captured = Captured::ahead(response.body().to_vec(), None);
    let parsed = captured.json();
    let content = captured.content(&state.scribe, parsed, &Body::Empty);
    exchange.answered(response.status().as_u16(), headers, content, from);
    response.map(Payload::Whole)
}
