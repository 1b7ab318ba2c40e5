//! What all connections of one gateway share.
//!
//! Each part guards itself; in which order they are locked is said in `lock`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::aside::Aside;
use super::bounds::Bounds;
use super::controls::Controls;
use super::scribe::Scribe;
use super::sessions::Sessions;
use super::settings::Settings;
use super::tokens::Tokens;
use crate::domain::journal::Sender;
use crate::domain::secrets::Vault;
use crate::net::Pace;

/// What gateways share that write one journal: the numbers of exchanges and of sockets, each given once,
/// and the secrets seen so far, each with one label.
#[derive(Clone, Default)]
pub(super) struct Shared {
    exchanges: Arc<AtomicU64>,
    pub(super) sockets: Arc<AtomicU64>,
    pub(super) vault: Arc<Mutex<Vault>>,
}

/// What all connections of one gateway share.
pub(super) struct State {
    pub(super) scribe: Arc<Scribe>,
    pub(super) controls: Controls,
    pub(super) sessions: Arc<Sessions>,
    pub(super) tokens: Tokens,
    pub(super) shared: Shared,
    pub(super) pace: Pace,
    pub(super) bounds: Arc<Bounds>,
    pub(super) aside: Aside,
    marker: String,
}

impl State {
    pub(super) fn new(settings: &Settings, bounds: Bounds, shared: Shared) -> Self {
        let scribe = Arc::new(Scribe::new(settings, Arc::clone(&shared.vault)));
        let sockets = Arc::clone(&shared.sockets);
        Self {
            controls: Controls::new(Arc::clone(&settings.contract)),
            sessions: Arc::new(Sessions::new(Arc::clone(&scribe), sockets)),
            tokens: Tokens::new(Arc::clone(&scribe)),
            scribe,
            shared,
            pace: settings.pace.clone(),
            bounds: Arc::new(bounds),
            aside: Aside::of(settings.net),
            marker: settings.marker.clone(),
        }
    }

    /// The number of an exchange that begins.
    pub(super) fn next_exchange(&self) -> u64 {
        self.shared.exchanges.fetch_add(1, Ordering::Relaxed) + 1
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
