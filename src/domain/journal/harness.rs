//! What the harness did or noticed.

use serde::{Deserialize, Serialize};

use super::{EntryId, Heard, Question};
use crate::domain::change::Change;
use crate::domain::subject::Subject;

mod version1;

/// What the harness did or noticed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HarnessFact {
    /// The run began.
    Began {
        /// The scenario's id.
        scenario: String,
        /// The seed.
        seed: u64,
        /// The target's name.
        target: String,
        /// The run's clock at the journal's zero, in seconds since 1970.
        epoch: u64,
        /// Whether time is virtual.
        virtual_time: bool,
        /// What the target's accounts sign in with, the first 64 of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accounts: Vec<String>,
    },
    /// A step of the scenario.
    Step {
        /// Its place in the file, from 1.
        step: usize,
        /// As written.
        text: String,
        /// How far it is.
        phase: StepPhase,
    },
    /// What a step expects did not come true: its account, for the report.
    Unmet(UnmetStep),
    /// The environment or the harness failed, so the scenario did not come to its end.
    Failed {
        /// What failed, and what can be done about it.
        why: String,
    },
    /// A person stopped the run.
    Interrupted,
    /// The world around the client was changed.
    #[serde(alias = "lever", alias = "fault")]
    Changed(Changed),
    /// The marked forbidden call came back.
    Canary {
        /// Its exchange at the gateway, if the gateway saw it.
        exchange: Option<u64>,
        /// What was called.
        call: String,
        /// Whether the gateway caught it and kept it from the backend.
        caught: bool,
    },
    /// The harness is about to ask the backend something: by its next request.
    Probe {
        /// What its answer is to show.
        question: Question,
    },
    /// A socket of the harness's own is over.
    Listened(Heard),
    /// The harness asks nothing for a rule.
    NotProbed {
        /// The rule's id.
        rule: String,
        /// What it lacks to ask.
        why: String,
        /// Whether the backend's own answers are the reason, which whoever reads the verdict must know.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        suspicious: bool,
    },
    /// The mock's own count of calls to forbidden endpoints.
    ForbiddenReached {
        /// How many reached it.
        calls: u64,
    },
    /// Something in virtual time came late although nobody delayed it.
    Late {
        /// What was to come, in words for a person.
        what: String,
        /// By how many microseconds.
        by_us: u64,
    },
    /// In real time the harness's own timers were late.
    Lagged {
        /// By how many milliseconds in all.
        by_ms: u64,
        /// In how many milliseconds until now.
        over_ms: u64,
    },
    /// The client is gone and nothing more will be appended on its behalf.
    Ended,
}

/// The world around the client was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "version1::Written")]
pub struct Changed {
    /// How it is from now on.
    pub change: Change,
    /// By what means it was changed.
    pub how: LeverHow,
}

/// What a step expects and what came instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmetStep {
    /// Who is suspected.
    pub subject: Subject,
    /// In one sentence.
    pub message: String,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub observed: String,
    /// The entries that show it, the decisive one last.
    pub evidence: Vec<EntryId>,
    /// The backend's ids of the requests among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_ids: Vec<String>,
    /// Whether it has only not come in its time, so that more time might have changed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepPhase {
    /// It began.
    Began,
    /// It is done, or what it expects came true.
    Done,
    /// What it expects did not come true.
    Unmet,
    /// It could not be carried out.
    Failed,
}

/// By what means the world was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeverHow {
    /// The mock's own.
    Mock,
    /// By the operator's HTTP call.
    Http,
    /// By the operator's command.
    Command,
    /// By the gateway: a fault, or a lever that it imitates.
    Gateway,
}
