//! What accounts are called: the one store of it.
//!
//! It knows what an account signs in with and what its tokens say of it. It is bounded, and an account
//! that came first stays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::contract::Contract;
use crate::domain::journal::{EntryId, TokenIssued};

/// How many accounts are told apart, and how many names of each.
const ACCOUNTS: usize = 64;
const NAMES: usize = 32;

/// How short a name may be that is no page number and no flag.
const TELLING: usize = 4;

/// All accounts of the target, and whoever else got a token, by what they sign in with.
#[derive(Default)]
pub(crate) struct Accounts(BTreeMap<String, Account>);

/// What one account is called.
#[derive(Default)]
pub(crate) struct Account {
    /// Texts, and where each was learnt.
    texts: BTreeMap<String, EntryId>,
    /// Numbers, as they are written.
    numbers: BTreeSet<String>,
    /// What its first token calls it.
    pub(crate) subject: Option<Value>,
}

impl Accounts {
    /// The target has these accounts, by what they sign in with.
    pub(super) fn configured(&mut self, at: EntryId, usernames: &[String]) {
        for username in usernames.iter().take(ACCOUNTS) {
            let account = self.0.entry(username.clone()).or_default();
            account.text(username, at);
        }
    }

    /// Somebody got a token.
    pub(super) fn issued(&mut self, at: EntryId, token: &TokenIssued, contract: &Contract) {
        let Some(username) = &token.username else {
            return;
        };
        if self.0.len() >= ACCOUNTS && !self.0.contains_key(username) {
            return;
        }
        let account = self.0.entry(username.clone()).or_default();
        account.text(username, at);
        let identity = contract.session.identity.as_ref();
        let claim = identity.map_or("/sub", |identity| identity.claim.as_str());
        let subject = token.claims.as_ref().and_then(|own| own.pointer(claim));
        let Some(subject) = subject else {
            return;
        };
        match subject {
            Value::String(text) => account.text(text, at),
            Value::Number(number) if account.numbers.len() < NAMES => {
                account.numbers.insert(number.to_string());
            }
            _ => {}
        }
        account.subject.get_or_insert_with(|| subject.clone());
    }

    /// The account that signs in with this.
    pub(crate) fn get(&self, username: &str) -> Option<&Account> {
        self.0.get(username)
    }

    /// The account that a value names, if it is not the one whose request it stands in.
    pub(crate) fn other(&self, value: &str, own: &str) -> Option<&str> {
        let is_own = self.get(own).is_some_and(|account| account.is(value));
        if is_own || value.chars().count() < TELLING {
            return None;
        }
        let mut others = self.0.iter().filter(|(username, _)| *username != own);
        others
            .find(|(_, account)| account.is(value))
            .map(|(username, _)| username.as_str())
    }
}

impl Account {
    /// Its names that are texts, and where each was learnt.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, EntryId)> {
        self.texts.iter().map(|(name, at)| (name.as_str(), *at))
    }

    /// Whether it is called this.
    fn is(&self, name: &str) -> bool {
        self.texts.contains_key(name) || self.numbers.contains(name)
    }

    fn text(&mut self, name: &str, at: EntryId) {
        if self.texts.len() < NAMES {
            self.texts.entry(name.to_owned()).or_insert(at);
        }
    }
}
