//! What the gateway can do to requests on their way.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::duration::{micros, show};

/// A fault that the gateway can apply to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The answer comes later.
    Delay(#[serde(with = "micros")] Duration),
    /// The gateway answers.
    Respond {
        /// The status.
        status: u16,
        /// Headers.
        #[serde(skip)]
        headers: Vec<(String, String)>,
        /// The body, sent as JSON unless it is a text.
        #[serde(skip)]
        body: Option<Value>,
    },
    /// The connection is refused: the service's listener closes.
    Refuse,
    /// The request is taken and never answered.
    BlackHole,
    /// The connection breaks after the request.
    Reset,
    /// On the live feed, packets of one kind never arrive; the rest does.
    Withhold(Withheld),
    /// The services show a certificate that no client may trust.
    Untrusted,
}

/// The packets that a fault can withhold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Withheld {
    /// The server's heartbeat, on either transport.
    Ping,
    /// The client's probe of a WebSocket that it wants to move to.
    Probe,
}

/// In the words of a scenario.
impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(delay) => write!(out, "delay {}", show(*delay)),
            Self::Respond { status, .. } => write!(out, "respond {status}"),
            Self::Refuse => out.write_str("refuse"),
            Self::BlackHole => out.write_str("black-hole"),
            Self::Reset => out.write_str("reset"),
            Self::Withhold(Withheld::Ping) => out.write_str("withhold ping"),
            Self::Withhold(Withheld::Probe) => out.write_str("withhold probe"),
            Self::Untrusted => out.write_str("untrusted"),
        }
    }
}
