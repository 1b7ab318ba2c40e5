//! What a restart would lose, as data: it is written into a file and read from it, or kept under a name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LeverError;
use super::backend::{Backend, Core};
use super::kept::{Kept, Source, held, put};
use super::sessions::{Session, Sessions};
use crate::domain::world::World;

/// The form of what is written, raised when an older reader would misunderstand it.
const VERSION: u64 = 1;

/// How many worlds are kept by name.
const MOST_KEPT: usize = 100;

/// Everything of a mock that a restart would lose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    #[serde(rename = "rehearsal-mock-state")]
    version: u64,
    contract: String,
    /// How often a mock has gone on from it. Tokens are made up anew each time.
    starts: u64,
    world: Kept,
    sessions: Vec<Session>,
    kept: BTreeMap<String, Kept>,
}

/// Why a mock cannot go on from what was written.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is something else, or is damaged.
    #[error("it is no state of a mock, or is damaged: {0}")]
    NoState(String),
    /// A later version wrote it.
    #[error("a newer rehearsal has written it: its form is {0}, and this one knows {VERSION}")]
    Newer(u64),
    /// It is of another app.
    #[error("it is the state of a mock of `{0}`, and the contract is `{1}`")]
    Foreign(String, String),
    /// The contract has changed.
    #[error("it does not fit the contract any more: {0}")]
    Unfit(String),
}

impl State {
    /// Reads what was written.
    ///
    /// # Errors
    /// When it is no state, or one that this version does not know.
    pub fn read(text: &[u8]) -> Result<Self, Unusable> {
        let damaged = |error: serde_json::Error| Unusable::NoState(error.to_string());
        let value: Value = serde_json::from_slice(text).map_err(damaged)?;
        match value["rehearsal-mock-state"].as_u64() {
            None => Err(Unusable::NoState(
                "it does not say that it is one".to_owned(),
            )),
            Some(version) if version > VERSION => Err(Unusable::Newer(version)),
            Some(_) => serde_json::from_value(value).map_err(damaged),
        }
    }
}

impl Backend {
    pub(super) fn state_since(&self, before: u64) -> Option<(u64, State)> {
        if self.touched.load(Ordering::Relaxed) == before {
            return None;
        }
        let core = self.core();
        let name = |user: usize| core.people[user % core.people.len()].user.name.clone();
        let state = State {
            version: VERSION,
            contract: self.contract.name.clone(),
            starts: core.starts,
            world: core.as_kept(),
            sessions: core.sessions.written(name),
            kept: core
                .kept
                .iter()
                .map(|(name, kept)| (name.clone(), Kept::clone(kept)))
                .collect(),
        };
        Some((self.touched.load(Ordering::Relaxed), state))
    }

    pub(super) fn resume(&self, state: State) -> Result<(), Unusable> {
        let contract = &self.contract;
        if state.contract != contract.name {
            let own = contract.name.clone();
            return Err(Unusable::Foreign(state.contract, own));
        }
        for kept in state.kept.values().chain([&state.world]) {
            kept.check(contract).map_err(Unusable::Unfit)?;
        }
        let mut core = self.core();
        let core = &mut *core;
        core.starts = state.starts + 1;
        // Chance goes on where no seed has it begin again: what was handed out before is not handed out twice.
        let seed = core.rng.u64(..) ^ core.starts.rotate_left(32);
        core.rng = Rng::with_seed(seed);
        core.put_back(&state.world, Source::Unchanged);
        core.begin_live(&self.contract, self.clock.elapsed());
        let Core {
            sessions, people, ..
        } = core;
        let mut users = BTreeMap::new();
        users.extend((people.iter().enumerate()).map(|(at, own)| (own.user.name.as_str(), at)));
        *sessions = Sessions::read(state.sessions, |name| users.get(name).copied());
        let kept = state.kept.into_iter();
        core.kept = kept.map(|(name, kept)| (name, Arc::new(kept))).collect();
        Ok(())
    }

    pub(super) fn keep(&self, name: &str) -> Result<Vec<String>, LeverError> {
        let refuse = |why: String| LeverError::Nothing {
            lever: "keep".to_owned(),
            why,
        };
        let sound = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
        if name.is_empty() || name.len() > 64 || !name.chars().all(sound) {
            let why = "a name has at most 64 letters, digits, `-`, `_` and `.`";
            return Err(refuse(why.to_owned()));
        }
        let mut core = self.core();
        if core.kept.len() >= MOST_KEPT && !core.kept.contains_key(name) {
            let why = format!("{MOST_KEPT} worlds are kept already: use one of their names again");
            return Err(refuse(why));
        }
        let kept = Arc::new(core.as_kept());
        core.kept.insert(name.to_owned(), kept);
        Ok(core.kept.keys().cloned().collect())
    }

    pub(super) fn go_back(&self, name: &str) -> Result<usize, LeverError> {
        let mut core = self.core();
        let core = &mut *core;
        let Some(kept) = core.kept.get(name).cloned() else {
            let names: Vec<&str> = core.kept.keys().map(String::as_str).collect();
            let why = match names.is_empty() {
                true => "none was kept yet".to_owned(),
                false => format!("`{name}` was not kept; there are {}", names.join(", ")),
            };
            return Err(LeverError::Nothing {
                lever: "restore".to_owned(),
                why,
            });
        };
        let changed = core.put_back(&kept, Source::Whatever);
        core.edits.clear("a world that was kept is here again");
        core.begin_live(&self.contract, self.clock.elapsed());
        self.switch(core, kept.maintenance);
        self.tell_changed(core, &changed);
        Ok(kept.users.len())
    }
}

impl Core {
    /// The world as it is now.
    fn as_kept(&self) -> Kept {
        let World { users, shared, .. } = &*self.world;
        let people = self.people.iter().map(|person| {
            let name = &person.user.name;
            let written = users.iter().find(|user| user.name == *name);
            let data = held(&person.data, written.map(|user| &user.data));
            (name.clone(), data)
        });
        Kept {
            users: people.collect(),
            shared: held(&self.shared, Some(shared)),
            maintenance: self.maintenance,
            malformed: self.malformed.clone(),
        }
    }

    /// Has everything be as it was kept, as far as users and resources are still there. Answers what has changed by it.
    fn put_back(&mut self, kept: &Kept, source: Source) -> Vec<String> {
        let world = Arc::clone(&self.world);
        let mut changed = Vec::new();
        for person in &mut self.people {
            let own = kept.users.get(&person.user.name);
            let written = world
                .users
                .iter()
                .find(|user| user.name == person.user.name);
            if let Some((own, written)) = own.zip(written) {
                changed.extend(put(own, &mut person.data, &written.data, source));
            }
        }
        changed.extend(put(&kept.shared, &mut self.shared, &world.shared, source));
        changed.sort_unstable();
        changed.dedup();
        self.maintenance = kept.maintenance;
        self.was_maintained |= kept.maintenance;
        self.malformed.clone_from(&kept.malformed);
        changed
    }
}
