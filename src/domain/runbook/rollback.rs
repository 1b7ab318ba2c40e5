//! When a build has to be pulled: what fires that, and what a run says of it.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Ground};
use super::{Asked, Proof};
use crate::domain::journal::EntryId;
use crate::domain::subject::Subject;

/// What has a build pulled, whatever else is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Its id.
    pub id: String,
    /// What has gone wrong when it fires.
    pub title: String,
    /// The version that brought it; without one it was there from the first.
    pub since: Option<String>,
    /// What is to be done then, in order.
    pub actions: Vec<String>,
    /// What fires it by being broken, each alone.
    pub proofs: Vec<Proof>,
    /// Items of the runbook that fire it by being violated, by their ids.
    pub items: Vec<String>,
}

/// A trigger, and what the contract makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Its id.
    pub id: String,
    /// What has gone wrong when it fires.
    pub title: String,
    /// What is to be done then, in order.
    pub actions: Vec<String>,
    /// The version that brought it, where that is a later one than is answered.
    pub later: Option<String>,
    /// What fires it by being broken, that of its items among them.
    pub grounds: Vec<Asked>,
}

/// What a run says of a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggered {
    /// Its id.
    pub id: String,
    /// What has gone wrong when it fires.
    pub title: String,
    /// What is to be done then, in order.
    pub actions: Vec<String>,
    /// What is known of it.
    pub state: State,
    /// What it is known by.
    pub by: Vec<Ground>,
    /// Why it fired; or what of it was not judged, and why.
    pub reasons: Vec<String>,
    /// What shows that it fired, one of each scenario and rule.
    pub evidence: Vec<Exhibit>,
}

/// What is known of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Something that fires it is broken.
    Fired,
    /// Something could have fired it, and did not.
    Quiet,
    /// Nothing in the run could have fired it.
    NotJudged,
    /// The contract leaves no room for anything that fires it.
    NotApplicable,
    /// The version that is asked for does not have it.
    NotScored,
}

impl State {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Quiet => "quiet",
            Self::NotJudged => "not judged",
            Self::NotApplicable => "not applicable",
            Self::NotScored => "not scored",
        }
    }
}

/// A finding that fired a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhibit {
    /// The scenario's id.
    pub scenario: String,
    /// The rule's id, or what stands for one.
    pub rule: String,
    /// Who broke it.
    pub subject: Subject,
    /// In one sentence.
    pub message: String,
    /// The entries of the scenario's journal that show it, the decisive one last.
    pub entries: Vec<EntryId>,
    /// The backend's ids of the requests among them.
    pub request_ids: Vec<String>,
}

/// What all triggers together say of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// A trigger fired.
    Pull,
    /// Each could have fired, and none did.
    Keep,
    /// None fired, and of some nobody can say whether it should have.
    Open,
}

impl Build {
    /// What is to be done, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Pull => "pull the build",
            Self::Keep => "no reason to pull the build",
            Self::Open => "no reason to pull the build was seen, but not every trigger was judged",
        }
    }
}

impl Answer {
    /// What is to be done with the build; nothing where no trigger is agreed on.
    #[must_use]
    pub fn build(&self) -> Option<Build> {
        let any = |state: State| self.triggers_in(state).next().is_some();
        if any(State::Fired) {
            return Some(Build::Pull);
        }
        if any(State::NotJudged) {
            return Some(Build::Open);
        }
        any(State::Quiet).then_some(Build::Keep)
    }

    /// The triggers of which this is known, in the runbook's order.
    pub fn triggers_in(&self, state: State) -> impl Iterator<Item = &Triggered> {
        self.rollback.iter().filter(move |own| own.state == state)
    }
}
