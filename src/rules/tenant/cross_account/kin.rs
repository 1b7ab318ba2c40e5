//! Things of the owner's that turn up now and then, or that the owner was never sent itself.
//!
//! They are known by what names the owner: a field that says so in every item of the owner's, or a
//! part of the keys that comes from the owner's id. What two accounts may share by right, an
//! instrument or a venue, names neither.

use super::names::Mark;
use super::{Both, Pair};
use crate::rules::flattened::Flattened;
use crate::rules::tenant::leak::Leak;
use crate::rules::tenant::observed::Received;

/// How short a part of a key may be that tells whose it is.
const PART: usize = 4;
/// How many keys it takes to know how an account's are made.
const KEYS: usize = 2;
/// What parts the parts of keys.
const BETWEEN: [char; 5] = ['-', '_', ':', '.', '/'];

impl Pair<'_> {
    /// An item in any answer to the other that says that it is the owner's.
    pub(super) fn now_and_then(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        let marks = Mark::all(theirs, &self.names.all);
        let answers = self.answers_of(&own.resource.name);
        answers.iter().find_map(|(sent, answer)| {
            let mut items = answer.items.iter();
            let (key, _) = items.find(|(_, fields)| marks.iter().any(|mark| mark.is_in(fields)))?;
            let place = format!("`{}`", own.resource.name);
            let what = format!("the name of its owner in the item {key}");
            Some(both.leak(what, place, sent))
        })
    }

    /// An item of the other's whose key has the part that all of the owner's have, and that comes
    /// from what the owner is called. Its values, and the key itself, may be no other's.
    pub(super) fn kin(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        let keys: Vec<&String> = theirs.first.items.keys().collect();
        let first = keys.first().filter(|_| keys.len() >= KEYS)?;
        let part = parts(first).find(|part| {
            let names_owner = self.names.all.iter().any(|name| name.contains(part));
            names_owner && keys.iter().all(|key| has(key, part))
        })?;
        let answers = self.answers_of(&own.resource.name);
        answers.iter().find_map(|(sent, answer)| {
            let mut items = answer.items.keys();
            let is_mixed = answer.items.keys().any(|key| !has(key, part));
            let key = items.find(|key| has(key, part)).filter(|_| is_mixed)?;
            let place = format!("`{}`", own.resource.name);
            Some(both.leak(format!("the item {key}"), place, sent))
        })
    }

    /// Everything that the other was sent of a resource.
    pub(super) fn answers_of(&self, resource: &str) -> Vec<(&Received, Flattened)> {
        let Some(known) = self.contract.resource(resource) else {
            return Vec::new();
        };
        let reads = self.other.account.reads.values();
        reads
            .filter(|read| read.resource == resource)
            .flat_map(|read| &read.answers)
            .map(|sent| (sent, Flattened::of(known, &sent.body)))
            .collect()
    }
}

/// The parts of a key that may tell whose it is: not too short, and with a figure.
fn parts(key: &str) -> impl Iterator<Item = &str> {
    let has_figure = |part: &&str| part.bytes().any(|byte| byte.is_ascii_digit());
    key.split(BETWEEN)
        .filter(|part| part.len() >= PART)
        .filter(has_figure)
}

fn has(key: &str, part: &str) -> bool {
    key.split(BETWEEN).any(|own| own == part)
}
