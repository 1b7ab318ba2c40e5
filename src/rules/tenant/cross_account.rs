//! The cross-account comparison: what two accounts have in common that the contract calls personal.
//!
//! A leak that was there from the first answer looks like common data, and figures and short words
//! are nobody's by themselves. So nothing is compared before the end: then it is known what each
//! account is called, what of its answers stands still, and which items are whose. Only resources
//! that the contract calls `personal` are compared; others may hold what everybody gets.

use std::collections::BTreeMap;

use super::leak::{Fingerprint, Leak};
use super::observed::{Received, Tenant};
use crate::domain::contract::{Contract, Resource};

mod history;

mod names;

mod items;

mod kin;

use history::History;
use names::Names;

/// One account, as it looks from the end.
pub(super) struct Side<'a> {
    pub(super) name: &'a str,
    account: &'a Tenant,
    /// Its reads, by the line of the request.
    reads: BTreeMap<&'a str, History<'a>>,
}

/// Two accounts: what is the owner's, and whether the other was sent it.
pub(super) struct Pair<'a> {
    contract: &'a Contract,
    owner: &'a Side<'a>,
    other: &'a Side<'a>,
    /// What both asked for.
    both: Vec<Both<'a>>,
    /// What the owner is called, and the other is not.
    names: Names,
}

/// What one request brought both.
struct Both<'a> {
    theirs: &'a History<'a>,
    own: &'a History<'a>,
}

impl<'a> Side<'a> {
    pub(super) fn of(name: &'a str, account: &'a Tenant, contract: &'a Contract) -> Self {
        let reads = account.reads.iter().filter_map(|(line, read)| {
            let resource = contract.resource(&read.resource)?;
            Some((line.as_str(), History::of(resource, &read.answers)?))
        });
        Self {
            name,
            account,
            reads: reads.collect(),
        }
    }

    /// Its first read of a resource.
    fn read_of(&self, resource: &Resource) -> Option<&History<'a>> {
        let mut reads = self.reads.values();
        reads.find(|read| read.resource.name == resource.name)
    }
}

impl<'a> Pair<'a> {
    pub(super) fn of(contract: &'a Contract, owner: &'a Side<'a>, other: &'a Side<'a>) -> Self {
        let reads = owner.reads.iter().filter_map(|(line, theirs)| {
            let own = other.reads.get(line)?;
            Some(Both { theirs, own })
        });
        let both: Vec<Both<'_>> = reads.collect();
        Self {
            contract,
            owner,
            other,
            names: Names::of(contract, owner, other, &both),
            both,
        }
    }

    /// Whether there is something personal that both asked for.
    pub(super) fn is_compared(&self) -> bool {
        let mut both = self.both.iter();
        both.any(|both| both.theirs.resource.personal)
    }

    /// What of the owner's the other was sent: one leak a request, the plainest, and one event.
    pub(super) fn leaks(&self) -> Vec<Leak> {
        let reads = self.both.iter().filter_map(|both| {
            if !both.theirs.resource.personal {
                return self.foreign_author(both);
            }
            let shared = self.whole(both).or_else(|| self.item(both));
            shared
                .or_else(|| self.name(both))
                .or_else(|| self.stray_id(both))
                .or_else(|| self.kin(both))
                .or_else(|| self.now_and_then(both))
        });
        let mut leaks: Vec<Leak> = reads.chain(self.event()).collect();
        leaks.extend(self.on_another_page(&leaks));
        leaks
    }

    /// Whether this is the one of two accounts that tells what they have in common, where neither
    /// is known to be the owner.
    fn tells(&self) -> bool {
        self.owner.name < self.other.name
    }

    /// The whole answer, but for what moves in both accounts' own.
    fn whole(&self, both: &Both<'_>) -> Option<Leak> {
        if !self.tells() {
            return None;
        }
        let mut looks = both.own.looks();
        let (sent, _) = looks.find(|(_, answer)| both.theirs.is_repeated(both.own, answer))?;
        let place = format!("the answer of `{}`", both.own.resource.name);
        Some(Leak {
            is_either: true,
            ..both.leak("the whole answer", place, sent)
        })
    }
}

impl Both<'_> {
    /// Something that the owner had from the first answer on, in what the other was sent.
    fn leak(&self, what: impl Into<String>, place: String, sent: &Received) -> Leak {
        Leak {
            fingerprint: Fingerprint::new(what, self.theirs.shown.id),
            place,
            entry: sent.id,
            exchange: Some(sent.exchange),
            is_either: false,
        }
    }
}
