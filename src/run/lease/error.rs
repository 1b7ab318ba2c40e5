//! Why a target cannot be leased or put back.

use std::io;
use std::path::PathBuf;

use super::holder::Holder;
use crate::domain::change::Change;
use crate::run::deployment::OperatorError;

/// Why a target cannot be leased.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process plays against it.
    #[error(
        "the target `{target}` is in use{}: two at once would disturb each other. Wait until it is done, or end it",
        of_whom(.by)
    )]
    InUse {
        /// The target.
        target: String,
        /// Who uses it, as far as that is known.
        by: Vec<Holder>,
    },
    /// The files cannot be used.
    #[error(
        "what is switched at the target cannot be kept in {}: {error}. It is needed to put the target back whatever happens; \
         `state` in the configuration names another folder",
        path.display()
    )]
    Unkept {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A lease cannot be understood.
    #[error(
        "line {line} of {} is no line of a lease: {why}. See that the target is as it should be, then remove the file",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Something could not be put back.
    #[error(transparent)]
    StillSwitched(#[from] Box<StillSwitched>),
}

/// Something that could not be put back.
#[derive(Debug, thiserror::Error)]
#[error("{change}, which {} switched at the target `{target}`, could not be put back: {why}", whom(.by.as_ref()))]
pub struct StillSwitched {
    /// The target.
    pub target: String,
    /// What is still switched.
    pub change: Change,
    /// Who switched it.
    pub by: Option<Holder>,
    /// Why it is.
    pub why: NotBack,
}

/// Why a lever could not be put back.
#[derive(Debug, thiserror::Error)]
pub enum NotBack {
    /// The operator's calls failed.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The configuration has the lever no more.
    #[error("the configuration does not say any more how the lever `{0}` is moved")]
    NoLever(String),
    /// There is no runtime to make calls on.
    #[error("no runtime could be started: {0}")]
    Runtime(io::Error),
}

fn of_whom(holders: &[Holder]) -> String {
    let each: Vec<String> = holders.iter().map(Holder::to_string).collect();
    match each.is_empty() {
        true => String::new(),
        false => format!(" by {}", each.join(" and ")),
    }
}

fn whom(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "an earlier run".to_owned(), Holder::to_string)
}
