//! What a run came to, for people and for programs.
//!
//! Every reporter reads the one result model of [`crate::domain::result`]; none computes a verdict.

pub mod file;
pub mod json;
pub mod terminal;
pub(crate) mod text;
mod timeline;

/// Finds the title of a rule by its id, so that reporters need no catalogue of their own.
pub type TitleOf = fn(&str) -> Option<&'static str>;

/// The title of what stands in a finding's `rule`: a rule, or one of the two judgements that are
/// the run's own.
fn title(rule: &str, title_of: TitleOf) -> Option<&'static str> {
    match rule {
        "STEP" => Some("What the scenario expects did not come true"),
        "PROOF" => Some("The never-called proof does not stand"),
        _ => title_of(rule),
    }
}

#[cfg(test)]
mod samples;
