//! Why a CONNECT to the live feed was refused, as far as its payload says.

use serde_json::Value;

use super::{Condition, Realtime};
use crate::domain::equal::is_among;

/// Why a CONNECT was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// For its token.
    Token,
    /// The server has no such namespace.
    NoNamespace,
    /// For something else, as the contract lets one tell.
    Other,
    /// It cannot be told.
    Unclear,
}

/// What a Socket.IO server says of a namespace that it does not have.
const NO_NAMESPACE: &str = "invalid namespace";

/// Words by which servers say that it is the token, where the contract names none.
const OF_A_TOKEN: [&str; 8] = [
    "token",
    "jwt",
    "unauthorized",
    "unauthorised",
    "unauthenticated",
    "authentication",
    "expired",
    "not authenticated",
];

impl Realtime {
    /// Why a CONNECT was refused with this payload: by the contract's `realtime.refused-by`, else by
    /// what nobody can misread.
    #[must_use]
    pub fn refusal(&self, payload: Option<&Value>) -> Reason {
        let message = payload.and_then(|payload| match payload {
            Value::String(text) => Some(text.as_str()),
            payload => payload.get("message").and_then(Value::as_str),
        });
        let message = message.unwrap_or_default().to_ascii_lowercase();
        if message == NO_NAMESPACE {
            return Reason::NoNamespace;
        }
        match &self.refused_by {
            Some(Condition::OneOf(at, values)) => {
                let own = payload.and_then(|payload| at.in_body(payload));
                match own.is_some_and(|own| is_among(own, values)) {
                    true => Reason::Token,
                    false => Reason::Other,
                }
            }
            _ if OF_A_TOKEN.iter().any(|word| message.contains(word)) => Reason::Token,
            _ => Reason::Unclear,
        }
    }
}
