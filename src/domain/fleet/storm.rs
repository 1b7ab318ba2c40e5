//! What a fleet's apps all live through at once.

use std::fmt;

/// What happens to all apps of a fleet at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storm {
    /// Every connection breaks, on the fleet's side.
    Sockets,
    /// No device has a network for a while, and then all have it again.
    Network,
    /// Every app's process is killed and started again, with the session that it had stored.
    Restart,
    /// The target's kill-switch is on for a while, by its lever.
    Maintenance,
    /// The target drops every socket, by its lever.
    Drop,
}

impl Storm {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::Sockets,
        Self::Network,
        Self::Restart,
        Self::Maintenance,
        Self::Drop,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::Network => "network",
            Self::Restart => "restart",
            Self::Maintenance => "maintenance",
            Self::Drop => "drop",
        }
    }

    /// Whether something is away for a while, and comes back.
    #[must_use]
    pub fn lasts(self) -> bool {
        matches!(self, Self::Network | Self::Maintenance)
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
