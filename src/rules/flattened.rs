//! JSON, flattened: its single values by where they stand.
//!
//! Items of a list are told apart by their key and not by their place, so that a list may grow or
//! be sorted anew without everything in it seeming to be another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::ops::ControlFlow;

use serde_json::Value;

use crate::domain::contract::Resource;
use crate::domain::selector::Selector;

/// How many values of one answer are looked at.
const MOST: usize = 4096;

/// The values of one list item or of one object, by their path below it.
pub(super) type Fields = BTreeMap<String, Value>;

/// The single values of one answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Flattened {
    /// Those outside of its list, by path.
    pub(super) single: Fields,
    /// The items of its list, by key.
    pub(super) items: BTreeMap<String, Fields>,
    /// Whether there are more values than are looked at.
    pub(super) is_cut: bool,
}

impl Flattened {
    /// A resource's answer.
    pub(super) fn of(resource: &Resource, body: &Value) -> Self {
        Self::split(resource.items.as_ref(), resource.key.as_ref(), body)
    }

    /// A body with a list in it, if it has one, whose items have a key.
    pub(super) fn split(items: Option<&Selector>, key: Option<&Selector>, body: &Value) -> Self {
        let list = items.and_then(|items| items.in_body(body)).zip(key);
        let mut flattened = Self::default();
        let mut left = MOST;
        if let Some((list, key)) = list {
            let own = std::slice::from_ref(list);
            for item in list.as_array().map_or(own, Vec::as_slice) {
                if let Some(key) = key.in_body(item) {
                    let fields = flattened.items.entry(plain(key)).or_default();
                    collect(item, None, fields, &mut left);
                }
            }
        }
        let apart = list.map(|(list, _)| list);
        collect(body, apart, &mut flattened.single, &mut left);
        flattened.is_cut = left == 0;
        flattened
    }

    /// What the items hold in one field.
    pub(super) fn column(&self, field: &str) -> BTreeSet<String> {
        let items = self.items.values();
        items
            .filter_map(|fields| fields.get(field))
            .map(plain)
            .collect()
    }

    /// The fields that items have.
    pub(super) fn columns(&self) -> BTreeSet<&str> {
        let items = self.items.values();
        items.flat_map(BTreeMap::keys).map(String::as_str).collect()
    }
}

fn collect(body: &Value, apart: Option<&Value>, into: &mut Fields, left: &mut usize) {
    let _ = walk(body, apart, &mut String::new(), &mut |path, value| {
        if *left == 0 {
            return ControlFlow::Break(());
        }
        *left -= 1;
        into.insert(path.to_owned(), value.clone());
        ControlFlow::Continue(())
    });
}

/// Visits every single value below one and says by which path it is reached, until the visitor
/// breaks off; `apart` is left out.
pub(super) fn walk(
    value: &Value,
    apart: Option<&Value>,
    path: &mut String,
    visit: &mut dyn FnMut(&str, &Value) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if apart.is_some_and(|apart| std::ptr::eq(apart, value)) {
        return ControlFlow::Continue(());
    }
    let length = path.len();
    let mut step = |key: &dyn Display, below: &Value| {
        let _ = write!(path, "/{key}");
        let flow = walk(below, apart, path, visit);
        path.truncate(length);
        flow
    };
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| step(&at, item)),
        Value::Object(fields) => fields.iter().try_for_each(|(key, field)| step(key, field)),
        Value::Null => ControlFlow::Continue(()),
        single => visit(path, single),
    }
}

/// A single value as text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_found_by_its_key_wherever_it_stands() {
        let (items, key) = (
            Selector::parse("/rows").unwrap(),
            Selector::parse("/no").unwrap(),
        );
        let split = |body: Value| Flattened::split(Some(&items), Some(&key), &body);
        let one = split(json!({"rows": [{"no": 1, "a": "x"}, {"no": 2, "a": "y"}], "n": 2}));
        let other = split(json!({"rows": [{"no": 2, "a": "y"}, {"no": 1, "a": "x"}], "n": 2}));
        assert_eq!(one, other);
        assert_eq!(one.items["1"]["/a"], "x");
        assert_eq!(one.single.keys().collect::<Vec<_>>(), ["/n"]);
        assert_eq!(one.column("/a"), ["x".to_owned(), "y".to_owned()].into());
    }

    #[test]
    fn an_event_brings_one_item_without_a_list() {
        let key = Selector::parse("/no").unwrap();
        let items = Selector::parse("/row").unwrap();
        let event = Flattened::split(Some(&items), Some(&key), &json!({"row": {"no": 7, "a": 1}}));
        assert_eq!(event.items["7"]["/a"], 1);
    }
}
