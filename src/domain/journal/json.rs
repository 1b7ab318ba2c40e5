//! JSON as the journal keeps it: read when it was observed, or, where it comes from a file, not
//! before somebody looks at it.
//!
//! A journal of days holds a million prices, and the judge looks into one of sixteen. Building the
//! values of the others would cost more than all the rest of judging.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// How many times as much memory as its text a value takes, once it is read: 8 to 12 in lists of small objects and of
/// numbers.
const TREE: usize = 10;

/// What a field takes beside its name and value: a place in the order, and one in the table.
const FIELD: usize = 64;

/// One JSON value.
#[derive(Clone)]
pub struct Json {
    /// As it is written in the file, where it comes from one.
    text: Option<Box<str>>,
    /// Nothing stands in it, once it was read, if the text keeps JSON's grammar and no value can
    /// have it: a number past all bounds, half a character.
    value: OnceLock<Option<Arc<Value>>>,
}

impl Json {
    /// The value, if it can be read.
    #[must_use]
    pub fn value(&self) -> Option<&Arc<Value>> {
        self.value
            .get_or_init(|| {
                let text = self.text.as_deref()?;
                serde_json::from_str(text).ok().map(Arc::new)
            })
            .as_ref()
    }

    /// About how many bytes of memory it takes; the same before and after it was read.
    pub(super) fn weight(&self) -> usize {
        match (&self.text, self.value.get()) {
            (Some(text), _) => text.len().saturating_mul(TREE),
            (None, value) => value.and_then(Option::as_deref).map_or(0, weight),
        }
    }

    /// What a JSON Pointer finds. What stands around it is not built for it.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<Cow<'_, Value>> {
        match (self.value.get(), &self.text) {
            (None, Some(text)) => {
                let mut from = serde_json::Deserializer::from_str(text);
                let found = At(pointer).deserialize(&mut from).ok()?;
                found.map(Cow::Owned)
            }
            _ => self.value()?.pointer(pointer).map(Cow::Borrowed),
        }
    }
}

fn weight(value: &Value) -> usize {
    let beside = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| name.len() + FIELD + weight(value))
                .sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + beside
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self {
            text: None,
            value: OnceLock::from(Some(Arc::new(value))),
        }
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        (self.text.is_some() && self.text == other.text) || self.value() == other.value()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value(), out)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(out)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(from)?;
        Ok(Self {
            text: Some(text.into()),
            value: OnceLock::new(),
        })
    }
}

/// A JSON Pointer (RFC 6901) into a text of which nothing else is wanted.
#[derive(Clone, Copy)]
struct At<'a>(&'a str);

impl<'a> At<'a> {
    /// The first key, and where to go on from there.
    fn split(self) -> Option<(Cow<'a, str>, Self)> {
        let path = self.0.strip_prefix('/')?;
        let (key, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        let key = if key.contains('~') {
            Cow::Owned(key.replace("~1", "/").replace("~0", "~"))
        } else {
            Cow::Borrowed(key)
        };
        Some((key, At(rest)))
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return Value::deserialize(from).map(Some);
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<Value>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((key, rest)) = self.split() else {
            return Err(A::Error::custom("a JSON Pointer begins with a slash"));
        };
        let mut found = None;
        while let Some(wanted) = map.next_key_seed(Key(&key))? {
            if wanted {
                // Of two equal keys the later counts, as everywhere.
                found = map.next_value_seed(rest)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some((key, rest)) = self.split() else {
            return Err(A::Error::custom("a JSON Pointer begins with a slash"));
        };
        let before = index(&key).unwrap_or(usize::MAX);
        for _ in 0..before {
            if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = list.next_element_seed(rest)?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found.flatten())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Whether a key is this one.
struct Key<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// The place in a list that a pointer names, by RFC 6901: no sign, no zero in front.
fn index(key: &str) -> Option<usize> {
    let plain = !key.starts_with('+') && (key == "0" || !key.starts_with('0'));
    plain.then(|| key.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// As it comes from a file.
    fn written(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_written_is_the_value_that_was_observed() {
        let value = json!([{"price": 1.5e-8, "name": "\u{1F680} \"x\""}, null]);
        let json = written(&value.to_string());
        assert_eq!(json.value().map(Arc::as_ref), Some(&value));
        assert_eq!(json, Json::from(value.clone()));
        assert_eq!(serde_json::to_value(&json).unwrap(), value);
    }

    #[test]
    fn what_a_value_weighs_goes_with_what_it_says_and_not_with_who_looks() {
        let row = json!({"id": "a", "price": 1.5, "open": true});
        let weight = |value: &Value| Json::from(value.clone()).weight();
        let hundred = weight(&Value::from(vec![row.clone(); 100]));
        assert!(hundred > 99 * weight(&row) && hundred < 101 * weight(&row));
        assert!(weight(&json!("x".repeat(1_000))) < weight(&row) + 1_000);
        let text = row.to_string();
        let json = written(&text);
        let before = json.weight();
        assert!(before > text.len() && json.value().is_some());
        assert_eq!(json.weight(), before);
    }

    #[test]
    fn a_value_that_nothing_can_hold_is_none() {
        for text in [r#""\ud800""#, "1e999"] {
            let json = written(text);
            assert_eq!((json.value(), json.pointer("/0")), (None, None), "{text}");
        }
    }

    #[test]
    fn a_pointer_finds_the_same_before_and_after_the_value_was_read() {
        let text = r#"[{"a": [1, {"b/c": 2}, 3], "~": 4, "": 5, "a2": "x"}, {"seq": 7, "seq": 8}]"#;
        for pointer in [
            "",
            "/0",
            "/0/a",
            "/0/a/1",
            "/0/a/1/b~1c",
            "/0/a/01",
            "/0/a/-1",
            "/0/a/9",
            "/0/~0",
            "/0/",
            "/0/a2",
            "/0/a2/x",
            "/1/seq",
            "/1/none",
            "/2",
            "0",
            "/0/a/1/b~1c/d",
        ] {
            let found = written(text).pointer(pointer).map(Cow::into_owned);
            let read: Value = serde_json::from_str(text).unwrap();
            assert_eq!(found.as_ref(), read.pointer(pointer), "{pointer}");
        }
    }

    proptest! {
        #[test]
        fn a_pointer_into_any_value_finds_the_same_either_way(
            keys in proptest::collection::vec("[ab0~/]{0,2}", 1..5),
            pointer in "(/([ab0-2]|~0|~1){0,2}){0,4}",
        ) {
            let mut value = json!(0);
            for (at, key) in keys.iter().enumerate() {
                value = match at % 2 {
                    0 => json!({key: value, "a": [at], "b": {"0": at}}),
                    _ => json!([at, value, {key: at}]),
                };
            }
            let found = written(&value.to_string()).pointer(&pointer).map(Cow::into_owned);
            prop_assert_eq!(found.as_ref(), value.pointer(&pointer));
        }
    }
}
