//! Why a file cannot be judged at all.

use std::io;
use std::path::PathBuf;

use crate::domain::journal::file::NoHeader;

/// Why a file cannot be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum Unjudgeable {
    /// It cannot be read.
    #[error("the journal {} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is a folder.
    #[error("{} is a folder: name the journals in it", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// It is a device.
    #[error("{} is a device and no journal: name a file, or hand one in through a pipe", path.display())]
    Device {
        /// The device.
        path: PathBuf,
    },
    /// Nothing stands in it.
    #[error("the journal {} is empty: whatever should have written it was stopped before it began", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is something else, or of a later version.
    #[error("{} cannot be judged: {why}", path.display())]
    NoJournal {
        /// The file.
        path: PathBuf,
        /// What is wrong with its first line.
        why: NoHeader,
    },
}
