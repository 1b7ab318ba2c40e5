//! Limits that a gateway sets to its clients.

use serde::{Deserialize, Serialize};

/// A limit that a gateway sets to its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Connections in all.
    Connections,
    /// Connections of one address.
    ConnectionsOfAddress,
    /// The time until a request's head is whole, in seconds.
    Head,
    /// The time in which a body brings nothing, in seconds.
    Body,
    /// What is held of bodies over all connections.
    Buffered,
    /// Packets in one polling post.
    Packets,
    /// The addresses that were let in, by their number.
    Addresses,
}

impl Bound {
    /// All that a number is set for.
    pub const ALL: [Self; 6] = [
        Self::Connections,
        Self::ConnectionsOfAddress,
        Self::Head,
        Self::Body,
        Self::Buffered,
        Self::Packets,
    ];

    /// Its name, as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsOfAddress => "connections-of-address",
            Self::Head => "head",
            Self::Body => "body",
            Self::Buffered => "buffered",
            Self::Packets => "packets",
            Self::Addresses => "addresses",
        }
    }
}
