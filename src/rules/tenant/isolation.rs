//! TENANT-1 and -3: nothing of one account in anything that is sent to another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::distinctive::{Distinctive, Fingerprint, is_name};
use super::socket_owners::SocketOwners;
use super::word_index::WordIndex;
use super::{key, violation};
use crate::domain::contract::{Contract, Resource, Role};
use crate::domain::journal::{
    Answer, Answerer, Direction, Entry, EntryId, Fact, Frame, Question, TokenIssued,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};

rule! {
    /// Nothing of one account is in anything that is sent to another
    ///
    /// # Why
    /// What belongs to an account is learnt from its own session: the names it signs in with and is
    /// known by (the token's subject, the contract's `identity`), and distinctive texts and
    /// decimals that its answers held before the other account's own answer to the same request
    /// lacked them. They are searched in every byte that goes to another account, headers, errors
    /// and socket packets included. Distinctive that both accounts get from the start are common and
    /// give nobody away; decimals count only where they stand still, so that shared prices do not.
    /// A resource that the contract calls `personal` must not answer two accounts alike.
    ///
    /// # How it is judged
    /// Judged once a run knows two accounts: the harness reads as both where the target allows it.
    ///
    /// # How to keep it
    /// Key every cache and every query by the account of the verified token, never by path alone;
    /// scope row access in the data layer rather than in each handler.
    ///
    /// # Source
    /// OWASP API Security Top 10 2023, API1 and API3; runbook S9.1
    pub(super) ISOLATION: "TENANT-1", Backend, from [Wire, Probe],
        set by ["session.identity", "resources[].personal"]
}

rule! {
    /// Two accounts that take turns on the same connections get each their own data
    ///
    /// # Why
    /// A server or proxy that remembers who a connection belongs to, instead of asking each
    /// request's own token, answers the second user with the first one's data. The harness sends
    /// the requests of two accounts by turns over one connection per service, for several rounds,
    /// and looks for each account's fingerprints (TENANT-1) in the other's answers.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Authenticate every request by its own credential; keep nothing about the user on the
    /// connection or in a thread's or worker's globals.
    ///
    /// # Source
    /// connection-bound identity behind pooling proxies; runbook S9.2
    pub(super) ALTERNATING: "TENANT-3", Backend, from [Probe],
        set by ["session.identity"]
}

/// How many accounts are told apart.
const ACCOUNTS: usize = 8;

/// How often an answer is looked at while only one account is known.
const READS: u32 = 4;

/// How many events of one name are kept while only one account is known, and of how many names.
const EARLY: usize = 32;
const NAMES: usize = 32;

/// What is known of all accounts.
#[derive(Default)]
pub(super) struct Isolation {
    accounts: BTreeMap<Arc<str>, Account>,
    sockets: SocketOwners,
    /// Events that were sent while there was nobody to compare with, and to whom.
    early: BTreeMap<String, Vec<Early>>,
    /// Whether something of one account was found in an answer to another already.
    leaks: bool,
}

/// An event, and to whom it was sent.
type Early = (Arc<Entry>, Arc<str>);

/// What is known of one account.
#[derive(Default)]
struct Account {
    names: BTreeMap<String, EntryId>,
    /// Its own answers, by what was asked for.
    answers: BTreeMap<String, Read>,
}

/// What one request brought an account.
struct Read {
    resource: String,
    /// Whether the contract lets nobody else have the like.
    personal: bool,
    first: (EntryId, Distinctive),
    last: (EntryId, Arc<Value>),
    /// What did not stand still.
    moved: BTreeSet<String>,
    paged: bool,
    reads: u32,
}

impl Rule for Isolation {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        self.sockets.follow(entry, context);
        match &entry.fact {
            Fact::TokenIssued(token) => self.signed_in(entry, token, context),
            Fact::Answer(answer) => {
                if let Some(ended) = context.ended_by_anyone() {
                    self.answered(entry, &ended, answer, context);
                }
            }
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::Event { name, .. },
                ..
            } => {
                if let Some(account) = self.sockets.of(*socket) {
                    self.event(entry, name, account, &context.contract, context);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        let early = std::mem::take(&mut self.early);
        for (entry, account) in early.into_values().flatten() {
            self.sent(&entry, &account, &context.contract, context);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Isolation {
    /// Somebody's names: what they sign in with, and the token's subject.
    fn signed_in(&mut self, entry: &Entry, token: &TokenIssued, context: &Context<'_>) {
        let Some(username) = &token.username else {
            return;
        };
        if !self.accounts.contains_key(username.as_str()) && self.accounts.len() >= ACCOUNTS {
            return;
        }
        let account = self
            .accounts
            .entry(Arc::from(username.as_str()))
            .or_default();
        account.name(username, entry.id);
        let claim = context
            .contract
            .session
            .identity
            .as_ref()
            .map_or("/sub", |identity| identity.claim.as_str());
        let subject = token
            .claims
            .as_ref()
            .and_then(|claims| claims.pointer(claim));
        if let Some(subject) = subject.and_then(Value::as_str) {
            account.name(subject, entry.id);
        }
    }

    fn answered(
        &mut self,
        entry: &Entry,
        ended: &Ended<'_>,
        answer: &Answer,
        context: &Context<'_>,
    ) {
        let Some(account) = ended.opened.account.clone() else {
            return;
        };
        // What another's things bring is TENANT-2's and -5's to judge.
        let of_another = matches!(
            ended.opened.question,
            Some(Question::OfAnother { .. } | Question::TagOfAnother { .. })
        );
        if answer.from != Answerer::Backend || of_another {
            return;
        }
        // What leaks on connections of one's own is not the shared connection's doing.
        let rule = match &ended.opened.question {
            Some(Question::Alternately { .. }) if !self.leaks => &ALTERNATING,
            _ => &ISOLATION,
        };
        let resource = match &ended.request.role {
            Some(Role::Resource(name)) => context.contract.resource(name),
            _ => None,
        };
        let key = key(ended.request);
        let alone = self.accounts.len() < 2;
        if alone
            && self
                .accounts
                .get(&account)
                .is_some_and(|own| own.knows(&key))
        {
            return;
        }
        let values = Distinctive::of(&answer.body);
        if !alone {
            let mut sent = WordIndex::default();
            sent.content(&answer.body);
            for (_, value) in answer.headers.iter() {
                sent.text(value);
            }
            let mut asked = WordIndex::default();
            asked.text(&ended.request.target);
            asked.content(&ended.request.body);
            let read_by_others = self
                .accounts
                .iter()
                .any(|(name, other)| *name != account && other.answers.contains_key(&key));
            if read_by_others && ended.succeeded() {
                context.exercised(rule);
            }
            let alike = resource.is_some_and(|resource| resource.personal)
                && ended.succeeded()
                && !values.is_empty();
            let place = Place {
                key: Some(&key),
                resource: resource.map(|resource| resource.name.as_str()),
                values: &values,
                body: answer.body.json().filter(|_| alike),
            };
            if let Some((owner, fingerprint)) = self.found(&account, &sent, &asked, &place) {
                self.leaks |= rule.id == ISOLATION.id;
                let found = violation(&account, &owner, &fingerprint, &ended.words(), entry.id);
                context.violated(rule, found.exchanges([ended.request.exchange]));
                return;
            }
        }
        if let (Some(resource), true, Some(value)) =
            (resource, ended.succeeded(), answer.body.shared())
            && let Some(own) = self.accounts.get_mut(&account)
        {
            if let Some(identity) = &context.contract.session.identity
                && identity.resource == resource.name
            {
                let selectors = [&identity.subject, &identity.username];
                for selector in selectors.into_iter().flatten() {
                    if let Some(name) = selector.in_body(value).and_then(Value::as_str) {
                        own.name(name, entry.id);
                    }
                }
            }
            own.learn(key, entry.id, values, value, resource);
        }
    }

    /// While there is nobody to compare with, some events of each name are kept for the end.
    fn event(
        &mut self,
        entry: &Arc<Entry>,
        name: &str,
        account: Arc<str>,
        contract: &Contract,
        context: &Context<'_>,
    ) {
        if self.accounts.len() >= 2 {
            self.sent(entry, &account, contract, context);
        } else if let Some(kept) = self.early.get_mut(name) {
            if kept.len() < EARLY {
                kept.push((Arc::clone(entry), account));
            }
        } else if self.early.len() < NAMES {
            let kept = vec![(Arc::clone(entry), account)];
            self.early.insert(name.to_owned(), kept);
        }
    }

    fn sent(&self, entry: &Entry, account: &str, contract: &Contract, context: &Context<'_>) {
        let Fact::Frame {
            packet: Frame::Event { name, args, .. },
            ..
        } = &entry.fact
        else {
            return;
        };
        if self.accounts.len() < 2 {
            return;
        }
        let mut sent = WordIndex::default();
        sent.content(args);
        context.exercised(&ISOLATION);
        let mut rules = contract.realtime.iter().flat_map(|feed| &feed.events);
        let place = Place {
            key: None,
            resource: rules
                .find(|rule| rule.name == *name)
                .and_then(|rule| rule.updates.as_deref()),
            values: &Distinctive::default(),
            body: None,
        };
        if let Some((owner, fingerprint)) =
            self.found(account, &sent, &WordIndex::default(), &place)
        {
            let observed = format!("the event `{name}` on a socket");
            context.violated(
                &ISOLATION,
                violation(account, &owner, &fingerprint, &observed, entry.id),
            );
        }
    }

    /// What is somebody else's in what was sent to an account, and whose it is. What the account
    /// itself had sent is only its echo.
    fn found(
        &self,
        account: &str,
        sent: &WordIndex,
        asked: &WordIndex,
        place: &Place<'_>,
    ) -> Option<(Arc<str>, Fingerprint)> {
        let own = self.accounts.get(account)?;
        let others = self.accounts.iter().filter(|(name, _)| &***name != account);
        for (name, other) in others {
            let fingerprint = other
                .named_in(own, sent, asked)
                .or_else(|| other.betrayed_by(own, sent, asked, place))
                .or_else(|| other.placed(own, place));
            if let Some(fingerprint) = fingerprint {
                return Some((Arc::clone(name), fingerprint));
            }
        }
        None
    }
}

/// What was asked for, and what came.
struct Place<'a> {
    /// What was asked for; nothing for an event.
    key: Option<&'a str>,
    /// The resource that it is or changes.
    resource: Option<&'a str>,
    values: &'a Distinctive,
    /// The whole answer, if nobody else's may be like it.
    body: Option<&'a Value>,
}

impl Account {
    fn name(&mut self, name: &str, at: EntryId) {
        if is_name(name) && self.names.len() < 16 {
            self.names.entry(name.to_owned()).or_insert(at);
        }
    }

    /// Whether enough was seen of an answer while there is nobody to compare with.
    fn knows(&self, key: &str) -> bool {
        self.answers
            .get(key)
            .is_some_and(|read| read.reads >= READS)
    }

    fn learn(
        &mut self,
        key: String,
        at: EntryId,
        values: Distinctive,
        body: &Arc<Value>,
        resource: &Resource,
    ) {
        if let Some(read) = self.answers.get_mut(&key) {
            for (path, value) in read.first.1.iter() {
                if values.at(path) != Some(value) {
                    read.moved.insert(path.to_owned());
                }
            }
            read.last = (at, Arc::clone(body));
            read.reads += 1;
        } else if self.answers.len() < 64 {
            let read = Read {
                resource: resource.name.clone(),
                personal: resource.personal,
                first: (at, values),
                last: (at, Arc::clone(body)),
                moved: BTreeSet::new(),
                paged: resource.paging.is_some(),
                reads: 1,
            };
            self.answers.insert(key, read);
        }
    }

    /// A name of this account that was sent to the other.
    fn named_in(&self, other: &Self, sent: &WordIndex, asked: &WordIndex) -> Option<Fingerprint> {
        let own = self.names.iter().find(|(name, _)| {
            !other.names.contains_key(*name) && !asked.names(name) && sent.names(name)
        });
        own.map(|(name, learnt)| Fingerprint {
            value: name.clone(),
            learnt: *learnt,
        })
    }

    /// A distinctive text that this account had and the other's own answer lacked: before that
    /// answer, or also in an answer that the other got later. What both get of a list that is
    /// nobody's own, such as one of instruments, is common.
    fn betrayed_by(
        &self,
        other: &Self,
        sent: &WordIndex,
        asked: &WordIndex,
        place: &Place<'_>,
    ) -> Option<Fingerprint> {
        self.answers.iter().find_map(|(key, read)| {
            let theirs = other.answers.get(key)?;
            // A list that goes on elsewhere may bring it to the other in its own right.
            if read.paged {
                return None;
            }
            let before = read.first.0 <= theirs.first.0;
            let latest = (!before && theirs.last.0 > read.first.0)
                .then(|| Distinctive::of_body(&theirs.last.1));
            if !before && latest.is_none() {
                return None;
            }
            let mut texts = read.first.1.iter().filter(|(_, value)| {
                value.parse::<f64>().is_err()
                    && !theirs.first.1.holds(value)
                    && latest.as_ref().is_none_or(|latest| !latest.holds(value))
            });
            let (_, value) = texts.find(|(_, value)| {
                !asked.has(value) && sent.has(value) && !self.is_common(value, key, place)
            })?;
            Some(Fingerprint {
                value: value.to_owned(),
                learnt: read.first.0,
            })
        })
    }

    /// Whether this account gets a value in the same place too, which is not where it was learnt and
    /// not personal.
    fn is_common(&self, value: &str, learnt: &str, place: &Place<'_>) -> bool {
        let mut there = self.answers.iter().filter(|(key, read)| {
            place.resource == Some(&read.resource) && *key != learnt && !read.personal
        });
        there.any(|(_, read)| read.first.1.holds(value))
    }

    /// A value of this account's in the same place of the other's answer, where the other's own was
    /// another and this account's stood still before and after that; or the whole answer.
    fn placed(&self, other: &Self, place: &Place<'_>) -> Option<Fingerprint> {
        let read = self.answers.get(place.key?)?;
        if place.body == Some(&*read.last.1) {
            return Some(Fingerprint {
                value: "the whole answer".to_owned(),
                learnt: read.last.0,
            });
        }
        let theirs = other.answers.get(place.key?)?;
        if read.first.0 > theirs.first.0 || read.last.0 < theirs.first.0 {
            return None;
        }
        let mut still = read
            .first
            .1
            .iter()
            .filter(|(path, _)| !read.moved.contains(*path));
        let (_, value) = still.find(|(path, value)| {
            place.values.at(path) == Some(*value)
                && theirs.first.1.at(path).is_some_and(|own| own != *value)
        })?;
        Some(Fingerprint {
            value: value.to_owned(),
            learnt: read.first.0,
        })
    }
}
