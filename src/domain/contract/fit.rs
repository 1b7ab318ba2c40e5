//! What an event carries, and whether an event as declared can ever change its resource.

use std::fmt;

use serde_json::Value;

use super::{Apply, Contract, EventRule, Resource};
use crate::domain::selector::Selector;

impl EventRule {
    /// Where an item says which one it is: in the list that changes, and in the event.
    #[must_use]
    pub fn keys<'c>(&'c self, resource: &'c Resource) -> Option<(&'c Selector, &'c Selector)> {
        let own = self.key.as_ref();
        let listed = match self.into {
            Some(_) => own.or(resource.key.as_ref())?,
            None => resource.key.as_ref()?,
        };
        Some((listed, own.unwrap_or(listed)))
    }

    /// What a first argument brings, and what it takes away; nothing if it has neither where the
    /// contract says.
    #[must_use]
    pub fn carries<'p>(
        &self,
        payload: &'p Value,
    ) -> Option<(Option<&'p Value>, Option<&'p Value>)> {
        let gone = self.removed.as_ref().map(|place| place.in_body(payload));
        match (&self.items, gone) {
            (None, None) => Some((Some(payload), None)),
            (Some(items), None) => items.in_body(payload).map(|items| (Some(items), None)),
            (None, Some(gone)) => gone.map(|gone| (None, Some(gone))),
            (Some(items), Some(gone)) => {
                let brought = items.in_body(payload);
                (brought.is_some() || gone.is_some()).then_some((brought, gone))
            }
        }
    }
}

/// An event that can never change its resource, as both are declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The event.
    pub event: String,
    /// The resource.
    pub resource: String,
    why: Why,
}

/// What keeps an event from fitting.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// Its schema allows nothing where the contract looks.
    Nothing(Selector),
    /// What it brings is of another kind.
    Kind {
        brings: Vec<String>,
        wanted: &'static str,
    },
    /// Its items cannot say which ones they are.
    Key(Selector),
    /// The answer has no such place.
    Into(Selector),
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            event, resource, ..
        } = self;
        write!(out, "the event `{event}` can never change `{resource}`: ")?;
        match &self.why {
            Why::Nothing(at) => write!(out, "its schema has nothing at `{at}`"),
            Why::Kind { brings, wanted } => {
                let brings = brings.join(" or ");
                write!(
                    out,
                    "by its schema it brings {brings}, and {wanted} is wanted"
                )
            }
            Why::Key(key) => write!(out, "by its schema its items have no `{key}`"),
            Why::Into(at) => write!(out, "the schema of `{resource}` has nothing at `{at}`"),
        }
    }
}

/// Every event that can never change its resource, by the schemas of both.
#[must_use]
pub fn misfits(contract: &Contract) -> Vec<Misfit> {
    let events = contract.realtime.iter().flat_map(|feed| &feed.events);
    events
        .filter_map(|event| {
            let resource = contract.resource(event.updates.as_deref()?)?;
            let why = misfit(event, resource)?;
            Some(Misfit {
                event: event.name.clone(),
                resource: resource.name.clone(),
                why,
            })
        })
        .collect()
}

fn misfit(event: &EventRule, resource: &Resource) -> Option<Why> {
    if !matches!(event.apply, Apply::Merge | Apply::Replace) {
        return None;
    }
    let whole = Selector::Pointer(String::new());
    if let (Some(into), Some(schema)) = (&event.into, &resource.schema)
        && at(schema, into) == At::Nowhere
    {
        return Some(Why::Into(into.clone()));
    }
    let schema = event.schema.as_ref()?;
    if let Some(removed) = &event.removed
        && at(schema, removed) == At::Nowhere
    {
        return Some(Why::Nothing(removed.clone()));
    }
    if event.removed.is_some() && event.items.is_none() {
        return None;
    }
    let place = event.items.as_ref().unwrap_or(&whole);
    let brought = match at(schema, place) {
        At::Nowhere => return Some(Why::Nothing(place.clone())),
        At::Unknown => return None,
        At::Here(brought) => brought,
    };
    if event.into.is_some() {
        return None;
    }
    fits(event, resource, brought)
}

/// Whether what an event brings is of the kind that its resource takes.
fn fits(event: &EventRule, resource: &Resource, brought: &Value) -> Option<Why> {
    let brings = types(brought)?;
    let has = |kind: &str| brings.iter().any(|own| own == kind);
    let wanted = match (&resource.items, event.apply) {
        (None, Apply::Merge) if !has("object") => "an object",
        (None, _) if !has("object") && !has("array") => "an object or a list",
        (Some(_), Apply::Merge) if !has("object") && !has("array") => "an item or a list of them",
        (Some(items), Apply::Replace) if !has("array") => {
            let whole_answer = has("object") && at(brought, items) != At::Nowhere;
            if whole_answer {
                return None;
            }
            "a list, or an answer with one"
        }
        _ => "",
    };
    if !wanted.is_empty() {
        return Some(Why::Kind {
            brings: brings.iter().map(|kind| format!("`{kind}`")).collect(),
            wanted,
        });
    }
    let key = event.key.as_ref().or(resource.key.as_ref())?;
    resource.items.as_ref()?;
    let item = match brings.as_slice() {
        [only] if only == "array" => brought.get("items")?,
        [only] if only == "object" && event.apply == Apply::Merge => brought,
        _ => return None,
    };
    (at(item, key) == At::Nowhere).then(|| Why::Key(key.clone()))
}

/// What a schema says of a place.
#[derive(Debug, PartialEq)]
enum At<'s> {
    /// This.
    Here(&'s Value),
    /// That nothing can be there.
    Nowhere,
    /// Nothing that can be read so simply.
    Unknown,
}

/// Follows a pointer through plain objects and lists; combined and referred schemas are not judged.
fn at<'s>(schema: &'s Value, place: &Selector) -> At<'s> {
    let Selector::Pointer(pointer) = place else {
        return At::Unknown;
    };
    let mut schema = schema;
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        let combined = [
            "$ref",
            "$dynamicRef",
            "allOf",
            "anyOf",
            "oneOf",
            "if",
            "not",
            "patternProperties",
        ];
        if combined.iter().any(|word| schema.get(word).is_some()) {
            return At::Unknown;
        }
        let kinds = types(schema);
        let is_only = |kinds: &[&str]| match types(schema) {
            Some(own) => own.iter().all(|kind| kinds.contains(&kind.as_str())),
            None => false,
        };
        if is_only(&["string", "number", "integer", "boolean", "null"]) && kinds.is_some() {
            return At::Nowhere;
        }
        match schema.get("properties").and_then(|own| own.get(&name)) {
            Some(below) => schema = below,
            None if schema.get("additionalProperties") == Some(&Value::Bool(false))
                && is_only(&["object"]) =>
            {
                return At::Nowhere;
            }
            None => return At::Unknown,
        }
    }
    At::Here(schema)
}

/// The types that a schema allows at a place, if it says so itself.
#[must_use]
pub fn kinds_at(schema: &Value, place: &Selector) -> Option<Vec<String>> {
    match at(schema, place) {
        At::Here(schema) => types(schema),
        At::Nowhere | At::Unknown => None,
    }
}

/// The types that a schema allows, if it says so itself.
fn types(schema: &Value) -> Option<Vec<String>> {
    let combined = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf"];
    if combined.iter().any(|word| schema.get(word).is_some()) {
        return None;
    }
    match schema.get("type")? {
        Value::String(kind) => Some(vec![kind.clone()]),
        Value::Array(kinds) => kinds
            .iter()
            .map(|kind| kind.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::harbour::harbour;

    /// What is said of the event for the list of ships.
    fn told(change: impl FnOnce(&mut EventRule)) -> Vec<String> {
        let mut contract = harbour();
        let event = &mut contract.realtime.as_mut().unwrap().events[0];
        (event.apply, event.items, event.schema) = (Apply::Merge, None, None);
        change(event);
        misfits(&contract).iter().map(Misfit::to_string).collect()
    }

    #[test]
    fn an_event_that_can_never_fit_is_told_why() {
        let item = || json!({"type": "object", "properties": {"knots": {}}, "additionalProperties": false});
        for (schema, apply, part) in [
            (
                json!({"type": "string"}),
                Apply::Merge,
                "an item or a list of them is wanted",
            ),
            (
                json!({"type": "object", "properties": {"knots": {}}, "additionalProperties": false}),
                Apply::Replace,
                "a list, or an answer with one",
            ),
            (item(), Apply::Merge, "its items have no `/imo`"),
            (
                json!({"type": "array", "items": item()}),
                Apply::Merge,
                "its items have no `/imo`",
            ),
        ] {
            let said = told(|event| (event.schema, event.apply) = (Some(schema.clone()), apply));
            assert_eq!(said.len(), 1, "{schema}");
            assert!(said[0].contains(part), "{said:?}");
        }
        let said = told(|event| {
            event.items = Some(Selector::Pointer("/rows".to_owned()));
            event.schema = Some(item());
        });
        assert!(
            said[0].contains("its schema has nothing at `/rows`"),
            "{said:?}"
        );
        let said = told(|event| event.into = Some(Selector::Pointer("/ships/0/x/y".to_owned())));
        assert_eq!(said.len(), 0, "{said:?}");
    }

    #[test]
    fn what_may_fit_is_let_be() {
        for schema in [
            json!({}),
            json!({"type": "object"}),
            json!({"type": ["array", "null"]}),
            json!({"oneOf": [{"type": "string"}]}),
            json!({"$ref": "#/$defs/x", "$defs": {"x": {}}}),
            json!({"type": "array", "items": {"type": "object"}}),
        ] {
            let said = told(|event| event.schema = Some(schema.clone()));
            assert_eq!(said, Vec::<String>::new(), "{schema}");
        }
    }
}
