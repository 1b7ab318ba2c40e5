//! What gives an account away: its identity, and what only its own answers hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::journal::{Content, EntryId};

/// How short a name may be that is looked for inside longer texts.
const NAME: usize = 6;
/// How short a text may be that is distinctive.
const TEXT: usize = 8;
/// How few digits a distinctive decimal has.
const DIGITS: usize = 5;
/// How many values of one answer are learnt.
const LEARNT: usize = 512;

/// The values of one answer that may be distinctive, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values(BTreeMap<String, String>);

impl Values {
    pub(super) fn of(content: &Content) -> Self {
        let mut values = Self::default();
        if let Some(value) = content.json() {
            values.add("", value);
        }
        values
    }

    pub(super) fn of_body(body: &Value) -> Self {
        let mut values = Self::default();
        values.add("", body);
        values
    }

    fn add(&mut self, path: &str, value: &Value) {
        if self.0.len() >= LEARNT {
            return;
        }
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.add(&format!("{path}/{at}"), item);
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.add(&format!("{path}/{key}"), field);
                }
            }
            Value::String(text) if is_distinctive(text) => {
                self.0.insert(path.to_owned(), text.clone());
            }
            Value::Number(number) => {
                let text = number.to_string();
                if is_decimal(&text) {
                    self.0.insert(path.to_owned(), text);
                }
            }
            _ => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn at(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    pub(super) fn holds(&self, value: &str) -> bool {
        self.0.values().any(|own| own == value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, value)| (path.as_str(), value.as_str()))
    }
}

/// Whether a text is unlikely to be anybody else's: an address, or long and with a digit. Dates and
/// labels of the journal are nobody's.
pub(super) fn is_distinctive(text: &str) -> bool {
    let date = text.len() >= 10
        && text.bytes().take(4).all(|byte| byte.is_ascii_digit())
        && text.as_bytes()[4] == b'-';
    let long = text.len() >= TEXT && text.bytes().any(|byte| byte.is_ascii_digit());
    (long || text.contains('@')) && !date && !text.contains(['‹', '\n']) && text.len() <= 200
}

/// Whether a number is a decimal with enough digits.
fn is_decimal(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    let digits: Vec<u8> = digits.skip_while(|digit| *digit == b'0').collect();
    text.contains('.') && digits.len() >= DIGITS
}

/// The words of everything that was sent, to be looked up.
#[derive(Debug, Default)]
pub(super) struct Sent {
    words: BTreeSet<String>,
    whole: String,
}

impl Sent {
    pub(super) fn content(&mut self, content: &Content) {
        match content {
            Content::Json { value, .. } => value
                .value()
                .into_iter()
                .for_each(|value| self.value(value)),
            Content::Text { text, .. } => self.text(text),
            Content::Truncated { beginning, .. } => self.text(beginning),
            Content::Empty | Content::Binary { .. } => {}
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.whole.push('\n');
        self.whole.push_str(text);
        let parts = text.split(|letter: char| {
            !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '@' | ':' | '+' | '-'))
        });
        self.words.extend(
            parts
                .filter(|part| part.len() >= NAME)
                .map(ToOwned::to_owned),
        );
        if text.len() <= 200 {
            self.words.insert(text.to_owned());
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.text(key);
                    self.value(field);
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Whether a distinctive text stands in it.
    pub(super) fn has(&self, value: &str) -> bool {
        self.words.contains(value)
    }

    /// Whether a name stands in it, by itself or inside a longer text; a short one only by itself.
    pub(super) fn names(&self, name: &str) -> bool {
        if self.words.contains(name) {
            return true;
        }
        let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        name.len() >= NAME
            && self.whole.match_indices(name).any(|(at, _)| {
                let before = self.whole[..at].chars().next_back();
                let after = self.whole[at + name.len()..].chars().next();
                !is_part(before) && !is_part(after)
            })
    }
}

/// Whether a name says who somebody is; one that is too short or a plain word may be anything.
pub(super) fn is_name(name: &str) -> bool {
    name.len() >= NAME || (name.len() >= 5 && name.bytes().any(|byte| byte.is_ascii_digit()))
}

/// One thing of an account that was seen, and where.
#[derive(Debug, Clone)]
pub(super) struct Canary {
    pub(super) value: String,
    pub(super) learnt: EntryId,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn common_values_give_nobody_away() {
        for common in [
            "BTC-PERP",
            "2026-01-04T21:14:37Z",
            "short1",
            "‹access-1›",
            "settings",
        ] {
            assert!(!is_distinctive(common), "{common}");
        }
        for own in ["pos_3a91_01", "ada@port.example", "US0378331005"] {
            assert!(is_distinctive(own), "{own}");
        }
        assert!(is_decimal("48213.77") && is_decimal("-0.0012345"));
        assert!(!is_decimal("5") && !is_decimal("0.5") && !is_decimal("48213"));
    }

    #[test]
    fn a_name_is_found_in_a_text_but_not_in_another_name() {
        let mut sent = Sent::default();
        sent.content(&Content::Json {
            value: json!({"error": "order inv_801-1000 belongs to inv_8011"}).into(),
            bytes: 0,
        });
        assert!(sent.names("inv_801") && sent.names("inv_8011"));
        assert!(!sent.names("inv_80"));
        assert!(sent.has("inv_801-1000"));
    }
}
