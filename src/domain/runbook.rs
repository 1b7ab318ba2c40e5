//! A release runbook: what has to be so before an app goes out, item by item, and what proves each.
//!
//! Which items there are is a file's to say; code knows no id. What a run makes of them is an
//! [`Answer`].

mod answer;
mod basis;
mod capability;
mod check;
mod rollback;
mod shown;

pub use answer::{Answer, Answered, Came, Ground, Status};
pub use basis::{Asked, Basis, Claim};
pub use capability::Capability;
pub use check::{Check, CheckEnd};
pub use rollback::{Build, Exhibit, State, Trigger, Triggered, Watched};
pub use shown::{Labelled, Shown};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::contract::Contract;

/// A runbook, and what people vouch for in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runbook {
    /// Its name.
    pub name: String,
    /// The version of what stands in the file.
    pub version: String,
    /// Versions that are published, the oldest first: what they say is frozen.
    pub published: Vec<String>,
    /// The groups, in the order of the file.
    pub groups: Vec<Group>,
    /// The items, in the order of the file.
    pub items: Vec<Item>,
    /// What has a build pulled, in the order of the file.
    pub rollback: Vec<Trigger>,
    /// The version that is asked for, if it is an older one.
    pub asked: Option<String>,
    /// What people vouch for.
    pub attestations: Vec<Attestation>,
    /// What came of the checks of the team's own project, if they were run.
    pub checks: Vec<Check>,
}

/// Items that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: String,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id, which never changes its meaning.
    pub id: String,
    /// What has to be so.
    pub title: String,
    /// The id of its group.
    pub group: String,
    /// The version that brought it; without one it was there from the first.
    pub since: Option<String>,
    /// What a contract must have for it to mean anything.
    pub needs: Vec<Capability>,
    /// What proves it, all of them together.
    pub proofs: Vec<Proof>,
    /// Whether a person has to vouch for it, beside whatever else proves it.
    pub attest: Vouching,
}

/// Whether a person has to vouch for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vouching {
    /// Nobody has to.
    #[default]
    Nobody,
    /// Somebody has to.
    Somebody,
    /// Somebody has to where a contract lacks what would prove it instead.
    Unless(Capability),
}

impl Vouching {
    /// Whether somebody has to under a contract.
    #[must_use]
    pub fn is_wanted(self, contract: &Contract) -> bool {
        match self {
            Self::Nobody => false,
            Self::Somebody => true,
            Self::Unless(capability) => !capability.is_in(contract),
        }
    }

    fn word(self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Somebody => Some("attest".to_owned()),
            Self::Unless(capability) => Some(format!("attest unless {capability}")),
        }
    }
}

/// Something that can be put to the test and kept or broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A rule of the catalogue, or the never-called proof, by its id.
    Rule(String),
    /// Everything that a scenario expects.
    Scenario(String),
    /// One expectation of a scenario, by its label.
    Expectation {
        /// The scenario's id.
        scenario: String,
        /// The label.
        label: String,
    },
    /// A configured check, by its name; without one, every check.
    Check(Option<String>),
}

impl Proof {
    /// What kind of proof it is, for reports.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Rule(_) => "rule",
            Self::Scenario(_) => "scenario",
            Self::Expectation { .. } => "expectation",
            Self::Check(_) => "check",
        }
    }

    /// Whether it says something of the team's own project, which no run puts to the test.
    #[must_use]
    pub fn is_of_the_team(&self) -> bool {
        matches!(self, Self::Check(_))
    }

    /// The scenario that it is about, if it is about one.
    #[must_use]
    pub fn scenario(&self) -> Option<&str> {
        match self {
            Self::Rule(_) | Self::Check(_) => None,
            Self::Scenario(scenario) | Self::Expectation { scenario, .. } => Some(scenario),
        }
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rule(id) | Self::Scenario(id) => out.write_str(id),
            Self::Expectation { scenario, label } => write!(out, "{scenario}/{label}"),
            Self::Check(Some(name)) => write!(out, "check {name}"),
            Self::Check(None) => out.write_str("each check"),
        }
    }
}

/// A person's word for an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// The name of the runbook, where more than one is in use.
    pub runbook: Option<String>,
    /// The item's id.
    pub item: String,
    /// Who vouches.
    pub by: String,
    /// What for, or by what evidence.
    pub note: String,
    /// The day on which it was given.
    pub on: Date,
    /// The last day on which it counts, if it ends.
    pub until: Option<Date>,
    /// Whether that day is over.
    pub expired: bool,
}

impl Runbook {
    /// The item of this id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Every version that can be asked for, the oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &str> + Clone {
        let current = (!self.is_published(&self.version)).then_some(&self.version);
        self.published.iter().chain(current).map(String::as_str)
    }

    /// Whether this version is frozen.
    #[must_use]
    pub fn is_published(&self, version: &str) -> bool {
        self.published.iter().any(|own| own == version)
    }

    /// The version that a report answers.
    #[must_use]
    pub fn answered(&self) -> &str {
        self.asked.as_deref().unwrap_or(&self.version)
    }

    /// Whether a version has this item.
    #[must_use]
    pub fn has(&self, version: &str, item: &Item) -> bool {
        self.came_by(version, item.since.as_deref())
    }

    /// Whether what came with `since` was there in a version; without it, it was from the first.
    #[must_use]
    pub fn came_by(&self, version: &str, since: Option<&str>) -> bool {
        let place = |wanted: &str| self.versions().position(|own| own == wanted);
        since.is_none_or(|since| place(since) <= place(version))
    }

    /// All that a version says, a line an item and a trigger: what may not change once it is published.
    #[must_use]
    pub fn text_of(&self, version: &str) -> String {
        let items = self.items.iter().filter(|item| self.has(version, item));
        let there = |own: &&Trigger| self.came_by(version, own.since.as_deref());
        let triggers = self.rollback.iter().filter(there);
        let lines = items.map(Item::line).chain(triggers.map(Trigger::line));
        lines.collect()
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Item {
    /// All that it says, in one line that no later program writes otherwise.
    fn line(&self) -> String {
        let mut words = vec![quoted(&self.id), quoted(&self.title), quoted(&self.group)];
        let needs = self.needs.iter().map(|need| format!("needs {need}"));
        words.extend(needs);
        let proofs = self.proofs.iter();
        words.extend(proofs.map(|proof| format!("{} {proof}", proof.kind())));
        words.extend(self.attest.word());
        words.join(" ") + "\n"
    }
}

impl Trigger {
    /// The same of a trigger.
    fn line(&self) -> String {
        let mut words = vec!["rollback".to_owned(), quoted(&self.id), quoted(&self.title)];
        words.extend(self.actions.iter().map(|own| quoted(own)));
        let proofs = self.proofs.iter();
        words.extend(proofs.map(|proof| format!("{} {proof}", proof.kind())));
        words.extend(self.items.iter().map(|id| format!("item {id}")));
        words.join(" ") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, since: Option<&str>) -> Item {
        Item {
            id: id.to_owned(),
            title: "It works".to_owned(),
            group: "all".to_owned(),
            since: since.map(str::to_owned),
            needs: Vec::new(),
            proofs: Vec::new(),
            attest: Vouching::Somebody,
        }
    }

    fn runbook() -> Runbook {
        Runbook {
            version: "3".to_owned(),
            published: vec!["1".to_owned(), "2".to_owned()],
            items: vec![item("a", None), item("b", Some("2")), item("c", Some("3"))],
            ..Runbook::default()
        }
    }

    #[test]
    fn a_version_has_what_came_up_to_it() {
        let runbook = runbook();
        assert_eq!(runbook.versions().collect::<Vec<_>>(), ["1", "2", "3"]);
        let of = |version: &str| -> Vec<&str> {
            let items = runbook.items.iter();
            items
                .filter(|item| runbook.has(version, item))
                .map(|item| item.id.as_str())
                .collect()
        };
        assert_eq!(of("1"), ["a"]);
        assert_eq!(of("2"), ["a", "b"]);
        assert_eq!(of("3"), ["a", "b", "c"]);
    }

    #[test]
    fn what_comes_later_leaves_the_text_of_a_version_alone_and_a_change_does_not() {
        let (before, mut after) = (runbook(), runbook());
        after.items.push(item("d", Some("3")));
        after.rollback.push(Trigger {
            id: "R".to_owned(),
            title: "It leaks".to_owned(),
            since: Some("3".to_owned()),
            actions: vec!["Stop".to_owned()],
            proofs: Vec::new(),
            items: vec!["a".to_owned()],
        });
        assert_eq!(before.text_of("2"), after.text_of("2"));
        let text = after.text_of("3");
        assert!(
            text.ends_with("rollback \"R\" \"It leaks\" \"Stop\" item a\n"),
            "{text}"
        );
        after.items[1].title = "It works well".to_owned();
        assert_eq!(before.text_of("1"), after.text_of("1"));
        assert_ne!(before.text_of("2"), after.text_of("2"));
    }
}
