//! The arguments of what lists: scenarios, rules, quirks and defects.

use clap::Args;

use super::{FilesArguments, SelectionArguments};

#[derive(Debug, Args)]
pub(in crate::cli) struct RulesArguments {
    /// The rule to explain, or the family to list, like SESSION
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ScenariosArguments {
    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArguments,

    /// Where they would be played: `mock`, or a target of the configuration [default: mock]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// Only these, which may hold `*` and `?`
    #[arg(value_name = "NAME", value_delimiter = ',')]
    pub(in crate::cli) names: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
