//! Bodies as the journal keeps them: JSON or text without secrets, or only their hash.

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde_json::Value;

use super::scribe::Scribe;
use crate::domain::coding;
use crate::domain::contract::{Body, Contract, Role};
use crate::domain::journal::Content;
use crate::domain::scope::RequestView;

/// How many bytes of a body the journal looks at.
pub(super) const KEPT: usize = 256 * 1024;

/// How much of a longer body is shown.
pub(super) const SHOWN: usize = 4 * 1024;

/// How much of a longer body is searched for secrets: what is shown, and the rest of what begins in it.
pub(super) const SEARCHED: usize = 64 * 1024;

/// Follows a body that passes, in bounded memory.
pub(super) struct Capture {
    kept: Vec<u8>,
    limit: usize,
    total: u64,
    digest: Option<Context>,
}

/// What is known of a body that has passed.
pub(super) struct Captured {
    pub(super) bytes: Vec<u8>,
    pub(super) total: u64,
    /// The hash of the whole, for a body that is longer than what was kept.
    sha256: Option<String>,
    /// Why what it says cannot be read.
    unread: Option<String>,
}

impl Capture {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            kept: Vec::new(),
            limit,
            total: 0,
            digest: None,
        }
    }

    pub(super) fn add(&mut self, chunk: &[u8]) {
        self.total += chunk.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(chunk);
        } else if self.kept.len() + chunk.len() <= self.limit {
            self.kept.extend_from_slice(chunk);
        } else {
            let mut context = Context::new(&SHA256);
            context.update(&self.kept);
            context.update(chunk);
            self.digest = Some(context);
            let room = self.limit - self.kept.len();
            self.kept.extend_from_slice(&chunk[..room]);
        }
    }

    /// The length and the hash of all that has passed.
    pub(super) fn measure(&mut self) -> (u64, String) {
        let captured = self.finish();
        let sha256 = captured.sha256.unwrap_or_else(|| sha256(&captured.bytes));
        (captured.total, sha256)
    }

    pub(super) fn finish(&mut self) -> Captured {
        Captured {
            bytes: std::mem::take(&mut self.kept),
            total: self.total,
            sha256: self
                .digest
                .take()
                .map(|context| hex(context.finish().as_ref())),
            unread: None,
        }
    }
}

impl Captured {
    /// A body that was read ahead of being passed on; `total` is what its sender announced when
    /// only its beginning was read, and its hash is not known then.
    pub(super) fn ahead(bytes: &[u8], total: Option<u64>) -> Self {
        let is_whole = bytes.len() <= KEPT;
        let unknown = total.map(|_| String::new());
        Self {
            total: total.unwrap_or(bytes.len() as u64),
            bytes: bytes[..bytes.len().min(KEPT)].to_vec(),
            sha256: unknown.or_else(|| (!is_whole).then(|| sha256(bytes))),
            unread: None,
        }
    }

    /// The hash of the whole.
    fn hash(&self) -> String {
        self.sha256.clone().unwrap_or_else(|| sha256(&self.bytes))
    }

    /// The body as its headers say that it is to be read: its content codings undone, its text in
    /// UTF-8. One that no client could read stays as it is.
    pub(super) fn opened(mut self, headers: &[(String, String)]) -> Self {
        let pairs = headers.iter();
        let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
        let whole = self.sha256.is_none();
        let room = self.bytes.len().max(KEPT);
        match coding::read(pairs, &self.bytes, whole, room) {
            Ok(opened) => {
                let changed = match opened.bytes {
                    std::borrow::Cow::Owned(bytes) => Some(bytes),
                    std::borrow::Cow::Borrowed(_) => None,
                };
                if whole && !opened.whole {
                    self.sha256 = Some(sha256(&self.bytes));
                }
                self.bytes = changed.unwrap_or(self.bytes);
            }
            Err(unread) if !unread.is_fault() => self.unread = Some(unread.to_string()),
            Err(_) => {}
        }
        self
    }

    /// The body as JSON, if it is whole and JSON.
    pub(super) fn json(&self) -> Option<Value> {
        let first = self.bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
        let may_be_json = matches!(
            first,
            b'{' | b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9'
        );
        let is_whole = self.sha256.is_none() && self.bytes.len() <= KEPT;
        (is_whole && self.unread.is_none() && may_be_json)
            .then(|| serde_json::from_slice(&self.bytes).ok())
            .flatten()
    }

    /// The body without secrets. `parsed` is its JSON, `template` says where the contract puts
    /// secrets in it.
    pub(super) fn content(
        &self,
        scribe: &Scribe,
        parsed: Option<Value>,
        template: &Body,
    ) -> Content {
        if self.bytes.is_empty() && self.total == 0 {
            return Content::Empty;
        }
        if let Some(why) = &self.unread {
            return Content::Unread {
                why: why.clone(),
                bytes: self.total,
                sha256: self.hash(),
            };
        }
        if let Some(mut value) = parsed {
            let mut vault = scribe.vault();
            if let Body::Json(template) = template {
                vault.redact_by_template(&template.0, &mut value);
            }
            vault.conceal_value(&mut value);
            return Content::Json {
                value: value.into(),
                bytes: self.total,
            };
        }
        // Polls are read further than the journal looks.
        let is_long = self.sha256.is_some() || self.bytes.len() > KEPT;
        let bytes = &self.bytes[..self.bytes.len().min(KEPT)];
        let text = std::str::from_utf8(bytes).or_else(|error| {
            // The end of what was kept may have cut a character in two.
            let whole = &bytes[..error.valid_up_to()];
            if is_long && whole.len() + 4 > bytes.len() {
                std::str::from_utf8(whole)
            } else {
                Err(error)
            }
        });
        let Ok(text) = text else {
            return Content::Binary {
                bytes: self.total,
                sha256: self.hash(),
            };
        };
        let text = if is_long {
            &text[..text.floor_char_boundary(SEARCHED)]
        } else {
            text
        };
        let redacted = match template {
            Body::Form(fields) => redact_form(scribe, text, fields),
            Body::Empty | Body::Json(_) => scribe.redact(text),
        };
        if is_long {
            Content::Truncated {
                beginning: redacted[..redacted.floor_char_boundary(SHOWN)].to_owned(),
                bytes: self.total,
                sha256: self.hash(),
            }
        } else {
            Content::Text {
                text: redacted,
                bytes: self.total,
            }
        }
    }
}

/// The beginning, the length and the hash of a text that is more than the journal keeps.
pub(super) fn shortened(text: &str, bytes: u64) -> Content {
    Content::Truncated {
        beginning: text[..text.floor_char_boundary(SHOWN)].to_owned(),
        bytes,
        sha256: sha256(text.as_bytes()),
    }
}

/// The hash by which something stands in the journal that is too long for it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn redact_form(scribe: &Scribe, text: &str, fields: &[(String, String)]) -> String {
    let mut vault = scribe.vault();
    let pairs = text.split('&').map(|pair| {
        let Some((key, value)) = pair.split_once('=') else {
            return vault.conceal(pair).into_owned();
        };
        let template = fields.iter().find(|(name, _)| name == key);
        let decoded = value.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy();
        let redacted =
            template.and_then(|(_, template)| vault.redact_templated(template, &decoded));
        match redacted {
            Some(redacted) => format!("{}={redacted}", vault.conceal(key)),
            None => vault.conceal(pair).into_owned(),
        }
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Where the contract puts secrets in the body of a request.
pub(super) fn template<'c>(contract: &'c Contract, role: Option<&Role>) -> &'c Body {
    const NONE: &Body = &Body::Empty;
    role.and_then(|role| contract.operation(role))
        .map_or(NONE, |operation| &operation.body)
}

/// What a template's placeholder stands for in a request's body.
pub(super) fn placeholder_value(
    template: &Body,
    name: &str,
    request: &RequestView<'_>,
) -> Option<String> {
    let body = request.body?;
    match template {
        Body::Empty => None,
        Body::Json(template) => {
            let value: Value = serde_json::from_slice(body).ok()?;
            find_placeholder(&template.0, name, &value)
        }
        Body::Form(fields) => {
            let (key, _) = fields
                .iter()
                .find(|(_, template)| *template == format!("{{{name}}}"))?;
            url::form_urlencoded::parse(body)
                .find(|(own, _)| own == key)
                .map(|(_, value)| value.into_owned())
        }
    }
}

fn find_placeholder(template: &Value, name: &str, value: &Value) -> Option<String> {
    match (template, value) {
        (Value::String(template), Value::String(text)) => {
            (*template == format!("{{{name}}}")).then(|| text.clone())
        }
        (Value::Object(templates), Value::Object(fields)) => templates
            .iter()
            .find_map(|(key, template)| find_placeholder(template, name, fields.get(key)?)),
        (Value::Array(templates), Value::Array(items)) => templates
            .iter()
            .zip(items)
            .find_map(|(template, item)| find_placeholder(template, name, item)),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
