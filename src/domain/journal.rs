//! The append-only record of everything observed: the single source of truth for verdicts.
//!
//! Entries are facts, never opinions. Secrets never stand in them: the gateway replaces every
//! token and password by a label such as `‹access-2›` before it writes, so two entries that carry
//! the same token can be seen to do so, while the token itself cannot.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod bound;
mod client;
mod fact;
pub mod file;
mod harness;
mod headers;
mod json;
mod probe;
mod record;
mod screen;

pub use bound::Bound;
pub use client::{
    Act, AppFact, ClientExchange, ClientOutcome, DataSource, FeedState, LinkState, Report,
    SessionState, StorageAccident,
};
pub use fact::{
    Answer, Answerer, Direction, Frame, Insecure, LossReason, Request, Sender, SignatureCheck,
    SocketEnd, Spoken, TokenIssued, TokenKind, Unreadable, is_success,
};
pub use harness::{Changed, HarnessFact, LeverHow, StepPhase, UnmetStep};
pub use headers::Headers;
pub use json::Json;
pub use probe::{Flaw, Heard, Question, Reading, Reference};
pub use record::{Archive, EntryId, Journal, Observer};
pub use screen::{LOADING, MAINTENANCE, SIGNED_OUT, ScreenName};

use super::change::Change;
use super::contract::TransportName;
use super::duration::micros;

/// One observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub id: EntryId,
    /// When, since the journal was opened, in microseconds.
    #[serde(rename = "at_us", with = "micros")]
    pub at: Duration,
    /// The device that it was observed of, where a scenario has several; what is of none concerns all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What happened.
    pub fact: Fact,
}

impl Entry {
    /// Whether it is of this device, or concerns all of them.
    #[must_use]
    pub fn concerns(&self, device: Option<&str>) -> bool {
        self.device.is_none() || self.device.as_deref() == device
    }

    /// Whether it is the request of one of these exchanges.
    #[must_use]
    pub fn asks_in(&self, exchanges: &BTreeSet<u64>) -> bool {
        matches!(&self.fact, Fact::Request(request) if exchanges.contains(&request.exchange))
    }
}

/// What was observed, and by whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The gateway saw a request arrive. Boxed, because every entry is as large as the largest.
    Request(Box<Request>),
    /// The body of a request that was too long to be read at once has passed the gateway.
    Uploaded {
        /// The request's exchange.
        exchange: u64,
        /// The whole length in bytes.
        bytes: u64,
        /// SHA-256 of the whole, hex.
        sha256: String,
    },
    /// The gateway passed an answer to the client.
    Answer(Answer),
    /// An exchange ended without an answer.
    Lost {
        /// The request's exchange.
        exchange: u64,
        /// Why.
        reason: LossReason,
    },
    /// The gateway was sent what it could not read as a request, and refused it.
    Unreadable(Unreadable),
    /// The gateway refused what a client sent for a limit of its own: nobody is blamed for that.
    Limited {
        /// The service.
        service: String,
        /// Which limit.
        bound: Bound,
        /// What it lets through at most: connections, packets, KiB or seconds.
        most: u64,
        /// The request's exchange, if it was one already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exchange: Option<u64>,
    },
    /// A client left the gateway before TLS was agreed on.
    TlsRefused {
        /// The service.
        service: String,
        /// Why, as the gateway learnt it.
        why: String,
    },
    /// The gateway saw the backend hand out a token.
    TokenIssued(TokenIssued),
    /// The gateway saw an Engine.IO session open.
    SocketOpened {
        /// The gateway's number for the session.
        socket: u64,
        /// The service.
        service: String,
        /// The transport on which it opened.
        transport: TransportName,
    },
    /// The gateway saw an Engine.IO session move to another transport.
    SocketUpgraded {
        /// The session.
        socket: u64,
    },
    /// The gateway saw one packet pass.
    Frame {
        /// The session.
        socket: u64,
        /// Which way it went.
        direction: Direction,
        /// On which transport.
        transport: TransportName,
        /// Its length on the wire in bytes, attachments included.
        bytes: u64,
        /// What it was.
        packet: Frame,
        /// What the scope says about it; `None` for packets that ask for nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        judgement: Option<Judgement>,
    },
    /// The gateway saw an Engine.IO session end.
    SocketClosed {
        /// The session.
        socket: u64,
        /// Who or what ended it.
        end: SocketEnd,
    },
    /// What the client says about itself. Only a simulated app can.
    App(AppFact),
    /// What the user of the client did: by the simulated app, or marked by a person or driver.
    Act(Act),
    /// What the harness did.
    Harness(HarnessFact),
}

impl Fact {
    /// Its kind: the key below `fact` in a journal.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Uploaded { .. } => "uploaded",
            Self::Answer(_) => "answer",
            Self::Lost { .. } => "lost",
            Self::Unreadable(_) => "unreadable",
            Self::Limited { .. } => "limited",
            Self::TlsRefused { .. } => "tls-refused",
            Self::TokenIssued(_) => "token-issued",
            Self::SocketOpened { .. } => "socket-opened",
            Self::SocketUpgraded { .. } => "socket-upgraded",
            Self::Frame { .. } => "frame",
            Self::SocketClosed { .. } => "socket-closed",
            Self::App(_) => "app",
            Self::Act(_) => "act",
            Self::Harness(_) => "harness",
        }
    }
}

impl Fact {
    /// How the harness changed the world, if it did.
    #[must_use]
    pub fn change(&self) -> Option<&Change> {
        match self {
            Self::Harness(HarnessFact::Changed(changed)) => Some(&changed.change),
            _ => None,
        }
    }

    /// Whether it is a packet that only keeps a connection alive.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        matches!(
            self,
            Self::Frame {
                packet: Frame::Ping { probe: false } | Frame::Pong { probe: false } | Frame::Noop,
                ..
            }
        )
    }

    /// Whether it is one of those that come by the thousand and mean little one by one: data on its
    /// way down, its being shown, heartbeats.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        let is_data = matches!(
            self,
            Self::Frame {
                direction: Direction::Down,
                packet: Frame::Event { .. },
                ..
            }
        );
        let is_shown = matches!(self, Self::App(AppFact::Shown { source, .. }) if *source == DataSource::Event);
        is_data || is_shown || self.is_heartbeat()
    }
}

/// What the scope says about a request or a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The decision.
    pub class: Class,
    /// Why: the contract's entry that decided, or what was missing.
    pub reason: String,
    /// The canonical form, where it differs from the raw one, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_canonical: Option<NonCanonical>,
    /// Whether the request's `Host` is a name under which its service is not known to be found.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unknown_name: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A difference between what was sent and what a server may understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonCanonical {
    /// The canonical form.
    pub canonical: String,
    /// What had to be changed to get there.
    pub steps: Vec<String>,
}

/// A decision of the scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Declared.
    Allowed,
    /// On the contract's list of what must never be called.
    Forbidden,
    /// A write that nobody declared.
    UndeclaredWrite,
    /// A read that nobody declared.
    UndeclaredRead,
    /// It cannot be read well enough to decide.
    NotJudgeable,
}

impl Class {
    /// Whether a gateway that enforces the scope lets it pass.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Allowed | Self::UndeclaredRead)
    }
}

/// The content of a body or of an event, as far as the journal keeps it, free of secrets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// JSON.
    Json {
        /// The value.
        value: Json,
        /// Its length on the wire in bytes.
        bytes: u64,
    },
    /// Other text.
    Text {
        /// The text.
        text: String,
        /// Its length on the wire in bytes.
        bytes: u64,
    },
    /// Bytes that are not text.
    Binary {
        /// Their number.
        bytes: u64,
        /// SHA-256, hex.
        sha256: String,
    },
    /// More than the journal keeps.
    Truncated {
        /// Its beginning.
        beginning: String,
        /// The whole length in bytes.
        bytes: u64,
        /// SHA-256 of the whole, hex.
        sha256: String,
    },
    /// Bytes that say something which cannot be read here.
    Unread {
        /// Why: an unknown content coding or character set, or a decompression bomb.
        why: String,
        /// Their number.
        bytes: u64,
        /// SHA-256, hex.
        sha256: String,
    },
}

impl Content {
    /// About how many bytes of memory it takes.
    fn weight(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Json { value, .. } => value.weight(),
            Self::Text { text, .. } => text.len(),
            Self::Truncated { beginning, .. } => beginning.len(),
            Self::Binary { .. } | Self::Unread { .. } => 128,
        }
    }

    /// Whether the journal does not hold all that it says: it is too long, or cannot be read.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::Unread { .. })
    }

    /// Why it cannot be read, if it cannot.
    #[must_use]
    pub fn unread(&self) -> Option<&str> {
        match self {
            Self::Unread { why, .. } => Some(why),
            _ => None,
        }
    }

    /// The JSON value, if it is one, to be kept.
    #[must_use]
    pub fn shared(&self) -> Option<&Arc<Value>> {
        match self {
            Self::Json { value, .. } => value.value(),
            _ => None,
        }
    }

    /// The JSON value, if it is one.
    #[must_use]
    pub fn json(&self) -> Option<&Value> {
        self.shared().map(Arc::as_ref)
    }
}
