//! What a run came to, for people and for programs.
//!
//! Every reporter reads the one result model of [`crate::domain::result`]; none computes a verdict.

pub mod file;
pub mod json;
pub mod terminal;
pub(crate) mod text;
mod timeline;

use crate::domain::verdict::{PROOF, STEP};
use crate::rules;

/// The title of what stands in a finding's `rule`: a rule, or one of the two judgements that are
/// the run's own.
fn title(rule: &str) -> Option<&'static str> {
    match rule {
        STEP => Some("What the scenario expects did not come true"),
        PROOF => Some("The never-called proof does not stand"),
        _ => rules::find(rule).map(|rule| rule.title),
    }
}

#[cfg(test)]
mod samples;
