//! What can be typed about reports and the run file that they are made from.

use std::path::PathBuf;

use clap::Args;

use super::{DetailArguments, PlaceArguments};

/// The reports to write; `-` as a file is the standard output.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(in crate::cli) struct ReportsArguments {
    /// Write the report as JSON
    #[arg(long, visible_alias = "json", value_name = "FILE")]
    pub(in crate::cli) report_json: Option<PathBuf>,

    /// Write the report as one page for the browser
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) html: Option<PathBuf>,

    /// Write JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) junit: Option<PathBuf>,

    /// Write the Test Anything Protocol, version 14
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) tap: Option<PathBuf>,

    /// Write the Common Test Report Format
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) ctrf: Option<PathBuf>,

    /// Write the traffic as an HTTP archive, which a browser's network panel opens
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) har: Option<PathBuf>,

    /// Print annotations for GitHub Actions
    #[arg(long)]
    pub(in crate::cli) github: bool,

    /// Write a summary in Markdown, as for GITHUB_STEP_SUMMARY
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) summary: Option<PathBuf>,

    /// Write an unsigned in-toto statement about the run file, for sign-off
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) in_toto: Option<PathBuf>,
}

/// Where the run file goes.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct RunFileArguments {
    /// Write the run file here [default: with a configuration, into `.rehearsal/runs/` beside it]
    #[arg(long, value_name = "FILE", conflicts_with = "no_run_file")]
    pub(in crate::cli) run_file: Option<PathBuf>,

    /// Write no run file
    #[arg(long)]
    pub(in crate::cli) no_run_file: bool,

    /// Keep the run out of the history
    #[arg(long)]
    pub(in crate::cli) no_history: bool,

    /// Tell nobody of what changed, and say what they would be told
    #[arg(long)]
    pub(in crate::cli) notify_dry_run: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArguments {
    /// Run files, as `run` writes them; several are shards of one run
    #[arg(value_name = "RUN", required = true)]
    pub(in crate::cli) runs: Vec<PathBuf>,

    /// Print the report, also where others are written
    #[arg(long)]
    pub(in crate::cli) terminal: bool,

    /// Write every scenario's journal into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) journal: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) detail: DetailArguments,

    #[command(flatten)]
    pub(in crate::cli) reports: ReportsArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct IncidentArguments {
    /// The run file; several are shards of one run
    #[arg(value_name = "RUN", required = true)]
    pub(in crate::cli) runs: Vec<PathBuf>,

    /// Write the report as one page for the browser
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) html: Option<PathBuf>,

    /// Write the report as Markdown [default: print it]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) markdown: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SignoffArguments {
    /// Run files, or folders of them [default: `.rehearsal/runs/` beside the configuration]
    #[arg(value_name = "RUN|FOLDER")]
    pub(in crate::cli) runs: Vec<PathBuf>,

    /// The period: so many nights back, like 7d, or from a day on, like 2026-11-24 [default: all]
    #[arg(long, value_name = "DAYS|DAY")]
    pub(in crate::cli) since: Option<String>,

    /// Only runs against this target [default: the only one there is]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,

    /// Write the document as one page for the browser
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) html: Option<PathBuf>,

    /// Write the document as Markdown [default: print it]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) markdown: Option<PathBuf>,

    /// Write an unsigned in-toto statement about the run files
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) in_toto: Option<PathBuf>,

    /// The configuration, beside which people's words stand [default: rehearsal.toml here or above]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MergeArguments {
    /// Run files of one suite, contract, target and seed
    #[arg(value_name = "RUN", required = true)]
    pub(in crate::cli) runs: Vec<PathBuf>,

    /// The new run file
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,

    /// End as a run of all of it would have ended, with its exit code
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,

    /// Keep the run out of the history
    #[arg(long)]
    pub(in crate::cli) no_history: bool,

    #[command(flatten)]
    pub(in crate::cli) place: PlaceArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RerunArguments {
    /// The run file
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: PathBuf,

    /// Whatever else `run` takes
    #[arg(
        value_name = "ARGUMENTS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(in crate::cli) more: Vec<String>,
}
