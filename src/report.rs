//! What a run came to, for people and for programs.
//!
//! Every reporter reads the one result model of [`crate::domain::result`]; none computes a verdict.

pub mod file;
pub mod html;
pub mod json;
pub mod terminal;
pub(crate) mod text;
mod timeline;

use crate::domain::verdict::{PROOF, STEP};
use crate::rules::{self, RuleInfo};

/// The title of what stands in a finding's `rule`: a rule, or one of the two judgements that are
/// the run's own.
fn title(rule: &str) -> Option<String> {
    match rule {
        STEP => Some("What the scenario expects did not come true".to_owned()),
        PROOF => Some("The never-called proof does not stand".to_owned()),
        _ => rules::find(rule).map(RuleInfo::title),
    }
}

#[cfg(test)]
mod samples;
