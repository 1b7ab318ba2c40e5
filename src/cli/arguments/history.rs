//! The arguments of `rehearsal history`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::FilesArguments;
use crate::domain::duration;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct HistoryArguments {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<HistoryAction>,

    #[command(flatten)]
    pub(in crate::cli) place: PlaceArguments,

    #[command(flatten)]
    pub(in crate::cli) asked: AskedArguments,
}

/// What is asked of the history.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct AskedArguments {
    /// Only runs at this target
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,

    /// Only what began no longer than this before the newest run, like 7d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(in crate::cli) since: Option<Duration>,

    /// Only scenarios with this id, which may hold `*` and `?`
    #[arg(long = "scenario", value_name = "ID")]
    pub(in crate::cli) scenarios: Vec<String>,

    /// Only rules with this id, which may hold `*` and `?`
    #[arg(long = "rule", value_name = "ID")]
    pub(in crate::cli) rules: Vec<String>,

    /// Only items of the runbook with this id, which may hold `*` and `?`
    #[arg(long = "item", value_name = "ID")]
    pub(in crate::cli) items: Vec<String>,

    /// Show also what never needed a word
    #[arg(long, short)]
    pub(in crate::cli) verbose: bool,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// What can be done with the history.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum HistoryAction {
    /// Take runs in from their run files; a run that is there already is left alone
    Add {
        /// Run files, as `run` writes them
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<PathBuf>,

        #[command(flatten)]
        place: PlaceArguments,
    },
    /// Forget old runs; their run files are left alone
    Prune {
        /// Those that began longer than this before the newest one, like 90d
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        older_than: Duration,

        #[command(flatten)]
        place: PlaceArguments,
    },
}

/// Which history.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct PlaceArguments {
    /// The database [default: that of the configuration, or .rehearsal/history.db]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) database: Option<PathBuf>,

    /// The configuration [default: rehearsal.toml here or above]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
}

impl PlaceArguments {
    /// The same as other commands have it.
    pub(in crate::cli) fn files(&self) -> FilesArguments {
        FilesArguments {
            config: self.config.clone(),
            ..FilesArguments::default()
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    duration::parse(text)
}
