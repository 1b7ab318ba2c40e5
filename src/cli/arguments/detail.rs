//! What can be typed about how much is told.

use clap::Args;

use crate::report::terminal::Detail;

/// How much is told.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(in crate::cli) struct DetailArguments {
    /// Print only what went wrong and one line for the whole
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// Print also remarks, rules that were not judged, and the whole runbook
    #[arg(long, short)]
    verbose: bool,
}

impl DetailArguments {
    pub(in crate::cli) fn chosen(self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Verbose,
            (false, false) => Detail::Normal,
        }
    }
}
