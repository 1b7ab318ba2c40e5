//! TENANT-1, as far as it takes both accounts' own sessions to see: what the two have in common
//! that the contract calls personal.
//!
//! A leak that was there from the first answer looks like common data, and figures and short words
//! are nobody's by themselves. So nothing is judged before the end: then it is known what each
//! account is called, what of its answers stands still, and which items are whose. Only resources
//! that the contract calls `personal` are compared; others may hold what everybody gets.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::isolation::ISOLATION;
use super::socket_owners::SocketOwners;
use super::violation;
use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{Content, Direction, Entry, EntryId, Fact, Frame, Question};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::Rule;

mod history;
mod pair;

use history::History;
use pair::Pair;

/// How many accounts are told apart, and requests and events of each.
const ACCOUNTS: usize = 8;
const KEPT: usize = 64;
/// How often an answer or an event of one kind is looked at.
const LOOKS: usize = 16;
const EVENTS: usize = 64;

/// What each account got of what is personal.
#[derive(Default)]
pub(super) struct CrossAccount {
    accounts: BTreeMap<Arc<str>, Account>,
    owners: SocketOwners,
}

/// What one account got.
#[derive(Default)]
struct Account {
    /// By what was asked for.
    reads: BTreeMap<String, Read>,
    /// By name.
    events: BTreeMap<String, Vec<Sent>>,
    /// What the token calls it.
    claimed: Option<Value>,
}

/// Something that was sent.
#[derive(Clone)]
struct Sent {
    id: EntryId,
    exchange: Option<u64>,
    body: Arc<Value>,
}

/// What one request brought an account, in order.
struct Read {
    resource: String,
    answers: Vec<Sent>,
}

impl Rule for CrossAccount {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        self.owners.follow(entry, context);
        match &entry.fact {
            Fact::TokenIssued(token) => {
                let identity = context.contract.session.identity.as_ref();
                let claim = identity.map_or("/sub", |identity| identity.claim.as_str());
                let claims = token.claims.as_ref();
                if let (Some(username), Some(claimed)) = (
                    &token.username,
                    claims.and_then(|claims| claims.pointer(claim)),
                ) && let Some(account) = self.account(&Arc::from(username.as_str()))
                {
                    account.claimed.get_or_insert_with(|| claimed.clone());
                }
            }
            Fact::Answer(_) => {
                if let Some(ended) = context.ended_by_anyone() {
                    self.answered(entry, &ended, &context.contract);
                }
            }
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::Event { name, args, .. },
                ..
            } => {
                let Some(account) = self.owners.of(*socket) else {
                    return;
                };
                let Some(account) = self.account(&account) else {
                    return;
                };
                if !account.events.contains_key(name.as_str()) && account.events.len() < KEPT {
                    account.events.insert(name.clone(), Vec::new());
                }
                if let Some(events) = account.events.get_mut(name.as_str())
                    && events.len() < EVENTS
                    && let Some(body) = whole(args)
                {
                    events.push(Sent {
                        id: entry.id,
                        exchange: None,
                        body,
                    });
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        let known: Vec<_> = self
            .accounts
            .iter()
            .map(|(name, account)| (name, account, account.known(&context.contract)))
            .collect();
        for (owner, account, theirs) in &known {
            for (name, other, own) in &known {
                if owner == name {
                    continue;
                }
                let pair = Pair {
                    contract: &context.contract,
                    owner: (owner, account, theirs),
                    other: (name, other, own),
                };
                if pair.compared() {
                    context.exercised(&ISOLATION);
                }
                for (fingerprint, sent, observed) in pair.found() {
                    let found = violation(name, owner, &fingerprint, &observed, sent.id);
                    context.violated(&ISOLATION, found.exchanges(sent.exchange.into_iter()));
                }
            }
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl CrossAccount {
    fn account(&mut self, name: &Arc<str>) -> Option<&mut Account> {
        if !self.accounts.contains_key(name) && self.accounts.len() >= ACCOUNTS {
            return None;
        }
        Some(self.accounts.entry(Arc::clone(name)).or_default())
    }

    fn answered(&mut self, entry: &Entry, ended: &Ended<'_>, contract: &Contract) {
        let own = matches!(
            ended.opened.question,
            None | Some(Question::Own | Question::Walk { .. })
        );
        let (Some(name), Some(Role::Resource(resource)), Some(answer), true) = (
            &ended.opened.account,
            &ended.request.role,
            ended.by_backend(),
            own && ended.succeeded(),
        ) else {
            return;
        };
        let Some(body) = whole(&answer.body) else {
            return;
        };
        if contract.resource(resource).is_none() {
            return;
        }
        let Some(account) = self.account(name) else {
            return;
        };
        let key = super::key(ended.request);
        let sent = Sent {
            id: entry.id,
            exchange: Some(answer.exchange),
            body,
        };
        if let Some(read) = account.reads.get_mut(&key) {
            // What the harness reads shows what stands still after the other's turn.
            if read.answers.len() < LOOKS || ended.opened.question == Some(Question::Own) {
                read.answers.push(sent);
            }
        } else if account.reads.len() < KEPT {
            let read = Read {
                resource: resource.clone(),
                answers: vec![sent],
            };
            account.reads.insert(key, read);
        }
    }
}

/// The JSON of a content.
fn whole(content: &Content) -> Option<Arc<Value>> {
    match content {
        Content::Json { value, .. } => value.value().map(Arc::clone),
        _ => None,
    }
}

impl Account {
    fn known<'a>(&'a self, contract: &'a Contract) -> Vec<(&'a str, History<'a>)> {
        let reads = self.reads.iter();
        reads
            .filter_map(|(key, read)| {
                let resource = contract.resource(&read.resource)?;
                Some((key.as_str(), History::of(resource, &read.answers)?))
            })
            .collect()
    }
}
