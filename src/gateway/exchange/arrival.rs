//! A request as it arrives: judged and journalled before anything is done about it.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Method, Request};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::sync::watch;

use super::ending::{Exchange, Severed};
use super::polling::observe_post;
use super::received::{Client, Journalled, Received};
use crate::domain::contract::Role;
use crate::domain::journal::{Bound, LossReason};
use crate::domain::scope::Decision;
use crate::gateway::body::{Unread, read_within};
use crate::gateway::bounds::LONGEST;
use crate::gateway::headers;
use crate::gateway::observe::KEPT;
use crate::gateway::service::Service;
use crate::protocol::packet::payload;

/// How much of a polling body is read.
pub(super) const KEPT_OF_POLLS: usize = LONGEST;

/// A request that has arrived: it is journalled, and part of its session if it has one.
pub(super) struct Arrived {
    pub(super) service: Arc<Service>,
    /// What must end, however the request does.
    pub(super) exchange: Exchange,
    pub(super) received: Received,
    pub(super) parts: Parts,
    /// What was not read of a body that is too long to be read before it passes.
    pub(super) rest: Option<Incoming>,
    pub(super) judged: Decision,
    /// Whether the scope keeps it from the backend.
    pub(super) denied: bool,
    /// Whether some of the packets that it carries were taken out.
    pub(super) shortened: bool,
    /// Whether it holds more packets than are looked at.
    pub(super) crowded: bool,
    /// Who a token request speaks for.
    pub(super) grantee: Option<String>,
    /// Whether it asks for another protocol.
    pub(super) upgrade: bool,
    pub(super) client_upgrade: OnUpgrade,
    /// The Engine.IO session that it names.
    pub(super) sid: Option<String>,
    /// Tells when polls are cut, from before its body was awaited.
    pub(super) polls: watch::Receiver<()>,
    /// Tells when tunnels are cut, from before its body was awaited.
    pub(super) tunnels: watch::Receiver<()>,
}

/// Reads, judges and journals a request, and makes it part of its session.
pub(super) async fn arrive(
    service: Arc<Service>,
    client: Client,
    mut request: Request<Incoming>,
) -> Result<Arrived, Severed> {
    let state = Arc::clone(&service.state);
    let (polls, tunnels) = (state.controls.poll_cuts(), state.controls.tunnel_cuts());
    let client_upgrade = hyper::upgrade::on(&mut request);
    let (parts, incoming) = request.into_parts();
    let mut received = Received::new(Arc::clone(&service), client, &parts);
    let limit = if received.may_hold_packets() {
        KEPT_OF_POLLS
    } else {
        KEPT
    };
    let (body, held) = (&mut received.body, &mut received.held);
    let rest = match read_within(incoming, limit, body, held, &state.bounds).await {
        Ok(rest) => rest,
        Err(Unread::Broken) => return Err(Severed),
        Err(Unread::Limited(bound, most)) => {
            let exchange = received.journal().exchange;
            exchange.limited(&service.name, bound, most);
            return Err(exchange.lost(LossReason::Fault));
        }
    };
    if rest.is_some() {
        let length = headers::text(&parts.headers, &CONTENT_LENGTH).parse().ok();
        received.announced = Some(length.unwrap_or(received.body.len() as u64));
    }
    let (aside, bytes) = (state.aside, received.body.len());
    let journal = move || {
        let Journalled {
            exchange,
            judged,
            grantee,
        } = received.journal();
        let mut arrived = Arrived {
            denied: service.state.scribe.denies(judged.judgement.class),
            upgrade: headers::wants_upgrade(&parts.headers),
            sid: query_value(&received.target, "sid"),
            shortened: false,
            crowded: false,
            service,
            exchange,
            received,
            parts,
            rest,
            judged,
            grantee,
            client_upgrade,
            polls,
            tunnels,
        };
        arrived.join_session();
        arrived
    };
    Ok(aside.perform(bytes, journal).await)
}

impl Arrived {
    /// Whether the harness sent it.
    pub(super) fn is_ours(&self) -> bool {
        self.received.sender.is_some()
    }

    pub(super) fn is_realtime(&self) -> bool {
        self.judged.role == Some(Role::Realtime)
    }

    /// Whether it is for the live feed on its polling transport.
    pub(super) fn is_polling(&self) -> bool {
        self.is_realtime() && !self.upgrade
    }

    /// Whether the packets of its session can be read: those of other versions are framed otherwise.
    pub(super) fn reads_version_4(&self) -> bool {
        query_value(&self.received.target, "EIO").is_none_or(|version| version == "4")
    }

    /// Makes it a request of its session, and judges each packet that it posts. A session that is
    /// unknown or over begins no other: what its requests carry was judged with them.
    fn join_session(&mut self) {
        let sid = self.sid.as_ref();
        let sid = sid.filter(|_| self.is_polling() && !self.is_ours());
        let Some(session) = sid.and_then(|sid| self.service.state.sessions.find(sid)) else {
            return;
        };
        let mut closes = false;
        let most = self.service.state.bounds.limits.packets;
        let separators = self
            .received
            .body
            .iter()
            .filter(|byte| **byte == payload::SEPARATOR as u8);
        if self.parts.method == Method::POST && separators.count() >= most {
            self.exchange
                .limited(&self.service.name, Bound::Packets, most);
            self.crowded = true;
        } else if self.parts.method == Method::POST && self.rest.is_none() {
            let posted = observe_post(&session, &self.received.body);
            closes = posted.closes;
            if let Some(passes) = posted.passes {
                self.denied = self.received.denied_with(&passes);
                self.shortened = true;
                self.received.body = passes.into_bytes();
            }
        }
        self.exchange.join(session, closes);
    }
}

fn query_value(target: &str, name: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
