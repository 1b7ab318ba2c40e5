//! Keeping secrets out of everything that is written down.
//!
//! The vault learns tokens and passwords as they appear and replaces them by labels: `‹access-1›`
//! is the first access token that was seen, and stays so wherever it turns up again. So a reader can
//! see that the same token was used twice, or stood in a URL, and can never see the token.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

mod escape;
mod hollow;
mod patterns;

pub use hollow::{is_hollow, is_missing};

use patterns::{Extent, Patterns};

/// What kind of secret a value is; its label says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind<'a> {
    /// Sent with data requests.
    Access,
    /// Sent to renew a session.
    Refresh,
    /// The password of an account that the run knows.
    PasswordOf(&'a str),
    /// A password that nobody told the run.
    Password,
    /// A credential that was never seen being handed out.
    Unknown,
}

/// The secrets seen so far. Its `Debug` says only how many.
#[derive(Default)]
pub struct Vault {
    labels: Vec<String>,
    known: HashMap<String, usize>,
    counts: [usize; 4],
    patterns: Patterns,
}

/// Shorter values are too likely to be something else by chance; they are replaced only where they
/// are known to be secrets.
const SHORTEST: usize = 8;

/// How often an escape may hide another.
const ROUNDS: usize = 3;

/// The text with its escapes undone once; `None` when there are none.
fn without_escapes(text: &str) -> Option<String> {
    if !text.contains(['%', '\\']) {
        return None;
    }
    let unescaped = escape::undo(text);
    let decoded = percent_encoding::percent_decode_str(&unescaped)
        .decode_utf8()
        .map_or_else(|_| unescaped.clone(), Cow::into_owned);
    (decoded != text).then_some(decoded)
}

impl Vault {
    /// A vault that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The label of a secret, which is learnt if it is new. What a value was first seen as it stays.
    pub fn learn(&mut self, kind: SecretKind<'_>, value: &str) -> String {
        if let Some(at) = self.known.get(value) {
            return self.labels[*at].clone();
        }
        let label = match kind {
            SecretKind::PasswordOf(account) => format!("‹password {account}›"),
            SecretKind::Access => self.number(0, "access"),
            SecretKind::Refresh => self.number(1, "refresh"),
            SecretKind::Password => self.number(2, "password"),
            SecretKind::Unknown => self.number(3, "unknown-credential"),
        };
        let at = self.labels.len();
        self.labels.push(label.clone());
        self.known.insert(value.to_owned(), at);
        if value.len() >= SHORTEST {
            self.patterns.add(value, at);
        }
        let is_token = matches!(kind, SecretKind::Access | SecretKind::Refresh);
        if is_token && value.len() >= 2 * SHORTEST {
            self.patterns.add_parts(value, self.labels.len());
            let part = format!("‹part of {}", label.trim_start_matches('‹'));
            self.labels.push(part);
        }
        label
    }

    fn number(&mut self, of: usize, name: &str) -> String {
        self.counts[of] += 1;
        format!("‹{name}-{}›", self.counts[of])
    }

    /// The label of a secret that is known.
    #[must_use]
    pub fn label(&self, value: &str) -> Option<&str> {
        self.known.get(value).map(|at| self.labels[*at].as_str())
    }

    /// Whether a text holds no secret in any form. Cheaper than [`Vault::redact`], and the usual
    /// answer.
    #[must_use]
    pub fn is_clean(&self, text: &str) -> bool {
        matches!(self.redact(text), Cow::Borrowed(_))
    }

    /// Replaces every secret in a text: as it is, percent-encoded, in base64, or behind the escapes
    /// of a JSON string.
    ///
    /// The beginning of a token, from half of it on, and the parts of a JSON Web Token count too.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redact_by(text, Extent::Parts)
    }

    /// Replaces whole secrets only: where a credential stands, what is no secret that is known is
    /// another one.
    fn redact_whole<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redact_by(text, Extent::Whole)
    }

    fn redact_by<'t>(&self, text: &'t str, extent: Extent) -> Cow<'t, str> {
        let plain = self.replace(text, extent);
        // Any character may be escaped or not, and escapes may be escaped, so the text is searched
        // as it reads after decoding; only if a secret shows then is its spelling given up.
        let mut decoded = plain.clone();
        for _ in 0..ROUNDS {
            let Some(next) = without_escapes(&decoded) else {
                break;
            };
            if let Cow::Owned(found) = self.replace(&next, extent) {
                return Cow::Owned(found);
            }
            decoded = Cow::Owned(next);
        }
        plain
    }

    fn replace<'t>(&self, text: &'t str, extent: Extent) -> Cow<'t, str> {
        let found = self.patterns.find(text.as_bytes(), extent);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut from = 0;
        for secret in found {
            redacted.push_str(&text[from..secret.start]);
            redacted.push_str(&self.labels[secret.label]);
            from = secret.end;
        }
        redacted.push_str(&text[from..]);
        Cow::Owned(redacted)
    }

    /// Replaces every secret in a JSON value, in place; says whether there was one.
    pub fn redact_value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                if text.len() < SHORTEST {
                    return false;
                }
                let Cow::Owned(redacted) = self.redact(text) else {
                    return false;
                };
                *text = redacted;
                true
            }
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |any, item| self.redact_value(item) | any),
            Value::Object(fields) => {
                let mut any = fields
                    .values_mut()
                    .fold(false, |any, field| self.redact_value(field) | any);
                if fields
                    .keys()
                    .any(|key| key.len() >= SHORTEST && !self.is_clean(key))
                {
                    *fields = std::mem::take(fields)
                        .into_iter()
                        .map(|(key, field)| (self.redact(&key).into_owned(), field))
                        .collect();
                    any = true;
                }
                any
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Replaces what stands where a template has secrets: `{password}`, `{access-token}` and
    /// `{refresh-token}`, however short it is. Unknown values are learnt.
    pub fn redact_by_template(&mut self, template: &Value, value: &mut Value) {
        match (template, value) {
            (Value::String(template), Value::String(text)) => {
                if let Some(redacted) = self.redact_templated(template, text) {
                    *text = redacted;
                }
            }
            (Value::Array(templates), Value::Array(items)) => {
                for (template, item) in templates.iter().zip(items) {
                    self.redact_by_template(template, item);
                }
            }
            (Value::Object(templates), Value::Object(fields)) => {
                for (key, template) in templates {
                    if let Some(field) = fields.get_mut(key) {
                        self.redact_by_template(template, field);
                    }
                }
            }
            _ => {}
        }
    }

    /// The text with its secret part replaced, if the template has one and the text fits it.
    pub fn redact_templated(&mut self, template: &str, text: &str) -> Option<String> {
        let (kind, name) = [
            (SecretKind::Password, "{password}"),
            (SecretKind::Access, "{access-token}"),
            (SecretKind::Refresh, "{refresh-token}"),
        ]
        .into_iter()
        .find(|(_, name)| template.contains(name))?;
        let (before, after) = template.split_once(name)?;
        let secret = text
            .strip_prefix(before)
            .and_then(|text| text.strip_suffix(after))
            .unwrap_or(text);
        if secret.is_empty() || secret.starts_with('‹') {
            return None;
        }
        // What stands for a missing value is no token, and worth reading.
        if !matches!(kind, SecretKind::Password) && is_missing(secret) {
            return None;
        }
        // A token that was never handed out is not an access token because it is sent as one.
        let kind = match kind {
            SecretKind::Access | SecretKind::Refresh => SecretKind::Unknown,
            other => other,
        };
        let label = self.learn(kind, secret);
        let at = text.find(secret)?;
        Some(format!(
            "{}{label}{}",
            &text[..at],
            &text[at + secret.len()..]
        ))
    }

    /// Replaces the credential in an authorization header's value, known or not; the scheme stays.
    /// What stands where no credential is, as in `Bearer undefined`, stays as it is.
    pub fn redact_credential(&mut self, value: &str) -> String {
        if is_hollow(value) {
            return value.to_owned();
        }
        let (scheme, credential) = match value.split_once(' ') {
            Some((scheme, rest)) if !scheme.contains(['=', ',', ':']) => {
                (scheme, rest.trim_start())
            }
            _ => ("", value),
        };
        if credential.is_empty() {
            return value.to_owned();
        }
        let redacted = match self.redact_whole(credential) {
            Cow::Owned(redacted) => redacted,
            Cow::Borrowed(credential) => self.learn(SecretKind::Unknown, credential),
        };
        if scheme.is_empty() {
            redacted
        } else {
            format!("{scheme} {redacted}")
        }
    }

    /// Replaces the values of a `Cookie` header, or of the first pair of a `Set-Cookie`.
    pub fn redact_cookies(&mut self, value: &str, set: bool) -> String {
        let (pairs, rest) = match value.split_once(';') {
            Some((pair, rest)) if set => (pair, Some(rest)),
            _ => (value, None),
        };
        let mut redacted = String::with_capacity(value.len());
        for (index, pair) in pairs.split(';').enumerate() {
            if index > 0 {
                redacted.push(';');
            }
            match pair.split_once('=') {
                Some((name, secret)) if !secret.trim().is_empty() => {
                    redacted.push_str(name);
                    redacted.push('=');
                    let secret = secret.trim();
                    let label = match self.redact_whole(secret) {
                        Cow::Owned(redacted) => redacted,
                        Cow::Borrowed(secret) => self.learn(SecretKind::Unknown, secret),
                    };
                    redacted.push_str(&label);
                }
                _ => redacted.push_str(pair),
            }
        }
        if let Some(rest) = rest {
            redacted.push(';');
            redacted.push_str(&self.redact(rest));
        }
        redacted
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Vault({} secrets)", self.known.len())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl";

    fn vault() -> Vault {
        let mut vault = Vault::new();
        vault.learn(SecretKind::PasswordOf("tester-a"), "pa/ss wörd+1");
        vault.learn(SecretKind::Access, TOKEN);
        vault.learn(SecretKind::Refresh, &format!("{TOKEN}-2"));
        vault
    }

    #[test]
    fn labels_are_numbered_by_first_sight_and_stay() {
        let mut vault = vault();
        assert_eq!(
            vault.learn(SecretKind::Access, "another-token"),
            "‹access-2›"
        );
        assert_eq!(vault.learn(SecretKind::Unknown, TOKEN), "‹access-1›");
        assert_eq!(vault.label(TOKEN), Some("‹access-1›"));
    }

    #[test]
    fn a_secret_is_found_raw_escaped_and_in_base64_at_any_place() {
        let vault = vault();
        assert_eq!(vault.redact(&format!("a={TOKEN}&b=1")), "a=‹access-1›&b=1");
        assert_eq!(
            vault.redact("p=pa%2Fss%20w%C3%B6rd%2b1"),
            "p=‹password tester-a›"
        );
        assert_eq!(
            vault.redact("p=%70a%252Fss%2520w%25C3%25B6rd%252B1"),
            "p=‹password tester-a›"
        );
        assert_eq!(
            vault.redact(r#"{"p":"\u0070a\/ss wörd+1"}"#),
            "{\"p\":\"‹password tester-a›\"}"
        );
        for before in ["", "u", "us", "user"] {
            for after in ["", "x", "xy"] {
                for engine in [STANDARD, URL_SAFE] {
                    let hidden = engine.encode(format!("{before}pa/ss wörd+1{after}"));
                    let redacted = vault.redact(&hidden);
                    assert!(
                        redacted.contains("‹password tester-a›"),
                        "{before}|{after}: {redacted}"
                    );
                }
            }
        }
    }

    #[test]
    fn part_of_a_token_gives_it_away_and_what_only_looks_like_it_does_not() {
        let mut vault = Vault::new();
        vault.learn(SecretKind::Access, "q7Zr20Lw9fKc83VbXt5HmP1dE");
        vault.learn(SecretKind::Refresh, "sailor-0123456789.aB3dE6gH9");
        vault.learn(SecretKind::Access, TOKEN);
        for (text, expected) in [
            ("/x?k=q7Zr20Lw9fKc83Vb&n=1", "/x?k=‹part of access-1›&n=1"),
            ("/x?k=q7Zr20Lw9fKc8", "/x?k=‹part of access-1›"),
            ("/x?k=%717Zr20Lw9fKc83V", "/x?k=‹part of access-1›"),
            ("/x?k=q7Zr20Lw9fKc83VbXt5HmP1dE", "/x?k=‹access-1›"),
            // Less than half of it, another word, and an id that the token is made of.
            ("/x?k=q7Zr20Lw9fKc", "/x?k=q7Zr20Lw9fKc"),
            ("/x?k=q7Zr20Lw9fKc83VbQQ", "/x?k=q7Zr20Lw9fKc83VbQQ"),
            ("/users/sailor-0123456789/x", "/users/sailor-0123456789/x"),
            ("/x?p=eyJzdWIiOiJ1MSJ9", "/x?p=‹part of access-2›"),
            ("/x?p=eyJhbGciOiJFUzI1NiJ9", "/x?p=eyJhbGciOiJFUzI1NiJ9"),
        ] {
            assert_eq!(vault.redact(text), expected, "{text}");
        }
        // Where a credential stands it is one of its own.
        assert_eq!(
            vault.redact_credential("Bearer q7Zr20Lw9fKc83Vb"),
            "Bearer ‹unknown-credential-1›"
        );
        assert_eq!(format!("{vault:?}"), "Vault(4 secrets)");
    }

    #[test]
    fn the_longest_secret_at_a_place_wins() {
        let vault = vault();
        assert_eq!(vault.redact(&format!("{TOKEN}-2")), "‹refresh-1›");
        assert_eq!(vault.redact(&format!("{TOKEN}-3")), "‹access-1›-3");
    }

    #[test]
    fn values_keys_and_nested_text_of_json_are_searched() {
        let vault = vault();
        let mut value = json!({"a": [TOKEN, 1], TOKEN: "x"});
        assert!(vault.redact_value(&mut value));
        assert_eq!(value, json!({"a": ["‹access-1›", 1], "‹access-1›": "x"}));
        assert!(!vault.redact_value(&mut json!({"price": "12345678.90"})));
    }

    #[test]
    fn short_secrets_go_where_the_contract_puts_them_and_stay_elsewhere() {
        let mut vault = Vault::new();
        vault.learn(SecretKind::PasswordOf("tester-a"), "short");
        let template = json!({"user": "{username}", "secret": {"password": "{password}"}});
        let mut body = json!({"user": "short", "secret": {"password": "short"}});
        vault.redact_by_template(&template, &mut body);
        assert_eq!(
            body,
            json!({"user": "short", "secret": {"password": "‹password tester-a›"}})
        );
        let mut wrong = json!({"user": "a", "secret": {"password": "wrong"}});
        vault.redact_by_template(&template, &mut wrong);
        assert_eq!(wrong["secret"]["password"], "‹password-1›");
    }

    #[test]
    fn a_credential_that_was_never_handed_out_gets_a_label_of_its_own() {
        let mut vault = vault();
        assert_eq!(
            vault.redact_credential(&format!("Bearer {TOKEN}")),
            "Bearer ‹access-1›"
        );
        assert_eq!(
            vault.redact_credential("Bearer stranger"),
            "Bearer ‹unknown-credential-1›"
        );
        assert_eq!(
            vault.redact_credential("stranger"),
            "‹unknown-credential-1›"
        );
        assert_eq!(vault.redact("x stranger y"), "x ‹unknown-credential-1› y");
        assert_eq!(
            vault.redact_cookies("a=1; sid=q9", false),
            "a=‹unknown-credential-2›; sid=‹unknown-credential-3›"
        );
        assert_eq!(
            vault.redact_cookies("rt=r1; Path=/; HttpOnly", true),
            "rt=‹unknown-credential-4›; Path=/; HttpOnly"
        );
    }

    proptest! {
        #[test]
        fn no_learnt_secret_survives(secrets in prop::collection::vec("[ -~é]{8,20}", 1..6), text in "[ -~é%]{0,20}") {
            let mut vault = Vault::new();
            let mut joined = text.clone();
            for secret in &secrets {
                vault.learn(SecretKind::Access, secret);
                joined.push_str(secret);
                joined.push_str(&text);
            }
            let redacted = vault.redact(&joined).into_owned();
            for secret in &secrets {
                prop_assert!(!redacted.contains(secret.as_str()) || "‹access-12345›".contains(secret.as_str()));
            }
        }
    }
}
