//! A contract and its scenarios.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Error, Scenario};
use crate::run::Own;
use crate::suite::{self, Choice, ContractChoice, Source};

/// A contract, scenarios for it, and the world of its mock.
#[derive(Clone)]
pub struct Suite {
    pub(super) inner: suite::Suite,
    /// By a scenario's id, the code that its steps call on.
    pub(super) code: BTreeMap<String, Vec<Own>>,
    /// Whether it is what stands in files, so that the command plays the same.
    pub(super) stands_in_files: bool,
    /// What the command is told to find the same.
    pub(super) words: Vec<String>,
}

impl Suite {
    /// The suite that is part of this crate.
    ///
    /// # Errors
    /// None in a released version: its tests read these files.
    pub fn shipped() -> Result<Self, Error> {
        Self::chosen(&Choice::default(), Vec::new())
    }

    /// The suite in a folder with a `contract.yaml`, a folder inside of one, or one scenario file. This
    /// is what `rehearsal run --suite PATH` plays.
    ///
    /// # Errors
    /// Everything that is wrong with its files.
    ///
    /// ```no_run
    /// let suite = rehearsal::Suite::load("tests/harbour")?;
    /// # Ok::<(), rehearsal::Error>(())
    /// ```
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let words = vec!["--suite".to_owned(), path.display().to_string()];
        let choice = Choice {
            scenarios: Some(path),
            ..Choice::default()
        };
        Self::chosen(&choice, words)
    }

    /// The shipped scenarios, which fit every contract, for this contract and the world beside it.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("contract.yaml");
    /// # std::fs::copy("scenarios/contract.yaml", &path).unwrap();
    /// let suite = rehearsal::Suite::shipped_for(&path)?;
    /// assert!(suite.scenarios().any(|id| id == "sign-in"));
    /// # Ok::<(), rehearsal::Error>(())
    /// ```
    pub fn shipped_for(contract: impl Into<PathBuf>) -> Result<Self, Error> {
        let contract = contract.into();
        let words = vec!["--contract".to_owned(), contract.display().to_string()];
        let choice = Choice {
            contract: ContractChoice::File(contract),
            ..Choice::default()
        };
        Self::chosen(&choice, words)
    }

    fn chosen(choice: &Choice, words: Vec<String>) -> Result<Self, Error> {
        Ok(Self {
            inner: suite::Suite::load(choice)?,
            code: BTreeMap::new(),
            stands_in_files: true,
            words,
        })
    }

    /// The same suite with another world for its mock: data of the test's own, in the form that
    /// `docs/CONTRACT.md` describes.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    ///
    /// ```
    /// let wrong = rehearsal::Suite::shipped()?.with_world(&serde_json::json!({ "userss": [] }));
    /// assert!(wrong.unwrap_err().to_string().contains("did you mean `users`?"));
    /// # Ok::<(), rehearsal::Error>(())
    /// ```
    pub fn with_world(mut self, world: &Value) -> Result<Self, Error> {
        self.inner.replace_world_by(world)?;
        self.stands_in_files = false;
        Ok(self)
    }

    /// The same suite with the world of this file for its mock.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn with_world_file(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let source = Source::read(path.as_ref(), "the world").map_err(suite::Problems::from)?;
        self.inner.replace_world(&source)?;
        self.stands_in_files = false;
        Ok(self)
    }

    /// The same suite with one more scenario, which is written in Rust.
    ///
    /// # Errors
    /// Everything that is wrong with it, as if it stood in a file.
    pub fn with(mut self, scenario: Scenario) -> Result<Self, Error> {
        let (id, source, names) = (scenario.id(), scenario.source(), scenario.names());
        self.inner.add(&id, &source, &names)?;
        self.code.insert(id, scenario.into_code());
        self.stands_in_files = false;
        Ok(self)
    }

    /// The ids of its scenarios, in the order in which they are played.
    pub fn scenarios(&self) -> impl Iterator<Item = &str> {
        self.inner.scenarios.iter().map(|own| own.id.as_str())
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Suite")
            .field("origin", &self.inner.origin)
            .field("scenarios", &self.scenarios().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
