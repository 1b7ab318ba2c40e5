//! Shapes as JSON Schemas.

use serde_json::{Map, Value, json};

use super::place::{Place, Shape};
use crate::suite::trace::{Keys, Seen};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A whole schema.
pub(super) fn document(title: &str, shape: &Shape) -> Value {
    let writer = Writer {
        has_parameters: false,
    };
    let of_shared = Writer {
        has_parameters: shape.has_parameters,
    };
    let mut document = Map::new();
    document.insert("$schema".to_owned(), DIALECT.into());
    document.insert("title".to_owned(), title.into());
    if let Value::Object(own) = writer.place(&shape.root) {
        document.extend(own);
    }
    if !shape.shared.is_empty() {
        let shared = shape.shared.iter();
        let shared: Map<String, Value> = shared
            .map(|(name, place)| ((*name).to_owned(), of_shared.place(place)))
            .collect();
        document.insert("$defs".to_owned(), shared.into());
    }
    document.into()
}

/// One schema for any of these: which one a file is, its keys tell.
pub(super) fn together(parts: Vec<(&str, Value)>) -> Value {
    let mut all = Map::new();
    for (name, part) in parts {
        let Value::Object(mut part) = part else {
            continue;
        };
        part.remove("$schema");
        if let Some(Value::Object(own)) = part.remove("$defs") {
            for (shared, value) in own {
                all.insert(format!("{name}-{shared}"), renamed(value, name));
            }
        }
        all.insert(name.to_owned(), renamed(part.into(), name));
    }
    let is = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let having = |key: &str| json!({ "type": "object", "required": [key] });
    let runbook = json!({ "if": having("items"), "then": is("runbook"), "else": is("scenario") });
    let flow = json!({ "if": having("parameters"), "then": is("flow"), "else": runbook });
    let world = json!({ "if": having("users"), "then": is("world"), "else": flow });
    json!({
        "$schema": DIALECT,
        "title": "A file of a suite of rehearsal",
        "if": having("services"),
        "then": is("contract"),
        "else": world,
        "$defs": all,
    })
}

/// A part whose references lead to its own definitions among those of all.
fn renamed(value: Value, name: &str) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| match (key.as_str(), value.as_str()) {
                ("$ref", Some(target)) => {
                    let target = target.replace("#/$defs/", &format!("#/$defs/{name}-"));
                    (key, target.into())
                }
                _ => (key, renamed(value, name)),
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(|item| renamed(item, name)).collect(),
        scalar => scalar,
    }
}

struct Writer {
    /// Whether any value may be a flow's parameter.
    has_parameters: bool,
}

impl Writer {
    /// What may stand at a place.
    fn place(&self, place: &Place) -> Value {
        let mut told = match self.forms(place) {
            Some(forms) => one_of(forms),
            None => Map::new(),
        };
        if let Some(text) = &place.told {
            told.insert("description".to_owned(), text.as_str().into());
        }
        told.into()
    }

    /// The forms of a place; nothing where anything will do.
    fn forms(&self, place: &Place) -> Option<Vec<Value>> {
        let mut forms = Vec::new();
        let is_any = place.forms.contains(&Seen::Json);
        let of_maps = place.forms.contains(&Seen::Names);
        if is_any && !of_maps {
            return None;
        }
        if let Some(name) = place.shared {
            forms.push(json!({ "$ref": format!("#/$defs/{name}") }));
        }
        let mut words: Vec<Value> = Vec::new();
        let is_open = place.forms.contains(&Seen::OtherNames);
        for form in &place.forms {
            match form {
                Seen::Words(own) => words.extend(own.iter().map(|word| word.as_str().into())),
                Seen::Names => forms.push(self.names(place)),
                Seen::Json | Seen::OtherNames => {}
                form => forms.push(scalar(form)),
            }
        }
        if !words.is_empty() {
            forms.push(json!({ "enum": each_once(words) }));
        }
        if is_open {
            forms.push(text());
        }
        let maps = distinct(&place.maps);
        forms.extend(maps.into_iter().map(|keys| self.map(place, keys)));
        if let Some(items) = &place.items {
            let item = self.place(items);
            if place.one_or_more {
                match self.forms(items) {
                    Some(own) => forms.extend(own),
                    None => return None,
                }
            }
            forms.push(json!({ "type": "array", "items": item }));
        }
        if self.has_parameters {
            forms.push(json!({ "type": "string", "pattern": r"\{[^{}]+\}" }));
        }
        Some(forms)
    }

    /// A map with names of the author's choice.
    fn names(&self, place: &Place) -> Value {
        let below = place.named.as_deref();
        match below.map(|below| self.place(below)) {
            Some(below) => json!({ "type": "object", "additionalProperties": below }),
            None => json!({ "type": "object" }),
        }
    }

    /// A map with known keys.
    fn map(&self, place: &Place, keys: &Keys) -> Value {
        let below = keys.known.iter().filter_map(|key| {
            let below = place.at(key)?;
            Some(((*key).to_owned(), self.place(below)))
        });
        let mut map = Map::new();
        map.insert("type".to_owned(), "object".into());
        map.insert("properties".to_owned(), below.collect::<Map<_, _>>().into());
        if !keys.needed.is_empty() {
            map.insert("required".to_owned(), json!(keys.needed));
        }
        if keys.only_one {
            map.insert("minProperties".to_owned(), 1.into());
            map.insert("maxProperties".to_owned(), 1.into());
        }
        map.insert("additionalProperties".to_owned(), false.into());
        map.into()
    }
}

/// Ways to read a map, without those of which another one takes all.
fn distinct(maps: &[Keys]) -> Vec<&Keys> {
    let takes_all = |wide: &Keys, own: &Keys| {
        own.known.iter().all(|key| wide.known.contains(key))
            && wide.needed.iter().all(|key| own.needed.contains(key))
            && (!wide.only_one || own.only_one)
    };
    let is_needless = |at: usize, own: &Keys| {
        let others = maps.iter().enumerate();
        others.into_iter().any(|(other, wide)| {
            other != at && takes_all(wide, own) && (!takes_all(own, wide) || other < at)
        })
    };
    let maps = maps.iter().enumerate();
    maps.filter(|(at, own)| !is_needless(*at, own))
        .map(|(_, own)| own)
        .collect()
}

fn one_of(mut forms: Vec<Value>) -> Map<String, Value> {
    let mut once = Vec::new();
    for form in forms.drain(..) {
        if !once.contains(&form) {
            once.push(form);
        }
    }
    match <[Value; 1]>::try_from(once) {
        Ok([Value::Object(only)]) => only,
        Ok(only) => Map::from_iter([("anyOf".to_owned(), only.into_iter().collect())]),
        Err(none) if none.is_empty() => Map::new(),
        Err(several) => Map::from_iter([("anyOf".to_owned(), several.into())]),
    }
}

fn each_once(words: Vec<Value>) -> Vec<Value> {
    let mut once: Vec<Value> = Vec::new();
    for word in words {
        if !once.contains(&word) {
            once.push(word);
        }
    }
    once
}

/// A text, as it may be written without quotes.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn scalar(form: &Seen) -> Value {
    match form {
        Seen::Written => json!({ "type": ["string", "number", "boolean", "null"] }),
        Seen::Nothing => json!({ "type": "null" }),
        Seen::Switch => json!({ "enum": [true, false, "on", "off", "yes", "no"] }),
        Seen::Whole(least) => json!({ "type": "integer", "minimum": least }),
        Seen::Number(least, most) => {
            json!({ "type": "number", "minimum": least, "maximum": most })
        }
        Seen::Status => json!({ "type": "integer", "minimum": 100, "maximum": 599 }),
        // A pattern says nothing of what is no text: a bare number is one to the reader.
        Seen::Form(pattern) => json!({ "type": ["string", "number"], "pattern": pattern }),
        _ => text(),
    }
}
