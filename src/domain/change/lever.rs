//! What of the target's world can be moved.

use std::fmt;

/// A lever: one way to change the target's world that a target may lack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lever {
    /// Switches the kill-switch.
    Maintenance,
    /// Stops and starts services.
    Backend,
    /// Emits an event.
    Push,
    /// Expires access tokens.
    ExpireTokens,
    /// Drops sockets.
    DropSockets,
    /// Answers with bad data.
    Malform,
    /// Makes a change that the suite's world names.
    Own(String),
}

impl Lever {
    /// Every lever but those that a world names, with the name that files use.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Malform, "malform"),
        (Self::Maintenance, "maintenance"),
        (Self::Backend, "backend"),
        (Self::Push, "push"),
        (Self::ExpireTokens, "expire-tokens"),
        (Self::DropSockets, "drop-sockets"),
    ];

    /// The name that files use.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Backend => "backend",
            Self::Push => "push",
            Self::ExpireTokens => "expire-tokens",
            Self::DropSockets => "drop-sockets",
            Self::Malform => "malform",
            Self::Own(name) => name,
        }
    }
}

impl fmt::Display for Lever {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
