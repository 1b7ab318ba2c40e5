//! A world as it has become, as data that can be kept, written down and put back.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::resource_state::ResourceState;
use crate::domain::contract::{Contract, Resource};
use crate::domain::malformed::Malformed;

/// A world as it has become: the data, and what is switched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) users: BTreeMap<String, BTreeMap<String, Held>>,
    pub(super) shared: BTreeMap<String, Held>,
    pub(super) maintenance: bool,
    pub(super) malformed: BTreeMap<String, Malformed>,
}

/// One resource as it has become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    answer: Value,
    sequence: u64,
    /// The fingerprint of what the world's file said of it: if that says something else now, the file is right.
    written: String,
}

/// What the world's file may say of a resource that is put back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The same as it did.
    Unchanged,
    /// Anything.
    Whatever,
}

impl Kept {
    /// Whether all of it is what the contract says about its resources.
    pub(super) fn check(&self, contract: &Contract) -> Result<(), String> {
        let all = self.users.values().chain([&self.shared]).flatten();
        for (name, held) in all {
            match contract.resource(name) {
                None => return Err(format!("there is no resource `{name}`")),
                Some(resource) => fits(resource, &held.answer)?,
            }
        }
        Ok(())
    }
}

/// Resources as they have become, and what the world's file says of each.
pub(super) fn held(
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

/// Has resources be as they were kept. Answers the names of those that have changed by it.
pub(super) fn put(
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
