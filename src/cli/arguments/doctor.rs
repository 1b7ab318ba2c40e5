//! The arguments of `rehearsal doctor`.

use clap::Args;

use super::FilesArguments;
use crate::suite::config::{Config, MOCK};

#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArguments {
    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,

    /// What is examined [default: the target of `run`]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,

    /// Move each lever on and off, and see whether it does what it should
    #[arg(long)]
    pub(in crate::cli) levers: bool,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

impl DoctorArguments {
    /// Whether there is such a target, whatever it lacks.
    pub(in crate::cli) fn is_known(&self, config: &Config) -> bool {
        let name = self.target.as_deref().or(config.run.target.as_deref());
        name.is_none_or(|name| name == MOCK || config.outline(name).is_some())
    }
}
