//! A request as it is received: what is judged of it, and what the journal gets to see.

use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::ending::Exchange;
use crate::domain::contract::Role;
use crate::domain::journal::{self, Fact, Insecure, Sender};
use crate::domain::scope::{Decision, RequestView, is_mere_data, judge};
use crate::gateway::headers::{self, MARK};
use crate::gateway::observe::{self, Captured};
use crate::gateway::service::Service;
use crate::gateway::upstream::Link;

/// The connection that a request comes over.
pub(in crate::gateway) struct Client {
    /// Its own connection to the backend.
    pub(in crate::gateway) link: Arc<Link>,
    /// Tells when it is cut.
    pub(in crate::gateway) cut: watch::Receiver<()>,
    /// In what it falls short of the TLS that was offered.
    pub(in crate::gateway) insecure: Option<Insecure>,
}

/// A request as it was received, until it is journalled. One whose client goes away while its body is
/// still on its way is journalled as far as it came.
pub(super) struct Received {
    service: Arc<Service>,
    pub(super) client: Client,
    /// The harness, if that sent it.
    pub(super) sender: Option<Sender>,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) host: String,
    /// How many `Host` headers it has.
    pub(super) hosts: usize,
    headers: Vec<(String, String)>,
    /// What was read of its body.
    pub(super) body: Vec<u8>,
    /// The room that it takes of all that is held.
    pub(super) held: Vec<OwnedSemaphorePermit>,
    /// How long the whole body is said to be, when only its beginning was read.
    pub(super) announced: Option<u64>,
    journalled: bool,
}

/// What is known of a request once it is journalled.
pub(super) struct Journalled {
    pub(super) exchange: Exchange,
    pub(super) judged: Decision,
    /// Who a token request speaks for.
    pub(super) grantee: Option<String>,
}

impl Received {
    /// A request whose body is still to be read.
    pub(super) fn new(service: Arc<Service>, client: Client, parts: &Parts) -> Self {
        let mark = parts.headers.get(MARK).and_then(|it| it.to_str().ok());
        let sender = mark.and_then(|mark| service.state.sender(mark));
        Self {
            service,
            client,
            sender,
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            host: headers::text(&parts.headers, &HOST),
            hosts: parts.headers.get_all(HOST).iter().count(),
            headers: headers::as_text(&parts.headers)
                .into_iter()
                .filter(|(name, _)| sender.is_none() || name != MARK)
                .collect(),
            body: Vec::new(),
            held: Vec::new(),
            announced: None,
            journalled: false,
        }
    }

    /// Whether its body may hold packets of the live feed.
    pub(super) fn may_hold_packets(&self) -> bool {
        let realtime = self.service.state.scribe.contract.realtime.as_ref();
        realtime.is_some_and(|realtime| {
            realtime.service == self.service.name
                && self.target.contains(realtime.path.trim_end_matches('/'))
        })
    }

    fn view(&self) -> RequestView<'_> {
        RequestView {
            service: &self.service.name,
            base_path: &self.service.base_path,
            method: &self.method,
            target: &self.target,
            host: &self.host,
            expected_authority: self.service.names.expected(&self.host),
            headers: &self.headers,
            body: Some(&self.body),
        }
    }

    /// What is judged: a body of which only the beginning was read says nothing about its rest,
    /// unless it is mere data.
    fn judgeable(&self) -> RequestView<'_> {
        let view = self.view();
        let kind = view.header("content-type").unwrap_or_default();
        RequestView {
            body: view
                .body
                .filter(|_| self.announced.is_none() || is_mere_data(kind)),
            ..view
        }
    }

    /// The web page that asks, if one does.
    fn asker(&self) -> Option<String> {
        let origin = self.headers.iter().find(|(name, _)| name == "origin");
        origin.map(|(_, value)| value.clone())
    }

    /// Whether the scope denies the request when it carries only these packets.
    pub(super) fn denied_with(&self, body: &str) -> bool {
        let view = RequestView {
            body: Some(body.as_bytes()),
            ..self.view()
        };
        let scribe = &self.service.state.scribe;
        !body.is_empty() && scribe.denies(judge(&scribe.contract, &view).judgement.class)
    }

    /// Judges it and writes it down.
    pub(super) fn journal(&mut self) -> Journalled {
        self.journalled = true;
        let state = &self.service.state;
        let scribe = &state.scribe;
        let mut judged = judge(&scribe.contract, &self.judgeable());
        if judged.role == Some(Role::Realtime) && self.announced.is_some() {
            // Packets that were not read cannot be judged by those that were.
            let unread = RequestView {
                body: None,
                ..self.view()
            };
            judged = judge(&scribe.contract, &unread);
        }
        let grantee = state.tokens.grantee(judged.role.as_ref(), &self.view());
        let number = state.next_exchange();
        let captured = Captured::ahead(&self.body, self.announced);
        let parsed = captured.json();
        let template = observe::template(&scribe.contract, judged.role.as_ref());
        // The body goes first: it may teach a secret that a header repeats.
        let body = captured.content(scribe, parsed, template);
        let method = scribe.vault().conceal_method(&self.method);
        let headers = headers::redacted(scribe, self.headers.clone()).into();
        let target = scribe.redact(&self.target);
        // The words of a judgement quote all of these.
        judged.judgement = scribe.clean(judged.judgement);
        let fact = journal::Request {
            exchange: number,
            sender: self.sender.unwrap_or(Sender::Client),
            service: self.service.name.clone(),
            method,
            headers,
            target,
            path: scribe.redact(&judged.path),
            host: scribe.redact(&self.host),
            body,
            role: judged.role.clone(),
            judgement: judged.judgement.clone(),
            // The harness's own calls are in the clear everywhere.
            insecure: self.client.insecure.filter(|_| self.sender.is_none()),
        };
        scribe.record(Fact::Request(Box::new(fact)));
        Journalled {
            exchange: Exchange::new(
                Arc::clone(state),
                number,
                self.asker(),
                self.client.cut.clone(),
            ),
            judged,
            grantee,
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.journalled {
            drop(self.journal());
        }
    }
}
