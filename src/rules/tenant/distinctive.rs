//! What tells accounts apart: values that two of them hardly have by chance.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;

use crate::domain::secrets::holds_label;
use crate::rules::flattened::walk;

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
    /// Those of a body: texts and decimals.
    pub(super) fn of(body: &Value) -> Self {
        let mut found = BTreeMap::new();
        let _ = walk(body, None, &mut String::new(), &mut |path, value| {
            let own = match value {
                Value::String(text) if is_distinctive(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()).filter(|text| is_decimal(text)),
                _ => None,
            };
            found.extend(own.map(|own| (path.to_owned(), own)));
            match found.len() {
                ..LEARNT => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        Self(found)
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

    /// Those that are no figures.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(_, value)| !is_figure(value))
    }
}

/// Whether a value is a figure, as a number or a text.
fn is_figure(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

/// Whether a text is unlikely to be anybody else's: an address, or long and with a digit. Dates and
/// labels of the journal are nobody's.
pub(super) fn is_distinctive(text: &str) -> bool {
    let date = text.len() >= 10
        && text.bytes().take(4).all(|byte| byte.is_ascii_digit())
        && text.as_bytes()[4] == b'-';
    let long = text.len() >= TEXT && text.bytes().any(|byte| byte.is_ascii_digit());
    (long || text.contains('@'))
        && !date
        && !text.contains('\n')
        && !holds_label(text)
        && text.len() <= 200
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

/// Whether two accounts hardly have a value by chance: not a flag, a word or a small number.
pub(super) fn is_weighty(value: &Value) -> bool {
    match value {
        Value::String(text) => is_distinctive(text) || text.chars().count() >= 12,
        Value::Number(number) => {
            let text = number.to_string();
            let digits = text.bytes().filter(u8::is_ascii_digit);
            digits.skip_while(|digit| *digit == b'0').count() >= 4
        }
        _ => false,
    }
}

/// Whether a key looks handed out, and not chosen from what everybody knows: with figures in it.
pub(super) fn is_handed_out(key: &str) -> bool {
    let figures = key.bytes().filter(u8::is_ascii_digit).count();
    match key.parse::<u64>() {
        Ok(_) => key.len() >= 4,
        Err(_) => figures >= 2 && key.len() >= 5,
    }
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
    fn words_flags_and_small_numbers_are_anybodys() {
        for common in [
            json!("LONG"),
            json!("isolated"),
            json!(true),
            json!(0.5),
            json!(17),
        ] {
            assert!(!is_weighty(&common), "{common}");
        }
        for own in [json!("alice retirement"), json!(48213), json!(-10.25)] {
            assert!(is_weighty(&own), "{own}");
        }
        assert!(is_handed_out("DE001") && is_handed_out("7001") && is_handed_out("pos_3a91_01"));
        assert!(!is_handed_out("BTC-PERP") && !is_handed_out("12") && !is_handed_out("ETH2"));
    }
}
