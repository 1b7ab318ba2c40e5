//! What all connections of one gateway share.
//!
//! Each part guards itself; in which order they are locked is said in `lock`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::controls::Controls;
use super::scribe::Scribe;
use super::sessions::Sessions;
use super::settings::Settings;
use super::tokens::Tokens;
use crate::domain::journal::Sender;

/// What all connections of one gateway share.
pub(super) struct State {
    pub(super) scribe: Arc<Scribe>,
    pub(super) controls: Controls,
    pub(super) sessions: Arc<Sessions>,
    pub(super) tokens: Tokens,
    marker: String,
    exchanges: AtomicU64,
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        let scribe = Arc::new(Scribe::new(settings));
        Self {
            controls: Controls::new(Arc::clone(&settings.contract)),
            sessions: Arc::new(Sessions::new(Arc::clone(&scribe))),
            tokens: Tokens::new(Arc::clone(&scribe)),
            scribe,
            marker: settings.marker.clone(),
            exchanges: AtomicU64::new(0),
        }
    }

    /// The number of an exchange that begins.
    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Who sent a request with this value in the harness' header.
    pub(super) fn sender(&self, mark: &str) -> Option<Sender> {
        let (sender, marker) = mark.split_once(' ')?;
        if marker != self.marker {
            return None;
        }
        match sender {
            "canary" => Some(Sender::Canary),
            "probe" => Some(Sender::Probe),
            _ => None,
        }
    }
}
