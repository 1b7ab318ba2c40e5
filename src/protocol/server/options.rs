//! How a server behaves; the defaults are those of Node's `socket.io` 4.8.

use std::time::Duration;

use super::Transport;

/// Options of a [`Server`](super::Server). Start from `Options::default()` and name the namespaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The namespaces that exist; `/` always does.
    pub namespaces: Vec<String>,
    /// The transports offered.
    pub transports: Vec<Transport>,
    /// Whether polling sessions may move to WebSocket.
    pub upgrades: bool,
    /// How often the server pings; the first time after one interval.
    pub ping_interval: Duration,
    /// How long it waits for the answer.
    pub ping_timeout: Duration,
    /// How long a probe may take to become an upgrade.
    pub upgrade_timeout: Duration,
    /// How long a session may be open without a namespace.
    pub connect_timeout: Duration,
    /// Bytes of one polling body or one frame.
    pub max_payload: usize,
    /// How long a lost peer may come back as itself; `None`: never.
    pub recovery: Option<Duration>,
    /// Seed of all ids.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespaces: vec!["/".to_owned()],
            transports: vec![Transport::Polling, Transport::WebSocket],
            upgrades: true,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(45),
            max_payload: 1_000_000,
            recovery: None,
            seed: 0,
        }
    }
}
