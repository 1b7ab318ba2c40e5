//! What the gateway can do to requests on their way.

use std::time::Duration;

use serde_json::Value;

/// A fault that the gateway can apply to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The answer comes later.
    Delay(Duration),
    /// The gateway answers.
    Respond {
        /// The status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body, sent as JSON unless it is a text.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// The server's heartbeat, on either transport.
    Ping,
    /// The client's probe of a WebSocket that it wants to move to.
    Probe,
}

impl Fault {
    /// Its name in the journal: the word that files use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Respond { .. } => "respond",
            Self::Refuse => "refuse",
            Self::BlackHole => "black-hole",
            Self::Reset => "reset",
            Self::Withhold(Withheld::Ping) => "withhold-ping",
            Self::Withhold(Withheld::Probe) => "withhold-probe",
            Self::Untrusted => "untrusted",
        }
    }
}
