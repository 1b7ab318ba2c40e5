//! Schemas of what was seen: as narrow as many values allow, and no narrower than few do.
//!
//! A field is required where every object had it. A number is whole where its name counts or numbers something. A text has
//! an `enum` only where its name says what something is (`type`, `side`), not how it is (`status`), and its words were
//! seen often: eight times at least, two words at least, each twice, and at most four of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::api::words;

/// Words by which a field is one of few.
const FEW: [&str; 6] = ["type", "kind", "side", "direction", "role", "unit"];
/// Words by which a number counts or numbers something.
const WHOLE: [&str; 16] = [
    "id", "count", "total", "seq", "sequence", "version", "at", "ms", "page", "limit", "size",
    "offset", "number", "index", "year", "seconds",
];
/// How often words must have been seen before they count as all that there are.
const OFTEN: usize = 8;
/// How many such words there are at most.
const MOST_WORDS: usize = 4;
/// How many keys an object has that is taken for a map from names to values.
const MANY_KEYS: usize = 24;

/// The schema of these values, which stand under a name.
pub(super) fn infer(values: &[&Value], name: &str) -> Value {
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for value in values {
        kinds.insert(kind(value));
    }
    let is_null = kinds.remove("null");
    if kinds.is_empty() {
        // Nothing is known of what else may stand there.
        return json!({});
    }
    let one = kinds.first().copied().unwrap_or_default();
    let mut schema = match (kinds.len(), one) {
        (1, "object") => object(values),
        (1, "array") => list(values, name),
        (1, "number") => json!({"type": number(values, name)}),
        (1, "string") => text(values, name),
        (1, other) => json!({"type": other}),
        _ => json!({"type": kinds.iter().copied().collect::<Vec<_>>()}),
    };
    if is_null {
        match schema.get_mut("type") {
            Some(Value::Array(own)) => own.push(json!("null")),
            Some(own) => *own = json!([own.clone(), "null"]),
            None => {}
        }
        if let Some(Value::Array(words)) = schema.get_mut("enum") {
            words.push(Value::Null);
        }
    }
    schema
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn number(values: &[&Value], name: &str) -> &'static str {
    let all_whole = values
        .iter()
        .filter(|own| own.is_number())
        .all(|own| own.is_i64() || own.is_u64());
    let counts = words(name)
        .last()
        .is_some_and(|word| WHOLE.contains(&word.as_str()));
    match all_whole && counts {
        true => "integer",
        false => "number",
    }
}

fn text(values: &[&Value], name: &str) -> Value {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all = 0;
    for own in values.iter().filter_map(|own| own.as_str()) {
        *times.entry(own).or_default() += 1;
        all += 1;
    }
    let is_few = words(name)
        .last()
        .is_some_and(|word| FEW.contains(&word.as_str()));
    let is_word = |own: &&str| {
        own.len() <= 32
            && own
                .chars()
                .all(|own| own.is_ascii_alphanumeric() || "_-".contains(own))
    };
    let often = all >= OFTEN
        && times.len() >= 2
        && times.len() <= MOST_WORDS
        && times.values().all(|times| *times >= 2);
    match is_few && often && times.keys().all(is_word) {
        true => json!({"enum": times.keys().collect::<Vec<_>>()}),
        false => json!({"type": "string"}),
    }
}

fn list(values: &[&Value], name: &str) -> Value {
    let items: Vec<&Value> = values
        .iter()
        .filter_map(|own| own.as_array())
        .flatten()
        .collect();
    match items.is_empty() {
        true => json!({"type": "array"}),
        false => json!({"type": "array", "items": infer(&items, name.trim_end_matches('s'))}),
    }
}

fn object(values: &[&Value]) -> Value {
    let objects: Vec<&Map<String, Value>> =
        values.iter().filter_map(|own| own.as_object()).collect();
    let mut names: Vec<&String> = Vec::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for own in &objects {
        names.extend(own.keys().filter(|name| known.insert(name)));
    }
    if !names.is_empty()
        && (names.len() > MANY_KEYS && objects.len() > 1 || names.iter().all(|own| is_id(own)))
    {
        // Whoever has keys like these maps from them: the next answer has others.
        let all: Vec<&Value> = objects.iter().flat_map(|own| own.values()).collect();
        let common = names
            .iter()
            .filter(|name| objects.iter().all(|own| own.contains_key(**name)));
        if common.count() * 2 < names.len() || names.iter().all(|own| is_id(own)) {
            return json!({"type": "object", "additionalProperties": infer(&all, "")});
        }
    }
    let always: Vec<&String> = names
        .iter()
        .copied()
        .filter(|name| objects.iter().all(|own| own.contains_key(*name)))
        .collect();
    let fields: Map<String, Value> = names
        .iter()
        .map(|name| {
            let own: Vec<&Value> = objects.iter().filter_map(|own| own.get(*name)).collect();
            ((*name).clone(), infer(&own, name))
        })
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    if !always.is_empty() {
        schema.insert("required".to_owned(), json!(always));
    }
    if !fields.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(fields));
    }
    schema.into()
}

/// Whether a text names one thing among many: digits, a UUID, a long one with digits.
pub(super) fn is_id(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_uuid = text.len() == 36 && text.matches('-').count() == 4;
    let is_version = text.len() <= 3 && text.starts_with('v');
    let is_own = text
        .chars()
        .all(|own| own.is_ascii_alphanumeric() || "-_.~:".contains(own));
    digits > 0
        && !is_version
        && is_own
        && (digits == text.len()
            || is_uuid
            || (text.len() >= 8 && digits >= 2)
            || text.contains(['-', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &Value) -> Value {
        infer(&values.as_array().unwrap().iter().collect::<Vec<_>>(), "")
    }

    #[test]
    fn what_was_always_there_is_required_and_what_was_null_may_be() {
        let schema = of(
            &json!([{"id": 1, "a": null, "price": 2}, {"id": 2, "a": "x", "more": true, "price": 1.5}]),
        );
        assert_eq!(schema["required"], json!(["id", "a", "price"]));
        assert_eq!(schema["properties"]["id"], json!({"type": "integer"}));
        assert_eq!(schema["properties"]["price"], json!({"type": "number"}));
        assert_eq!(
            schema["properties"]["a"],
            json!({"type": ["string", "null"]})
        );
    }

    #[test]
    fn words_are_an_enum_only_where_they_were_seen_often_under_such_a_name() {
        let many = |name: &str, times: usize| -> Value {
            let values: Vec<Value> = (0..times)
                .map(|at| if at % 2 == 0 { "long" } else { "short" })
                .map(|word| json!({ name: word }))
                .collect();
            of(&Value::Array(values))["properties"][name].clone()
        };
        assert_eq!(many("side", 8), json!({"enum": ["long", "short"]}));
        assert_eq!(many("side", 7), json!({"type": "string"}));
        assert_eq!(many("status", 20), json!({"type": "string"}));
    }

    #[test]
    fn keys_that_are_ids_make_a_map() {
        let schema = of(&json!([{"ord-11": {"n": 1}, "ord-12": {"n": 2}}]));
        assert!(
            schema["additionalProperties"]["properties"]
                .get("n")
                .is_some(),
            "{schema}"
        );
        for (text, id) in [
            ("123", true),
            ("v1", false),
            ("orders", false),
            ("ord-7", true),
            ("2f1c9f3e-0000-4000-8000-000000000001", true),
            ("oauth2", false),
        ] {
            assert_eq!(is_id(text), id, "{text}");
        }
    }
}
