//! What a restart would lose, as data: it is written into a file and read from it, or kept under a name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_lc_rs::digest::{SHA256, digest};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LeverError;
use super::backend::{Backend, Core};
use super::resource_state::ResourceState;
use super::sessions::{Session, Sessions};
use crate::domain::contract::{Contract, Resource};
use crate::domain::malformed::Malformed;
use crate::domain::world::World;

/// The form of what is written, raised when an older reader would misunderstand it.
const VERSION: u64 = 1;

/// How many worlds are kept by name.
const MOST_KEPT: usize = 100;

/// A world as it has become: the data, and what is switched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    users: BTreeMap<String, BTreeMap<String, Held>>,
    shared: BTreeMap<String, Held>,
    maintenance: bool,
    malformed: BTreeMap<String, Malformed>,
}

/// One resource as it has become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    answer: Value,
    sequence: u64,
    /// The fingerprint of what the world's file said of it: if that says something else now, the file is right.
    written: String,
}

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
            world: Kept::of(&core),
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
        state.world.put_back(core, Source::Unchanged);
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
        let kept = Arc::new(Kept::of(&core));
        core.kept.insert(name.to_owned(), kept);
        Ok(core.kept.keys().cloned().collect())
    }

    pub(super) fn go_back(&self, name: &str) -> Result<usize, LeverError> {
        let mut core = self.core();
        let core = &mut *core;
        let Some(kept) = core.kept.get(name).map(Arc::clone) else {
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
        let changed = kept.put_back(core, Source::Whatever);
        self.switch(core, kept.maintenance);
        self.tell_changed(core, &changed);
        Ok(kept.users.len())
    }
}

/// What the world's file may say of a resource that is put back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The same as it did.
    Unchanged,
    /// Anything.
    Whatever,
}

impl Kept {
    fn of(core: &Core) -> Self {
        let World { users, shared, .. } = &*core.world;
        let people = core.people.iter().map(|person| {
            let name = &person.user.name;
            let written = users.iter().find(|user| user.name == *name);
            let data = held(&person.data, written.map(|user| &user.data));
            (name.clone(), data)
        });
        Self {
            users: people.collect(),
            shared: held(&core.shared, Some(shared)),
            maintenance: core.maintenance,
            malformed: core.malformed.clone(),
        }
    }

    /// Whether all of it is what the contract says about its resources.
    fn check(&self, contract: &Contract) -> Result<(), String> {
        let all = self.users.values().chain([&self.shared]).flatten();
        for (name, held) in all {
            match contract.resource(name) {
                None => return Err(format!("there is no resource `{name}`")),
                Some(resource) => fits(resource, &held.answer)?,
            }
        }
        Ok(())
    }

    /// Has the core be as it was, as far as users and resources are still there. Answers what has changed by it.
    fn put_back(&self, core: &mut Core, source: Source) -> Vec<String> {
        let world = Arc::clone(&core.world);
        let mut changed = Vec::new();
        for person in &mut core.people {
            let kept = self.users.get(&person.user.name);
            let written = world
                .users
                .iter()
                .find(|user| user.name == person.user.name);
            if let Some((kept, written)) = kept.zip(written) {
                changed.extend(put(kept, &mut person.data, &written.data, source));
            }
        }
        changed.extend(put(&self.shared, &mut core.shared, &world.shared, source));
        changed.sort_unstable();
        changed.dedup();
        core.maintenance = self.maintenance;
        core.was_maintained |= self.maintenance;
        core.malformed.clone_from(&self.malformed);
        changed
    }
}

fn held(
    data: &BTreeMap<String, ResourceState>,
    written: Option<&BTreeMap<String, Value>>,
) -> BTreeMap<String, Held> {
    let held = data.iter().map(|(name, state)| {
        let written = written.and_then(|written| written.get(name));
        let held = Held {
            answer: state.answer.clone(),
            sequence: state.sequence,
            written: written.map_or_else(String::new, fingerprint),
        };
        (name.clone(), held)
    });
    held.collect()
}

fn put(
    kept: &BTreeMap<String, Held>,
    data: &mut BTreeMap<String, ResourceState>,
    written: &BTreeMap<String, Value>,
    source: Source,
) -> Vec<String> {
    let mut changed = Vec::new();
    for (name, state) in data {
        let Some(held) = kept.get(name) else { continue };
        let says = written.get(name).map(fingerprint);
        if source == Source::Unchanged && says.as_ref() != Some(&held.written) {
            state.sequence = state.sequence.max(held.sequence + 1);
            continue;
        }
        if state.answer == held.answer {
            state.sequence = state.sequence.max(held.sequence);
            continue;
        }
        state.answer.clone_from(&held.answer);
        // Nobody may take it for older than what was there.
        state.sequence = match source {
            Source::Unchanged => held.sequence,
            Source::Whatever => state.sequence.max(held.sequence) + 1,
        };
        changed.push(name.clone());
    }
    changed
}

/// Whether an answer is what the contract says about its resource.
fn fits(resource: &Resource, answer: &Value) -> Result<(), String> {
    let name = &resource.name;
    if let Some(items) = &resource.items
        && !items.in_body(answer).is_some_and(Value::is_array)
    {
        return Err(format!("`{name}` has no list at `{items}`"));
    }
    let schema = resource.schema.as_ref();
    let validator = schema.and_then(|schema| jsonschema::validator_for(schema).ok());
    let wrong = validator
        .as_ref()
        .and_then(|own| own.iter_errors(answer).next());
    match wrong {
        Some(error) => Err(format!("`{name}` at `{}`: {error}", error.instance_path())),
        None => Ok(()),
    }
}

/// What tells one value from another.
fn fingerprint(value: &Value) -> String {
    let hash = digest(&SHA256, value.to_string().as_bytes());
    let start: [u8; 8] = hash.as_ref()[..8].try_into().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(start))
}
