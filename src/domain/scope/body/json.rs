//! JSON as loosely as servers read it: of a key that stands twice, one server takes the first value
//! and another the last, so both are kept.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// How deep a body may be nested before it is left unread: no declared one comes near.
const DEEPEST: usize = 64;

/// A JSON value with every entry of its objects.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    /// Every entry in order, also those whose keys repeat.
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Text(String),
    /// A number, a truth value or null, as written.
    Other(String),
}

impl Json {
    /// Reads a body that may begin with a byte order mark.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
        matches!(first, b'{' | b'[').then(|| serde_json::from_slice(body).ok())?
    }

    /// All values of a key.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Self> {
        self.entries()
            .iter()
            .filter(move |(own, _)| own == key)
            .map(|(_, value)| value)
    }

    /// All values of a key in any case: some decoders are blind to it.
    pub(super) fn in_any_case<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Self> {
        self.entries()
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list, or the value itself.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            other => std::slice::from_ref(other),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Every object in this value, itself included.
    pub(super) fn objects(&self) -> Vec<&Self> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(value) = open.pop() {
            match value {
                Self::Object(entries) => {
                    found.push(value);
                    open.extend(entries.iter().map(|(_, value)| value));
                }
                Self::Array(items) => open.extend(items),
                Self::Text(_) | Self::Other(_) => {}
            }
        }
        found
    }

    fn depth(&self) -> usize {
        let deepest = |values: &mut dyn Iterator<Item = &Self>| values.map(Self::depth).max();
        1 + match self {
            Self::Object(entries) => deepest(&mut entries.iter().map(|(_, value)| value)),
            Self::Array(items) => deepest(&mut items.iter()),
            Self::Text(_) | Self::Other(_) => None,
        }
        .unwrap_or(0)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = from.deserialize_any(Reader)?;
        if value.depth() > DEEPEST {
            return Err(D::Error::custom("nested too deeply"));
        }
        Ok(value)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(Seed)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = from.next_key::<String>()? {
            entries.push((key, from.next_value_seed(Seed)?));
        }
        Ok(Json::Object(entries))
    }
}

/// Reads what is nested, whose depth the outermost value measures.
struct Seed;

impl<'de> serde::de::DeserializeSeed<'de> for Seed {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        from.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_values_of_a_key_that_stands_twice_are_kept() {
        let read = Json::read(b"\xef\xbb\xbf{\"a\":\"1\",\"b\":[{\"a\":2}],\"a\":\"3\"}").unwrap();
        let all: Vec<_> = read.all("a").filter_map(Json::text).collect();
        assert_eq!(all, ["1", "3"]);
        assert_eq!(read.objects().len(), 2);
    }

    #[test]
    fn what_is_no_json_or_nested_without_end_is_not_read() {
        assert_eq!(Json::read(b"a=1"), None);
        assert_eq!(Json::read(b"{"), None);
        assert_eq!(Json::read("[".repeat(100_000).as_bytes()), None);
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(Json::read(deep.as_bytes()), None);
    }
}
