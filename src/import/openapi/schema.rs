//! Schemas of OpenAPI as JSON Schema 2020-12: what says nothing about values is left out.

use serde_json::{Map, Value, json};

use super::Reading;
use crate::import::api::Left;
use crate::import::schemas::segment;

/// How deep definitions may refer to further ones that nobody has seen yet.
const DEEPEST: usize = 200;

/// Keys that say nothing about which values are right.
const SAID: [&str; 11] = [
    "title",
    "description",
    "deprecated",
    "xml",
    "externalDocs",
    "discriminator",
    "readOnly",
    "$comment",
    "$schema",
    "$id",
    "nullable",
];

/// Keys whose value is a map from names to schemas.
const MAPS: [&str; 4] = [
    "properties",
    "patternProperties",
    "$defs",
    "dependentSchemas",
];
/// Keys whose value is data.
const DATA: [&str; 6] = [
    "enum", "const", "default", "example", "examples", "required",
];

impl<'d> Reading<'d> {
    /// A schema of the document, its references leading to definitions that are taken over with it.
    pub(super) fn schema(&mut self, own: &'d Value, what: &str) -> Value {
        let Some(fields) = own.as_object() else {
            // `true` and `false` are schemas; anything else says nothing.
            return if own.is_boolean() {
                own.clone()
            } else {
                json!({})
            };
        };
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            let target = self.reference(reference, what);
            // Before 3.1, what stands beside a reference counts for nothing.
            if fields.len() == 1 || self.is_older() {
                return target;
            }
            let mut rest = self.keys(fields, what);
            rest.remove("$ref");
            if rest.is_empty() {
                return target;
            }
            if let (Some(own), Some(name)) = (target.as_object(), target.get("$ref")) {
                let mut whole = own.clone();
                whole.insert("$ref".to_owned(), name.clone());
                whole.extend(rest);
                return Value::Object(whole);
            }
            return Value::Object(rest);
        }
        let mut keys = self.keys(fields, what);
        older(
            &mut keys,
            fields.get("nullable") == Some(&Value::Bool(true)),
        );
        hidden(fields, &mut keys);
        Value::Object(keys)
    }

    fn keys(&mut self, fields: &'d Map<String, Value>, what: &str) -> Map<String, Value> {
        let mut keys = Map::new();
        for (key, value) in fields {
            if SAID.contains(&key.as_str()) || key.starts_with("x-") {
                continue;
            }
            let value = match value {
                value if DATA.contains(&key.as_str()) => value.clone(),
                Value::Object(own) if MAPS.contains(&key.as_str()) => {
                    let own = own.iter();
                    own.map(|(name, own)| (name.clone(), self.schema(own, what)))
                        .collect::<Map<_, _>>()
                        .into()
                }
                Value::Object(_) => self.schema(value, what),
                Value::Array(own) if own.iter().all(Value::is_object) => {
                    own.iter().map(|own| self.schema(own, what)).collect()
                }
                value => value.clone(),
            };
            keys.insert(key.clone(), value);
        }
        keys
    }

    /// What a reference leads to, as a reference to a definition.
    fn reference(&mut self, reference: &str, what: &str) -> Value {
        let found = match reference.strip_prefix('#') {
            Some(_) => self.document.at(reference),
            None => {
                let why = format!(
                    "a schema refers to another document, `{reference}`: anything fits there"
                );
                self.leave_once(what, why);
                return json!({});
            }
        };
        let Some(found) = found else {
            let why = format!(
                "a schema refers to `{reference}`, which leads nowhere: anything fits there"
            );
            self.leave_once(what, why);
            return json!({});
        };
        let name = match reference.strip_prefix("#/components/schemas/") {
            Some(name) => percent_encoding::percent_decode_str(name)
                .decode_utf8_lossy()
                .replace("~1", "/")
                .replace("~0", "~"),
            None => reference.trim_start_matches("#/").to_owned(),
        };
        if !self.converted.contains(&name) && self.depth >= DEEPEST {
            let why =
                format!("schemas refer to one another {DEEPEST} levels deep: anything fits below");
            self.leave_once(what, why);
            return json!({});
        }
        if self.converted.insert(name.clone()) {
            self.depth += 1;
            let own = self.schema(found, what);
            self.depth -= 1;
            self.api.definitions.insert(name.clone(), own);
        }
        json!({ "$ref": format!("#/$defs/{}", segment(&name)) })
    }

    fn leave_once(&mut self, what: &str, why: String) {
        let left = Left::new(what, why);
        if !self.api.left.contains(&left) {
            self.api.left.push(left);
        }
    }
}

/// What only may be written is never answered.
fn hidden(fields: &Map<String, Value>, keys: &mut Map<String, Value>) {
    let own = fields.get("properties").and_then(Value::as_object);
    let hidden: Vec<&String> = own
        .into_iter()
        .flatten()
        .filter(|(_, own)| own.get("writeOnly") == Some(&Value::Bool(true)))
        .map(|(name, _)| name)
        .collect();
    if let Some(Value::Array(names)) = keys.get_mut("required") {
        names.retain(|name| !hidden.iter().any(|own| Some(own.as_str()) == name.as_str()));
        if names.is_empty() {
            keys.remove("required");
        }
    }
}

/// What OpenAPI 3.0 says in another way than JSON Schema does.
fn older(keys: &mut Map<String, Value>, nullable: bool) {
    for (switch, limit) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        match keys.get(switch) {
            Some(Value::Bool(true)) => {
                keys.remove(switch);
                if let Some(value) = keys.remove(limit) {
                    keys.insert(switch.to_owned(), value);
                }
            }
            Some(Value::Bool(false)) => {
                keys.remove(switch);
            }
            _ => {}
        }
    }
    // A list that some write in the place of a truth value.
    if keys.get("required").is_some_and(|own| !own.is_array()) {
        keys.remove("required");
    }
    if !nullable {
        return;
    }
    match keys.get_mut("type") {
        Some(Value::String(kind)) => {
            let kinds = json!([kind, "null"]);
            keys.insert("type".to_owned(), kinds);
        }
        Some(_) => {}
        None => {
            // A reference or alternatives that may be null as a whole.
            if ["allOf", "oneOf", "anyOf"]
                .iter()
                .any(|key| keys.contains_key(*key))
            {
                let own = std::mem::take(keys);
                keys.insert("anyOf".to_owned(), json!([own, {"type": "null"}]));
                return;
            }
        }
    }
    if let Some(Value::Array(values)) = keys.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}
