//! Schemas that refer to definitions: what stands in them, and each as a whole by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// How deep fields are looked for.
const DEEPEST: usize = 5;

/// How many schemas may be looked into for them.
const LOOKED_INTO: usize = 20_000;

/// How deep what is used once is put in the place of its reference.
const INLINED: usize = 16;

/// Definitions by name.
pub(super) type Definitions = BTreeMap<String, Value>;

/// A field of an answer or a body.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    /// Where it stands, as a JSON Pointer.
    pub(super) pointer: String,
    pub(super) name: String,
    pub(super) schema: &'a Value,
    /// Whether it is always there, and so is all that it stands in.
    pub(super) required: bool,
}

/// One segment of a JSON Pointer.
pub(super) fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name of the definition that a reference leads to.
pub(super) fn definition(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("#/$defs/")?;
    Some(name.replace("~1", "/").replace("~0", "~"))
}

/// The schema that is meant, references followed.
pub(super) fn resolved<'a>(schema: &'a Value, all: &'a Definitions) -> &'a Value {
    let mut schema = schema;
    for _ in 0..16 {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
            break;
        };
        match definition(reference).and_then(|name| all.get(&name)) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// Whether a schema lets a value of this type be.
pub(super) fn is_of(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(own)) => own == kind,
        Some(Value::Array(own)) => own.iter().any(|own| own == kind),
        _ => match kind {
            "object" => schema.get("properties").is_some(),
            "array" => schema.get("items").is_some(),
            _ => false,
        },
    }
}

/// Every field that an object of this schema may have, those of its objects included, lists not.
pub(super) fn fields<'a>(schema: &'a Value, all: &'a Definitions) -> Vec<Field<'a>> {
    let mut found = Vec::new();
    let mut budget = LOOKED_INTO;
    gather(schema, all, ("", true, 0), (&mut found, &mut budget));
    found
}

fn gather<'a>(
    schema: &'a Value,
    all: &'a Definitions,
    (base, required, depth): (&str, bool, usize),
    (found, budget): (&mut Vec<Field<'a>>, &mut usize),
) {
    if depth > DEEPEST || *budget == 0 {
        return;
    }
    *budget -= 1;
    let schema = resolved(schema, all);
    let always: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|own| own.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, own) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let pointer = format!("{base}/{}", segment(name));
        let required = required && always.contains(&name.as_str());
        if !found.iter().any(|field| field.pointer == pointer) {
            found.push(Field {
                pointer: pointer.clone(),
                name: name.clone(),
                schema: resolved(own, all),
                required,
            });
            gather(own, all, (&pointer, required, depth + 1), (found, budget));
        }
    }
    for part in parts(schema, "allOf") {
        gather(part, all, (base, required, depth + 1), (found, budget));
    }
    for key in ["oneOf", "anyOf"] {
        for part in parts(schema, key) {
            gather(part, all, (base, false, depth + 1), (found, budget));
        }
    }
}

/// The schemas under `allOf`, `oneOf` or `anyOf`.
pub(super) fn parts<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The schema of the items of a list, wherever the list's own schema says it.
pub(super) fn items<'a>(schema: &'a Value, all: &'a Definitions) -> Option<&'a Value> {
    let schema = resolved(schema, all);
    if let Some(items) = schema.get("items") {
        return Some(resolved(items, all));
    }
    ["allOf", "oneOf", "anyOf"]
        .iter()
        .flat_map(|key| parts(schema, key))
        .find_map(|part| resolved(part, all).get("items"))
        .map(|items| resolved(items, all))
}

/// The schema with all that it refers to, as one that stands by itself: what is referred to once stands
/// where it is meant, everything else under `$defs`.
pub(super) fn whole(schema: &Value, all: &Definitions) -> Value {
    let uses = uses(schema, all);
    let mut whole = written(schema, all, &uses, &mut BTreeSet::new());
    let mut defs = Map::new();
    let mut open = references(&whole);
    while let Some(name) = open.pop() {
        if let Some(own) = all.get(&name).filter(|_| !defs.contains_key(&name)) {
            let own = written(own, all, &uses, &mut BTreeSet::new());
            open.extend(references(&own));
            defs.insert(name, own);
        }
    }
    defs.sort_keys();
    if !defs.is_empty()
        && let Some(fields) = whole.as_object_mut()
    {
        fields.insert("$defs".to_owned(), Value::Object(defs));
    }
    whole
}

/// How often each definition is referred to, from here on.
fn uses(schema: &Value, all: &Definitions) -> BTreeMap<String, usize> {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    let mut open = references(schema);
    while let Some(name) = open.pop() {
        let times = uses.entry(name.clone()).or_default();
        *times += 1;
        if *times == 1
            && let Some(own) = all.get(&name)
        {
            open.extend(references(own));
        }
    }
    uses
}

fn references(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                let own = fields.get("$ref").and_then(Value::as_str);
                found.extend(own.and_then(definition));
                open.extend(fields.values());
            }
            _ => {}
        }
    }
    found
}

fn is_cyclic(name: &str, all: &Definitions) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = all.get(name).map(references).unwrap_or_default();
    while let Some(next) = open.pop() {
        if next == name {
            return true;
        }
        if seen.insert(next.clone()) {
            open.extend(all.get(&next).map(references).unwrap_or_default());
        }
    }
    false
}

/// A schema in which what is used once has been put in the place of its reference.
fn written(
    schema: &Value,
    all: &Definitions,
    uses: &BTreeMap<String, usize>,
    open: &mut BTreeSet<String>,
) -> Value {
    match schema {
        Value::Array(items) => items
            .iter()
            .map(|own| written(own, all, uses, open))
            .collect(),
        Value::Object(fields) => {
            let name = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(definition);
            if let Some(name) = name
                && fields.len() == 1
                && uses.get(&name) == Some(&1)
                && !is_cyclic(&name, all)
                && open.len() < INLINED
                && open.insert(name.clone())
            {
                let own = all.get(&name).cloned().unwrap_or_else(|| json!({}));
                let own = written(&own, all, uses, open);
                open.remove(&name);
                return own;
            }
            let fields = fields.iter();
            fields
                .map(|(key, own)| (key.clone(), written(own, all, uses, open)))
                .collect::<Map<_, _>>()
                .into()
        }
        other => other.clone(),
    }
}

/// The same schema with `anyOf` for each `oneOf`: of alternatives that overlap, several may fit.
pub(super) fn tolerant(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(tolerant).collect(),
        Value::Object(fields) => {
            let has_any = fields.contains_key("anyOf");
            let fields = fields.iter().map(|(key, own)| {
                let is_list = own.is_array();
                let key = match key.as_str() {
                    "oneOf" if !has_any && is_list => "anyOf",
                    key => key,
                };
                (key.to_owned(), tolerant(own))
            });
            fields.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// The same schema without what only says which values could be made, and without what is never answered.
pub(super) fn judging(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(judging).collect(),
        Value::Object(own) => {
            let own = own.iter().filter(|(key, own)| {
                // Under `properties` these may be names: then what stands there is a schema.
                let is_name = own.is_object();
                is_name || !["example", "examples", "default", "writeOnly"].contains(&key.as_str())
            });
            let own = own.map(|(key, own)| {
                let own = match (key.as_str(), own.as_object()) {
                    ("enum" | "const" | "required", _) => own.clone(),
                    ("properties", Some(fields)) => fields
                        .iter()
                        .filter(|(_, own)| own.get("writeOnly") != Some(&Value::Bool(true)))
                        .map(|(name, own)| (name.clone(), judging(own)))
                        .collect::<Map<_, _>>()
                        .into(),
                    _ => judging(own),
                };
                (key.clone(), own)
            });
            own.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_once_stands_where_it_is_meant_and_circles_stay_references() {
        let all: Definitions = [
            ("Tree".to_owned(), json!({"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}, "leaf": {"$ref": "#/$defs/Leaf"}}})),
            ("Leaf".to_owned(), json!({"type": "string"})),
        ]
        .into();
        let whole = whole(
            &json!({"type": "array", "items": {"$ref": "#/$defs/Tree"}}),
            &all,
        );
        assert_eq!(whole["items"], json!({"$ref": "#/$defs/Tree"}));
        assert_eq!(
            whole["$defs"]["Tree"]["properties"]["leaf"],
            json!({"type": "string"})
        );
        assert!(whole["$defs"].get("Leaf").is_none(), "{whole}");
    }

    #[test]
    fn fields_are_found_through_references_and_parts() {
        let all: Definitions = [(
            "User".to_owned(),
            json!({"properties": {"id": {"type": "string"}}, "required": ["id"]}),
        )]
        .into();
        let schema = json!({"allOf": [{"$ref": "#/$defs/User"}, {"properties": {"a/b": {"properties": {"c": {}}}}}]});
        let pointers: Vec<String> = fields(&schema, &all)
            .into_iter()
            .map(|own| own.pointer)
            .collect();
        assert_eq!(pointers, ["/id", "/a~1b", "/a~1b/c"]);
    }
}
