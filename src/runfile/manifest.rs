//! Which run a file is of: when, what, against what, by which program on which machine.

use serde::{Deserialize, Serialize};

use crate::domain::journal::file::ContractMark;
use crate::domain::shard::Shard;

/// All that is known of a run before it is played.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that wrote it.
    pub rehearsal: String,
    /// A name for this run that no other has.
    pub id: String,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// What every choice of the run derives from.
    pub seed: u64,
    /// The target's name.
    pub target: String,
    /// Whether time is virtual.
    pub virtual_time: bool,
    /// Deliberate misbehaviours of the simulated app, by name.
    pub quirks: Vec<String>,
    /// Deliberate misbehaviours of the mock, by name.
    pub defects: Vec<String>,
    /// What it is judged by.
    pub contract: ContractMark,
    /// The other files that it was played from.
    pub marks: Marks,
    /// What was typed.
    pub origin: Origin,
    /// Where.
    pub machine: Machine,
    /// Every scenario of the suite, in its order.
    pub scenarios: Vec<Listed>,
    /// Which part of a run this is, if others are played elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The runs that this file was merged from; empty for a run of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Played>,
}

/// By what a suite's files can be known: SHA-256 of their texts, hex.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Where the suite comes from, for people.
    pub suite: String,
    /// All scenarios together.
    pub scenarios: String,
    /// The mock's content, where there is any.
    pub world: Option<String>,
    /// The runbook: name, version, and SHA-256 of what that version says.
    pub runbook: String,
}

/// What was typed, without secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The whole command line.
    pub command: Vec<String>,
    /// The arguments that name the same files again.
    pub files: Vec<String>,
}

/// The machine that played it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its operating system.
    pub os: String,
    /// Its architecture.
    pub arch: String,
    /// How many processors it has.
    pub processors: usize,
}

/// A scenario of the suite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Whether it is played when nobody asks for one.
    pub usual: bool,
    /// Whether it was to be played in this run.
    pub selected: bool,
    /// Whether it was selected as well and falls to another shard. In a merged file it is selected, too: it is
    /// missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

/// A run that went into a merged file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// Its id.
    pub id: String,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// What was typed.
    pub origin: Origin,
    /// Where.
    pub machine: Machine,
    /// Whether the run was over when its file ended.
    pub whole: bool,
    /// Which part of a run it was, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl Machine {
    /// The one that this is.
    #[must_use]
    pub fn this() -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl Manifest {
    /// What it was played from: each file's name and SHA-256, hex.
    #[must_use]
    pub fn hashes(&self) -> Vec<(String, String)> {
        let marks = &self.marks;
        let runbook = marks.runbook.rsplit(' ').next().unwrap_or_default();
        let files = [
            ("contract", Some(&*self.contract.sha256)),
            ("scenarios", Some(&*marks.scenarios)),
            ("world", marks.world.as_deref()),
            ("runbook", Some(runbook)),
        ];
        let known = files
            .into_iter()
            .filter_map(|(name, hash)| Some((name, hash?)));
        known
            .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
            .collect()
    }

    /// The scenarios that were to be played, in the suite's order.
    pub fn selected(&self) -> impl Iterator<Item = &Listed> {
        self.scenarios.iter().filter(|own| own.selected)
    }
}
