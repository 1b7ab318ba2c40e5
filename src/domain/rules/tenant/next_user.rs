//! TENANT-6: the next user of a device gets nothing of the one before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{AppFact, Direction, Entry, EntryId, Fact, Frame, Request};
use crate::domain::rules::ledger::{Breach, Ledger};
use crate::domain::rules::scene::{Moment, Scene, client_request, header, packet_up, token_in};
use crate::domain::rules::{JudgedFrom, Rule, RuleInfo};
use crate::domain::verdict::Subject;

pub(super) static NEXT_USER: RuleInfo = RuleInfo {
    id: "TENANT-6",
    title: "After a change of users on one device nothing of the one before is shown, sent or asked for",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire, JudgedFrom::Sim],
    source: "Socket.IO connection state recovery (`pid` outlives `disconnect()`); RFC 9110 §13.1.2; runbook S9.3",
    explanation: "Caches, sockets and queues outlive a session unless somebody empties them. Judged from the sign-in of another user: what the app shows comes from answers to that user's requests, never from storage or from an answer that was still on its way; a conditional request never carries an ETag of the user before; CONNECT never asks for the recovery of that user's session; no request carries that user's token; and no event leaves over the socket that the app did not emit since.",
    fix: "Make everything that holds a user's data a child of the session, and drop it with the session: caches, ETags, the socket object with its buffers, requests under way.",
    parameters: &["session.sign_in"],
};

/// How many ETags are remembered.
const ETAGS: usize = 256;

#[derive(Default)]
pub(super) struct NextUser {
    user: Option<String>,
    change: Option<Change>,
    /// What the current user was given.
    own: Given,
    /// What users before were given.
    others: Given,
}

/// What could be used again.
#[derive(Default)]
struct Given {
    etags: BTreeSet<String>,
    pids: BTreeSet<String>,
}

/// Another user has signed in.
struct Change {
    moment: Moment,
    /// The exchange that did it.
    exchange: u64,
    /// Resources that were read since.
    read: BTreeSet<String>,
    emitted: u64,
    sent: u64,
}

impl Rule for NextUser {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if let Some(token) = token_in(entry)
            && let Some(user) = &token.username
        {
            self.signed_in(entry, user, token.exchange, scene, ledger);
        }
        if let Some(ended) = scene.ended_by_client(entry)
            && let (Some(answer), Some(Role::Resource(name))) = (ended.answer, &ended.request.role)
        {
            let etag = answer.headers.iter().find(|(name, _)| name == "etag");
            if let Some((_, etag)) = etag
                && self.own.etags.len() < ETAGS
            {
                self.own.etags.insert(etag.clone());
            }
            if let Some(change) = &mut self.change
                && ended.succeeded()
                && ended.request.exchange > change.exchange
            {
                change.read.insert(name.clone());
            }
        }
        if let Fact::Frame {
            direction: Direction::Down,
            packet: Frame::Connect { payload, .. },
            ..
        } = &entry.fact
            && let Some(pid) = payload.json().and_then(|payload| payload.get("pid"))
        {
            self.own.pids.extend(pid.as_str().map(str::to_owned));
        }
        if self.change.is_some() {
            self.asks(entry, scene, ledger);
            self.emits(entry, scene, ledger);
            self.shows(entry, ledger);
        }
    }
}

impl NextUser {
    fn signed_in(
        &mut self,
        entry: &Entry,
        user: &str,
        exchange: u64,
        scene: &Scene,
        ledger: &mut Ledger,
    ) {
        let before = self.user.replace(user.to_owned());
        if before.is_none_or(|before| before == user) {
            return;
        }
        ledger.occasion(&NEXT_USER);
        if !scene.world.simulated {
            ledger.unable(
                &NEXT_USER,
                "whether the app showed something of the user before only it can say; what it sent was judged",
            );
        }
        let own = std::mem::take(&mut self.own);
        self.others.etags.extend(own.etags);
        self.others.pids.extend(own.pids);
        self.change = Some(Change {
            moment: Moment::of(entry),
            exchange,
            read: BTreeSet::new(),
            emitted: 0,
            sent: 0,
        });
    }

    /// A request or a CONNECT may carry something of another user.
    fn asks(&self, entry: &Entry, scene: &Scene, ledger: &mut Ledger) {
        if let Some(request) = client_request(entry) {
            let what = format!("{} {} {}", request.method, request.service, request.target);
            if self.is_foreign_etag(request) {
                let observed = format!("{what} with an ETag of the user before");
                self.breach("etag", entry.id, Some(request.exchange), observed, ledger);
            }
            let credential = scene
                .opened(request.exchange)
                .and_then(|own| own.credential.as_deref())
                .and_then(|label| scene.session.token(label));
            let foreign = credential
                .and_then(|token| token.username.as_ref())
                .is_some_and(|user| Some(user) != self.user.as_ref());
            if foreign && request.role.as_ref().is_some_and(Role::is_data) {
                let observed = format!("{what} with a token of the user before");
                self.breach("token", entry.id, Some(request.exchange), observed, ledger);
            }
        }
        if let Some((_, Frame::Connect { payload, .. })) = packet_up(entry)
            && let Some(pid) = payload.json().and_then(|payload| payload.get("pid"))
            && pid
                .as_str()
                .is_some_and(|pid| self.others.pids.contains(pid))
        {
            let observed = "CONNECT asks for the recovery of a session of the user before";
            self.breach("pid", entry.id, None, observed.to_owned(), ledger);
        }
    }

    fn is_foreign_etag(&self, request: &Request) -> bool {
        header(request, "if-none-match").is_some_and(|value| {
            value.split(',').any(|etag| {
                let etag = etag.trim();
                self.others.etags.contains(etag) && !self.own.etags.contains(etag)
            })
        })
    }

    /// An event may leave that was emitted for another user.
    fn emits(&mut self, entry: &Entry, scene: &Scene, ledger: &mut Ledger) {
        let Some(change) = &mut self.change else {
            return;
        };
        if let Fact::App(AppFact::Emitted { .. }) = &entry.fact {
            change.emitted += 1;
        }
        let Some((_, Frame::Event { name, .. })) = packet_up(entry) else {
            return;
        };
        change.sent += 1;
        if scene.world.simulated && change.sent > change.emitted {
            // It is counted once.
            change.emitted = change.sent;
            let observed = format!("`{name}` left, which the app did not emit since");
            self.breach("emit", entry.id, None, observed, ledger);
        }
    }

    /// Something may be shown that was not read for this user.
    fn shows(&self, entry: &Entry, ledger: &mut Ledger) {
        if let Fact::App(AppFact::Shown {
            resource, source, ..
        }) = &entry.fact
            && source != "event"
            && self
                .change
                .as_ref()
                .is_some_and(|change| !change.read.contains(resource))
        {
            let observed = format!(
                "{resource} was shown from {source} before this user's request for it was answered"
            );
            self.breach("shown", entry.id, None, observed, ledger);
        }
    }

    fn breach(
        &self,
        kind: &str,
        entry: EntryId,
        exchange: Option<u64>,
        observed: String,
        ledger: &mut Ledger,
    ) {
        let change = self.change.as_ref().map(|change| change.moment.id);
        ledger.breach(
            &NEXT_USER,
            Breach {
                kind: kind.to_owned(),
                message: "something of the user before outlives the change of users".to_owned(),
                expected:
                    "nothing of an earlier session is shown, sent or asked for in the next user's"
                        .to_owned(),
                observed,
                evidence: change.into_iter().chain([entry]).collect(),
                exchanges: exchange.into_iter().collect(),
                ..Breach::default()
            },
        );
    }
}
