//! What is known of an account's reads at the end: what stood still, and which items came later.

use std::collections::{BTreeMap, BTreeSet};

use super::Sent;
use crate::domain::contract::Resource;
use crate::rules::tenant::flattened::{Fields, Flattened, is_weighty};

/// What is known of a read at the end.
pub(super) struct History<'a> {
    pub(super) resource: &'a Resource,
    pub(super) first: Flattened,
    pub(super) shown: &'a Sent,
    /// Fields that did not stand still, and those of items, by key.
    pub(super) moved: BTreeSet<String>,
    pub(super) moved_items: BTreeSet<(String, String)>,
    /// Items that came later.
    pub(super) later: BTreeMap<String, (&'a Sent, Fields)>,
    /// The last answer, if it was another one.
    pub(super) last: Option<(&'a Sent, Flattened)>,
}

impl<'a> History<'a> {
    pub(super) fn of(resource: &'a Resource, answers: &'a [Sent]) -> Option<Self> {
        let (shown, rest) = answers.split_first()?;
        let mut known = Self {
            resource,
            first: Flattened::of(resource, &shown.body),
            shown,
            moved: BTreeSet::new(),
            moved_items: BTreeSet::new(),
            later: BTreeMap::new(),
            last: None,
        };
        for sent in rest {
            if sent.body == shown.body {
                continue;
            }
            let leaves = Flattened::of(resource, &sent.body);
            known
                .moved
                .extend(differing(&known.first.single, &leaves.single));
            for (key, fields) in &leaves.items {
                match known.first.items.get(key) {
                    Some(first) => known
                        .moved_items
                        .extend(differing(first, fields).map(|field| (key.clone(), field))),
                    None => {
                        let item = || (sent, fields.clone());
                        known.later.entry(key.clone()).or_insert_with(item);
                    }
                }
            }
            known.last = Some((sent, leaves));
        }
        Some(known)
    }

    /// The fields of one of its items that stood still.
    fn still(&self, key: &str) -> Fields {
        let fields = self.first.items.get(key).into_iter().flatten();
        let still = fields.filter(|(field, _)| {
            let moved = (key.to_owned(), (*field).clone());
            !self.moved_items.contains(&moved)
        });
        still
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect()
    }
}

/// The fields of either that the other does not have alike.
fn differing(one: &Fields, other: &Fields) -> impl Iterator<Item = String> {
    let fields: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differing: Vec<String> = fields
        .into_iter()
        .filter(|field| one.get(*field) != other.get(*field))
        .cloned()
        .collect();
    differing.into_iter()
}

/// Whether an answer to the other is the owner's, but for what moves.
pub(super) fn is_alike(theirs: &History<'_>, own: &History<'_>, leaves: &Flattened) -> bool {
    let moves = |field: &String| theirs.moved.contains(field) || own.moved.contains(field);
    let mut single = differing(&theirs.first.single, &leaves.single);
    if single.any(|field| !moves(&field)) || !theirs.first.items.keys().eq(leaves.items.keys()) {
        return false;
    }
    let mut weight = theirs
        .first
        .single
        .iter()
        .filter(|(field, value)| !moves(field) && is_weighty(value))
        .count();
    for (key, fields) in &leaves.items {
        let Some(first) = theirs.first.items.get(key) else {
            return false;
        };
        let moved = |field: &String| {
            let place = (key.clone(), field.clone());
            theirs.moved_items.contains(&place) || own.moved_items.contains(&place)
        };
        if differing(first, fields).any(|field| !moved(&field)) {
            return false;
        }
        // The key and something of its own; three fields that are alike are no chance.
        weight += usize::from(fields.keys().filter(|field| !moved(field)).count() >= 3);
    }
    weight > 0
}

/// Whether an item is one of the owner's: its key, and enough that stands still, alike.
pub(super) fn is_same(theirs: &History<'_>, key: &str, fields: &Fields) -> bool {
    let still = theirs.still(key);
    let alike = still
        .iter()
        .all(|(field, value)| fields.get(field) == Some(value));
    alike && still.len() >= 3 && (still.len() >= 4 || still.values().any(is_weighty))
}
