//! How a mock is set up, and what can be wrong with that or with a lever.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::defect::Defects;
use super::faults::ReadChange;
use super::pages::Pages;
use super::secured::Secured;
use crate::domain::contract::Contract;
use crate::domain::world::World;
use crate::net::{Clock, Listener, Net};

/// How a mock is set up.
#[derive(Debug)]
pub struct Settings {
    /// What it serves.
    pub contract: Arc<Contract>,
    /// What it holds.
    pub world: Arc<World>,
    /// Its time.
    pub clock: Clock,
    /// Its transport.
    pub net: Net,
    /// Listeners by service; a service that is not named gets one from `net`.
    pub listeners: BTreeMap<String, Listener>,
    /// Which pages of browsers may use it from an origin of their own.
    pub pages: Pages,
    /// How its services are served over TLS, if they are.
    pub secured: Option<Secured>,
    /// How an operator's faults are read; without it there are none.
    pub faults: Option<ReadChange>,
    /// Everything that is made up follows from it.
    pub seed: u64,
    /// How it misbehaves.
    pub defects: Defects,
    /// Whether what the world says under `live` goes on by itself.
    pub live: bool,
}

/// Why a mock could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("the mock's service `{service}` cannot listen on {address}: {source}")]
    Bind {
        /// The service, or `operator`.
        service: String,
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The world lacks data.
    #[error("the world has no data of resource `{resource}` for {user}")]
    NoData {
        /// The resource.
        resource: String,
        /// The user's name, or `everybody`.
        user: String,
    },
    /// The world emits what the contract does not know.
    #[error("the world emits `{0}`, but the contract's realtime has no such event")]
    NoEvent(String),
    /// Something is to happen by itself that the world does not name.
    #[error("`{0}` is to happen by itself, but the world has no such change")]
    NoChange(String),
    /// The mock signs with RS256 only.
    #[error("the contract allows tokens signed with {0}; the mock signs with RS256 only")]
    Algorithm(String),
    /// An answer cannot be composed.
    #[error(
        "the mock cannot write a value at `{0}`: use a JSON Pointer or a JSONPath of plain names"
    )]
    Selector(String),
    /// The test-only key is damaged.
    #[error("the mock's signing key cannot be read: {0}")]
    Key(String),
}

/// Why a lever did not move.
#[derive(Debug, thiserror::Error)]
pub enum LeverError {
    /// Something is named that the contract does not have.
    #[error("the contract has no {kind} `{name}`")]
    Unknown {
        /// What it should have been.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// There is nothing for the lever to move.
    #[error("{lever}: {why}")]
    Nothing {
        /// The lever.
        lever: String,
        /// Why not.
        why: String,
    },
    /// A stopped service cannot listen again.
    #[error(transparent)]
    Start(#[from] StartError),
}
