//! Maps whose keys a format knows.

use std::cell::{Cell, RefCell};

use super::Cursor;
use crate::suite::node::{Content, Entry, Span};
use crate::suite::problem::Problem;
use crate::suite::suggest::suggest;
use crate::suite::trace::{Keys, Seen};

/// A map whose keys this format knows. Unknown ones are noted when it is dropped.
pub(crate) struct Fields<'a> {
    pub(crate) cursor: Cursor<'a>,
    what: &'static str,
    entries: &'a [Entry],
    known: RefCell<Vec<&'static str>>,
    needed: RefCell<Vec<&'static str>>,
    refused: RefCell<Vec<&'static str>>,
    only_one: Cell<bool>,
    all_known: Cell<bool>,
}

impl<'a> Cursor<'a> {
    /// The fields of a map whose keys this format knows. `what` names the map: `a resource`.
    pub(crate) fn fields(&self, what: &'static str) -> Option<Fields<'a>> {
        match &self.node.content {
            Content::Map(entries) => Some(Fields {
                cursor: self.clone(),
                what,
                entries,
                known: RefCell::default(),
                needed: RefCell::default(),
                refused: RefCell::default(),
                only_one: Cell::new(false),
                all_known: Cell::new(false),
            }),
            _ => self.wrong(
                "a map",
                format!("{what} has keys: write `key: value`, one a line"),
            ),
        }
    }
}

impl<'a> Fields<'a> {
    /// The value at `key`, if the key is there with a value.
    pub(crate) fn get(&self, key: &'static str) -> Option<Cursor<'a>> {
        self.known.borrow_mut().push(key);
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| self.cursor.sub(entry))
            .filter(|cursor| !cursor.node.is_null())
    }

    /// The value at `key`, where `null` is a value like any other.
    pub(crate) fn value(&self, key: &'static str) -> Option<Cursor<'a>> {
        self.known.borrow_mut().push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.cursor.sub(entry))
    }

    /// The value at `key`, which must be there.
    pub(crate) fn need(&self, key: &'static str) -> Option<Cursor<'a>> {
        let found = self.get(key);
        self.needed.borrow_mut().push(key);
        if found.is_none() {
            let empty = self.entries.iter().find(|entry| entry.key == key);
            let (span, hint) = match empty {
                Some(entry) => (entry.key_span.clone(), format!("give `{key}` a value")),
                None => (self.head(), format!("add `{key}` here")),
            };
            let message = format!("{} needs `{key}`", self.what);
            let problem = Problem::new(message).hint(hint);
            self.cursor.diagnostics.note(&span, problem);
        }
        found
    }

    /// The value at `key` as `read` understands it; `default` without it.
    pub(crate) fn or<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.get(key) {
            Some(cursor) => read(&cursor),
            None => Some(default),
        }
    }

    /// The value at `key` as `read` understands it; `Some(None)` without it.
    pub(crate) fn maybe<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.or(key, None, |cursor| read(cursor).map(Some))
    }

    /// Whether the key stands here, with or without a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The keys that stand here, as written.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// Where this map is pointed at as a whole: its name, or its first key.
    pub(crate) fn head(&self) -> Span {
        match (self.cursor.key_span, self.entries.first()) {
            (Some(key), _) => key.clone(),
            (None, Some(entry)) => entry.key_span.clone(),
            (None, None) => self.cursor.node.span.clone(),
        }
    }

    /// Notes a problem with the map as a whole.
    pub(crate) fn refuse<T>(
        &self,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.cursor
            .diagnostics
            .note(&self.head(), Problem::new(message).hint(hint));
        None
    }

    /// The value of a key that is known only to be refused with the reason.
    pub(crate) fn refused(&self, key: &'static str) -> Option<Cursor<'a>> {
        self.refused.borrow_mut().push(key);
        self.get(key)
    }

    /// Exactly one of the keys is wanted, which the reader sees to.
    pub(crate) fn wants_one(&self) {
        self.only_one.set(true);
    }

    /// Leaves keys that nobody asked for alone.
    pub(crate) fn ignore_rest(&self) {
        self.all_known.set(true);
    }
}

/// Keys in the order of their first mention, each once.
fn each_once(keys: &[&'static str]) -> Vec<&'static str> {
    let mut once: Vec<&'static str> = Vec::new();
    for key in keys {
        if !once.contains(key) {
            once.push(key);
        }
    }
    once
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        if self.all_known.get() {
            return;
        }
        let known = self.known.borrow();
        self.cursor.takes(|| {
            Seen::Keys(Keys {
                what: self.what,
                known: each_once(&known)
                    .into_iter()
                    .filter(|key| !self.refused.borrow().contains(key))
                    .collect(),
                needed: each_once(&self.needed.borrow()),
                only_one: self.only_one.get(),
            })
        });
        for entry in self.entries {
            if !known.contains(&entry.key.as_str()) {
                let message = format!("{} has no key `{}`", self.what, entry.key);
                let hint = suggest(&entry.key, known.iter().copied());
                self.cursor
                    .diagnostics
                    .note(&entry.key_span, Problem::new(message).hint(hint));
            }
        }
    }
}
