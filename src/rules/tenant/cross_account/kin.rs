//! Things of the owner's that are known by their kind: keys that begin as all of the owner's do, and
//! an id that stands in every item of the owner's.
//!
//! The owner need not have been sent the very item, and its values may be its own. What two accounts
//! may share by right, an instrument or a currency, has no such kind: its keys begin alike for both.

use std::collections::BTreeSet;

use super::names::id;
use super::{Both, Pair};
use crate::rules::tenant::flattened::{Flattened, plain};
use crate::rules::tenant::leak::Leak;

/// How short a beginning may be that tells whose a key is.
const BEGINNING: usize = 5;
/// How many keys it takes to know how an account's begin.
const KEYS: usize = 2;

impl Pair<'_> {
    /// An item in the other's list whose key begins as all of the owner's do, and as none of the
    /// other's own.
    pub(super) fn kin(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        let beginning = beginning(theirs.first.items.keys())?;
        let answers = self.answers_of(own.resource.name.as_str());
        answers.into_iter().find_map(|(sent, answer)| {
            let (foreign, rest): (Vec<&String>, Vec<&String>) = answer
                .items
                .keys()
                .partition(|key| key.starts_with(&beginning));
            let key = foreign.first()?;
            let own_beginning = self::beginning(rest.iter().copied())?;
            let is_apart = !own_beginning.starts_with(&beginning)
                && !beginning.starts_with(&own_beginning)
                && rest.len() > foreign.len();
            let place = format!("`{}`", own.resource.name);
            is_apart.then(|| both.leak(format!("the item {key}"), place, sent))
        })
    }

    /// An id that stands in every item of the owner's, in an item of the other's, where another id
    /// stands in all the rest.
    pub(super) fn stray_mark(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        if theirs.first.items.len() < KEYS {
            return None;
        }
        let fields = theirs.first.columns();
        let answers = self.answers_of(own.resource.name.as_str());
        fields.into_iter().find_map(|field| {
            let theirs = only_id(&theirs.first, field)?;
            answers.iter().find_map(|(sent, answer)| {
                let mut values: BTreeSet<String> = answer.column(field);
                let is_there = values.remove(&theirs);
                let mine = values.pop_first().filter(|_| values.is_empty())?;
                let is_id = id(&serde_json::Value::from(mine)).is_some();
                let place = format!("`{}` at {field} of an item", own.resource.name);
                (is_there && is_id).then(|| both.leak(theirs.clone(), place, sent))
            })
        })
    }

    /// Everything that the other was sent of a resource.
    fn answers_of(
        &self,
        resource: &str,
    ) -> Vec<(&crate::rules::tenant::observed::Received, Flattened)> {
        let reads = self.other.account.reads.values();
        let reads = reads.filter(|read| read.resource == resource);
        let Some(resource) = self.contract.resource(resource) else {
            return Vec::new();
        };
        reads
            .flat_map(|read| &read.answers)
            .map(|sent| (sent, Flattened::of(resource, &sent.body)))
            .collect()
    }
}

/// The one id that all items have in a field.
fn only_id(answer: &Flattened, field: &str) -> Option<String> {
    let has_it = answer.items.values().all(|item| item.contains_key(field));
    let mut values = answer.column(field);
    let only = values.pop_first().filter(|_| values.is_empty() && has_it)?;
    id(&serde_json::Value::from(only.as_str())).map(str::to_owned)
}

/// How all of these keys begin, if that is long enough to tell whose they are: with a figure in it,
/// and up to the last sign that parts words.
fn beginning<'k>(keys: impl Iterator<Item = &'k String>) -> Option<String> {
    let keys: Vec<&String> = keys.collect();
    let (first, rest) = keys.split_first()?;
    if keys.len() < KEYS {
        return None;
    }
    let common = rest.iter().fold(first.as_str(), |common, key| {
        let alike = common
            .bytes()
            .zip(key.bytes())
            .take_while(|(one, other)| one == other);
        let alike = alike.count();
        &common[..common.floor_char_boundary(alike)]
    });
    let end = common.rfind(['-', '_', ':', '.', '/'])?;
    let beginning = &common[..=end];
    let tells = beginning.len() >= BEGINNING && beginning.bytes().any(|byte| byte.is_ascii_digit());
    tells.then(|| plain(&serde_json::Value::from(beginning)))
}
