//! What all connections of one gateway share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::watch;

use super::levers::Levers;
use super::lock::lock;
use super::sessions::Sessions;
use super::settings::{Mode, Settings};
use crate::domain::contract::Contract;
use crate::domain::journal::{Class, Direction, Fact, Judgement, Sender, SocketEnd};
use crate::domain::scenario::Withheld;
use crate::domain::secrets::{SecretKind, Vault};
use crate::net::Recorder;
use crate::protocol::packet::EnginePacket;

/// What all connections of one gateway share.
pub(super) struct Hub {
    pub(super) contract: Arc<Contract>,
    pub(super) recorder: Recorder,
    pub(super) mode: Mode,
    marker: String,
    exchanges: AtomicU64,
    vault: Mutex<Vault>,
    levers: Mutex<Levers>,
    sessions: Mutex<Sessions>,
    keys: Mutex<Option<Value>>,
    /// Who signed in for a refresh token, by its label.
    holders: Mutex<BTreeMap<String, String>>,
    tunnels: watch::Sender<()>,
    polls: watch::Sender<()>,
    frozen: watch::Sender<bool>,
}

impl Hub {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut vault = Vault::new();
        for account in &settings.accounts {
            vault.learn(
                SecretKind::PasswordOf(&account.name),
                account.password.expose(),
            );
        }
        Self {
            contract: Arc::clone(&settings.contract),
            recorder: settings.recorder.clone(),
            mode: settings.mode,
            marker: settings.marker.clone(),
            exchanges: AtomicU64::new(0),
            vault: Mutex::new(vault),
            levers: Mutex::new(Levers::default()),
            sessions: Mutex::new(Sessions::default()),
            keys: Mutex::new(None),
            holders: Mutex::new(BTreeMap::new()),
            tunnels: watch::Sender::new(()),
            polls: watch::Sender::new(()),
            frozen: watch::Sender::new(false),
        }
    }

    pub(super) fn record(&self, fact: Fact) {
        self.recorder.record(fact);
    }

    /// Whether what is judged so is kept from the backend.
    pub(super) fn denies(&self, class: Class) -> bool {
        self.mode == Mode::Enforcing && !class.passes()
    }

    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn vault(&self) -> MutexGuard<'_, Vault> {
        lock(&self.vault)
    }

    pub(super) fn levers(&self) -> MutexGuard<'_, Levers> {
        lock(&self.levers)
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
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

    /// A text without secrets. The lock is gone when this returns, which a guard inside a larger
    /// expression would not be.
    pub(super) fn redact(&self, text: &str) -> String {
        self.vault().redact(text).into_owned()
    }

    /// A judgement without secrets: its words quote the request.
    pub(super) fn clean(&self, mut judgement: Judgement) -> Judgement {
        let vault = self.vault();
        let clean = |text: &mut String| {
            if let std::borrow::Cow::Owned(redacted) = vault.redact(text) {
                *text = redacted;
            }
        };
        clean(&mut judgement.reason);
        if let Some(form) = &mut judgement.non_canonical {
            clean(&mut form.canonical);
            form.steps.iter_mut().for_each(clean);
        }
        judgement
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

    /// Ends every Engine.IO session; none opens after them.
    pub(super) fn end_sessions(&self) {
        self.sessions().end();
        self.forget_sessions();
    }

    /// Ends every Engine.IO session on polling; their ids are unknown from now on.
    pub(super) fn forget_polled_sessions(&self) {
        let sessions = self.sessions().forget_polled();
        for session in sessions {
            lock(&session).end(self, SocketEnd::Gateway);
        }
    }

    /// Ends every Engine.IO session; their ids are unknown from now on.
    pub(super) fn forget_sessions(&self) {
        let sessions = self.sessions().forget_all();
        for session in sessions {
            lock(&session).end(self, SocketEnd::Gateway);
        }
    }
}
