//! Bad data, as the operator asks for it: one class at a time, on one resource.

use serde_json::{Value, json};

use super::writing::find_mut;
use crate::domain::contract::Resource;
use crate::domain::malformed::Malformed;

/// A body that is not what JSON would make of it.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) body: Vec<u8>,
    pub(super) kind: Option<&'static str>,
    pub(super) encoding: Option<&'static str>,
}

/// What becomes of an answer.
pub(super) enum Spoilt {
    /// Its value is another.
    Value(Value),
    /// Its bytes are others.
    Raw(Raw),
}

/// More than any socket takes by default.
const OVERSIZED: usize = 1_100_000;
/// More than a parser follows.
const DEEP: usize = 10_000;

/// Spoils an answer in one way.
pub(super) fn spoil(class: Malformed, resource: &Resource, mut body: Value) -> Spoilt {
    let text = body.to_string();
    let raw = |body: Vec<u8>| {
        Spoilt::Raw(Raw {
            body,
            ..Raw::default()
        })
    };
    let instead = |text: &str, with: &str| {
        let first = first_number(&body).map(|number| number.to_string());
        let spoilt = first.map_or_else(String::new, |first| {
            text.replacen(&format!(":{first}"), &format!(":{with}"), 1)
        });
        raw(spoilt.into_bytes())
    };
    match class {
        Malformed::Truncated => raw(text.as_bytes()[..text.len() / 2].to_vec()),
        Malformed::Empty => raw(Vec::new()),
        Malformed::Page => Spoilt::Raw(Raw {
            body: b"<!doctype html><title>Hello</title>".to_vec(),
            kind: Some("text/html"),
            encoding: None,
        }),
        Malformed::WrongType => Spoilt::Raw(Raw {
            body: text.into_bytes(),
            kind: Some("text/html"),
            encoding: None,
        }),
        Malformed::ByteOrderMark => raw([&b"\xef\xbb\xbf"[..], text.as_bytes()].concat()),
        Malformed::BadUtf8 => raw([&b"{\"a\":\"\xff\xfe\"}"[..], &text.as_bytes()[1..]].concat()),
        Malformed::LoneSurrogate => raw(format!("{{\"x\":\"\\ud800\",{}", &text[1..]).into_bytes()),
        Malformed::DuplicateKeys => {
            let inner = text.trim_start_matches('{');
            let once = inner.trim_end_matches('}');
            raw(format!("{{{once},{inner}").into_bytes())
        }
        Malformed::NotANumber => instead(&text, "NaN"),
        Malformed::VeryDeep => raw("[".repeat(DEEP).into_bytes()),
        Malformed::Oversized => {
            field(&mut body, "padding", " ".repeat(OVERSIZED).into());
            Spoilt::Value(body)
        }
        Malformed::BadGzip => Spoilt::Raw(Raw {
            body: b"\x1f\x8b\x08 this is not compressed".to_vec(),
            kind: None,
            encoding: Some("gzip"),
        }),
        Malformed::MinusZero => instead(&text, "-0.0"),
        Malformed::Tiny => instead(&text, "1e-8"),
        Malformed::Huge => instead(&text, "1e21"),
        Malformed::BeyondExact => instead(&text, "9007199254740993"),
        Malformed::Zero => instead(&text, "0"),
        Malformed::Negative => instead(&text, "-17.5"),
        _ => {
            spoil_value(class, resource, &mut body);
            Spoilt::Value(body)
        }
    }
}

/// Spoils what JSON can still say: the shape of the whole, or one field of the first record.
fn spoil_value(class: Malformed, resource: &Resource, body: &mut Value) {
    let list = resource
        .items
        .as_ref()
        .and_then(|items| find_mut(items, body))
        .filter(|list| list.is_array());
    match (class, list) {
        (Malformed::UnknownField, _) => field(body, "rehearsal", json!({ "unknown": [1, 2, 3] })),
        (Malformed::ObjectAsList, _) => *body = json!([body.take()]),
        (Malformed::ListAsObject, Some(list)) => *list = json!({ "first": list.take() }),
        (Malformed::ListAsObject, None) => *body = json!({ "value": body.take() }),
        (_, Some(Value::Array(items))) => {
            if let Some(first) = items.first_mut() {
                spoil_record(class, resource, first);
            }
        }
        (_, _) => spoil_record(class, resource, body),
    }
}

fn spoil_record(class: Malformed, resource: &Resource, record: &mut Value) {
    if class == Malformed::BadRecord {
        return *record = Value::from("this is no record");
    }
    let Value::Object(fields) = record else {
        return;
    };
    let own_key = resource.key.as_ref().map(ToString::to_string);
    let is_key = |name: &String| own_key.as_deref() == Some(&*format!("/{name}"));
    let wants_number = matches!(
        class,
        Malformed::Null | Malformed::Missing | Malformed::NumberAsText
    );
    let fits = |value: &Value| match wants_number {
        true => value.is_number(),
        false => value.is_string(),
    };
    let mut names = fields.iter().filter(|(_, value)| fits(value));
    let Some((name, value)) = names.find(|(name, _)| !is_key(name)) else {
        return;
    };
    let spoilt = match class {
        Malformed::NumberAsText => value.to_string().into(),
        Malformed::TextAsNumber => 7.into(),
        Malformed::UnknownValue => "NOBODY-KNOWS-THIS".into(),
        Malformed::Emoji => "👩‍👩‍👧 Zoë 🇳🇱".into(),
        Malformed::RightToLeft => "\u{202e}שלום\u{202c} عربي".into(),
        Malformed::DaylightEdge => "2026-03-29T02:30:00+01:00".into(),
        Malformed::NoZone => "2026-03-29T02:30:00".into(),
        _ => Value::Null,
    };
    let name = name.clone();
    match class {
        Malformed::Missing => {
            fields.remove(&name);
        }
        _ => fields[&name] = spoilt,
    }
}

fn field(body: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = body {
        fields.insert(name.to_owned(), value);
    }
}

fn first_number(value: &Value) -> Option<&serde_json::Number> {
    match value {
        Value::Array(items) => items.iter().find_map(first_number),
        Value::Object(fields) => fields.values().find_map(|field| match field {
            Value::Number(number) if number.is_f64() => Some(number),
            Value::Number(_) => None,
            other => first_number(other),
        }),
        _ => None,
    }
}
