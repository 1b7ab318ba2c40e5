//! What can be typed about the runbook.

use clap::Args;

use super::FilesArguments;

#[derive(Debug, Args)]
pub(in crate::cli) struct AttestArguments {
    /// The item of the runbook
    #[arg(value_name = "ID", required_unless_present = "list")]
    pub(in crate::cli) id: Option<String>,

    /// Who vouches for it
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub(in crate::cli) by: Option<String>,

    /// What for, or by what evidence
    #[arg(long, value_name = "TEXT", required_unless_present = "list")]
    pub(in crate::cli) note: Option<String>,

    /// The last day on which it counts, like 2026-12-31
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) until: Option<String>,

    /// Take the place of a word that is there
    #[arg(long)]
    pub(in crate::cli) replace: bool,

    /// List every item that a person has to vouch for, and who did
    #[arg(long, conflicts_with_all = ["id", "by", "note", "until", "replace"])]
    pub(in crate::cli) list: bool,

    /// Print JSON
    #[arg(long, requires = "list")]
    pub(in crate::cli) json: bool,

    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,
}

/// Which runbook is answered.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct RunbookArguments {
    /// Answer this version of the runbook: what came later is not scored [default: the newest]
    #[arg(long = "runbook-version", value_name = "VERSION")]
    pub(in crate::cli) version: Option<String>,
}
