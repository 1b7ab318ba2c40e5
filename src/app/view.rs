//! What the user sees.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::TransportName;
use crate::domain::journal::{FeedState, LinkState};

pub use crate::domain::journal::{LOADING, MAINTENANCE, SIGNED_OUT};

/// What the user sees; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// One of the contract's screens, or [`SIGNED_OUT`], [`LOADING`], [`MAINTENANCE`].
    pub screen: Arc<str>,
    /// What the app thinks of the network.
    pub link: LinkState,
    /// How data arrives.
    pub feed: FeedState,
    /// The transport of the connected socket.
    pub transport: Option<TransportName>,
    /// The message shown to the user, by its stable name.
    pub notice: Option<&'static str>,
    /// Whose session it is.
    pub session: Option<SignedIn>,
    /// The data at hand, by resource.
    pub shown: BTreeMap<Arc<str>, Shown>,
    /// Grows with every change of anything here.
    pub revision: u64,
}

impl Default for View {
    fn default() -> Self {
        Self {
            screen: LOADING.into(),
            link: LinkState::Online,
            feed: FeedState::Off,
            transport: None,
            notice: None,
            session: None,
            shown: BTreeMap::new(),
            revision: 0,
        }
    }
}

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// What the user signed in with.
    pub username: Arc<str>,
}

/// The data of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The answer, with everything merged into it that events and further pages brought.
    pub value: Arc<Value>,
    /// How many items, or 1 for an object.
    pub items: usize,
    /// When it was last known to be right, on the clock of [`super::Now::elapsed`].
    pub as_of: Duration,
    /// Since when it is marked stale.
    pub stale_since: Option<Duration>,
    /// Whether there is nothing older to ask for.
    pub complete: bool,
    /// Its position in the stream of changes, if the backend numbers them.
    pub sequence: Option<i64>,
}
