//! What two backends answered to the same, compared in shape: which fields there are, and of which types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::infer::is_id;
use super::schemas::segment;

/// One thing that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    /// What it is about: a role, a resource, an event.
    pub(crate) about: String,
    /// Where, as a pointer with `*` for any item; empty for the whole.
    pub(crate) at: String,
    /// What was recorded.
    pub(crate) recorded: String,
    /// What the mock or the contract says.
    pub(crate) mock: String,
    /// What to change.
    pub(crate) change: String,
}

/// How deep values are compared.
const DEEPEST: usize = 16;

/// What stands at one place of several values.
#[derive(Default)]
struct Place {
    kinds: BTreeSet<&'static str>,
    /// How often it was there, and how often it could have been.
    times: usize,
    holders: usize,
}

/// The fields and types in which these differ. A field that was only sometimes there may be missing in the other.
pub(crate) fn shapes(about: &str, recorded: &[&Value], mock: &[&Value]) -> Vec<Difference> {
    let (own, other) = (places(recorded), places(mock));
    let mut found = Vec::new();
    let say = |at: &String, recorded: &str, mock: &str, change: &str| Difference {
        about: about.to_owned(),
        at: at.clone(),
        recorded: recorded.to_owned(),
        mock: mock.to_owned(),
        change: change.to_owned(),
    };
    for (at, place) in &own {
        match other.get(at) {
            None => {
                let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
                let has_parent = other.get(parent).is_some_and(|own| own.times > 0);
                let is_item = at.ends_with("/*");
                if place.times == place.holders && has_parent && !is_item {
                    found.push(say(
                        at,
                        "always there",
                        "not there",
                        "add the field to the world's data",
                    ));
                }
            }
            Some(mocked) if clash(place, mocked) => {
                let change =
                    "write it in the world as the target answers, and its type in the schema";
                found.push(say(at, &listed(place), &listed(mocked), change));
            }
            Some(_) => {}
        }
    }
    for (at, place) in &other {
        let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
        let has_parent = own.get(parent).is_some_and(|own| own.times > 0);
        if !own.contains_key(at)
            && has_parent
            && !at.ends_with("/*")
            && !place.kinds.contains("null")
        {
            found.push(say(
                at,
                "never there",
                "there",
                "take the field out of the world's data",
            ));
        }
    }
    found
}

fn listed(place: &Place) -> String {
    place.kinds.iter().copied().collect::<Vec<_>>().join(" or ")
}

/// Whether no type is in both. What was null on one side says nothing about the other.
fn clash(own: &Place, other: &Place) -> bool {
    let of = |place: &Place| -> BTreeSet<&'static str> {
        place
            .kinds
            .iter()
            .copied()
            .filter(|own| *own != "null")
            .collect()
    };
    let (own, other) = (of(own), of(other));
    !own.is_empty() && !other.is_empty() && own.is_disjoint(&other)
}

fn places(values: &[&Value]) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for value in values {
        gather(value, "", 0, &mut places);
    }
    // In how many of its holders each could have stood.
    let objects: BTreeMap<String, usize> = places
        .iter()
        .map(|(at, place): (&String, &Place)| (at.clone(), place.times))
        .collect();
    for (at, place) in &mut places {
        let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
        place.holders = objects.get(parent).copied().unwrap_or_default();
    }
    places
}

fn gather(value: &Value, at: &str, depth: usize, places: &mut BTreeMap<String, Place>) {
    let place = places.entry(at.to_owned()).or_default();
    place.times += 1;
    place.kinds.insert(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    });
    if depth > DEEPEST {
        return;
    }
    match value {
        Value::Array(items) => {
            for item in items {
                gather(item, &format!("{at}/*"), depth + 1, places);
            }
        }
        Value::Object(fields) => {
            for (name, own) in fields {
                // Keys that are ids are others at another backend.
                let name = if is_id(name) {
                    "*".to_owned()
                } else {
                    segment(name)
                };
                gather(own, &format!("{at}/{name}"), depth + 1, places);
            }
        }
        _ => {}
    }
}

/// Where recorded values are not as a schema says, each place and reason once.
pub(crate) fn breaks(about: &str, schema: &Value, recorded: &[&Value]) -> Vec<Difference> {
    let Ok(validator) = jsonschema::validator_for(schema) else {
        return Vec::new();
    };
    let mut found: BTreeMap<(String, String), Difference> = BTreeMap::new();
    for value in recorded {
        for error in validator.iter_errors(value).take(50) {
            let at: String = error
                .instance_path()
                .to_string()
                .split('/')
                .map(|part| {
                    if part.parse::<usize>().is_ok() {
                        "*"
                    } else {
                        part
                    }
                })
                .collect::<Vec<_>>()
                .join("/");
            let rule = error.schema_path().to_string();
            let text: String = error.to_string().chars().take(160).collect();
            found
                .entry((at.clone(), rule.clone()))
                .or_insert_with(|| Difference {
                    about: about.to_owned(),
                    at,
                    recorded: text,
                    mock: format!("the contract's schema, {rule}"),
                    change: "let the schema say what the target answers, or have the target mended"
                        .to_owned(),
                });
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_and_types_are_compared_and_what_is_only_sometimes_there_may_be_missing() {
        let recorded = json!([{"id": 1, "a": "x", "new": true}, {"id": 2, "a": null, "new": false, "rare": 1}]);
        let mock = json!([{"id": "1", "a": "y", "old": 1}]);
        let found = shapes("orders", &[&recorded], &[&mock]);
        let told: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|own| (own.at.as_str(), own.recorded.as_str(), own.mock.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("/*/id", "number", "text"),
                ("/*/new", "always there", "not there"),
                ("/*/old", "never there", "there")
            ]
        );
        assert!(shapes("orders", &[&recorded], &[&recorded]).is_empty());
        assert!(shapes("orders", &[&recorded], &[&json!([])]).is_empty());
    }

    #[test]
    fn what_breaks_a_schema_is_told_once_for_all_items() {
        let schema =
            json!({"type": "array", "items": {"properties": {"side": {"enum": ["LONG"]}}}});
        let found = breaks(
            "orders",
            &schema,
            &[&json!([{"side": "SHORT"}, {"side": "FLAT"}])],
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].at, "/*/side");
    }
}
