//! Values that must never be shown.

use std::fmt;

/// A password or token. Its `Debug` says only that it is there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that has to send or compare it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("‹secret›")
    }
}

/// Somebody who can sign in, as scenarios name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name in scenarios: `tester-a`.
    pub name: String,
    /// What they sign in with.
    pub username: String,
    /// The password.
    pub password: Secret,
}
