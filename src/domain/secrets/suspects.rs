//! Hiding what nobody declared to be a secret and may be one: by the name under which it stands, or by
//! its shape.
//!
//! What is hidden so has a label of its own kind, `«secret-1»`, that no rule takes for a token's. The same
//! value has the same label, so that whoever compares two sees whether they are equal.

use std::borrow::Cow;

use serde_json::Value;

use super::names::Says;
use super::{ROUNDS, SHORTEST, SecretKind, Vault, is_hollow, shape, spots, without_escapes};

/// How long a method is at most that is shown though nobody knows it: longer than all that are registered.
const LONGEST_METHOD: usize = 20;

/// How long the name of a subprotocol is at most that is shown.
const LONGEST_PROTOCOL: usize = 24;

impl Vault {
    /// A text without known secrets, and without what may be one.
    pub fn conceal<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let known = self.redact(text);
        if let Some(concealed) = self.without_spots(&known) {
            return Cow::Owned(concealed);
        }
        // As with secrets that are known: only where a decoded text shows one is its spelling given up.
        let mut decoded = None;
        for _ in 0..ROUNDS {
            let next = without_escapes(decoded.as_deref().unwrap_or(&known));
            let Some(next) = next else {
                break;
            };
            if let Some(concealed) = self.without_spots(&next) {
                return Cow::Owned(concealed);
            }
            decoded = Some(next);
        }
        known
    }

    fn without_spots(&mut self, text: &str) -> Option<String> {
        let spots = spots::spots(text, &mut self.names);
        if spots.is_empty() {
            return None;
        }
        let mut concealed = String::with_capacity(text.len());
        let mut from = 0;
        for spot in spots {
            concealed.push_str(&text[from..spot.start]);
            concealed.push_str(&self.hide(&text[spot.clone()]));
            from = spot.end;
        }
        concealed.push_str(&text[from..]);
        Some(concealed)
    }

    /// The label of what may be a secret; of one that is known, its own.
    fn hide(&mut self, text: &str) -> String {
        if shape::is_readable(text) || self.open.contains(text) {
            return text.to_owned();
        }
        let (scheme, own) = match text.split_once(' ') {
            Some((scheme, own)) if is_scheme(scheme) => (&text[..=scheme.len()], own),
            _ => ("", text),
        };
        let spaced = own.replace('+', " ");
        let decoded = match own.contains('%') {
            true => percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy(),
            false => Cow::Borrowed(own),
        };
        let label = match self.redact(&decoded) {
            Cow::Owned(redacted) => redacted,
            Cow::Borrowed(_) => self.learn(SecretKind::Suspected, &decoded),
        };
        format!("{scheme}{label}")
    }

    /// Hides in a JSON value, in place, all that is known or may be a secret.
    pub fn conceal_value(&mut self, value: &mut Value) {
        self.conceal_named(Says::Nothing, false, value);
    }

    fn conceal_named(&mut self, says: Says, within: bool, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(concealed) = self.conceal_text(says, within, text) {
                    *text = concealed;
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.conceal_named(says, within, item);
                }
            }
            Value::Object(fields) => {
                let within = within || says == Says::Secret;
                for (key, field) in fields.iter_mut() {
                    let own = self.names.say(key);
                    if own == Says::Secret && is_code(key, field) {
                        *field = self.hide(&field.to_string()).into();
                    }
                    self.conceal_named(own, within, field);
                }
                let hides = |vault: &mut Self, key: &str| {
                    key.len() >= SHORTEST && matches!(vault.conceal(key), Cow::Owned(_))
                };
                if fields.keys().any(|key| hides(self, key)) {
                    *fields = std::mem::take(fields)
                        .into_iter()
                        .map(|(key, field)| (self.conceal(&key).into_owned(), field))
                        .collect();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A text under a name; `None` if it stays as it is.
    fn conceal_text(&mut self, says: Says, within: bool, text: &str) -> Option<String> {
        let hides = match says {
            Says::Secret => !text.is_empty(),
            Says::Nothing => shape::is_random(text) || within && shape::is_chosen(text),
            Says::Identifier => false,
        };
        if hides {
            return Some(self.hide(text));
        }
        if text.len() < SHORTEST {
            return None;
        }
        match self.conceal(text) {
            Cow::Owned(concealed) => Some(concealed),
            Cow::Borrowed(_) => None,
        }
    }

    /// A header's value as its name and its shape say.
    pub fn conceal_header(&mut self, name: &str, value: &str) -> String {
        if name == "sec-websocket-protocol" {
            return self.conceal_protocols(value);
        }
        let says = match name.ends_with("session") {
            true => Says::Secret,
            false => self.names.say(name),
        };
        if says == Says::Secret && is_hollow(value) {
            return value.to_owned();
        }
        self.conceal_text(says, false, value)
            .unwrap_or_else(|| value.to_owned())
    }

    /// The subprotocols of a WebSocket, in whose place browsers have to put what they authorize with.
    fn conceal_protocols(&mut self, value: &str) -> String {
        let items = value.split(',').map(str::trim);
        let items: Vec<String> = items
            .map(|item| {
                let letters = item.bytes().filter(u8::is_ascii_alphabetic).count();
                let plain = item.len() <= LONGEST_PROTOCOL && letters * 4 >= item.len() * 3;
                match self.redact(item) {
                    Cow::Owned(redacted) => redacted,
                    Cow::Borrowed(_) if plain => item.to_owned(),
                    Cow::Borrowed(_) => self.hide(item),
                }
            })
            .collect();
        items.join(", ")
    }

    /// The name of a header: parsers let any word be one.
    pub fn conceal_name(&mut self, name: &str) -> String {
        let digits = name.bytes().filter(u8::is_ascii_digit).count();
        let odd = name.len() >= 2 * LONGEST_PROTOCOL && !name.contains('-')
            || digits >= 6 && name.len() >= 16;
        match self.redact(name) {
            Cow::Owned(redacted) => redacted,
            Cow::Borrowed(_) if odd => self.hide(name),
            Cow::Borrowed(_) => name.to_owned(),
        }
    }

    /// A method: parsers let any word be one.
    pub fn conceal_method(&mut self, method: &str) -> String {
        let word = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
        // What is too short to be kept secret is shown whatever it is: it may be why nothing could be read.
        let plain =
            method.len() < SHORTEST || method.len() <= LONGEST_METHOD && method.bytes().all(word);
        match self.redact(method) {
            Cow::Owned(redacted) => redacted,
            Cow::Borrowed(_) if plain => method.to_owned(),
            Cow::Borrowed(_) => self.hide(method),
        }
    }
}

/// Whether a word is a scheme of credentials.
fn is_scheme(word: &str) -> bool {
    [
        "bearer", "basic", "token", "dpop", "jwt", "apikey", "digest",
    ]
    .iter()
    .any(|own| own.eq_ignore_ascii_case(word))
}

/// Whether a number is what people type in to show who they are.
fn is_code(key: &str, value: &Value) -> bool {
    let key = key.to_ascii_lowercase();
    let typed = ["pin", "otp", "cvv", "cvc", "password", "passcode"];
    typed.iter().any(|own| key.ends_with(own)) && value.as_u64().is_some_and(|number| number >= 100)
}
