//! Who the owner is, in what the other was sent: names, ids and authors.

use std::collections::BTreeSet;

use serde_json::Value;

use super::history::History;
use super::{Both, Pair, Side};
use crate::domain::contract::{Contract, Resource};
use crate::rules::flattened::{Fields, Flattened, plain};
use crate::rules::tenant::distinctive::{is_distinctive, is_handed_out};
use crate::rules::tenant::leak::Leak;

/// What an account is called in its profile and its token, and another is not.
pub(super) struct Names {
    /// By what the contract says where it stands: the subject of the token and what the profile has.
    ids: BTreeSet<String>,
    /// The ids, and names of the profile that go with what it signs in with.
    pub(super) all: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(
        contract: &Contract,
        owner: &Side<'_>,
        other: &Side<'_>,
        both: &[Both<'_>],
    ) -> Self {
        let mut ids = BTreeSet::new();
        if let (Some(theirs), Some(own)) = (&owner.account.subject, &other.account.subject)
            && theirs != own
        {
            ids.insert(plain(theirs));
        }
        let mut names = BTreeSet::new();
        let both = both.iter();
        for both in both.filter(|both| is_profile(both.theirs.resource, contract)) {
            ids.extend(both.ids(contract));
            names.extend(both.names(owner.name));
        }
        ids.retain(|id| id.len() >= 2);
        names.extend(ids.iter().cloned());
        Self { ids, all: names }
    }
}

fn is_profile(resource: &Resource, contract: &Contract) -> bool {
    let identity = contract.session.identity.as_ref();
    identity.is_some_and(|identity| identity.resource == resource.name)
}

/// Profiles.
impl Both<'_> {
    /// The ids that the contract names in a profile.
    fn ids(&self, contract: &Contract) -> impl Iterator<Item = String> {
        let identity = contract.session.identity.as_ref();
        let selectors = identity.map(|identity| [&identity.subject, &identity.username]);
        let selectors = selectors.into_iter().flatten().flatten();
        selectors.filter_map(|selector| {
            let of = |read: &History<'_>| selector.in_body(&read.shown.body).map(plain);
            let (theirs, own) = (of(self.theirs)?, of(self.own));
            (own.as_ref() != Some(&theirs)).then_some(theirs)
        })
    }

    /// What else in a profile tells who somebody is that signs in with this.
    fn names(&self, username: &str) -> impl Iterator<Item = String> {
        let names = self.theirs.still().filter(move |(field, value)| {
            let own = self.own.first.single.get(*field);
            let is_another = own.is_some_and(|own| own != *value) && !self.own.moves(field);
            is_another && is_telling(value, username)
        });
        names.map(|(_, value)| plain(value))
    }
}

/// Whether a value of a profile tells who somebody is: an id, or a name that goes with what they sign
/// in with.
fn is_telling(value: &Value, username: &str) -> bool {
    match value {
        Value::String(text) => {
            let local = username.split('@').next().unwrap_or_default();
            let is_named = words(text).intersection(&words(local)).next().is_some();
            is_named || (is_distinctive(text) && is_handed_out(text))
        }
        Value::Number(number) => number
            .as_u64()
            .is_some_and(|number| number >= 10_000 && number % 100 != 0),
        _ => false,
    }
}

/// The words of a text that are long enough to be part of a name.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words
        .filter(|word| word.chars().count() >= 3)
        .map(str::to_lowercase)
        .collect()
}

/// The id in a value, if it looks like one that was handed out.
fn id(value: &Value) -> Option<&str> {
    let is_id = |text: &&str| {
        is_distinctive(text) && is_handed_out(text) && text.contains(char::is_alphabetic)
    };
    value.as_str().filter(is_id)
}

/// A field that says in every item of the owner's who the owner is.
pub(super) struct Mark<'a> {
    field: &'a str,
    name: String,
}

impl<'a> Mark<'a> {
    /// Those of a list of the owner's.
    pub(super) fn all(theirs: &'a History<'_>, names: &BTreeSet<String>) -> Vec<Self> {
        let fields = theirs.first.columns().into_iter();
        let marks = fields.filter_map(|field| {
            let mut values = theirs.first.column(field);
            let name = values.pop_first().filter(|_| values.is_empty())?;
            Some(Self { field, name })
        });
        marks.filter(|mark| names.contains(&mark.name)).collect()
    }

    /// Whether an item says the same.
    pub(super) fn is_in(&self, fields: &Fields) -> bool {
        let value = fields.get(self.field);
        value.is_some_and(|value| plain(value) == self.name)
    }
}

impl Pair<'_> {
    /// A field that always says who the owner is, and says so to the other.
    pub(super) fn name(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        if is_profile(theirs.resource, self.contract) {
            return None;
        }
        let names = &self.names.all;
        let marks = Mark::all(theirs, names);
        let in_items = |answer: &Flattened| {
            let is_in = |mark: &&Mark<'_>| answer.items.values().any(|item| mark.is_in(item));
            let mark = marks.iter().find(is_in)?;
            Some((format!("{} of an item", mark.field), mark.name.clone()))
        };
        let in_single = |answer: &Flattened| {
            theirs.first.single.iter().find_map(|(field, value)| {
                let name = plain(value);
                let is_there = answer.single.get(field).map(plain).as_ref() == Some(&name);
                (names.contains(&name) && is_there).then(|| (field.clone(), name))
            })
        };
        own.looks().find_map(|(sent, answer)| {
            let (field, name) = in_items(answer).or_else(|| in_single(answer))?;
            let place = format!("`{}` at {field}", own.resource.name);
            Some(both.leak(name, place, sent))
        })
    }

    /// An id that always stands in one place of the owner's answer, where the other has one of its
    /// own, and yet turned up in an answer to the other.
    pub(super) fn stray_id(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        let ids: Vec<&str> = theirs
            .still()
            .filter_map(|(field, value)| {
                let (theirs, own) = (id(value)?, id(own.first.single.get(field)?)?);
                (theirs != own).then_some(theirs)
            })
            .collect();
        if ids.is_empty() {
            return None;
        }
        let reads = self.other.account.reads.values();
        let reads = reads.filter(|read| read.resource == own.resource.name);
        reads.flat_map(|read| &read.answers).find_map(|sent| {
            let answer = Flattened::of(own.resource, &sent.body);
            let (field, id) = answer.single.iter().find_map(|(field, value)| {
                let id = value.as_str().filter(|text| ids.contains(text))?;
                Some((field, id))
            })?;
            let place = format!("`{}` at {field}", own.resource.name);
            Some(both.leak(id, place, sent))
        })
    }

    /// An item of the other's own, in a list that need not be personal, which says that it is the
    /// owner's by the id that the contract names. What is in both lists may be by one author.
    pub(super) fn foreign_author(&self, both: &Both<'_>) -> Option<Leak> {
        let Both { theirs, own } = both;
        let marks = Mark::all(theirs, &self.names.ids);
        let mut items = own.first.items.iter();
        let mark = items.find_map(|(key, fields)| {
            let is_alone = !theirs.first.items.contains_key(key);
            marks.iter().find(|mark| is_alone && mark.is_in(fields))
        })?;
        let place = format!("`{}` at {} of an item", own.resource.name, mark.field);
        Some(both.leak(&mark.name, place, own.shown))
    }
}
