//! What carries an Engine.IO session: a polling or WebSocket link, and perhaps a second one that probes.

use std::time::Duration;

use super::{ExchangeId, SocketId};

/// The transport of a session.
#[derive(Debug)]
pub(super) enum Link {
    Polling(Polling),
    WebSocket(SocketId),
    /// The other side has ended it; there is nothing left to close.
    Gone,
}

/// Where the long-polling of a session stands.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// The poll that waits for something to say.
    pub(super) parked: Option<ExchangeId>,
    /// The post whose messages are being looked at.
    pub(super) posting: Option<ExchangeId>,
    /// An orderly close waits for the next poll, but no longer than this.
    pub(super) close_by: Option<Duration>,
}

/// A WebSocket that may become the transport of a polling session.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) socket: SocketId,
    /// When the probe is over unless it has become the transport.
    pub(super) give_up: Duration,
    /// When a parked poll is looked for next, once the probe was answered.
    pub(super) check: Option<Duration>,
}
