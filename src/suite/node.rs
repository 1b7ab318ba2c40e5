//! A file as a tree in which every key and every value knows its place.
//!
//! YAML and TOML files become the same tree, so one reader and one kind of diagnostic serve both.

use std::ops::Range;

use serde_json::{Map, Number, Value};

/// A range of bytes in the file.
pub(crate) type Span = Range<usize>;

/// One value.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) content: Content,
}

/// What a value consists of.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A scalar whose look decides its type: `on`, `12`, `null`, `launch`.
    Plain(String),
    /// A scalar that is text because it is quoted.
    Quoted(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Node {
    /// What this is, for messages: `a list`.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Plain(text) => match plain_value(text) {
                Value::Null => "nothing",
                Value::Bool(_) => "a boolean",
                Value::Number(_) => "a number",
                _ => "a text",
            },
            Content::Quoted(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// Whether nothing stands here: an empty value, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Plain(text) if plain_value(text).is_null())
    }

    /// The scalar as it is written, without quotes.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Plain(text) | Content::Quoted(text) => Some(text),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// All scalars in it, as they are written, without quotes.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = &str> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            loop {
                let node = open.pop()?;
                match &node.content {
                    Content::Plain(text) | Content::Quoted(text) => return Some(text.as_str()),
                    Content::List(items) => open.extend(items),
                    Content::Map(entries) => open.extend(entries.iter().map(|own| &own.value)),
                }
            }
        })
    }

    /// A value that was sent as JSON. Spans count its keys and values: there is no file to point
    /// into, but what is wrong is told in their order.
    pub(crate) fn from_json(value: &Value) -> Self {
        Self::numbered(value, &mut 0)
    }

    fn numbered(value: &Value, numbers: &mut usize) -> Self {
        let span = number(numbers);
        let content = match value {
            Value::String(text) => Content::Quoted(text.clone()),
            Value::Array(items) => {
                let items = items.iter().map(|item| Self::numbered(item, numbers));
                Content::List(items.collect())
            }
            Value::Object(fields) => {
                let entries = fields.iter().map(|(key, value)| Entry {
                    key: key.clone(),
                    key_span: number(numbers),
                    value: Self::numbered(value, numbers),
                });
                Content::Map(entries.collect())
            }
            plain => Content::Plain(plain.to_string()),
        };
        Self { span, content }
    }

    /// What stands here, and what stands there: maps are joined, and of anything else that stands in
    /// both the other counts.
    pub(crate) fn with(self, other: Self) -> Self {
        let (own, more) = match (self.content, other.content) {
            (Content::Map(own), Content::Map(more)) => (own, more),
            (_, content) => {
                let span = other.span;
                return Self { span, content };
            }
        };
        let mut entries = own;
        for entry in more {
            match entries.iter_mut().find(|own| own.key == entry.key) {
                Some(own) => own.value = own.value.clone().with(entry.value),
                None => entries.push(entry),
            }
        }
        Self {
            span: self.span,
            content: Content::Map(entries),
        }
    }

    /// The value that a JSON Pointer leads to.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Self> {
        pointer
            .split('/')
            .skip(1)
            .try_fold(self, |node, segment| match &node.content {
                Content::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key == segment)
                    .map(|entry| &entry.value),
                Content::List(items) => items.get(segment.parse::<usize>().ok()?),
                Content::Plain(_) | Content::Quoted(_) => None,
            })
    }

    /// The whole value as JSON; plain scalars by YAML 1.2's core schema.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Plain(text) => plain_value(text),
            Content::Quoted(text) => Value::from(text.as_str()),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// The value on one line, in YAML's flow style.
    pub(crate) fn on_one_line(&self) -> String {
        let mut line = String::new();
        self.write_line(&mut line);
        line
    }

    fn write_line(&self, line: &mut String) {
        match &self.content {
            Content::Plain(text) => line.push_str(text),
            Content::Quoted(text) => line.push_str(&Value::from(text.as_str()).to_string()),
            Content::List(items) => {
                line.push('[');
                for (at, item) in items.iter().enumerate() {
                    line.push_str(if at == 0 { "" } else { ", " });
                    item.write_line(line);
                }
                line.push(']');
            }
            Content::Map(entries) => {
                line.push_str("{ ");
                write_entries(entries, line);
                line.push_str(" }");
            }
        }
    }
}

/// The next number, as a span.
fn number(numbers: &mut usize) -> Span {
    *numbers += 1;
    *numbers - 1..*numbers
}

/// The entries of a map on one line, without its braces.
pub(crate) fn write_entries(entries: &[Entry], line: &mut String) {
    for (at, entry) in entries.iter().enumerate() {
        line.push_str(if at == 0 { "" } else { ", " });
        line.push_str(&entry.key);
        line.push_str(": ");
        entry.value.write_line(line);
    }
}

/// A plain scalar by YAML 1.2's core schema. `yes`, `no`, `on` and `off` are words here; readers
/// of switches take them as such.
pub(super) fn plain_value(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(number) = radix(text) {
        return Value::from(number);
    }
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || !digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
    {
        return Value::from(text);
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = unsigned.parse::<i64>() {
        return Value::from(number);
    }
    if let Ok(number) = unsigned.parse::<u64>() {
        return Value::from(number);
    }
    unsigned
        .parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map_or_else(|| Value::from(text), Value::Number)
}

fn radix(text: &str) -> Option<u64> {
    let (digits, radix) = match text.get(..2)? {
        "0x" => (&text[2..], 16),
        "0o" => (&text[2..], 8),
        _ => return None,
    };
    (!digits.starts_with(['+', '-']))
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_as_json_is_the_same_as_a_tree() {
        let value =
            json!({"on": "data", "respond": {"status": 503, "body": [true, null, "12", 1.5, {}]}});
        let node = Node::from_json(&value);
        assert_eq!(node.to_json(), value);
        assert_eq!(node.kind(), "a map");
    }

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("on", json!("on")),
            ("12", json!(12)),
            ("-3", json!(-3)),
            ("1.50", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("0x1f", json!(31)),
            ("18446744073709551615", json!(u64::MAX)),
            ("5m", json!("5m")),
            ("1.2.3", json!("1.2.3")),
            ("2026-01-02", json!("2026-01-02")),
            (".inf", json!(".inf")),
        ] {
            assert_eq!(plain_value(text), value, "{text}");
        }
    }
}
