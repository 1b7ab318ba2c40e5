//! What all connections of one gateway share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::watch;

use super::levers::Levers;
use super::lock::lock;
use super::scribe::Scribe;
use super::sessions::Sessions;
use super::settings::Settings;
use crate::domain::contract::Contract;
use crate::domain::journal::{Direction, Sender};
use crate::domain::scenario::Withheld;
use crate::protocol::packet::EnginePacket;

/// What all connections of one gateway share.
pub(super) struct Hub {
    pub(super) contract: Arc<Contract>,
    pub(super) scribe: Arc<Scribe>,
    pub(super) sessions: Arc<Sessions>,
    marker: String,
    exchanges: AtomicU64,
    levers: Mutex<Levers>,
    keys: Mutex<Option<Value>>,
    /// Who signed in for a refresh token, by its label.
    holders: Mutex<BTreeMap<String, String>>,
    tunnels: watch::Sender<()>,
    polls: watch::Sender<()>,
    frozen: watch::Sender<bool>,
}

impl Hub {
    pub(super) fn new(settings: &Settings) -> Self {
        let scribe = Arc::new(Scribe::new(settings));
        Self {
            contract: Arc::clone(&settings.contract),
            sessions: Arc::new(Sessions::new(Arc::clone(&scribe))),
            scribe,
            marker: settings.marker.clone(),
            exchanges: AtomicU64::new(0),
            levers: Mutex::new(Levers::default()),
            keys: Mutex::new(None),
            holders: Mutex::new(BTreeMap::new()),
            tunnels: watch::Sender::new(()),
            polls: watch::Sender::new(()),
            frozen: watch::Sender::new(false),
        }
    }

    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn levers(&self) -> MutexGuard<'_, Levers> {
        lock(&self.levers)
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

    pub(super) fn keys(&self) -> Option<Value> {
        lock(&self.keys).clone()
    }

    pub(super) fn set_keys(&self, keys: Value) {
        *lock(&self.keys) = Some(keys);
    }

    pub(super) fn holder(&self, refresh_label: &str) -> Option<String> {
        lock(&self.holders).get(refresh_label).cloned()
    }

    pub(super) fn set_holder(&self, refresh_label: &str, username: &str) {
        lock(&self.holders).insert(refresh_label.to_owned(), username.to_owned());
    }

    pub(super) fn cut_tunnels(&self) {
        self.tunnels.send_replace(());
    }

    pub(super) fn cut_polls(&self) {
        self.polls.send_replace(());
    }

    pub(super) fn tunnel_cuts(&self) -> watch::Receiver<()> {
        self.tunnels.subscribe()
    }

    pub(super) fn poll_cuts(&self) -> watch::Receiver<()> {
        self.polls.subscribe()
    }

    /// Whether a fault keeps this packet back. Such a packet is not journalled: it arrived nowhere.
    pub(super) fn withholds(&self, direction: Direction, packet: &EnginePacket<'_>) -> bool {
        let kind = match (direction, packet) {
            (Direction::Down, EnginePacket::Ping("")) => Withheld::Ping,
            (Direction::Up, EnginePacket::Ping("probe")) => Withheld::Probe,
            _ => return false,
        };
        self.levers().withholds(&self.contract, kind)
    }

    /// Whether open WebSockets swallow what they carry, as a black hole does.
    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen
            .send_if_modified(|was| std::mem::replace(was, frozen) != frozen);
    }

    pub(super) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Waits until open WebSockets carry again.
    pub(super) async fn thawed(&self) {
        // The sender lives as long as this, so there is nothing else to wait for.
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }
}
