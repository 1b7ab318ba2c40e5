//! Where a value stands in an answer, and how a request is filled in.
//!
//! Backends that mean the same thing name it differently; selectors and templates are the two
//! halves of that difference, and the only place where field names of an app are interpreted.

use std::fmt;

use serde_json::Value;

/// The place of one value in an HTTP answer or in a socket payload.
#[derive(Clone, PartialEq, Eq)]
pub enum Selector {
    /// A JSON Pointer (RFC 6901) into the body. The empty pointer is the whole body.
    Pointer(String),
    /// A JSONPath query (RFC 9535) into the body; the first match counts.
    Path(String),
    /// A response header, by lower-case name.
    Header(String),
    /// A cookie set by the answer (`Set-Cookie`, RFC 6265), by name.
    Cookie(String),
}

impl Selector {
    /// Reads the notation used in contract files: `/pointer`, `$.path`, `header:name`, `cookie:name`.
    ///
    /// # Errors
    /// Says what is wrong with `text`, for a diagnostic that points at it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("header:") {
            return if name.is_empty() {
                Err("`header:` needs a header name".to_owned())
            } else {
                Ok(Self::Header(name.to_ascii_lowercase()))
            };
        }
        if let Some(name) = text.strip_prefix("cookie:") {
            return if name.is_empty() {
                Err("`cookie:` needs a cookie name".to_owned())
            } else {
                Ok(Self::Cookie(name.to_owned()))
            };
        }
        if text.starts_with('$') {
            return serde_json_path::JsonPath::parse(text)
                .map(|_| Self::Path(text.to_owned()))
                .map_err(|error| format!("not a JSONPath (RFC 9535): {error}"));
        }
        if text.is_empty() || text.starts_with('/') {
            return Ok(Self::Pointer(text.to_owned()));
        }
        Err(format!(
            "`{text}` is not a selector: write a JSON Pointer (`/data/token`), a JSONPath (`$.data.token`), `header:name` or `cookie:name`"
        ))
    }

    /// The value in a JSON body, if this selector looks into bodies and something stands there.
    #[must_use]
    pub fn in_body<'a>(&self, body: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Pointer(pointer) => body.pointer(pointer),
            Self::Path(path) => serde_json_path::JsonPath::parse(path)
                .ok()
                .and_then(|path| path.query(body).first()),
            Self::Header(_) | Self::Cookie(_) => None,
        }
    }

    /// The value in an answer made of `headers` (any case) and `body`.
    #[must_use]
    pub fn in_answer<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: Option<&Value>,
    ) -> Option<Value> {
        match self {
            Self::Pointer(_) | Self::Path(_) => self.in_body(body?).cloned(),
            Self::Header(name) => headers
                .into_iter()
                .find(|(header, _)| header.eq_ignore_ascii_case(name))
                .map(|(_, value)| Value::from(value)),
            Self::Cookie(name) => headers
                .into_iter()
                .filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"))
                .find_map(|(_, value)| {
                    let (key, rest) = value.split_once('=')?;
                    let value = rest.split(';').next().unwrap_or_default().trim();
                    (key.trim() == name && !value.is_empty()).then(|| Value::from(value))
                }),
        }
    }

    /// Writes `value` at this place, creating objects on the way. Only pointers can be written;
    /// `false` says that this selector cannot.
    pub fn write(&self, body: &mut Value, value: Value) -> bool {
        let Self::Pointer(pointer) = self else {
            return false;
        };
        let mut slot = body;
        for segment in pointer.split('/').skip(1) {
            let key = segment.replace("~1", "/").replace("~0", "~");
            if let Value::Array(items) = slot {
                let Some(item) = key
                    .parse()
                    .ok()
                    .and_then(|index: usize| items.get_mut(index))
                else {
                    return false;
                };
                slot = item;
                continue;
            }
            if !slot.is_object() {
                *slot = Value::Object(serde_json::Map::new());
            }
            let Value::Object(fields) = slot else {
                return false;
            };
            slot = fields.entry(key).or_insert(Value::Null);
        }
        *slot = value;
        true
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(text) | Self::Path(text) => out.write_str(text),
            Self::Header(name) => write!(out, "header:{name}"),
            Self::Cookie(name) => write!(out, "cookie:{name}"),
        }
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{self}`")
    }
}

/// A JSON value whose strings may hold `{name}` placeholders.
///
/// A string that is exactly one placeholder becomes the placeholder's value with its type; a
/// placeholder inside a longer string becomes text. `{{` and `}}` stand for the braces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(pub Value);

impl Template {
    /// The value with every placeholder filled by `lookup`; an unknown name becomes `null` when it
    /// stands alone and nothing when it stands in text.
    #[must_use]
    pub fn fill(&self, lookup: &dyn Fn(&str) -> Option<Value>) -> Value {
        fill_value(&self.0, lookup)
    }

    /// The names of all placeholders, in order of appearance.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let seen = std::cell::RefCell::new(Vec::new());
        let _ = self.fill(&|name| {
            seen.borrow_mut().push(name.to_owned());
            None
        });
        seen.into_inner()
    }
}

/// Fills the placeholders of one text; see [`Template`].
#[must_use]
pub fn fill_text(text: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> String {
    match fill_string(text, lookup) {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn fill_value(value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Value {
    match value {
        Value::String(text) => fill_string(text, lookup),
        Value::Array(items) => items.iter().map(|item| fill_value(item, lookup)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), fill_value(value, lookup)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn fill_string(text: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> Value {
    if let Some(name) = sole_placeholder(text) {
        return lookup(name).unwrap_or(Value::Null);
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            filled.push_str(&brace[..1]);
            rest = &brace[2..];
        } else if let Some(end) = brace.starts_with('{').then(|| brace.find('}')).flatten() {
            match lookup(&brace[1..end]) {
                Some(Value::String(text)) => filled.push_str(&text),
                Some(Value::Null) | None => {}
                Some(other) => filled.push_str(&other.to_string()),
            }
            rest = &brace[end + 1..];
        } else {
            filled.push_str(&brace[..1]);
            rest = &brace[1..];
        }
    }
    filled.push_str(rest);
    Value::String(filled)
}

fn sole_placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    (!name.is_empty() && !name.contains(['{', '}'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_notation_finds_its_value() {
        let body = json!({"data": {"token": "abc", "list": [{"k": "x", "v": 1}]}});
        let headers = [("Set-Cookie", "rt=r1; HttpOnly"), ("X-Auth", "h1")];
        let find = |text: &str| {
            Selector::parse(text)
                .unwrap()
                .in_answer(headers, Some(&body))
        };
        assert_eq!(find("/data/token"), Some(json!("abc")));
        assert_eq!(find("$.data.list[?@.k=='x'].v"), Some(json!(1)));
        assert_eq!(find("header:x-auth"), Some(json!("h1")));
        assert_eq!(find("cookie:rt"), Some(json!("r1")));
        assert_eq!(find("/nowhere"), None);
        assert!(Selector::parse("data.token").is_err());
    }

    #[test]
    fn a_pointer_is_written_through_missing_objects() {
        let mut body = json!(null);
        assert!(Selector::Pointer("/a/b".into()).write(&mut body, json!(1)));
        assert_eq!(body, json!({"a": {"b": 1}}));
        assert!(!Selector::Path("$.a".into()).write(&mut body, json!(2)));
    }

    #[test]
    fn a_lone_placeholder_keeps_its_type_and_one_in_text_becomes_text() {
        let template = Template(json!({"n": "{n}", "t": "Bearer {t}{{x}}", "none": "{gone}"}));
        let filled = template.fill(&|name| match name {
            "n" => Some(json!(7)),
            "t" => Some(json!("tok")),
            _ => None,
        });
        assert_eq!(filled, json!({"n": 7, "t": "Bearer tok{x}", "none": null}));
        assert_eq!(template.names(), ["n", "t", "gone"]);
    }
}
