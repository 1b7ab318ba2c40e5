//! What a run plays, against what, and how.

use std::path::PathBuf;
use std::sync::Arc;

use super::course::Course;
use super::handed_in::HandedIn;
use super::lease::Lease;
use crate::app::Quirk;
use crate::domain::scenario::Scenario;
use crate::mock::Defect;
use crate::runfile::Writer;
use crate::suite::Suite;
use crate::suite::config::{self, MOCK};

/// What to play, against what, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The suite: its contract and, for the mock, its world.
    pub suite: Arc<Suite>,
    /// The scenarios that were selected, in the suite's order.
    pub scenarios: Vec<Arc<Scenario>>,
    /// Where the backend is.
    pub target: Target,
    /// Whether the mock is played in real time over TCP. A deployment always is.
    pub real_time: bool,
    /// What every choice of the run derives from.
    pub seed: u64,
    /// Deliberate misbehaviours of the simulated app.
    pub quirks: Vec<Quirk>,
    /// Deliberate misbehaviours of the mock.
    pub defects: Vec<Defect>,
    /// How many scenarios may be played at once. At a deployment, which has one world for all, those that
    /// move it by an operator's calls are played alone all the same.
    pub jobs: usize,
    /// A folder for one journal file per scenario.
    pub journal_dir: Option<PathBuf>,
    /// The file that the whole run is written into.
    pub run_file: Option<Writer>,
    /// What is switched at a deployment, for whoever has to put it back.
    pub lease: Option<Lease>,
    /// How the run goes on.
    pub course: Course,
    /// What a caller of the library brings of its own.
    pub handed_in: HandedIn,
}

impl Plan {
    /// What is usually played of a suite, once, one scenario after the other, and kept nowhere.
    #[must_use]
    pub fn of(suite: impl Into<Arc<Suite>>, target: Target, seed: u64) -> Self {
        let suite = suite.into();
        Self {
            scenarios: suite.usual(),
            suite,
            target,
            real_time: false,
            seed,
            quirks: Vec::new(),
            defects: Vec::new(),
            jobs: 1,
            journal_dir: None,
            run_file: None,
            lease: None,
            course: Course::default(),
            handed_in: HandedIn::default(),
        }
    }

    /// The deliberate misbehaviours of the simulated app, by name.
    #[must_use]
    pub fn quirk_names(&self) -> Vec<String> {
        let quirks = self.quirks.iter();
        quirks.map(|quirk| quirk.name().to_owned()).collect()
    }

    /// The deliberate misbehaviours of the mock, by name.
    #[must_use]
    pub fn defect_names(&self) -> Vec<String> {
        let defects = self.defects.iter();
        defects.map(|defect| defect.name().to_owned()).collect()
    }

    /// Whether time is virtual.
    #[must_use]
    pub fn virtual_time(&self) -> bool {
        !self.real_time && matches!(self.target, Target::Mock) && self.handed_in.services.is_empty()
    }
}

/// Where the backend is.
#[derive(Debug, Clone)]
pub enum Target {
    /// The mock, one for each scenario.
    Mock,
    /// A deployment: one world for all scenarios.
    Deployment(Box<config::Target>),
}

impl Target {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Mock => MOCK,
            Self::Deployment(deployment) => &deployment.name,
        }
    }
}
