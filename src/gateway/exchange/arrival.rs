//! A request as it arrives: judged and journalled before anything is done about it.

use std::sync::Arc;

use tokio::sync::watch;

use super::ending::Exchange;
use crate::domain::contract::Role;
use crate::domain::journal::{Fact, Insecure, Request as RequestFact, Sender};
use crate::domain::scope::{Decision, RequestView, is_mere_data, judge};
use crate::gateway::observe::{self, Captured};
use crate::gateway::port::Site;
use crate::gateway::{headers, tokens};

/// A request as it arrived, until it is journalled. One whose client goes away while its body is
/// still on its way is journalled as far as it came.
pub(super) struct Arrival {
    pub(super) site: Arc<Site>,
    pub(super) cut: watch::Receiver<()>,
    pub(super) sender: Sender,
    pub(super) insecure: Option<Insecure>,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) host: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// How long the whole body is said to be, when only its beginning was read.
    pub(super) announced: Option<u64>,
    pub(super) journalled: bool,
}

/// What is known of a request once it is journalled.
pub(super) struct Known {
    pub(super) exchange: Exchange,
    pub(super) judged: Decision,
    /// Who a token request speaks for.
    pub(super) grantee: Option<String>,
}

impl Arrival {
    fn view(&self) -> RequestView<'_> {
        RequestView {
            service: &self.site.service,
            base_path: &self.site.base_path,
            method: &self.method,
            target: &self.target,
            host: &self.host,
            expected_authority: self.site.names.expected(&self.host),
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
        let hub = &self.site.hub;
        !body.is_empty() && hub.denies(judge(&hub.contract, &view).judgement.class)
    }

    pub(super) fn journal(&mut self) -> Known {
        self.journalled = true;
        let hub = Arc::clone(&self.site.hub);
        let mut judged = judge(&hub.contract, &self.judgeable());
        if judged.role == Some(Role::Realtime) && self.announced.is_some() {
            // Packets that were not read cannot be judged by those that were.
            let unread = RequestView {
                body: None,
                ..self.view()
            };
            judged = judge(&hub.contract, &unread);
        }
        judged.judgement = hub.clean(judged.judgement);
        let grantee = tokens::grantee(&hub, judged.role.as_ref(), &self.view());
        let number = hub.next_exchange();
        let captured = Captured::ahead(self.body.clone(), self.announced);
        let parsed = captured.json();
        let template = observe::template(&hub.contract, judged.role.as_ref());
        // The body goes first: it may teach a secret that a header repeats.
        let body = captured.content(&hub, parsed, template);
        let fact = RequestFact {
            exchange: number,
            sender: self.sender,
            service: self.site.service.clone(),
            method: self.method.clone(),
            headers: headers::redacted(&hub, self.headers.clone()),
            target: hub.redact(&self.target),
            path: hub.redact(&judged.path),
            host: hub.redact(&self.host),
            body,
            role: judged.role.clone(),
            judgement: judged.judgement.clone(),
            insecure: self.insecure,
        };
        hub.record(Fact::Request(Box::new(fact)));
        Known {
            exchange: Exchange {
                hub,
                number,
                asker: self.asker(),
                cut: self.cut.clone(),
                socket: None,
                closes: false,
                open: true,
            },
            judged,
            grantee,
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if !self.journalled {
            drop(self.journal());
        }
    }
}
