//! What was observed of each account: what it is called, what it read, and what it was sent.
//!
//! It is the one store by which accounts are compared, and it judges nothing. It is bounded: so many
//! accounts, so many names, requests and events of each, and so many answers to a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::distinctive::{Distinctive, is_name};
use crate::domain::contract::Resource;
use crate::domain::journal::{Answer, Content, Entry, EntryId, Fact, Frame, Question, TokenIssued};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::socket_owners::SocketOwners;

/// How many accounts are told apart, and how many names of each.
const ACCOUNTS: usize = 8;
const NAMES: usize = 16;
/// How many requests of an account are told apart: those of the client, and with the harness's.
const READS: usize = 64;
const READS_WITH_PROBES: usize = 256;
/// How many answers to one request are kept. What the harness reads always is: it shows what stands
/// still after another account's turn.
const ANSWERS: usize = 16;
/// How often an answer is learnt while only one account is known.
const LEARNT_ALONE: u32 = 4;
/// How many names of events are kept, and how many events of each.
const EVENT_NAMES: usize = 64;
const EVENTS: usize = 64;

/// What was observed of all accounts.
#[derive(Default)]
pub(super) struct Observed {
    pub(super) accounts: BTreeMap<Arc<str>, Tenant>,
    pub(super) sockets: SocketOwners,
    /// Since when there are two to compare.
    together: Option<EntryId>,
    /// The events in which something of another was found.
    leaked: BTreeSet<EntryId>,
}

/// What was observed of one account.
#[derive(Default)]
pub(super) struct Tenant {
    /// What it signs in with and is known by, and where that was learnt.
    pub(super) names: BTreeMap<String, EntryId>,
    /// What its first token calls it.
    pub(super) subject: Option<Value>,
    /// What it read, by the line of the request.
    pub(super) reads: BTreeMap<String, Reading>,
    /// What came over its sockets, by the name of the event.
    pub(super) events: BTreeMap<String, Vec<Arc<Entry>>>,
}

/// What one request brought an account.
pub(super) struct Reading {
    /// The resource that it asks for.
    pub(super) resource: String,
    /// What came, in order, whatever is in it.
    pub(super) answers: Vec<Received>,
    /// What of it is taken for the account's own, unless something of another was always found.
    pub(super) own: Option<Own>,
}

/// One answer.
pub(super) struct Received {
    pub(super) id: EntryId,
    pub(super) exchange: u64,
    pub(super) body: Arc<Value>,
    /// Its entity tag.
    pub(super) tag: Option<String>,
    /// Whether the harness asked for it on the account's behalf.
    pub(super) probed: bool,
}

/// What answers hold in which nothing of another account was found.
pub(super) struct Own {
    pub(super) first: (EntryId, Distinctive),
    pub(super) last: (EntryId, Arc<Value>),
    /// Paths of the first answer at which a later one had another value.
    pub(super) moved: BTreeSet<String>,
    times: u32,
}

/// An answer of the backend to an account that asked for what may be its own.
pub(super) struct Answered<'a> {
    pub(super) account: &'a str,
    /// What tells requests apart: the same one brings two accounts answers that can be compared.
    pub(super) line: String,
    pub(super) resource: Option<&'a Resource>,
    pub(super) ended: Ended<'a>,
    pub(super) answer: &'a Answer,
}

impl<'a> Answered<'a> {
    /// The one in the entry. What another's things bring is TENANT-2's and -5's to judge.
    pub(super) fn of(context: &'a Context<'_>) -> Option<Self> {
        let ended = context.ended_by_anyone()?;
        let of_another = matches!(
            ended.opened.question,
            Some(Question::OfAnother { .. } | Question::TagOfAnother { .. })
        );
        Some(Self {
            account: ended.opened.account.as_deref().filter(|_| !of_another)?,
            line: ended.request.operation(),
            resource: context.read_by_anyone().map(|read| read.resource),
            answer: ended.by_backend()?,
            ended,
        })
    }

    fn received(&self, id: EntryId, body: &Arc<Value>) -> Received {
        Received {
            id,
            exchange: self.answer.exchange,
            body: Arc::clone(body),
            tag: self.answer.headers.get("etag").map(str::to_owned),
            probed: matches!(
                self.ended.opened.question,
                Some(Question::Own | Question::Walk { .. })
            ),
        }
    }
}

impl Observed {
    /// Whether there is nobody to compare an account with.
    pub(super) fn is_alone(&self) -> bool {
        self.together.is_none()
    }

    /// All accounts but this one.
    pub(super) fn others(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, &Tenant)> {
        let all = self.accounts.iter();
        all.filter(move |(own, _)| ***own != *name)
    }

    /// The events that were kept and in which nothing of another was found, and to whom they came: what
    /// is whose may have been learnt since. Of those from before there were two, none was searched.
    pub(super) fn unsuspected_events(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Entry>)> {
        let accounts = self.accounts.iter().filter(|_| !self.is_alone());
        let all = accounts.flat_map(|(name, account)| {
            let events = account.events.values().flatten();
            events.map(move |event| (name, event))
        });
        all.filter(|(_, event)| !self.leaked.contains(&event.id))
    }

    /// Something of another account was found in this event.
    pub(super) fn event_leaked(&mut self, event: EntryId) {
        if self.leaked.len() < EVENTS * EVENT_NAMES {
            self.leaked.insert(event);
        }
    }

    /// Whether enough was learnt of what answers this, while there is nobody to compare with.
    pub(super) fn knows_enough(&self, answered: &Answered<'_>) -> bool {
        let account = self.accounts.get(answered.account);
        let read = account.and_then(|account| account.reads.get(&answered.line));
        let own = read.and_then(|read| read.own.as_ref());
        self.is_alone() && own.is_some_and(|own| own.times >= LEARNT_ALONE)
    }

    /// Somebody got a token.
    pub(super) fn signed_in(&mut self, token: &TokenIssued, context: &Context<'_>) {
        let Some(username) = &token.username else {
            return;
        };
        if !self.accounts.contains_key(username.as_str()) && self.accounts.len() >= ACCOUNTS {
            return;
        }
        let id = context.entry.id;
        let account = self.accounts.entry(username.as_str().into()).or_default();
        if let Some(known) = context.accounts.get(username) {
            known.texts().for_each(|(name, at)| account.name(name, at));
            account.subject.clone_from(&known.subject);
        }
        if self.accounts.len() >= 2 {
            self.together.get_or_insert(id);
        }
    }

    /// An account was answered. What is distinctive of it is given if it is the account's own.
    pub(super) fn answered(
        &mut self,
        answered: &Answered<'_>,
        own: Option<Distinctive>,
        context: &Context<'_>,
    ) {
        let (Some(resource), true, Some(body), Some(account)) = (
            answered.resource,
            answered.ended.succeeded(),
            answered.answer.body.shared(),
            self.accounts.get_mut(answered.account),
        ) else {
            return;
        };
        let id = context.entry.id;
        if let (Some(identity), Some(_)) = (&context.contract.session.identity, &own)
            && identity.resource == resource.name
        {
            for selector in [&identity.subject, &identity.username]
                .into_iter()
                .flatten()
            {
                let name = selector.in_body(body).and_then(Value::as_str);
                name.into_iter().for_each(|name| account.name(name, id));
            }
        }
        let received = answered.received(id, body);
        let is_kept = received.probed || answered.ended.opened.question.is_none();
        if !is_kept && own.is_none() {
            return;
        }
        let Some(read) = account.read(&answered.line, resource, received.probed) else {
            return;
        };
        if let Some(own) = own {
            read.learn(own, &received);
        }
        if is_kept && (received.probed || read.answers.len() < ANSWERS) {
            read.answers.push(received);
        }
    }

    /// An account was sent an event.
    pub(super) fn event(&mut self, account: &str, name: &str, entry: &Arc<Entry>) {
        let Some(account) = self.accounts.get_mut(account) else {
            return;
        };
        if !account.events.contains_key(name) && account.events.len() < EVENT_NAMES {
            account.events.insert(name.to_owned(), Vec::new());
        }
        if let Some(events) = account.events.get_mut(name)
            && events.len() < EVENTS
        {
            events.push(Arc::clone(entry));
        }
    }
}

impl Tenant {
    /// Whether something of its own is known that this brought it.
    pub(super) fn has_own(&self, line: &str) -> bool {
        self.reads.get(line).is_some_and(|read| read.own.is_some())
    }

    fn name(&mut self, name: &str, at: EntryId) {
        if is_name(name) && self.names.len() < NAMES {
            self.names.entry(name.to_owned()).or_insert(at);
        }
    }

    fn read(&mut self, line: &str, resource: &Resource, probed: bool) -> Option<&mut Reading> {
        let most = if probed { READS_WITH_PROBES } else { READS };
        if !self.reads.contains_key(line) && self.reads.len() < most {
            let read = Reading {
                resource: resource.name.clone(),
                answers: Vec::new(),
                own: None,
            };
            self.reads.insert(line.to_owned(), read);
        }
        self.reads.get_mut(line)
    }
}

impl Reading {
    /// The first answer that the harness asked for on the account's behalf.
    pub(super) fn probed(&self) -> Option<&Received> {
        self.answers.iter().find(|received| received.probed)
    }

    fn learn(&mut self, values: Distinctive, received: &Received) {
        let last = (received.id, Arc::clone(&received.body));
        match &mut self.own {
            Some(own) => {
                let first = own.first.1.iter();
                let moved = first.filter(|(path, value)| values.at(path) != Some(*value));
                own.moved.extend(moved.map(|(path, _)| path.to_owned()));
                own.last = last;
                own.times += 1;
            }
            None => {
                self.own = Some(Own {
                    first: (received.id, values),
                    last,
                    moved: BTreeSet::new(),
                    times: 1,
                });
            }
        }
    }
}

impl Own {
    /// Whether the account went without a text that another has had since then: in its first answer,
    /// and, if the other came to it later, in an answer after that.
    pub(super) fn went_without(&self, text: &str, since: EntryId) -> bool {
        let is_first_later = since <= self.first.0;
        let is_last_later = || since < self.last.0 && !Distinctive::of(&self.last.1).holds(text);
        !self.first.1.holds(text) && (is_first_later || is_last_later())
    }
}

/// The name and the arguments of an event that was kept.
pub(super) fn event_in(entry: &Entry) -> Option<(&str, &Content)> {
    match &entry.fact {
        Fact::Frame {
            packet: Frame::Event { name, args, .. },
            ..
        } => Some((name, args)),
        _ => None,
    }
}
