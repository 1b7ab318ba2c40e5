//! How the world around a client changes: what a scenario sets and an operator moves.

use serde_json::Value;

use super::malformed::Malformed;

mod fault;
mod lever;
mod requests;

pub use fault::{Fault, Withheld};
pub use lever::Lever;
pub use requests::RequestMatch;

/// How the world changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The kill-switch.
    Maintenance(bool),
    /// A service of the backend runs, or is stopped: its listener really closes.
    Backend {
        /// The service; all of them without one.
        service: Option<String>,
        /// Whether it runs.
        running: bool,
    },
    /// The backend emits an event to every connected client.
    Push {
        /// The event's name.
        event: String,
        /// Its first argument; without one the mock makes it up from its state.
        payload: Option<Value>,
    },
    /// The backend answers a resource with bad data of one class, or with good data again.
    Malform {
        /// The resource.
        resource: String,
        /// What is wrong with it.
        class: Option<Malformed>,
    },
    /// The backend closes one position.
    CloseTrade,
    /// The backend declares every access token expired.
    ExpireTokens,
    /// The backend drops every socket.
    DropSockets,
    /// The client's network is there, or is gone (airplane mode).
    Network(bool),
    /// The gateway lets WebSocket upgrades through, or answers them with an error.
    Websocket(bool),
    /// The gateway lets the socket's path through at all, or refuses it.
    Socket(bool),
    /// The ids of Engine.IO sessions on long-polling are unknown from now on, as behind a load
    /// balancer that leads their clients to another server.
    ForgetSessions,
    /// A fault at the gateway is switched.
    Fault {
        /// Which requests.
        on: RequestMatch,
        /// What happens to them; `None` ends it.
        fault: Option<Fault>,
    },
}

impl Change {
    /// The lever that this moves, if it is the target that must move.
    #[must_use]
    pub fn lever(&self) -> Option<Lever> {
        match self {
            Self::Maintenance(_) => Some(Lever::Maintenance),
            Self::Backend { .. } => Some(Lever::Backend),
            Self::Push { .. } => Some(Lever::Push),
            Self::Malform { .. } => Some(Lever::Malform),
            Self::CloseTrade => Some(Lever::CloseTrade),
            Self::ExpireTokens => Some(Lever::ExpireTokens),
            Self::DropSockets => Some(Lever::DropSockets),
            Self::Network(_)
            | Self::Websocket(_)
            | Self::Socket(_)
            | Self::ForgetSessions
            | Self::Fault { .. } => None,
        }
    }
}
