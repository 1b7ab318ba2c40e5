//! Two accounts: whether the other was sent what is the owner's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::history::{History, is_alike, is_same};
use super::{Account, Sent};
use crate::domain::contract::{Contract, EventRule, Resource};
use crate::domain::selector::Selector;
use crate::rules::tenant::distinctive::{Fingerprint, is_distinctive};
use crate::rules::tenant::flattened::{Fields, Flattened, is_handed_out, plain};

pub(super) type Side<'a> = (&'a Arc<str>, &'a Account, &'a [(&'a str, History<'a>)]);

/// Two accounts: whether the other was sent what is the owner's.
pub(super) struct Pair<'a> {
    pub(super) contract: &'a Contract,
    pub(super) owner: Side<'a>,
    pub(super) other: Side<'a>,
}

pub(super) type Found<'a> = (Fingerprint, &'a Sent, String);

impl<'a> Pair<'a> {
    /// What both asked for.
    fn both(&self) -> impl Iterator<Item = (&'a History<'a>, &'a History<'a>)> {
        let other = self.other.2;
        self.owner.2.iter().filter_map(move |(key, theirs)| {
            let (_, own) = other.iter().find(|(own, _)| own == key)?;
            Some((theirs, own))
        })
    }

    pub(super) fn compared(&self) -> bool {
        self.both().any(|(theirs, _)| theirs.resource.personal)
    }

    pub(super) fn found(&self) -> Vec<Found<'a>> {
        let mut found: Vec<Found<'a>> = Vec::new();
        for (theirs, own) in self.both() {
            if theirs.resource.personal {
                let one = self.whole(theirs, own).or_else(|| self.item(theirs, own));
                let one = one.or_else(|| self.marked(theirs, own));
                found.extend(one.or_else(|| self.strayed(theirs, own)));
            } else {
                found.extend(self.owned(theirs, own));
            }
        }
        found.extend(self.events());
        found
    }

    /// The whole answer, but for what moves in both accounts' own.
    fn whole(&self, theirs: &'a History<'a>, own: &'a History<'a>) -> Option<Found<'a>> {
        // One of the two tells it.
        if self.owner.0 > self.other.0 {
            return None;
        }
        let latest = own.last.as_ref().map(|(sent, leaves)| (*sent, leaves));
        let mut candidates = std::iter::once((own.shown, &own.first)).chain(latest);
        let (sent, _) = candidates.find(|(_, leaves)| is_alike(theirs, own, leaves))?;
        Some((
            fingerprint("the whole answer", theirs.shown),
            sent,
            format!("the answer of `{}`", own.resource.name),
        ))
    }

    /// An item of the owner's in the other's list.
    fn item(&self, theirs: &'a History<'a>, own: &'a History<'a>) -> Option<Found<'a>> {
        let mut later = own.later.iter();
        let came = later.find(|(key, (_, fields))| self.is_theirs(theirs, own, key, fields));
        let there = || {
            // From the first answer on both had it, so whose it is cannot be told, but that it is
            // not both's.
            let mut items = own
                .first
                .items
                .iter()
                .filter(|_| self.owner.0 < self.other.0);
            items.find(|(key, fields)| {
                is_handed_out(key) && !self.is_common(key) && is_same(theirs, key, fields)
            })
        };
        let (key, sent) = came
            .map(|(key, (sent, _))| (key, *sent))
            .or_else(|| there().map(|(key, _)| (key, own.shown)))?;
        Some((
            fingerprint(&format!("the item {key}"), theirs.shown),
            sent,
            format!("`{}`", own.resource.name),
        ))
    }

    fn is_theirs(
        &self,
        theirs: &History<'_>,
        own: &History<'_>,
        key: &str,
        fields: &Fields,
    ) -> bool {
        !own.first.items.contains_key(key) && is_same(theirs, key, fields)
    }

    /// Whether a key is found in what everybody may read, such as a list of instruments.
    fn is_common(&self, key: &str) -> bool {
        let everybodys = self.owner.2.iter().chain(self.other.2);
        everybodys
            .filter(|(_, known)| !known.resource.personal)
            .any(|(_, known)| {
                let singles = known.first.single.values();
                known.first.items.contains_key(key)
                    || known
                        .first
                        .items
                        .values()
                        .flat_map(BTreeMap::values)
                        .chain(singles)
                        .any(|value| plain(value) == key)
            })
    }

    /// A field that always says who the owner is, and says so to the other.
    fn marked(&self, theirs: &'a History<'a>, own: &'a History<'a>) -> Option<Found<'a>> {
        if self.is_profile(theirs.resource) {
            return None;
        }
        let names = self.names();
        let latest = own.last.as_ref().map(|(sent, leaves)| (*sent, leaves));
        let sides = std::iter::once((own.shown, &own.first)).chain(latest);
        for (sent, leaves) in sides {
            for field in theirs.first.columns() {
                let name = only(&theirs.first.column(field)).filter(|name| names.contains(name));
                if let Some(name) = name
                    && leaves.column(field).contains(&name)
                {
                    let observed = format!("`{}` at {field} of an item", own.resource.name);
                    return Some((fingerprint(&name, theirs.shown), sent, observed));
                }
            }
            for (field, value) in &theirs.first.single {
                let name = plain(value);
                if names.contains(&name)
                    && leaves.single.get(field).map(plain) == Some(name.clone())
                {
                    let observed = format!("`{}` at {field}", own.resource.name);
                    return Some((fingerprint(&name, theirs.shown), sent, observed));
                }
            }
        }
        None
    }

    /// An id that always stands in one place of the owner's answer, where the other has one of its
    /// own, and yet turned up in an answer to the other.
    fn strayed(&self, theirs: &'a History<'a>, own: &'a History<'a>) -> Option<Found<'a>> {
        let of_resource = |resource: &str| *resource == own.resource.name;
        let reads = self.other.1.reads.values();
        let reads = reads.filter(|read| of_resource(&read.resource));
        let mut answers = reads.flat_map(|read| &read.answers);
        let id = |value: &'a Value| {
            let text = value.as_str()?;
            let is_id =
                is_distinctive(text) && is_handed_out(text) && text.contains(char::is_alphabetic);
            is_id.then_some(text)
        };
        let still = theirs.first.single.iter();
        let still = still.filter(|(field, _)| !theirs.moved.contains(*field));
        let ids: Vec<&str> = still
            .filter_map(|(field, value)| {
                let (theirs, own) = (id(value)?, id(own.first.single.get(field)?)?);
                (theirs != own).then_some(theirs)
            })
            .collect();
        answers.find_map(|sent| {
            let leaves = Flattened::of(own.resource, &sent.body);
            let (field, id) = leaves.single.iter().find_map(|(field, value)| {
                let id = value.as_str().filter(|text| ids.contains(text))?;
                Some((field.clone(), id.to_owned()))
            })?;
            let observed = format!("`{}` at {field}", own.resource.name);
            Some((fingerprint(&id, theirs.shown), sent, observed))
        })
    }

    /// An item of the other's own, in a list that need not be personal, which says that it is the
    /// owner's by the id that the contract names. What is in both lists may be by one author.
    fn owned(&self, theirs: &'a History<'a>, own: &'a History<'a>) -> Option<Found<'a>> {
        let ids = self.ids();
        let mut items = own.first.items.iter();
        let (field, id) = items.find_map(|(key, fields)| {
            let mut alone = fields
                .iter()
                .filter(|_| !theirs.first.items.contains_key(key));
            alone.find_map(|(field, value)| {
                let id = only(&theirs.first.column(field)).filter(|id| ids.contains(id))?;
                (plain(value) == id).then_some((field, id))
            })
        })?;
        let observed = format!("`{}` at {field} of an item", own.resource.name);
        Some((fingerprint(&id, theirs.shown), own.shown, observed))
    }

    fn is_profile(&self, resource: &Resource) -> bool {
        let identity = self.contract.session.identity.as_ref();
        identity.is_some_and(|identity| identity.resource == resource.name)
    }

    /// What the owner is called in its profile and its token, and the other is not: ids, and names
    /// that go with what it signs in with.
    fn names(&self) -> BTreeSet<String> {
        let mut names = self.ids();
        for (theirs, own) in self.profiles() {
            for (field, value) in &theirs.first.single {
                let differs = own.first.single.get(field).is_some_and(|own| own != value);
                let still = !theirs.moved.contains(field) && !own.moved.contains(field);
                if differs && still && is_telling(value, self.owner.0) {
                    names.insert(plain(value));
                }
            }
        }
        names
    }

    /// Both profiles.
    fn profiles(&self) -> impl Iterator<Item = (&'a History<'a>, &'a History<'a>)> {
        let both = self.both();
        both.filter(|(theirs, _)| self.is_profile(theirs.resource))
    }

    /// By what the contract says where it stands: the subject of the token and what the profile has.
    fn ids(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if let (Some(theirs), Some(own)) = (&self.owner.1.claimed, &self.other.1.claimed)
            && theirs != own
        {
            names.insert(plain(theirs));
        }
        let identity = self.contract.session.identity.as_ref();
        for (theirs, own) in self.profiles() {
            let selectors = identity
                .into_iter()
                .flat_map(|own| [&own.subject, &own.username]);
            for selector in selectors.flatten() {
                let of = |known: &History<'_>| selector.in_body(&known.shown.body).map(plain);
                names.extend(of(theirs).filter(|name| of(own).as_ref() != Some(name)));
            }
        }
        names.retain(|name| name.len() >= 2);
        names
    }

    /// An event that brings the other an item of the owner's, or names the owner.
    fn events(&self) -> Option<Found<'a>> {
        let names = self.names();
        let realtime = self.contract.realtime.as_ref()?;
        realtime.events.iter().find_map(|rule| {
            let sent = self.other.1.events.get(&rule.name)?;
            let resource = self.contract.resource(rule.updates.as_deref()?)?;
            let of = |side: &Side<'a>| {
                let mut reads = side.2.iter();
                reads.find(|(_, known)| known.resource.name == resource.name)
            };
            let ((_, theirs), (_, own)) = (of(&self.owner)?, of(&self.other)?);
            if !resource.personal {
                return None;
            }
            sent.iter().find_map(|sent| {
                let brought = brought(rule, resource, &sent.body)?;
                let (key, fields) = brought.items.iter().find(|(key, fields)| {
                    let of_theirs = self.is_theirs(theirs, own, key, fields);
                    let marks = || {
                        fields.iter().any(|(field, value)| {
                            let name = only(&theirs.first.column(field));
                            name.as_ref() == Some(&plain(value))
                                && name.is_some_and(|name| names.contains(&name))
                        })
                    };
                    of_theirs || marks()
                })?;
                let what = if self.is_theirs(theirs, own, key, fields) {
                    format!("the item {key}")
                } else {
                    format!("the name of its owner in the item {key}")
                };
                let observed = format!("the event `{}` on a socket", rule.name);
                Some((fingerprint(&what, theirs.shown), sent, observed))
            })
        })
    }
}

/// The items that an event brings.
fn brought(rule: &EventRule, resource: &Resource, args: &Value) -> Option<Flattened> {
    let first = args.get(0)?;
    let whole = Selector::Pointer(String::new());
    let items = rule.items.as_ref().unwrap_or(&whole);
    Some(Flattened::split(Some(items), resource.key.as_ref(), first))
}

/// Whether a value of a profile tells who somebody is: an id, or a name that goes with what they sign
/// in with.
fn is_telling(value: &Value, username: &str) -> bool {
    match value {
        Value::String(text) => {
            let local = username.split('@').next().unwrap_or_default();
            let named = words(text).intersection(&words(local)).next().is_some();
            named || (is_distinctive(text) && is_handed_out(text))
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

/// The only one there is.
fn only(values: &BTreeSet<String>) -> Option<String> {
    match values.len() {
        1 => values.first().cloned(),
        _ => None,
    }
}

fn fingerprint(value: &str, learnt: &Sent) -> Fingerprint {
    Fingerprint {
        value: value.to_owned(),
        learnt: learnt.id,
    }
}
