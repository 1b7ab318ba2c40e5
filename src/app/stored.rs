//! What the app keeps in the device's secure storage, and how it reads it back.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::domain::secret::Secret;

/// The most that the secure storage of the platforms holds reliably in one entry.
pub(super) const LIMIT: usize = 2_048;

const VERSION: u64 = 1;

/// A session as it is kept between two lives of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) username: String,
    /// Left out where it does not fit: the refresh token brings a new one.
    pub(super) access: Option<Secret>,
    pub(super) refresh: Option<Secret>,
    /// When the access token ends, by the device's wall clock.
    pub(super) expires: Option<Duration>,
    /// How long it lives in all: a clock that was set back cannot make it live longer.
    pub(super) lifetime: Option<Duration>,
    /// Whether the kill-switch was on when it was last heard of.
    pub(super) blocked: Option<bool>,
    /// Only a quirk keeps it.
    pub(super) password: Option<Secret>,
}

impl Stored {
    /// The bytes to keep, or nothing if they do not fit.
    pub(super) fn write(&self) -> Option<Vec<u8>> {
        let whole = self.bytes();
        if whole.len() <= LIMIT {
            return Some(whole);
        }
        let slim = Self {
            access: None,
            ..self.clone()
        };
        let bytes = slim.bytes();
        (slim.refresh.is_some() && bytes.len() <= LIMIT).then_some(bytes)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut fields = Map::new();
        fields.insert("v".into(), json!(VERSION));
        fields.insert("username".into(), json!(self.username));
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.into(), value);
            }
        };
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().into());
        put("access", secret(&self.access));
        put("refresh", secret(&self.refresh));
        put("password", secret(&self.password));
        put("expires", self.expires.map(|at| json!(at.as_secs())));
        put("lifetime", self.lifetime.map(|span| json!(span.as_secs())));
        put("blocked", self.blocked.map(Value::from));
        Value::Object(fields).to_string().into_bytes()
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// Says why it is no session.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() > LIMIT {
            return Err("oversized");
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|_| "corrupt")?;
        if value.get("v") != Some(&json!(VERSION)) {
            return Err("of another version");
        }
        let text = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let seconds = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_u64)
                .map(Duration::from_secs)
        };
        let stored = Self {
            username: text("username").ok_or("corrupt")?.to_owned(),
            access: text("access").map(Secret::new),
            refresh: text("refresh").map(Secret::new),
            expires: seconds("expires"),
            lifetime: seconds("lifetime"),
            blocked: value.get("blocked").and_then(Value::as_bool),
            password: text("password").map(Secret::new),
        };
        if stored.access.is_none() && stored.refresh.is_none() {
            return Err("corrupt");
        }
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(access: usize, refresh: usize) -> Stored {
        Stored {
            username: "anna".into(),
            access: Some(Secret::new("a".repeat(access))),
            refresh: Some(Secret::new("r".repeat(refresh))),
            expires: Some(Duration::from_secs(1_767_603_600)),
            lifetime: Some(Duration::from_secs(900)),
            blocked: Some(true),
            password: None,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let stored = stored(700, 64);
        assert_eq!(Stored::read(&stored.write().unwrap()), Ok(stored));
    }

    #[test]
    fn an_access_token_that_does_not_fit_is_left_out_and_a_session_that_does_not_fit_is_not_kept() {
        let slim = Stored::read(&stored(3_000, 64).write().unwrap()).unwrap();
        assert_eq!(slim.access, None);
        assert!(slim.refresh.is_some());
        assert_eq!(stored(10, 3_000).write(), None);
    }

    #[test]
    fn whatever_else_is_found_is_refused_with_a_reason() {
        for bytes in [
            &b""[..],
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{\"v\":1}",
            b"{\"v\":1,\"username\":\"a\"}",
            b"{\"v\":2,\"username\":\"a\",\"access\":\"t\"}",
        ] {
            assert!(Stored::read(bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(Stored::read(&[b' '; LIMIT + 1]), Err("oversized"));
    }
}
