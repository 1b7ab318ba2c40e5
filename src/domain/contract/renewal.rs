//! How a client that stays connected hands over a token that was renewed.

use std::time::Duration;

use super::{Emit, Realtime};

/// How a client that stays connected hands over a token that was renewed.
#[derive(Debug, Clone)]
pub struct TokenRenewal {
    /// What the app emits; the access token stands in its arguments.
    pub emit: Emit,
    /// How long before the old token's end it comes; without it, by that end.
    pub ahead: Option<Duration>,
}

impl Realtime {
    /// Whatever the app emits by agreement: what it subscribes to, and its renewed token.
    pub fn emits(&self) -> impl Iterator<Item = &Emit> {
        let renewal = self.renewal.iter().map(|renewal| &renewal.emit);
        self.subscribe.iter().chain(renewal)
    }
}
