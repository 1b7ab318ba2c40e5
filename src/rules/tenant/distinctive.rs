//! What gives an account away: its identity, and what only its own answers hold.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::journal::{Content, EntryId};

/// How short a name may be that says who somebody is.
const NAME: usize = 6;
/// How short a text may be that is distinctive.
const TEXT: usize = 8;
/// How few digits a distinctive decimal has.
const DIGITS: usize = 5;
/// How many values of one answer are learnt.
const LEARNT: usize = 512;

/// The values of one answer that may be distinctive, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Distinctive(BTreeMap<String, String>);

impl Distinctive {
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

/// Whether a name says who somebody is; one that is too short or a plain word may be anything.
pub(super) fn is_name(name: &str) -> bool {
    name.len() >= NAME || (name.len() >= 5 && name.bytes().any(|byte| byte.is_ascii_digit()))
}

/// One thing of an account that was seen, and where.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    pub(super) value: String,
    pub(super) learnt: EntryId,
}

#[cfg(test)]
mod tests {
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
}
