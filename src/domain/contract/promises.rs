//! What the backend promises of its answers, whatever they answer.

use serde_json::Value;

use super::Role;
use crate::domain::selector::Selector;

/// What the backend promises of its answers.
#[derive(Debug, Clone, Default)]
pub struct Promises {
    /// Headers that answers carry.
    pub headers: Vec<HeaderPromise>,
    /// The form of answers that say that something went wrong.
    pub errors: Option<ErrorForm>,
}

/// A header that some answers carry.
#[derive(Debug, Clone)]
pub struct HeaderPromise {
    /// Its name, lower case.
    pub header: String,
    /// The statuses of the answers; none: every success.
    pub on: Vec<u16>,
    /// What the answers are to; none: anything.
    pub of: Vec<AnswersTo>,
    /// Texts of which its value holds one, whatever their case; none: any value will do.
    pub holds: Vec<String>,
}

/// What answers are to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswersTo {
    /// All resources.
    Data,
    /// Requests of this role.
    Role(Role),
}

/// The form of answers that say that something went wrong.
#[derive(Debug, Clone)]
pub struct ErrorForm {
    /// JSON Schema of their bodies.
    pub schema: Value,
    /// Statuses whose answers have another form, such as those of a proxy in front.
    pub except: Vec<u16>,
}

/// The order in which a list's items come.
#[derive(Debug, Clone)]
pub struct ItemOrder {
    /// In an item: what they are ordered by, a number, a moment or a text.
    pub by: Selector,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// When the backend looks at the token that a socket was joined with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenChecked {
    /// At CONNECT, and again when the token ends.
    #[default]
    Expiry,
    /// At CONNECT only, so that a socket outlives its token.
    Handshake,
}

impl HeaderPromise {
    /// Whether an answer of this status to a request of this role is to carry the header.
    #[must_use]
    pub fn is_about(&self, status: u16, role: Option<&Role>) -> bool {
        let of_status = match self.on.is_empty() {
            true => (200..300).contains(&status),
            false => self.on.contains(&status),
        };
        let is_to = |to: &AnswersTo| match (to, role) {
            (AnswersTo::Data, Some(Role::Resource(_))) => true,
            (AnswersTo::Role(own), Some(role)) => own == role,
            _ => false,
        };
        of_status && (self.of.is_empty() || self.of.iter().any(is_to))
    }

    /// Whether a value of the header is one that was promised.
    #[must_use]
    pub fn is_kept_by(&self, value: &str) -> bool {
        let value = value.to_ascii_lowercase();
        let holds = |text: &String| value.contains(&text.to_ascii_lowercase());
        !value.trim().is_empty() && (self.holds.is_empty() || self.holds.iter().any(holds))
    }
}
