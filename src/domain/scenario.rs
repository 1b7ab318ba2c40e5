//! One behaviour: steps that act, change the world or expect.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::TransportName;
use super::journal::{FeedState, LinkState, ScreenName};
use super::runbook::Labelled;

pub use super::change::{Change, Fault, Lever, RequestMatch, Withheld};
pub use super::journal::StorageAccident;

/// What the files of the program's own suite are called by: such a name is no path.
pub const SHIPPED_PLACE: &str = "shipped:";

/// The tag of scenarios that live through days: a run plays them only when it is asked to.
pub const SOAK: &str = "soak";

/// One behaviour, as read from a scenario file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its id: the file's name without extension.
    pub id: String,
    /// What it shows, for people.
    pub name: String,
    /// The file as given; of a shipped one, `shipped:` and its path in the shipped suite.
    pub file: String,
    /// The runbook's items that it proves as a whole, beside those that the runbook itself names.
    pub runbook: Vec<String>,
    /// Expectations that have names of their own, in the order of the file.
    pub labels: Vec<Labelled>,
    /// Words by which it can be selected.
    pub tags: Vec<String>,
    /// The part without which it means nothing and that the contract lacks: then it has no steps.
    pub lacks: Option<&'static str>,
    /// Levers that a target must have: those that its steps move, and those named by `needs`.
    pub needs: Vec<Lever>,
    /// Rules that are not judged here, with the reason.
    pub waivers: Vec<Waiver>,
    /// Why it is expected to fail, if it is.
    pub known_failure: Option<String>,
    /// The names of its devices, the first of which is meant where a step names none; empty where there is
    /// only one, which needs no name.
    pub devices: Vec<String>,
    /// What happens.
    pub steps: Vec<Step>,
    /// What happens at the end in every case, also after a failure or an interrupt.
    pub finally: Vec<Step>,
}

/// The tag of a stage whose misbehaviour shows only where more was agreed than the shipped contract has.
const CLOSER: &str = "closer";

impl Scenario {
    /// Whether it is a stage of the self-test that is played under the closer agreement.
    #[must_use]
    pub fn is_closer(&self) -> bool {
        self.tags.iter().any(|tag| tag == CLOSER)
    }

    /// Whether it is played when nobody asks for it by its name or tag.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        !self.tags.iter().any(|tag| tag == SOAK)
    }

    /// The accounts that sign in, each once.
    #[must_use]
    pub fn accounts(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for step in self.steps.iter().chain(&self.finally) {
            if let StepKind::Do(Action::SignIn { account, .. }) = &step.kind
                && !names.contains(&account.as_str())
            {
                names.push(account.as_str());
            }
        }
        names
    }
}

/// A rule that a scenario does not want judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its place among all steps of the file, `finally` included, from 1.
    pub number: usize,
    /// Where it is written, in words: `line 4`, or `line 2 of flows/enter.yaml, used in line 4`.
    pub place: String,
    /// As written, on one line, for reports.
    pub text: String,
    /// The device that it is about, as a place among the scenario's.
    pub on: usize,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// The user of the client does something.
    Do(Action),
    /// The world changes.
    Set(Change),
    /// What the code of whoever uses the library looks at: its place among what was brought.
    Own(usize),
    /// Something must come or stay true.
    Expect {
        /// All of these together.
        all: Vec<Expectation>,
        /// By when, or for how long.
        timing: Timing,
        /// From where on the journal is looked at.
        since: Since,
    },
}

/// What the user of the client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Starts the app's process.
    Launch,
    /// Kills it, as a user or the system would: nothing is said good-bye to.
    Kill,
    /// Signs in.
    SignIn {
        /// The account's name.
        account: String,
        /// Whether a wrong password is given.
        wrong_password: bool,
    },
    /// Signs out.
    SignOut,
    /// Pulls to refresh.
    Refresh,
    /// Opens a screen of the contract.
    Open(String),
    /// Leaves the app.
    Background,
    /// Comes back to it.
    Foreground,
    /// Asks for older items of a resource until there are none.
    LoadAll(String),
    /// Does nothing for a while.
    Wait(Duration),
    /// Something happens to the secure storage of a device whose app is not running.
    Storage(StorageAccident),
    /// The device's clock is set: so many seconds ahead of the right time, or behind it.
    Clock(i64),
}

/// When an expectation is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// At once.
    Now,
    /// It must come true within this time.
    Within(Duration),
    /// It must hold for this time without a break.
    For(Duration),
}

/// From where on the journal is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Since {
    /// From the last step that acted or changed the world.
    #[default]
    Change,
    /// From the beginning of the scenario.
    Start,
    /// From the beginning of this step.
    Now,
}

/// Something that must be true.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// The app shows this screen.
    Screen(ScreenName),
    /// What the app thinks of the network.
    Link(LinkState),
    /// How data arrives.
    Feed(FeedState),
    /// Whether there is a session.
    Session(bool),
    /// A message is shown to the user, by its stable name.
    Notice(String),
    /// Data of this resource is shown.
    Shows(String),
    /// Newer data of this resource was shown.
    Updates(String),
    /// Every page of this resource was read, no item twice.
    Complete(String),
    /// A value in the shown data, by pointer into the resource's answer.
    Value {
        /// The resource.
        resource: String,
        /// The pointer.
        pointer: String,
        /// What must stand there.
        equals: Value,
    },
    /// The socket's transport.
    Transport(TransportName),
    /// Requests were seen, so many of them.
    Requests {
        /// Those that count.
        which: RequestMatch,
        /// How many at least.
        at_least: u64,
        /// How many at most.
        at_most: Option<u64>,
    },
    /// An event of the server was seen.
    Event(String),
    /// An event of the server was not seen.
    NoEvent(String),
}
