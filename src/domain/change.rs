//! How the world around a client changes: what a scenario sets, an operator moves and the journal
//! keeps. There is one list of changes, so what is set is what is judged.
//!
//! Content that is passed on, an event's payload and a made-up answer's headers and body, does not
//! stand in the journal: what of it reaches the client passes the gateway, which keeps secrets out.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::malformed::Malformed;

mod fault;
mod lever;
mod levers;
mod requests;

pub use fault::{Fault, Withheld};
pub use lever::Lever;
pub use levers::{Disposition, Levers, MadeUp, RequestFacts};
pub use requests::RequestMatch;

/// How the world changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The kill-switch is on or off.
    Maintenance(bool),
    /// A service of the backend runs, or is stopped: its listener really closes.
    Backend {
        /// The service; all of them without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// Whether it runs.
        running: bool,
    },
    /// The backend emits an event to every connected client.
    Push {
        /// The event's name.
        event: String,
        /// Its first argument; without one the mock makes it up from its state.
        #[serde(skip)]
        payload: Option<Value>,
    },
    /// The backend answers a resource with bad data of one class, or with good data again.
    Malform {
        /// The resource.
        resource: String,
        /// What is wrong with it; nothing any more without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<Malformed>,
    },
    /// The backend makes a change that the suite's world names, and means by its name what it says.
    Own(String),
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
            Self::Own(name) => Some(Lever::Own(name.clone())),
            Self::ExpireTokens => Some(Lever::ExpireTokens),
            Self::DropSockets => Some(Lever::DropSockets),
            Self::Network(_)
            | Self::Websocket(_)
            | Self::Socket(_)
            | Self::ForgetSessions
            | Self::Fault { .. } => None,
        }
    }

    /// Whether it ends what the gateway did to the client's traffic.
    #[must_use]
    pub fn ends_fault(&self) -> bool {
        matches!(
            self,
            Self::Network(true)
                | Self::Websocket(true)
                | Self::Socket(true)
                | Self::Fault { fault: None, .. }
        )
    }

    /// What puts it back, where it lasts until somebody does.
    #[must_use]
    pub fn undone(&self) -> Option<Self> {
        match self {
            Self::Maintenance(true) => Some(Self::Maintenance(false)),
            Self::Backend {
                service,
                running: false,
            } => Some(Self::Backend {
                service: service.clone(),
                running: true,
            }),
            _ => None,
        }
    }

    /// Whether it puts back what an earlier change did.
    #[must_use]
    pub fn puts_back(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (
                Self::Backend {
                    service: None,
                    running: true,
                },
                Self::Backend { running: false, .. },
            ) => true,
            _ => earlier.undone().as_ref() == Some(self),
        }
    }

    /// What a lever was moved to, in words for people.
    #[must_use]
    pub fn state(&self) -> String {
        let word = |is: bool, yes: &str, no: &str| if is { yes } else { no }.to_owned();
        match self {
            Self::Maintenance(on) => word(*on, "on", "off"),
            Self::Backend { service, running } => {
                let state = word(*running, "running", "stopped");
                match service {
                    Some(service) => format!("{service} {state}"),
                    None => state,
                }
            }
            Self::Push { event, .. } => event.clone(),
            Self::Malform { resource, class } => {
                format!("{resource} {}", class.map_or("good", Malformed::name))
            }
            Self::Network(there) => word(*there, "online", "offline"),
            Self::Websocket(open) | Self::Socket(open) => word(*open, "open", "blocked"),
            Self::Fault { on, fault: None } => format!("off on {on}"),
            Self::Fault {
                on,
                fault: Some(fault),
            } => format!("{fault} on {on}"),
            Self::Own(_) | Self::ExpireTokens | Self::DropSockets | Self::ForgetSessions => {
                "done".to_owned()
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        match self {
            Self::Network(_) => write!(out, "network {state}"),
            Self::Websocket(_) => write!(out, "websocket {state}"),
            Self::Socket(_) => write!(out, "socket {state}"),
            Self::ForgetSessions => write!(out, "forget-sessions {state}"),
            Self::Fault { .. } => write!(out, "fault {state}"),
            _ => match self.lever() {
                Some(lever) => write!(out, "{lever} {state}"),
                None => out.write_str(&state),
            },
        }
    }
}
