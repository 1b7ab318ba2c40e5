//! What of the target's world can be moved.

use std::fmt;

/// A lever: one way to change the target's world that a target may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lever {
    /// Switches the kill-switch.
    Maintenance,
    /// Stops and starts services.
    Backend,
    /// Emits an event.
    Push,
    /// Closes a position.
    CloseTrade,
    /// Expires access tokens.
    ExpireTokens,
    /// Drops sockets.
    DropSockets,
    /// Answers with bad data.
    Malform,
}

impl Lever {
    /// Every lever with the name that files use.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Malform, "malform"),
        (Self::Maintenance, "maintenance"),
        (Self::Backend, "backend"),
        (Self::Push, "push"),
        (Self::CloseTrade, "close-trade"),
        (Self::ExpireTokens, "expire-tokens"),
        (Self::DropSockets, "drop-sockets"),
    ];

    /// The name that files use.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(lever, _)| *lever == self)
            .map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Lever {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
