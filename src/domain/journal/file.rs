//! A journal on disk: one header line, then one entry a line, as JSON.
//!
//! The header says what a judge cannot learn from the entries: under which contract they were
//! written, and which scenario they belong to. `docs/JOURNAL.md` describes every key.

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::domain::runbook::Labelled;
use crate::domain::scenario::{Scenario, Waiver};

/// The newest version of the file's format that can be read. Keys and facts that a reader may leave out do
/// not change it. What version 1 tells otherwise is understood entry by entry, also without a header.
pub const VERSION: u32 = 3;

/// The version without which entries of several devices would be taken for one client's.
const ONE_CLIENT: u32 = 2;

/// The first line of a journal file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub journal: u32,
    /// The version of the program that wrote it.
    pub rehearsal: String,
    /// What was judged by.
    pub contract: ContractMark,
    /// The target's name.
    pub target: String,
    /// What every choice of the run derives from.
    pub seed: u64,
    /// The run's clock at the journal's zero, in seconds since 1970.
    pub epoch: u64,
    /// Whether time is virtual.
    pub virtual_time: bool,
    /// Whether forbidden calls were kept from the backend, or only observed.
    pub enforced: bool,
    /// Deliberate misbehaviours of the simulated app, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quirks: Vec<String>,
    /// Deliberate misbehaviours of the mock, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<String>,
    /// What was played.
    pub case: Case,
}

/// Which contract a journal was written under.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContractMark {
    /// Its name.
    pub name: String,
    /// SHA-256 of its text, hex.
    pub sha256: String,
}

/// What was played: all of a scenario that a judge needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Case {
    /// The scenario's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The runbook items that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runbook: Vec<String>,
    /// Expectations that have names of their own, and which steps they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Labelled>,
    /// Rules that are not judged, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// Why it is expected to fail, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_failure: Option<String>,
    /// The names of its devices, where it has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
}

impl Case {
    /// The version of the format that a journal of it has: the oldest that tells all of it.
    #[must_use]
    pub fn version(&self) -> u32 {
        match self.devices.len() {
            0 | 1 => ONE_CLIENT,
            _ => VERSION,
        }
    }
}

impl From<&Scenario> for Case {
    fn from(scenario: &Scenario) -> Self {
        Self {
            id: scenario.id.clone(),
            name: scenario.name.clone(),
            file: scenario.file.clone(),
            runbook: scenario.runbook.clone(),
            labels: scenario.labels.clone(),
            waivers: scenario.waivers.clone(),
            known_failure: scenario.known_failure.clone(),
            devices: scenario.devices.clone(),
        }
    }
}

/// Why a first line begins no journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoHeader {
    /// A later program wrote it.
    #[error(
        "it is a journal of version {0}, and this program reads versions up to {VERSION}: use a newer rehearsal"
    )]
    Newer(u32),
    /// It is something else.
    #[error("it is no journal: the first line is neither a journal's header nor an entry ({0})")]
    Foreign(String),
}

/// What a first line is.
#[derive(Debug, Clone, PartialEq)]
pub enum FirstLine {
    /// A header.
    Header(Box<Header>),
    /// An entry: somebody cut the header off, or wrote the journal by hand.
    Entry(Box<Entry>),
}

/// The name of a scenario's journal among others: that of the attempt that decides has no number.
#[must_use]
pub fn file_name(scenario: &str, attempt: Option<u32>) -> String {
    match attempt {
        Some(attempt) => format!("{scenario}.attempt-{attempt}.jsonl"),
        None => format!("{scenario}.jsonl"),
    }
}

/// Reads the first line of a file.
///
/// # Errors
/// When no journal begins with it, or one that only a newer program can read.
pub fn first_line(line: &[u8]) -> Result<FirstLine, NoHeader> {
    #[derive(Deserialize)]
    struct Versioned {
        journal: u32,
    }
    if let Ok(Versioned { journal }) = serde_json::from_slice(line) {
        if journal > VERSION {
            return Err(NoHeader::Newer(journal));
        }
        return serde_json::from_slice(line)
            .map(FirstLine::Header)
            .map_err(|error| NoHeader::Foreign(error.to_string()));
    }
    serde_json::from_slice(line)
        .map(FirstLine::Entry)
        .map_err(|error| NoHeader::Foreign(instead(line, &error)))
}

/// What a line is that is no entry.
fn instead(line: &[u8], error: &serde_json::Error) -> String {
    let is_meant = serde_json::from_slice::<serde_json::Value>(line)
        .is_ok_and(|value| value.get("fact").is_some() || value.get("at_us").is_some());
    if is_meant {
        return error.to_string();
    }
    match line.trim_ascii_start().first() {
        None => "it is empty".to_owned(),
        Some(b'{' | b'[') => "it is other JSON: a report, perhaps".to_owned(),
        Some(_) => "it is another kind of file".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(line: &serde_json::Value) -> Result<FirstLine, NoHeader> {
        first_line(line.to_string().as_bytes())
    }

    fn header() -> Header {
        Header {
            journal: VERSION,
            rehearsal: "0.0.0".to_owned(),
            contract: ContractMark::default(),
            target: "mock".to_owned(),
            seed: u64::MAX,
            epoch: 1,
            virtual_time: true,
            enforced: true,
            quirks: Vec::new(),
            defects: vec!["slow".to_owned()],
            case: Case::default(),
        }
    }

    #[test]
    fn a_header_comes_back_as_it_was_written() {
        let line = serde_json::to_value(header()).unwrap();
        let read = read(&line).unwrap();
        assert_eq!(read, FirstLine::Header(Box::new(header())));
    }

    #[test]
    fn a_newer_version_is_named_even_if_all_else_has_changed() {
        let newer = json!({"journal": VERSION + 1, "everything": "else"});
        assert_eq!(read(&newer), Err(NoHeader::Newer(VERSION + 1)));
    }

    #[test]
    fn keys_of_a_later_minor_change_are_passed_over() {
        let mut line = serde_json::to_value(header()).unwrap();
        line["weather"] = "fine".into();
        assert!(matches!(read(&line), Ok(FirstLine::Header(_))));
    }

    #[test]
    fn what_is_neither_header_nor_entry_is_foreign() {
        for line in [json!({"log": {}}), json!([1]), json!({"journal": "one"})] {
            assert!(matches!(read(&line), Err(NoHeader::Foreign(_))), "{line}");
        }
        assert!(matches!(first_line(b"\xff\xd8"), Err(NoHeader::Foreign(_))));
    }
}
