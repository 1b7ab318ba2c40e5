//! A read as it looks from the end: what stood still, and which items came later.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::contract::Resource;
use crate::rules::flattened::{Fields, Flattened};
use crate::rules::tenant::distinctive::is_weighty;
use crate::rules::tenant::observed::Received;

/// How many fields of an item are no chance if two accounts have them alike; one more, if none of
/// them is weighty.
const ALIKE: usize = 3;

/// A read as it looks from the end.
pub(super) struct History<'a> {
    pub(super) resource: &'a Resource,
    /// The first answer.
    pub(super) shown: &'a Received,
    pub(super) first: Flattened,
    /// The last answer, if it was another one.
    last: Option<(&'a Received, Flattened)>,
    /// Items that came later.
    pub(super) later: BTreeMap<String, (&'a Received, Fields)>,
    moved: Moved,
}

/// Fields that did not stand still.
#[derive(Default)]
struct Moved {
    single: BTreeSet<String>,
    /// Those of items, by key.
    items: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> History<'a> {
    pub(super) fn of(resource: &'a Resource, answers: &'a [Received]) -> Option<Self> {
        let (shown, rest) = answers.split_first()?;
        let mut history = Self {
            resource,
            shown,
            first: Flattened::of(resource, &shown.body),
            last: None,
            later: BTreeMap::new(),
            moved: Moved::default(),
        };
        for received in rest.iter().filter(|received| received.body != shown.body) {
            history.add(received);
        }
        Some(history)
    }

    fn add(&mut self, received: &'a Received) {
        let answer = Flattened::of(self.resource, &received.body);
        let moved = differing(&self.first.single, &answer.single);
        self.moved.single.extend(moved.map(str::to_owned));
        for (key, fields) in &answer.items {
            if let Some(first) = self.first.items.get(key) {
                let moved = self.moved.items.entry(key.clone()).or_default();
                moved.extend(differing(first, fields).map(str::to_owned));
            } else {
                let later = self.later.entry(key.clone());
                later.or_insert_with(|| (received, fields.clone()));
            }
        }
        self.last = Some((received, answer));
    }

    /// The first answer, and the last.
    pub(super) fn looks(&self) -> impl Iterator<Item = (&'a Received, &Flattened)> {
        let last = self.last.as_ref();
        std::iter::once((self.shown, &self.first)).chain(last.map(|(sent, last)| (*sent, last)))
    }

    /// Whether a field outside of its list did not stand still.
    pub(super) fn moves(&self, field: &str) -> bool {
        self.moved.single.contains(field)
    }

    /// Whether a field of one of its items did not.
    fn item_moves(&self, key: &str, field: &str) -> bool {
        let fields = self.moved.items.get(key);
        fields.is_some_and(|fields| fields.contains(field))
    }

    /// The values outside of its list that stood still.
    pub(super) fn still(&self) -> impl Iterator<Item = (&String, &Value)> {
        let single = self.first.single.iter();
        single.filter(|(field, _)| !self.moves(field))
    }

    /// Whether an answer to another account is this one, but for what moves in either's own, and
    /// enough of it to be no chance.
    pub(super) fn is_repeated(&self, own: &Self, answer: &Flattened) -> bool {
        let first = &self.first;
        let moves = |field: &str| self.moves(field) || own.moves(field);
        let item_moves =
            |key: &str, field: &str| self.item_moves(key, field) || own.item_moves(key, field);
        let pairs = || first.items.iter().zip(answer.items.values());
        let is_same = first.items.keys().eq(answer.items.keys())
            && differing(&first.single, &answer.single).all(moves)
            && pairs().all(|((key, first), fields)| {
                differing(first, fields).all(|field| item_moves(key, field))
            });
        let is_weighty = || {
            let mut single = first.single.iter();
            single.any(|(field, value)| !moves(field) && is_weighty(value))
        };
        // The key and something of its own.
        let has_item = || {
            answer.items.iter().any(|(key, fields)| {
                let still = fields.keys().filter(|field| !item_moves(key, field));
                still.count() >= ALIKE
            })
        };
        is_same && (is_weighty() || has_item())
    }

    /// Whether an item is one of these: its key, and enough that stands still, alike.
    pub(super) fn holds(&self, key: &str, fields: &Fields) -> bool {
        let first = self.first.items.get(key).into_iter().flatten();
        let still: Vec<_> = first
            .filter(|(field, _)| !self.item_moves(key, field))
            .collect();
        let is_alike = still
            .iter()
            .all(|(field, value)| fields.get(*field) == Some(*value));
        let is_weighty = || still.iter().any(|(_, value)| is_weighty(value));
        is_alike && (still.len() > ALIKE || (still.len() == ALIKE && is_weighty()))
    }
}

/// The fields of either that the other does not have alike.
fn differing<'f>(one: &'f Fields, other: &'f Fields) -> impl Iterator<Item = &'f str> {
    let fields: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differing = move |field: &&String| one.get(*field) != other.get(*field);
    fields.into_iter().filter(differing).map(String::as_str)
}
