//! The arguments of what is made of recordings.

use std::path::PathBuf;

use clap::Args;

use super::FilesArguments;

#[derive(Debug, Args)]
pub(in crate::cli) struct RecordArguments {
    /// A journal, a run file, or an HTTP archive
    #[arg(value_name = "RECORDING")]
    pub(in crate::cli) recording: PathBuf,

    /// Where the suite is written
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) out: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DriftArguments {
    /// A journal, a run file, or an HTTP archive of the target
    #[arg(value_name = "RECORDING")]
    pub(in crate::cli) recording: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,

    /// Write a contract and a world with the changes beside those of the suite, and replay the recording against them
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) update: bool,
}
