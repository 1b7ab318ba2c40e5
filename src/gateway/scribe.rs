//! Who writes the journal: judged by the contract, and without secrets.

use std::sync::{Arc, Mutex, MutexGuard};

use super::lock::lock;
use super::settings::{Mode, Settings};
use crate::domain::contract::Contract;
use crate::domain::journal::{Class, Fact, Judgement};
use crate::domain::secrets::{SecretKind, Vault};
use crate::net::Recorder;

/// What it takes to judge something and to write it down: the contract, the secrets to leave out, and
/// the journal.
pub(super) struct Scribe {
    pub(super) contract: Arc<Contract>,
    recorder: Recorder,
    mode: Mode,
    vault: Arc<Mutex<Vault>>,
}

impl Scribe {
    pub(super) fn new(settings: &Settings, vault: Arc<Mutex<Vault>>) -> Self {
        for account in &settings.accounts {
            lock(&vault).learn(
                SecretKind::PasswordOf(&account.name),
                account.password.expose(),
            );
        }
        let upstreams = settings.upstreams.values();
        for secret in upstreams.flat_map(|upstream| &upstream.access.secrets) {
            lock(&vault).learn(SecretKind::Unknown, secret.expose());
        }
        lock(&vault).agree(&settings.contract.secrecy);
        Self {
            contract: Arc::clone(&settings.contract),
            recorder: settings.recorder.clone(),
            mode: settings.mode,
            vault,
        }
    }

    pub(super) fn record(&self, fact: Fact) {
        self.recorder.record(fact);
    }

    /// The time that the run's clock shows, in seconds since 1970.
    pub(super) fn unix_time(&self) -> u64 {
        self.recorder.clock().unix().as_secs()
    }

    /// Whether what is judged so is kept from the backend.
    pub(super) fn denies(&self, class: Class) -> bool {
        self.mode == Mode::Enforcing && !class.passes()
    }

    pub(super) fn vault(&self) -> MutexGuard<'_, Vault> {
        lock(&self.vault)
    }

    /// A text without secrets. The lock is gone when this returns, which a guard inside a larger
    /// expression would not be.
    pub(super) fn redact(&self, text: &str) -> String {
        self.vault().conceal(text).into_owned()
    }

    /// A judgement without secrets: its words quote the request.
    pub(super) fn clean(&self, mut judgement: Judgement) -> Judgement {
        let mut vault = self.vault();
        let mut clean = |text: &mut String| {
            if let std::borrow::Cow::Owned(redacted) = vault.conceal(text) {
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
}
