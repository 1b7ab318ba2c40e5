//! What a rule says to people, and what it needs of a contract.

use super::need::Need;
use crate::domain::contract::Contract;
use crate::domain::verdict::Subject;

/// What a rule says, for people. `rule!` makes it from a doc comment, so what stands beside the
/// code is what `rehearsal rules ID` and the catalogue in `docs/rules/` print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its stable id: `SESSION-4`.
    pub id: &'static str,
    /// Who breaks it.
    pub subject: Subject,
    /// What it is judged from.
    pub judged_from: &'static [JudgedFrom],
    /// What a contract must have for it.
    pub needs: &'static [Need],
    /// The places of the contract that set its numbers.
    pub parameters: &'static [&'static str],
    /// The doc comment: what it asks for in one sentence, then a section under each heading.
    pub(super) text: &'static str,
}

/// What a rule is judged from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JudgedFrom {
    /// What the gateway saw.
    Wire,
    /// What the simulated app says about itself.
    Sim,
    /// What the harness asked on its own account.
    Probe,
}

impl JudgedFrom {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Sim => "sim",
            Self::Probe => "probe",
        }
    }
}

impl RuleInfo {
    /// What it asks for, in one sentence.
    #[must_use]
    pub fn title(&self) -> String {
        self.section("")
    }

    /// Why it matters.
    #[must_use]
    pub fn why(&self) -> String {
        self.section("Why")
    }

    /// What is looked at, and what counts.
    #[must_use]
    pub fn how_judged(&self) -> String {
        self.section("How it is judged")
    }

    /// How to keep it.
    #[must_use]
    pub fn fix(&self) -> String {
        self.section("How to keep it")
    }

    /// Where it comes from: an RFC, a protocol, an issue in public, the runbook.
    #[must_use]
    pub fn source(&self) -> String {
        self.section("Source")
    }

    /// The text under a heading, each paragraph on one line; before the first heading without one.
    fn section(&self, heading: &str) -> String {
        let mut current = "";
        let mut text = String::new();
        for line in self.text.lines().map(str::trim) {
            if let Some(next) = line.strip_prefix("# ") {
                current = next;
            } else if current == heading && line.is_empty() {
                text.push('\n');
            } else if current == heading {
                let joins = !text.is_empty() && !text.ends_with('\n');
                text.push_str(if joins { " " } else { "" });
                text.push_str(line);
            }
        }
        text.trim().to_owned()
    }

    /// Why it cannot be judged under a contract; nothing if it can.
    #[must_use]
    pub fn unmet(&self, contract: &Contract) -> Option<&'static str> {
        self.needs.iter().find_map(|need| need.unmet(contract))
    }
}

/// Declares a rule. Its doc comment is what people are told: a sentence that says what is asked for,
/// then the sections `Why`, `How it is judged`, `How to keep it` and `Source`.
macro_rules! rule {
    (
        $(#[doc = $line:literal])+
        $visibility:vis $name:ident: $id:literal, $subject:ident, from [$($from:ident),+]
        $(, needs [$($need:ident $(($($figure:ident),+))?),+])?
        $(, set by [$($parameter:literal),+])?
    ) => {
        $(#[doc = $line])+
        $visibility static $name: $crate::rules::info::RuleInfo = $crate::rules::info::RuleInfo {
            id: $id,
            subject: $crate::domain::verdict::Subject::$subject,
            judged_from: &[$($crate::rules::info::JudgedFrom::$from),+],
            needs: &[$($($crate::rules::need::Need::$need
                $((&[$($crate::domain::figures::Figure::$figure),+]))?),+)?],
            parameters: &[$($($parameter),+)?],
            text: concat!($($line, "\n"),+),
        };
    };
}
pub(super) use rule;
