//! Files into the domain: contracts, scenarios, worlds and the configuration.
//!
//! Whatever is wrong with a file becomes a [`Problem`] that points into it. Reading never stops at
//! the first one: [`Problems`] holds everything that is wrong with everything that was asked for.

use std::path::PathBuf;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::domain::contract::Contract;
use crate::domain::runbook::Runbook;
use crate::domain::scenario::Scenario;
use crate::domain::world::World;

pub mod attestations;
pub mod config;
mod contract;
mod cursor;
mod diagnostics;
mod flow;
pub mod known_failures;
mod load;
mod node;
mod numeral;
mod placeholders;
mod problem;
mod runbook;
mod scenario;
pub mod schema;
mod source;
mod suggest;
mod toml;
mod trace;
mod values;
mod world;
mod yaml;

pub(crate) use contract::is_reserved;
pub use load::{
    contract_source, read_contract, read_runbook, read_scenario, read_setting, read_world,
    world_source,
};
pub(crate) use load::{has_scenarios, shipped_files};
pub(crate) use node::{Content, Node};
pub use problem::{Problem, Problems, Rendering};
pub use source::Source;
pub(crate) use yaml::parse_up_to;

/// The suite that is part of the program.
static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");
/// Further scenarios for the shipped contract: stages on which the self-test's misbehaviours show.
/// Its `contract.yaml` is what they agree on beside that contract.
static STAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/stages");
static SHIPPED_WORLD: &str = include_str!("../fixtures/world.yaml");

/// The file that a folder of scenarios keeps its contract in.
const CONTRACT_FILE: &str = "contract.yaml";
/// The file that a folder of scenarios keeps the mock's content in.
const WORLD_FILE: &str = "world.yaml";

/// The file that a folder of scenarios keeps its runbook in.
const RUNBOOK_FILE: &str = "runbook.yaml";
/// The folder that a suite keeps its flows in.
pub(crate) const FLOWS: &str = "flows";
/// What a suite may hold beside its scenarios.
pub(crate) const SHARED_FILES: [&str; 3] = [CONTRACT_FILE, WORLD_FILE, RUNBOOK_FILE];

/// A contract, the scenarios that were read against it, and what a mock of it holds.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Where it comes from, for people: a path, or `shipped`.
    pub origin: String,
    /// What app and backend agreed.
    pub contract: Arc<Contract>,
    /// SHA-256 of the contract's text, hex: by it a journal says what it was judged by.
    pub fingerprint: String,
    /// The scenarios, in the order of their files' paths.
    pub scenarios: Vec<Arc<Scenario>>,
    /// The mock's content; without it there is no mock of this contract.
    pub world: Option<Arc<World>>,
    /// What has to be so before a release, and what proves it.
    pub runbook: Runbook,
    /// By what its other files can be known.
    pub hashes: Hashes,
    /// The steps that its scenarios share.
    flows: Arc<flow::Library>,
    /// The closer agreement that some stages of the self-test need, and its fingerprint.
    closer: Option<(Arc<Contract>, String)>,
}

/// SHA-256 of the texts that a suite was read from, hex.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashes {
    /// Of all scenarios and flows together.
    pub scenarios: String,
    /// Of the mock's content, where there is any.
    pub world: Option<String>,
}

impl Suite {
    /// By what the runbook can be known that is answered: SHA-256, hex, of all that this version of it
    /// says.
    #[must_use]
    pub fn runbook_hash(&self) -> String {
        let version = self.runbook.answered();
        Source::new("", self.runbook.text_of(version)).fingerprint()
    }

    /// The scenarios that are played when nobody asks for one: all but those of days.
    #[must_use]
    pub fn usual(&self) -> Vec<Arc<Scenario>> {
        let scenarios = self.scenarios.iter();
        scenarios.filter(|own| own.is_usual()).cloned().collect()
    }

    /// The suite as its scenario of this id is played: a stage with the tag `closer` agrees on more
    /// than the rest.
    #[must_use]
    pub fn for_stage(&self, id: &str) -> Self {
        let mut suite = self.clone();
        let mut stages = self.scenarios.iter().filter(|own| own.id == id);
        let is_closer = stages.any(|own| own.is_closer());
        if let (Some((contract, fingerprint)), true) = (&self.closer, is_closer) {
            suite.contract = Arc::clone(contract);
            suite.fingerprint.clone_from(fingerprint);
        }
        suite
    }
}

/// Where the parts of a suite are taken from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// A folder of scenarios or one scenario file; the shipped ones without it.
    pub scenarios: Option<PathBuf>,
    /// Where the contract is taken from.
    pub contract: ContractChoice,
    /// The mock's content, if it is not the one that stands beside the scenarios or the contract.
    pub world: Option<PathBuf>,
}

/// Where the contract is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ContractChoice {
    /// `contract.yaml` beside the scenarios.
    #[default]
    OfSuite,
    /// The shipped one.
    Shipped,
    /// This file.
    File(PathBuf),
}

impl ContractChoice {
    /// Reads what people write: the word `shipped`, or a path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "shipped" => Self::Shipped,
            path => Self::File(PathBuf::from(path)),
        }
    }
}

#[cfg(test)]
mod tests;
