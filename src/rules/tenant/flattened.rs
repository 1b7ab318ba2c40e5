//! The single values of an answer, by where they stand.
//!
//! Items of a list are told apart by their key and not by their place, so that a list may grow or
//! be sorted anew without everything in it seeming to be another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::distinctive::is_distinctive;
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
}

impl Flattened {
    /// Those of a resource's answer.
    pub(super) fn of(resource: &Resource, body: &Value) -> Self {
        Self::split(resource.items.as_ref(), resource.key.as_ref(), body)
    }

    /// Those of a body with a list in it, if it has one, whose items have a key.
    pub(super) fn split(items: Option<&Selector>, key: Option<&Selector>, body: &Value) -> Self {
        let list = items.and_then(|items| items.in_body(body)).zip(key);
        let mut leaves = Self::default();
        let mut left = MOST;
        if let Some((list, key)) = list {
            let own = std::slice::from_ref(list);
            for item in list.as_array().map_or(own, Vec::as_slice) {
                if let Some(key) = key.in_body(item) {
                    let fields = leaves.items.entry(plain(key)).or_default();
                    walk("", item, None, fields, &mut left);
                }
            }
        }
        let apart = list.map(|(list, _)| list);
        walk("", body, apart, &mut leaves.single, &mut left);
        leaves
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

/// Every single value below one, `apart` excepted.
fn walk(path: &str, value: &Value, apart: Option<&Value>, into: &mut Fields, left: &mut usize) {
    if *left == 0 || apart.is_some_and(|apart| std::ptr::eq(apart, value)) {
        return;
    }
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(&format!("{path}/{at}"), item, apart, into, left);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                walk(&format!("{path}/{key}"), field, apart, into, left);
            }
        }
        Value::Null => {}
        leaf => {
            *left -= 1;
            into.insert(path.to_owned(), leaf.clone());
        }
    }
}

/// A single value as text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether two accounts hardly have a value by chance: not a flag, a word or a small number.
pub(super) fn is_weighty(value: &Value) -> bool {
    match value {
        Value::String(text) => is_distinctive(text) || text.chars().count() >= 12,
        Value::Number(number) => {
            let text = number.to_string();
            let digits = text.bytes().filter(u8::is_ascii_digit);
            digits.skip_while(|digit| *digit == b'0').count() >= 4
        }
        _ => false,
    }
}

/// Whether a key looks handed out, and not chosen from what everybody knows: with figures in it.
pub(super) fn is_handed_out(key: &str) -> bool {
    let figures = key.bytes().filter(u8::is_ascii_digit).count();
    match key.parse::<u64>() {
        Ok(_) => key.len() >= 4,
        Err(_) => figures >= 2 && key.len() >= 5,
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
        let leaves = Flattened::split(Some(&items), Some(&key), &json!({"row": {"no": 7, "a": 1}}));
        assert_eq!(leaves.items["7"]["/a"], 1);
    }

    #[test]
    fn words_flags_and_small_numbers_are_anybodys() {
        for common in [
            json!("LONG"),
            json!("isolated"),
            json!(true),
            json!(0.5),
            json!(17),
        ] {
            assert!(!is_weighty(&common), "{common}");
        }
        for own in [json!("alice retirement"), json!(48213), json!(-10.25)] {
            assert!(is_weighty(&own), "{own}");
        }
        assert!(is_handed_out("DE001") && is_handed_out("7001") && is_handed_out("pos_3a91_01"));
        assert!(!is_handed_out("BTC-PERP") && !is_handed_out("12") && !is_handed_out("ETH2"));
    }
}
