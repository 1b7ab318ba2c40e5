//! How an exchange ends: by an answer of the backend or of the gateway, or by a loss.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use tokio::sync::watch;

use crate::domain::contract::Body;
use crate::domain::journal::{Answer, Answerer, Bound, Content, Fact, LossReason, SocketEnd};
use crate::gateway::headers;
use crate::gateway::lock::lock;
use crate::gateway::observe::Captured;
use crate::gateway::reply::Reply;
use crate::gateway::sessions::Shared;
use crate::gateway::state::State;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was severed")]
pub(in crate::gateway) struct Severed;

/// An answer as it is passed to the client, without secrets.
pub(super) struct Given {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Content,
    pub(super) from: Answerer,
    /// The headers that were changed, as the backend sent them.
    pub(super) sent: Vec<(String, String)>,
    /// Where it leads past the gateway.
    pub(super) leads_past: Vec<String>,
}

impl Given {
    /// One that is passed as it was given.
    pub(super) fn of(
        status: u16,
        headers: Vec<(String, String)>,
        body: Content,
        from: Answerer,
    ) -> Self {
        Self {
            status,
            headers,
            body,
            from,
            sent: Vec::new(),
            leads_past: Vec::new(),
        }
    }
}

/// An exchange that must end in the journal: by an answer, or by a loss. One that is dropped was
/// given up by the client or cut by a fault.
pub(super) struct Exchange {
    state: Arc<State>,
    number: u64,
    cut: watch::Receiver<()>,
    /// The web page that asks: only with leave may it read what the gateway answers itself.
    asker: Option<String>,
    /// The Engine.IO session whose polling this is part of.
    socket: Option<Shared>,
    /// Whether the client ends that session by it.
    closes: bool,
    open: bool,
}

impl Exchange {
    pub(super) fn new(
        state: Arc<State>,
        number: u64,
        asker: Option<String>,
        cut: watch::Receiver<()>,
    ) -> Self {
        Self {
            state,
            number,
            cut,
            asker,
            socket: None,
            closes: false,
            open: true,
        }
    }

    pub(super) fn state(&self) -> &Arc<State> {
        &self.state
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The session whose polling this is part of.
    pub(super) fn session(&self) -> Option<&Shared> {
        self.socket.as_ref()
    }

    /// Makes this a request of a session, which it may close.
    pub(super) fn join(&mut self, socket: Shared, closes: bool) {
        self.closes = closes;
        lock(&socket).join();
        self.socket = Some(socket);
    }

    fn leave(&mut self) {
        self.open = false;
        if let Some(socket) = &self.socket {
            self.state.sessions.leave(socket);
        }
    }

    pub(super) fn answered(mut self, given: Given) {
        self.leave();
        let Given {
            status,
            headers,
            body,
            from,
            sent,
            leads_past,
        } = given;
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
            sent: sent.into(),
            leads_past,
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

    /// Answers in the place of the backend.
    pub(super) fn reply(self, reply: Reply, from: Answerer) -> Response<Bytes> {
        let response = reply.into_response(self.asker.as_deref());
        let scribe = &self.state.scribe;
        let headers = headers::redacted(scribe, headers::as_text(response.headers()));
        let captured = Captured::ahead(response.body(), None);
        let parsed = captured.json();
        let content = captured.content(scribe, parsed, &Body::Empty);
        let status = response.status().as_u16();
        self.answered(Given::of(status, headers, content, from));
        response
    }

    /// Journals that this is refused for a limit.
    pub(super) fn limited(&self, service: &str, bound: Bound, most: usize) {
        self.state.scribe.record(Fact::Limited {
            service: service.to_owned(),
            bound,
            most: most as u64,
            exchange: Some(self.number),
        });
    }

    /// Ends without an answer.
    pub(super) fn lost(mut self, reason: LossReason) -> Severed {
        self.lose(reason);
        Severed
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
