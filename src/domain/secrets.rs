//! Keeping secrets out of everything that is written down.
//!
//! The vault learns tokens and passwords as they appear and replaces them by labels: `‹access-1›`
//! is the first access token that was seen, and stays so wherever it turns up again. So a reader can
//! see that the same token was used twice, or stood in a URL, and can never see the token.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

mod encoded;
mod escape;
mod hollow;
mod names;
mod patterns;
mod shape;
mod spots;
mod suspects;
#[cfg(test)]
mod tests;

pub use hollow::{is_hollow, is_missing};

use super::contract::Secrecy;
use names::Names;
use patterns::{Extent, Match, Patterns};

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
    /// What by its name or shape may be a secret. Nobody is judged by it.
    Suspected,
}

/// The secrets seen so far. Its `Debug` says only how many.
#[derive(Default)]
pub struct Vault {
    labels: Vec<String>,
    known: HashMap<String, Known>,
    counts: [usize; 5],
    patterns: Patterns,
    names: Names,
    /// Values that are no secrets, whatever their names say.
    open: HashSet<String>,
    /// How many of the patterns are only suspected.
    suspected: usize,
    /// Bytes that are taken by what nobody was seen handing out.
    strange: usize,
}

/// What is known of one secret.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Its label.
    label: usize,
    /// Whether it only may be a secret.
    suspected: bool,
    /// Whether texts are searched for it.
    searched: bool,
}

/// Shorter values are too likely to be something else by chance; they are replaced only where they
/// are known to be secrets.
const SHORTEST: usize = 8;

/// What the label of something begins with that only may be a secret: no rule takes it for a label.
const HIDDEN: char = '«';

/// Whether a text has a label in it, where something else was.
#[must_use]
pub fn holds_label(text: &str) -> bool {
    text.contains(['‹', HIDDEN])
}

/// How many secrets that are only suspected are searched for.
const MOST_SUSPECTED: usize = 4_096;

/// Bytes that may be taken by what clients send and nobody was seen handing out: cookies and credentials that
/// are never the same would fill the memory of whoever remembers all of them.
const MOST_STRANGE: usize = 16 * 1024 * 1024;

/// What remembering a value takes beside its length: a label, places in the tables, spellings that are
/// searched for.
const EACH: usize = 1_024;

/// How much of a value is kept to know it again.
const LONGEST: usize = 4_096;

/// How often an escape may hide another.
const ROUNDS: usize = 3;

/// The text with its escapes undone once; `None` when there are none.
fn without_escapes(text: &str) -> Option<String> {
    if !text.contains(['%', '\\', '&']) {
        return None;
    }
    let unescaped = escape::undo_entities(&escape::undo(text));
    let decoded = percent_encoding::percent_decode_str(&unescaped)
        .decode_utf8()
        .map_or_else(|_| unescaped.clone(), Cow::into_owned);
    (decoded != text).then_some(decoded)
}

/// By what a value is known again: its beginning and its length, if it is long.
fn key(value: &str) -> Cow<'_, str> {
    match value.len() > LONGEST {
        true => {
            let beginning = &value[..value.floor_char_boundary(LONGEST)];
            format!("{beginning} {}", value.len()).into()
        }
        false => value.into(),
    }
}

impl Vault {
    /// A vault that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides what a contract says besides, and never what stands in it.
    pub fn agree(&mut self, secrecy: &Secrecy) {
        self.names.add(&secrecy.names);
        self.open.extend(secrecy.literals.iter().cloned());
    }

    /// The label of a secret, which is learnt if it is new. What a value was first seen as it stays,
    /// unless it was only suspected to be a secret.
    ///
    /// What nobody was seen handing out is told apart as long as there is room for it, and then has a label
    /// without a number.
    pub fn learn(&mut self, kind: SecretKind<'_>, value: &str) -> String {
        let key = key(value);
        let known = self.known.get(&*key).copied();
        if let Some(known) = known
            && (!known.suspected || kind == SecretKind::Suspected)
        {
            return self.labels[known.label].clone();
        }
        let is_strange = matches!(kind, SecretKind::Unknown | SecretKind::Suspected);
        if is_strange && known.is_none() {
            self.strange += EACH + key.len();
            if self.strange > MOST_STRANGE {
                return match kind {
                    SecretKind::Unknown => "‹unknown-credential›".to_owned(),
                    _ => format!("{HIDDEN}secret»"),
                };
            }
        }
        let label = match kind {
            SecretKind::PasswordOf(account) => format!("‹password {account}›"),
            SecretKind::Access => self.number(0, "access"),
            SecretKind::Refresh => self.number(1, "refresh"),
            SecretKind::Password => self.number(2, "password"),
            SecretKind::Unknown => self.number(3, "unknown-credential"),
            SecretKind::Suspected => {
                self.counts[4] += 1;
                format!("{HIDDEN}secret-{}»", self.counts[4])
            }
        };
        let at = known.map_or(self.labels.len(), |known| known.label);
        match known {
            Some(_) => self.labels[at].clone_from(&label),
            None => self.labels.push(label.clone()),
        }
        let suspected = kind == SecretKind::Suspected;
        let searched = known.is_some_and(|known| known.searched);
        let is_long = is_strange && value.len() > LONGEST;
        let search = !searched && !is_long && self.is_searched_for(value, suspected);
        let known = Known {
            label: at,
            suspected,
            searched: searched || search,
        };
        self.known.insert(key.into_owned(), known);
        if search {
            self.patterns.add(value, at);
        }
        if !is_strange && value.len() >= 2 * SHORTEST {
            self.patterns.add_parts(value, self.labels.len());
            let part = format!("‹part of {}", label.trim_start_matches('‹'));
            self.labels.push(part);
        }
        label
    }

    /// Whether a secret is searched for in all texts. Of what is only suspected that is what nobody
    /// would write by chance, and not without limit.
    fn is_searched_for(&mut self, value: &str, suspected: bool) -> bool {
        if !suspected {
            return value.len() >= SHORTEST;
        }
        let search = self.suspected < MOST_SUSPECTED && shape::is_chosen(value);
        self.suspected += usize::from(search);
        search
    }

    fn number(&mut self, of: usize, name: &str) -> String {
        self.counts[of] += 1;
        format!("‹{name}-{}›", self.counts[of])
    }

    /// The label of a secret that is known.
    #[must_use]
    pub fn label(&self, value: &str) -> Option<&str> {
        let known = self.known.get(&*key(value))?;
        Some(&self.labels[known.label])
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
        if let Some(joined) = encoded::without_breaks(&decoded)
            && let Cow::Owned(found) = self.replace(&joined, extent)
        {
            return Cow::Owned(found);
        }
        let hidden = encoded::runs(&plain, |bytes| {
            let found = self.patterns.find(bytes, extent);
            found.first().map(|found| found.label)
        });
        match self.replaced(&plain, &hidden) {
            Some(replaced) => Cow::Owned(replaced),
            None => plain,
        }
    }

    fn replace<'t>(&self, text: &'t str, extent: Extent) -> Cow<'t, str> {
        let found = self.patterns.find(text.as_bytes(), extent);
        self.replaced(text, &found)
            .map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// The text with labels where secrets were found; `None` if there were none.
    fn replaced(&self, text: &str, found: &[Match]) -> Option<String> {
        if found.is_empty() {
            return None;
        }
        let mut redacted = String::with_capacity(text.len());
        let mut from = 0;
        for secret in found {
            redacted.push_str(&text[from..secret.start]);
            redacted.push_str(&self.labels[secret.label]);
            from = secret.end;
        }
        redacted.push_str(&text[from..]);
        Some(redacted)
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

    /// A header without secrets: whatever is known, and every credential in the place of one, whether it is known
    /// or not. `authorize` is the header in which the contract has credentials; names are in lower case.
    pub fn conceal_head(&mut self, authorize: &str, name: &str, value: &str) -> (String, String) {
        let concealed = match name {
            "authorization" | "proxy-authorization" | "x-api-key" | "x-auth-token" => {
                self.redact_credential(value)
            }
            "cookie" => self.redact_cookies(value, false),
            "set-cookie" => self.redact_cookies(value, true),
            own if authorize.eq_ignore_ascii_case(own) => self.redact_credential(value),
            other => self.conceal_header(other, value),
        };
        (self.conceal_name(name), concealed)
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
        let redacted = self.credential(credential);
        if scheme.is_empty() {
            redacted
        } else {
            format!("{scheme} {redacted}")
        }
    }

    /// What stands for a text that is a credential by its place.
    fn credential(&mut self, text: &str) -> String {
        if self.known.get(text).is_some_and(|known| known.suspected) {
            return self.learn(SecretKind::Unknown, text);
        }
        match self.redact_whole(text) {
            Cow::Owned(redacted) => redacted,
            Cow::Borrowed(secret) => self.learn(SecretKind::Unknown, secret),
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
                    redacted.push_str(&self.credential(secret));
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
