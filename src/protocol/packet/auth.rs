//! Auth payloads, and how text that may hold one is shown: without it.

use std::fmt;
use std::ops::Deref;

use serde_json::{Map, Value};

use super::payload::SEPARATOR;

/// The payload of a CONNECT. It usually holds a token, so `Debug` shows its keys only.
#[derive(Clone, Default, PartialEq)]
pub struct Auth(pub Map<String, Value>);

impl Deref for Auth {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Map<String, Value>> for Auth {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Shows frames or bodies as they are, but for the payloads of the CONNECT packets in them.
pub(in crate::protocol) struct WithoutAuth<'a>(pub(in crate::protocol) &'a str);

impl fmt::Debug for WithoutAuth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.split(SEPARATOR).any(|piece| piece.starts_with("40")) {
            return fmt::Debug::fmt(self.0, f);
        }
        let veil = |piece: &str| match piece.split_once('{') {
            Some((head, _)) if piece.starts_with("40") => format!("{head}{{…}}"),
            _ => piece.to_owned(),
        };
        let pieces: Vec<String> = self.0.split(SEPARATOR).map(veil).collect();
        fmt::Debug::fmt(&pieces.join("\u{1e}"), f)
    }
}
