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
    slot_mut(items, value)?.as_array_mut()
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
    let (brought, gone) = match rule.carries(payload) {
        Some(carried) => carried,
        None => return Merged::Unusable,
    };
    let Some(into) = &rule.into else {
        return change(value, resource, rule, brought, gone);
    };
    let part = Resource {
        items: None,
        key: rule.keys(resource).map(|(listed, _)| listed.clone()),
        ..resource.clone()
    };
    match slot_mut(into, value) {
        Some(slot) if slot.is_array() => {
            let part = Resource {
                items: Some(Selector::Pointer(String::new())),
                ..part
            };
            change(slot, &part, rule, brought, gone)
        }
        Some(slot) if slot.is_object() => change(slot, &part, rule, brought, gone),
        // What was not there yet is there from now on.
        _ => match brought.filter(|brought| brought.is_object()) {
            Some(brought) if into.write(value, brought.clone()) => Merged::Applied { aside: 0 },
            _ => Merged::Unusable,
        },
    }
}

/// Applies what an event brings, and what it takes away.
fn change(
    value: &mut Value,
    resource: &Resource,
    rule: &EventRule,
    brought: Option<&Value>,
    gone: Option<&Value>,
) -> Merged {
    let merged = match (brought, rule.apply) {
        (None, _) | (_, Apply::Refetch | Apply::Ignore) => Merged::Applied { aside: 0 },
        (Some(brought), Apply::Replace) => replace(value, resource, brought),
        (Some(brought), Apply::Merge) => match &resource.items {
            Some(items) => merge_items(value, resource, rule, items, brought),
            None if brought.is_object() && value.is_object() => {
                merge_fields(value, brought);
                Merged::Applied { aside: 0 }
            }
            None => Merged::Unusable,
        },
    };
    match (&merged, gone) {
        (Merged::Applied { .. }, Some(gone)) if !take_away(value, resource, rule, gone) => {
            Merged::Unusable
        }
        _ => merged,
    }
}

/// Takes items out of a list, by their keys or as whole items; `false` says that there is no list.
fn take_away(value: &mut Value, resource: &Resource, rule: &EventRule, gone: &Value) -> bool {
    let (Some(items), Some((key, own))) = (&resource.items, rule.keys(resource)) else {
        return false;
    };
    let Some(list) = list_mut(items, value) else {
        return false;
    };
    let whole = Selector::Pointer(String::new());
    let gone = gone
        .as_array()
        .map_or(std::slice::from_ref(gone), Vec::as_slice);
    let gone: BTreeSet<String> = gone
        .iter()
        .filter_map(|item| identity(if item.is_object() { own } else { &whole }, item))
        .collect();
    list.retain(|item| identity(key, item).is_none_or(|id| !gone.contains(&id)));
    true
}

/// What stands at a place, to be changed.
fn slot_mut<'v>(at: &Selector, value: &'v mut Value) -> Option<&'v mut Value> {
    let pointer = match at {
        Selector::Pointer(pointer) => pointer.clone(),
        Selector::Path(path) => serde_json_path::JsonPath::parse(path)
            .ok()?
            .query_located(value)
            .first()?
            .location()
            .to_json_pointer(),
        Selector::Header(_) | Selector::Cookie(_) => return None,
    };
    value.pointer_mut(&pointer)
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

fn merge_items(
    value: &mut Value,
    resource: &Resource,
    rule: &EventRule,
    items: &Selector,
    change: &Value,
) -> Merged {
    let (Some((key, own)), Some(list)) = (rule.keys(resource), list_mut(items, value)) else {
        return Merged::Unusable;
    };
    let changes = match change {
        Value::Array(changes) => changes.as_slice(),
        Value::Object(_) => std::slice::from_ref(change),
        _ => return Merged::Unusable,
    };
    let mut aside = 0;
    for change in changes {
        let Some(id) = identity(own, change).filter(|_| change.is_object()) else {
            aside += 1;
            continue;
        };
        match list
            .iter_mut()
            .find(|item| identity(key, item).as_ref() == Some(&id))
        {
            Some(item) => merge_fields(item, change),
            // What does not say its identity as the list does cannot stand in it.
            None if identity(key, change).is_none() => {}
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
    use crate::domain::contract::{Body, EventPromise, Operation};

    fn resource(items: Option<&str>) -> Resource {
        let operation = Operation {
            method: "GET".into(),
            service: "s".into(),
            path: "/p".into(),
            query: vec![],
            headers: vec![],
            body: Body::Empty,
            authorized: true,
        };
        Resource {
            items: items.map(|text| Selector::parse(text).unwrap()),
            key: Some(Selector::Pointer("/id".into())),
            ..Resource::plain("positions", operation)
        }
    }

    fn rule(apply: Apply, items: Option<&str>) -> EventRule {
        EventRule {
            name: "e".into(),
            updates: Some("positions".into()),
            apply,
            items: items.map(|text| Selector::parse(text).unwrap()),
            removed: None,
            into: None,
            key: None,
            sequence: None,
            schema: None,
            promise: EventPromise::default(),
        }
    }

    fn pointer(text: &str) -> Option<Selector> {
        Some(Selector::Pointer(text.to_owned()))
    }

    #[test]
    fn an_event_takes_items_away_by_key_or_as_items_and_may_bring_others() {
        for gone in [
            json!([2, "3"]),
            json!([{"id": 2}, {"id": 3, "why": "sold"}]),
        ] {
            let rule = EventRule {
                removed: pointer("/gone"),
                ..rule(Apply::Merge, Some("/items"))
            };
            let mut value = json!({"list": [{"id": 1}, {"id": 2}, {"id": 3}]});
            let payload = json!({"items": [{"id": 4}], "gone": gone});
            let merged = apply(&mut value, &resource(Some("/list")), &rule, &payload);
            assert_eq!(merged, Merged::Applied { aside: 0 });
            assert_eq!(value, json!({"list": [{"id": 1}, {"id": 4}]}));
        }
        let rule = EventRule {
            removed: pointer(""),
            ..rule(Apply::Merge, None)
        };
        for payload in [json!(1), json!({"id": 1}), json!(["1"])] {
            let mut value = json!([{"id": 1}]);
            apply(&mut value, &resource(Some("")), &rule, &payload);
            assert_eq!(value, json!([]), "{payload}");
        }
    }

    #[test]
    fn an_event_changes_an_object_or_a_list_inside_an_answer() {
        let mut value = json!({"account": {"cash": 1, "name": "a"}, "rows": [{"id": 1, "x": 1}]});
        let into = |place: &str| EventRule {
            into: pointer(place),
            key: pointer("/id"),
            ..rule(Apply::Merge, None)
        };
        let object = Resource {
            key: None,
            ..resource(None)
        };
        apply(&mut value, &object, &into("/account"), &json!({"cash": 2}));
        apply(
            &mut value,
            &object,
            &into("/rows"),
            &json!({"id": 1, "x": 2}),
        );
        apply(&mut value, &object, &into("/margin"), &json!({"used": 3}));
        assert_eq!(
            value,
            json!({"account": {"cash": 2, "name": "a"}, "rows": [{"id": 1, "x": 2}], "margin": {"used": 3}})
        );
        let list = into("/rows");
        assert_eq!(
            apply(&mut value, &object, &list, &json!(7)),
            Merged::Unusable
        );
    }

    #[test]
    fn an_item_of_an_event_may_say_its_identity_elsewhere() {
        let rule = EventRule {
            key: pointer("/order/id"),
            ..rule(Apply::Merge, None)
        };
        let mut value = json!([{"id": 1, "state": "open"}]);
        for id in [1, 2] {
            let payload = json!({"order": {"id": id}, "state": "filled"});
            apply(&mut value, &resource(Some("")), &rule, &payload);
        }
        assert_eq!(
            value,
            json!([{"id": 1, "state": "filled", "order": {"id": 1}}])
        );
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
