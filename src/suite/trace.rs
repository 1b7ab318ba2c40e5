//! What readers take at each place of a file, written down while they read it.
//!
//! A schema that is made of this cannot say anything else than the readers do.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::node::Node;

/// One form that a reader takes at a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    /// Something that is read alike at many places, by its name in the schema.
    Shared(&'static str),
    /// A map whose keys the format knows.
    Keys(Keys),
    /// A map whose keys are names of the author's choice.
    Names,
    /// A list.
    Items,
    /// A list, or one item in its place.
    OneOrMore,
    /// A text; numbers and words are taken as they are written.
    Text,
    /// A text that may also be nothing.
    Written,
    /// Nothing at all.
    Nothing,
    /// One of these words.
    Words(Vec<String>),
    /// Besides words of the format, names that only the contract or the world knows.
    OtherNames,
    /// On or off.
    Switch,
    /// A whole number, at least so much.
    Whole(u64),
    /// A number between two others.
    Number(f64, f64),
    /// An HTTP status.
    Status,
    /// A text of this form, as a regular expression.
    Form(&'static str),
    /// Any value.
    Json,
}

/// The keys of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// What the map is called in messages.
    pub(crate) what: &'static str,
    /// Every key that was asked for.
    pub(crate) known: Vec<&'static str>,
    /// Those that must be there.
    pub(crate) needed: Vec<&'static str>,
    /// Whether exactly one of them is wanted.
    pub(crate) only_one: bool,
}

/// What was taken, by the place of the value in memory: while a tree is read, it stays where it is.
#[derive(Debug, Default)]
pub(crate) struct Trace(RefCell<BTreeMap<usize, Vec<Seen>>>);

impl Trace {
    pub(super) fn note(&self, node: &Node, seen: Seen) {
        let mut all = self.0.borrow_mut();
        let own = all.entry(address(node)).or_default();
        if !own.contains(&seen) {
            own.push(seen);
        }
    }

    /// What readers took there.
    pub(super) fn at(&self, node: &Node) -> Vec<Seen> {
        let all = self.0.borrow();
        all.get(&address(node)).cloned().unwrap_or_default()
    }
}

fn address(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}
