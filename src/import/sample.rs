//! Values made from schemas: the example where there is one, else the plainest value that fits.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value, json};

use super::schemas::{Definitions, definition, is_of, parts, resolved, tolerant};

mod text;

/// How deep values are made; what is not required ends sooner.
const DEEPEST: usize = 12;
/// From here on, only what must be there is made.
const OPTIONAL: usize = 4;
/// How many items a list of objects has.
const ITEMS: usize = 3;
/// How many alternatives one value may have to be held against.
const MOST_ALTERNATIVES: usize = 10_000;
/// How many values and parts are tried before it is given up.
const TRIED: usize = 50_000;
/// How many values one answer may come to before only what must be there is made.
const MOST: usize = 2_000;

/// A value of a schema, and whether it was made up.
pub(super) struct Sample {
    pub(super) value: Value,
    /// The schema that it fits: the one asked for, or a more tolerant one.
    pub(super) schema: Value,
    /// What had to be done to it, if anything.
    pub(super) note: Option<String>,
}

/// A value that fits a whole schema; `known` is one that is said to.
///
/// # Errors
/// Why none could be found.
pub(super) fn fitting(schema: &Value, known: Option<&Value>) -> Result<Sample, String> {
    if alternatives(schema) >= MOST_ALTERNATIVES {
        return Err("its alternatives multiply without end".to_owned());
    }
    let validator = jsonschema::validator_for(schema)
        .map_err(|why| format!("its schema cannot be used: {why}"))?;
    let fits = |value: &Value| validator.is_valid(value);
    let mut note = None;
    if let Some(known) = known {
        if fits(known) {
            return Ok(Sample {
                value: known.clone(),
                schema: schema.clone(),
                note,
            });
        }
        let why = first_of(&validator, known);
        note = Some(format!("its example does not fit its schema ({why})"));
    }
    let made = make(schema);
    if fits(&made) {
        return Ok(Sample {
            value: made,
            schema: schema.clone(),
            note,
        });
    }
    let why = first_of(&validator, &made);
    let open = tolerant(schema);
    let fits = |value: &Value| {
        jsonschema::validator_for(&open).is_ok_and(|validator| validator.is_valid(value))
    };
    let value = known.filter(|known| fits(known)).cloned().unwrap_or(made);
    if fits(&value) {
        let note = "alternatives of its schema overlap: `anyOf` stands for `oneOf`".to_owned();
        return Ok(Sample {
            value,
            schema: open,
            note: Some(note),
        });
    }
    Err(format!(
        "no value that fits its schema could be made ({why})"
    ))
}

/// How many schemas are looked at for one value: alternatives and parts, those of their own included. One that refers
/// to itself in its own place has no end.
fn alternatives(schema: &Value) -> usize {
    let all = definitions(schema);
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut open: Vec<&Value> = vec![schema];
    // Every schema may be where another value is looked at, so each counts by itself.
    let mut most = 0;
    while let Some(own) = open.pop() {
        most = most.max(in_place(own, &all, &mut known, 0));
        match own {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    most
}

fn in_place(
    schema: &Value,
    all: &Definitions,
    known: &mut BTreeMap<String, usize>,
    depth: usize,
) -> usize {
    if depth > 64 {
        return MOST_ALTERNATIVES;
    }
    let mut count: usize = 1;
    let parts = ["allOf", "oneOf", "anyOf"]
        .iter()
        .flat_map(|key| parts(schema, key));
    for part in parts {
        count = count.saturating_add(in_place(part, all, known, depth + 1));
    }
    let name = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(definition);
    if let Some(name) = name
        && let Some(own) = all.get(&name)
    {
        let of = match known.get(&name) {
            Some(of) => *of,
            None => {
                // Whoever comes here again while it is being counted goes round in a circle.
                known.insert(name.clone(), MOST_ALTERNATIVES);
                let of = in_place(own, all, known, depth + 1);
                known.insert(name, of);
                of
            }
        };
        count = count.saturating_add(of);
    }
    count
}

/// The definitions that a schema brings itself.
fn definitions(schema: &Value) -> Definitions {
    let own = schema.get("$defs").and_then(Value::as_object);
    let own = own.into_iter().flatten();
    own.map(|(name, own)| (name.clone(), own.clone())).collect()
}

/// The first thing for which a value does not fit, in a line that can be read.
fn first_of(validator: &jsonschema::Validator, value: &Value) -> String {
    let Some(why) = validator.iter_errors(value).next() else {
        return String::new();
    };
    let at = why.instance_path().to_string();
    // Whole values may be long; what is wrong with them stands at the end.
    let text: Vec<char> = why.to_string().chars().collect();
    let text: String = match text.len() > 120 {
        true => std::iter::once('…')
            .chain(text[text.len() - 80..].iter().copied())
            .collect(),
        false => text.into_iter().collect(),
    };
    match at.is_empty() {
        true => text,
        false => format!("{at}: {text}"),
    }
}

/// The plainest value of a whole schema.
pub(super) fn make(schema: &Value) -> Value {
    let definitions = definitions(schema);
    let mut maker = Maker {
        definitions: &definitions,
        made: 0,
        number: 1,
    };
    maker.value(schema, 0).unwrap_or(Value::Null)
}

/// What is known while values are made.
struct Maker<'a> {
    definitions: &'a Definitions,
    made: usize,
    /// Which item of a list this is about, from 1.
    number: usize,
}

impl Maker<'_> {
    /// A value, unless the schema goes on without end.
    fn value(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        self.made += 1;
        if depth > DEEPEST || self.made > TRIED {
            return None;
        }
        let schema = resolved(schema, self.definitions);
        if let Some(known) = said(schema) {
            return Some(known);
        }
        if parts(schema, "allOf").next().is_some() {
            return self.all_of(schema, depth);
        }
        for key in ["oneOf", "anyOf"] {
            if parts(schema, key).next().is_some() {
                return self.one_of(schema, key, depth);
            }
        }
        if is_of(schema, "object") {
            return self.object(schema, depth).map(Value::Object);
        }
        if is_of(schema, "array") {
            return self.list(schema, depth);
        }
        Some(self.scalar(schema))
    }

    fn scalar(&self, schema: &Value) -> Value {
        for kind in ["string", "integer", "number", "boolean", "null"] {
            if is_of(schema, kind) {
                return match kind {
                    "string" => Value::from(text::of(schema, self.number)),
                    "integer" => self.numeral(schema, true),
                    "number" => self.numeral(schema, false),
                    "boolean" => Value::from(true),
                    _ => Value::Null,
                };
            }
        }
        match schema.get("pattern").or(schema.get("format")) {
            Some(_) => Value::from(text::of(schema, self.number)),
            None => json!({}),
        }
    }

    fn numeral(&self, schema: &Value, whole: bool) -> Value {
        let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
        let step = limit("multipleOf").filter(|step| *step > 0.0);
        let unit = step.unwrap_or(1.0);
        let least = limit("minimum").map(|least| (least / unit).ceil() * unit);
        let above = limit("exclusiveMinimum").map(|least| ((least / unit).floor() + 1.0) * unit);
        let most = limit("maximum").or(limit("exclusiveMaximum").map(|most| most - unit));
        let mut value = least.or(above).unwrap_or_else(|| match most {
            Some(most) if most < unit => (most / unit).floor() * unit,
            _ => unit,
        });
        // Items of a list differ where they can.
        let other = value + unit * (self.number - 1) as f64;
        if most.is_none_or(|most| other <= most) {
            value = other;
        }
        if whole || value.fract() == 0.0 {
            return Value::from(value as i64);
        }
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Option<Map<String, Value>> {
        let always: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|own| own.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut fields = Map::new();
        let own = schema.get("properties").and_then(Value::as_object);
        for (name, own) in own.into_iter().flatten() {
            let needed = always.contains(&name.as_str());
            if own.get("writeOnly").is_some()
                || (!needed && (depth >= OPTIONAL || self.made > MOST))
            {
                continue;
            }
            match self.value(own, depth + 1) {
                Some(value) => {
                    fields.insert(name.clone(), value);
                }
                None if needed => return None,
                None => {}
            }
        }
        for name in always {
            if !fields.contains_key(name) {
                fields.insert(name.to_owned(), json!("text"));
            }
        }
        if fields.is_empty()
            && let Some(other) = schema
                .get("additionalProperties")
                .filter(|own| own.is_object())
            && depth < OPTIONAL
            && let Some(value) = self.value(other, depth + 1)
        {
            fields.insert("key".to_owned(), value);
        }
        Some(fields)
    }

    fn list(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let size = |key: &str| schema.get(key).and_then(Value::as_u64);
        let least = size("minItems").unwrap_or(0) as usize;
        let most = size("maxItems").map_or(usize::MAX, |most| most as usize);
        let mut items = Vec::new();
        for own in parts(schema, "prefixItems") {
            items.push(self.value(own, depth + 1)?);
        }
        let Some(own) = schema.get("items") else {
            return Some(Value::Array(items));
        };
        let is_object = is_of(resolved(own, self.definitions), "object")
            || parts(resolved(own, self.definitions), "allOf")
                .next()
                .is_some();
        let usual = match (
            is_object && depth <= 2,
            depth < OPTIONAL && self.made <= MOST,
        ) {
            (true, true) => ITEMS,
            (false, true) => 1,
            _ => 0,
        };
        let before = self.number;
        for number in items.len()..usual.max(least).min(most).min(100) {
            self.number = number + 1;
            match self.value(own, depth + 1) {
                Some(value) => items.push(value),
                None if items.len() < least => return None,
                None => break,
            }
        }
        self.number = before;
        Some(Value::Array(items))
    }

    /// What all parts say together.
    fn all_of(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let mut whole = schema.clone();
        let own = whole.as_object_mut()?;
        own.remove("allOf");
        let parts: Vec<Value> = parts(schema, "allOf").cloned().collect();
        let mut merged = whole;
        for part in &parts {
            let part = self.merged(part, depth + 1)?;
            merge(&mut merged, &part);
        }
        self.value(&merged, depth + 1)
    }

    /// A part as one schema without `allOf`.
    fn merged(&mut self, part: &Value, depth: usize) -> Option<Value> {
        self.made += 1;
        if depth > DEEPEST || self.made > TRIED {
            return None;
        }
        let part = resolved(part, self.definitions);
        let mut whole = part.clone();
        if let Some(own) = whole.as_object_mut() {
            own.remove("allOf");
        }
        for own in parts(part, "allOf") {
            let own = self.merged(own, depth + 1)?;
            merge(&mut whole, &own);
        }
        Some(whole)
    }

    /// The first alternative of which there is a value, with what stands beside the alternatives.
    fn one_of(&mut self, schema: &Value, key: &str, depth: usize) -> Option<Value> {
        let mut beside = schema.clone();
        beside.as_object_mut()?.remove(key);
        parts(schema, key).find_map(|part| {
            let part = self.merged(part, depth + 1)?;
            if part.get("type").is_some_and(|own| own == "null") {
                return None;
            }
            let mut whole = beside.clone();
            merge(&mut whole, &part);
            self.value(&whole, depth + 1)
        })
    }
}

/// A value that a schema says itself.
fn said(schema: &Value) -> Option<Value> {
    let first = |key: &str| schema.get(key)?.as_array()?.first().cloned();
    let own = schema.get("const").cloned();
    // A list's or object's example is often one of another time: its parts are made one by one.
    let example = schema.get("example").cloned().or_else(|| first("examples"));
    let example = example.or_else(|| schema.get("default").cloned());
    let example = example.filter(|own| !own.is_object() && !own.is_array() && !own.is_null());
    let listed = first("enum");
    let is_listed = |value: &Value| {
        let all = schema.get("enum").and_then(Value::as_array);
        all.is_none_or(|all| all.contains(value))
    };
    own.or(example.filter(is_listed)).or(listed)
}

/// Adds what another schema says.
fn merge(own: &mut Value, other: &Value) {
    let (Some(own), Some(other)) = (own.as_object_mut(), other.as_object()) else {
        return;
    };
    for (key, value) in other {
        match (own.get_mut(key), value) {
            (Some(Value::Object(fields)), Value::Object(more)) if key == "properties" => {
                for (name, schema) in more {
                    match fields.get_mut(name) {
                        Some(known) => merge(known, schema),
                        None => {
                            fields.insert(name.clone(), schema.clone());
                        }
                    }
                }
            }
            (Some(Value::Array(names)), Value::Array(more)) if key == "required" => {
                names.extend(more.iter().cloned());
            }
            (Some(_), _) => {}
            (None, value) => {
                own.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_values_fit_their_schemas() {
        for schema in [
            json!({"type": "integer", "minimum": 3, "maximum": 3}),
            json!({"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}),
            json!({"type": "integer", "maximum": -7}),
            json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{2,4}$"}),
            json!({"type": "string", "format": "date-time", "minLength": 20}),
            json!({"type": "string", "minLength": 12, "maxLength": 14}),
            json!({"type": ["string", "null"], "format": "uuid"}),
            json!({"enum": ["b", "a"], "example": "c"}),
            json!({"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": true}),
            json!({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"type": "number"}}, "required": ["b"]}]}),
            json!({"oneOf": [{"type": "null"}, {"type": "object", "required": ["k"], "properties": {"k": {"const": 1}}}]}),
            json!({"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}, "next": {"$ref": "#/$defs/T"}}}}}),
            json!({"type": "object", "additionalProperties": {"type": "boolean"}}),
        ] {
            let made = fitting(&schema, None).unwrap_or_else(|why| panic!("{schema}: {why}"));
            assert_eq!(made.schema, schema);
            assert!(made.note.is_none());
        }
    }

    #[test]
    fn alternatives_that_overlap_are_told_and_what_cannot_be_is_refused() {
        let both = json!({"oneOf": [{"type": "string"}, {"type": "string", "minLength": 1}]});
        let made = fitting(&both, None).unwrap();
        assert!(made.schema.get("anyOf").is_some() && made.note.is_some());
        let never = json!({"type": "string", "minLength": 4, "maxLength": 2});
        assert!(fitting(&never, None).is_err());
        let endless = json!({"$ref": "#/$defs/E", "$defs": {"E": {"type": "object", "required": ["e"], "properties": {"e": {"$ref": "#/$defs/E"}}}}});
        assert!(fitting(&endless, None).is_err());
    }
}
