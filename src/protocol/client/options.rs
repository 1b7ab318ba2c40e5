//! How a client connects and how it comes back; the defaults are those of `socket.io-client` 4.8.

use std::time::Duration;

/// The two transports of Engine.IO that a phone uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

impl Transport {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// Options of a [`Client`](super::Client). Start from `Options::default()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Path of the Socket.IO endpoint, a proxy prefix included.
    pub path: String,
    /// Extra query parameters, in front of the protocol's own.
    pub query: Vec<(String, String)>,
    /// The transports in the order they are tried; the first opens the session.
    pub transports: Vec<Transport>,
    /// Whether a polling session moves to WebSocket.
    pub upgrade: bool,
    /// Whether a session starts on WebSocket once one has worked.
    pub remember_upgrade: bool,
    /// Whether a failed opening is tried again with the next transport.
    pub try_all_transports: bool,
    /// How long opening a session may take; `None`: for ever.
    pub connect_timeout: Option<Duration>,
    /// Whether a session on which no ping arrives in time is left, as the real client leaves it.
    pub heartbeat: bool,
    /// Whether the server's pings are answered, as the real client answers them.
    pub pongs: bool,
    /// What happens after the connection was lost.
    pub reconnection: Reconnection,
    /// How long an acknowledgement is awaited unless an emit says otherwise; `None`: for ever.
    pub ack_timeout: Option<Duration>,
    /// `Some(n)`: emits are sent one at a time, and again up to `n` times until acknowledged.
    pub retries: Option<u32>,
    /// Seed of the jitter and of the cache-busting parameter.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: "/socket.io".to_owned(),
            query: Vec::new(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            upgrade: true,
            remember_upgrade: false,
            try_all_transports: false,
            connect_timeout: Some(Duration::from_secs(20)),
            heartbeat: true,
            pongs: true,
            reconnection: Reconnection::default(),
            ack_timeout: None,
            retries: None,
            seed: 0,
        }
    }
}

/// When and how often a lost connection is opened again.
///
/// Deliberate misbehaviour is one value here: `backoff: Backoff::hammering()`, or `when_sent_away: SentAway::Return { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconnection {
    /// Attempts before giving up; `None`: never give up; `Some(0)`: do not reconnect.
    pub attempts: Option<u32>,
    /// The delays between them.
    pub backoff: Backoff,
    /// What follows `io server disconnect` and a refused namespace.
    pub when_sent_away: SentAway,
}

impl Default for Reconnection {
    fn default() -> Self {
        Self {
            attempts: None,
            backoff: Backoff::default(),
            when_sent_away: SentAway::Stay,
        }
    }
}

/// What a client does when the server has sent it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentAway {
    /// Wait for the application to act, as the real client does.
    Stay,
    /// Connect the namespace again by itself: a fault that harness tests rely on.
    Return {
        /// How long it waits; zero would spin.
        after: Duration,
    },
}

/// Growing, jittered delays: `min · factorⁿ`, jittered, and only then capped, so the later ones are not jittered at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first delay.
    pub min: Duration,
    /// The cap, applied after the jitter.
    pub max: Duration,
    /// Growth from one attempt to the next.
    pub factor: f64,
    /// Part of the delay that may be added or taken away, from 0 to 1.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(1),
            max: Duration::from_secs(5),
            factor: 2.0,
            jitter: 0.5,
        }
    }
}

impl Backoff {
    /// Neither growth nor jitter: a fault that harness tests rely on.
    #[must_use]
    pub fn hammering() -> Self {
        let always = Duration::from_millis(100);
        Self {
            min: always,
            max: always,
            factor: 1.0,
            jitter: 0.0,
        }
    }

    /// The delay before attempt number `attempt`, counted from zero, in whole milliseconds.
    #[must_use]
    pub fn delay(&self, attempt: u32, rng: &mut fastrand::Rng) -> Duration {
        let growth = self.factor.powi(i32::try_from(attempt).unwrap_or(i32::MAX));
        let mut millis = self.min.as_secs_f64() * 1000.0 * growth;
        if self.jitter > 0.0 && self.jitter <= 1.0 {
            let random = rng.f64();
            let deviation = (random * self.jitter * millis).floor();
            // The same draw decides about size and sign, as in the original: even tenths shorten the delay.
            let shorten = ((random * 10.0) as u32).is_multiple_of(2);
            millis += if shorten { -deviation } else { deviation };
        }
        let capped = millis.min(self.max.as_secs_f64() * 1000.0);
        Duration::from_millis(capped.max(0.0) as u64)
    }
}
