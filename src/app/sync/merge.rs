//! How events and pages change what is shown: pure functions over JSON.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::contract::{Apply, EventRule, Resource};
use crate::domain::selector::Selector;

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// It was applied; so many of its records could not be used and were set aside.
    Applied {
        /// Records set aside.
        aside: usize,
    },
    /// It cannot be used at all, and nothing was changed.
    Unusable,
}

/// Whether a value can be an answer of this resource: a list has its items, anything else is an
/// object or a list.
pub(crate) fn has_shape(resource: &Resource, value: &Value) -> bool {
    match &resource.items {
        Some(items) => items.in_body(value).is_some_and(Value::is_array),
        None => value.is_object() || value.is_array(),
    }
}

/// How many items an answer shows: 1 for an object.
pub(crate) fn count(resource: &Resource, value: &Value) -> usize {
    match &resource.items {
        Some(items) => items.in_body(value).and_then(Value::as_array),
        None => value.as_array(),
    }
    .map_or(1, Vec::len)
}

/// Takes the records out of an answer's list that are none, and says how many; with `all`, one bad
/// record takes the whole list with it.
pub(crate) fn set_aside(resource: &Resource, value: &mut Value, all: bool) -> usize {
    let Some((items, key)) = resource.items.as_ref().zip(resource.key.as_ref()) else {
        return 0;
    };
    let Some(list) = list_mut(items, value) else {
        return 0;
    };
    let before = list.len();
    list.retain(|item| identity(key, item).is_some());
    let aside = before - list.len();
    if all && aside > 0 {
        list.clear();
    }
    aside
}

/// Empties the list inside a value.
pub(crate) fn clear(resource: &Resource, value: &mut Value) {
    if let Some(list) = resource
        .items
        .as_ref()
        .and_then(|items| list_mut(items, value))
    {
        list.clear();
    }
}

/// The list inside a value, to be changed.
fn list_mut<'v>(items: &Selector, value: &'v mut Value) -> Option<&'v mut Vec<Value>> {
    let pointer = match items {
        Selector::Pointer(pointer) => pointer.clone(),
        Selector::Path(path) => serde_json_path::JsonPath::parse(path)
            .ok()?
            .query_located(value)
            .first()?
            .location()
            .to_json_pointer(),
        Selector::Header(_) | Selector::Cookie(_) => return None,
    };
    value.pointer_mut(&pointer)?.as_array_mut()
}

/// The identity of an item, comparable between numbers and texts of them.
fn identity(key: &Selector, item: &Value) -> Option<String> {
    match key.in_body(item)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Applies an event's payload to a resource's value.
pub(crate) fn apply(
    value: &mut Value,
    resource: &Resource,
    rule: &EventRule,
    payload: &Value,
) -> Merged {
    let change = match &rule.items {
        Some(selector) => match selector.in_body(payload) {
            Some(change) => change,
            None => return Merged::Unusable,
        },
        None => payload,
    };
    match rule.apply {
        Apply::Replace => replace(value, resource, change),
        Apply::Merge => match &resource.items {
            Some(items) => merge_items(value, resource, items, change),
            None if change.is_object() && value.is_object() => {
                merge_fields(value, change);
                Merged::Applied { aside: 0 }
            }
            None => Merged::Unusable,
        },
        Apply::Refetch | Apply::Ignore => Merged::Applied { aside: 0 },
    }
}

fn replace(value: &mut Value, resource: &Resource, change: &Value) -> Merged {
    if let (Some(items), Value::Array(new)) = (&resource.items, change)
        && let Some(list) = list_mut(items, value)
    {
        list.clone_from(new);
    } else if has_shape(resource, change) {
        value.clone_from(change);
    } else {
        return Merged::Unusable;
    }
    let aside = set_aside(resource, value, false);
    Merged::Applied { aside }
}

fn merge_items(value: &mut Value, resource: &Resource, items: &Selector, change: &Value) -> Merged {
    let (Some(key), Some(list)) = (&resource.key, list_mut(items, value)) else {
        return Merged::Unusable;
    };
    let changes = match change {
        Value::Array(changes) => changes.as_slice(),
        Value::Object(_) => std::slice::from_ref(change),
        _ => return Merged::Unusable,
    };
    let mut aside = 0;
    for change in changes {
        let Some(id) = identity(key, change).filter(|_| change.is_object()) else {
            aside += 1;
            continue;
        };
        match list
            .iter_mut()
            .find(|item| identity(key, item).as_ref() == Some(&id))
        {
            Some(item) => merge_fields(item, change),
            None => list.push(change.clone()),
        }
    }
    if aside == changes.len() && aside > 0 {
        return Merged::Unusable;
    }
    Merged::Applied { aside }
}

/// Takes over the fields of `change`; objects within objects likewise, anything else as a whole.
fn merge_fields(value: &mut Value, change: &Value) {
    match (value, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                merge_fields(fields.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
        (value, change) => value.clone_from(change),
    }
}

/// Appends the items of a further page, without those that are there already; says how many were
/// new.
pub(crate) fn append(value: &mut Value, resource: &Resource, page: &Value) -> usize {
    let Some(items) = &resource.items else {
        return 0;
    };
    let new = items
        .in_body(page)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let Some(list) = list_mut(items, value) else {
        return 0;
    };
    let mut seen: BTreeSet<String> = match &resource.key {
        Some(key) => list.iter().filter_map(|item| identity(key, item)).collect(),
        None => BTreeSet::new(),
    };
    let before = list.len();
    list.extend(new.into_iter().filter(|item| {
        resource
            .key
            .as_ref()
            .and_then(|key| identity(key, item))
            .is_none_or(|id| seen.insert(id))
    }));
    list.len() - before
}

/// Puts a first page that was read again in front of the older items, if the two overlap; says how
/// many items are new. Without an overlap something is missing in between, and nothing is changed.
pub(crate) fn renew(value: &mut Value, resource: &Resource, first: &Value) -> Option<usize> {
    let (items, key) = (resource.items.as_ref()?, resource.key.as_ref()?);
    let fresh = items.in_body(first)?.as_array()?;
    let ids: BTreeSet<String> = fresh
        .iter()
        .filter_map(|item| identity(key, item))
        .collect();
    let list = list_mut(items, value)?;
    let before = list.len();
    let older: Vec<Value> = list
        .iter()
        .filter(|item| identity(key, item).is_none_or(|id| !ids.contains(&id)))
        .cloned()
        .collect();
    if older.len() == before {
        return None;
    }
    let mut renewed = first.clone();
    let list = list_mut(items, &mut renewed)?;
    list.extend(older);
    let new = list.len().saturating_sub(before);
    *value = renewed;
    Some(new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::{Body, Operation};

    fn resource(items: Option<&str>) -> Resource {
        Resource {
            name: "positions".into(),
            operation: Operation {
                method: "GET".into(),
                service: "s".into(),
                path: "/p".into(),
                query: vec![],
                headers: vec![],
                body: Body::Empty,
                authorized: true,
            },
            items: items.map(|text| Selector::parse(text).unwrap()),
            key: Some(Selector::Pointer("/id".into())),
            sequence: None,
            paging: None,
            schema: None,
            personal: false,
            order: None,
        }
    }

    fn rule(apply: Apply, items: Option<&str>) -> EventRule {
        EventRule {
            name: "e".into(),
            updates: Some("positions".into()),
            apply,
            items: items.map(|text| Selector::parse(text).unwrap()),
            sequence: None,
            schema: None,
        }
    }

    #[test]
    fn a_merge_changes_items_by_key_adds_new_ones_and_keeps_other_fields() {
        for place in ["/data/list", "$.data.list"] {
            let mut value = json!({"data": {"list": [{"id": 1, "a": 1, "q": {"x": 1, "y": 2}}]}});
            let merged = apply(
                &mut value,
                &resource(Some(place)),
                &rule(Apply::Merge, Some("/items")),
                &json!({"items": [{"id": "1", "q": {"y": 3}}, {"id": 2}]}),
            );
            assert_eq!(merged, Merged::Applied { aside: 0 });
            assert_eq!(
                value,
                json!({"data": {"list": [{"id": "1", "a": 1, "q": {"x": 1, "y": 3}}, {"id": 2}]}})
            );
        }
    }

    #[test]
    fn a_bad_record_is_set_aside_and_not_the_list() {
        let mut value = json!([{"id": 1, "a": 1}]);
        let change = json!([null, 7, {"a": 2}, {"id": 1, "a": 3}]);
        let merged = apply(
            &mut value,
            &resource(Some("")),
            &rule(Apply::Merge, None),
            &change,
        );
        assert_eq!(merged, Merged::Applied { aside: 3 });
        assert_eq!(value, json!([{"id": 1, "a": 3}]));
    }

    #[test]
    fn an_unusable_payload_changes_nothing() {
        for payload in [json!(null), json!("x"), json!({"items": 1}), json!({})] {
            for kind in [Apply::Merge, Apply::Replace] {
                let mut value = json!({"list": [{"id": 1}]});
                let before = value.clone();
                let rule = rule(kind, Some("/items"));
                let merged = apply(&mut value, &resource(Some("/list")), &rule, &payload);
                assert_eq!(merged, Merged::Unusable);
                assert_eq!(value, before);
            }
        }
    }

    #[test]
    fn a_replacement_brings_the_list_or_the_whole_answer() {
        for payload in [json!([{"id": 2}]), json!({"list": [{"id": 2}], "total": 1})] {
            let mut value = json!({"list": [{"id": 1}], "total": 1});
            let rule = rule(Apply::Replace, None);
            apply(&mut value, &resource(Some("/list")), &rule, &payload);
            assert_eq!(value, json!({"list": [{"id": 2}], "total": 1}));
        }
    }

    #[test]
    fn a_further_page_brings_no_item_twice() {
        let mut value = json!({"list": [{"id": 1}, {"id": 2}]});
        let page = json!({"list": [{"id": 2}, {"id": 3}, {"id": 3}]});
        assert_eq!(append(&mut value, &resource(Some("/list")), &page), 1);
        assert_eq!(value, json!({"list": [{"id": 1}, {"id": 2}, {"id": 3}]}));
    }

    #[test]
    fn a_first_page_read_again_goes_in_front_of_what_it_overlaps() {
        let mut value = json!({"list": [{"id": 2}, {"id": 1}], "next": null});
        let first = json!({"list": [{"id": 3}, {"id": 2}], "next": "c"});
        assert_eq!(renew(&mut value, &resource(Some("/list")), &first), Some(1));
        assert_eq!(value["list"], json!([{"id": 3}, {"id": 2}, {"id": 1}]));
        let apart = json!({"list": [{"id": 9}]});
        assert_eq!(renew(&mut value, &resource(Some("/list")), &apart), None);
    }
}
