//! The arguments that say which scenarios are meant.

use clap::Args;

/// Which scenarios are meant.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct SelectionArguments {
    /// Only scenarios with these ids, which may hold `*` and `?`
    #[arg(value_name = "SCENARIO", value_delimiter = ',')]
    named: Vec<String>,

    /// The same as a flag
    #[arg(long = "scenario", value_name = "ID", value_delimiter = ',')]
    scenarios: Vec<String>,

    /// Only scenarios with this tag
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    pub(in crate::cli) tags: Vec<String>,

    /// Not the scenarios with this id, which may hold `*` and `?`
    #[arg(long = "skip", value_name = "ID", value_delimiter = ',')]
    pub(in crate::cli) skipped: Vec<String>,
}

impl SelectionArguments {
    /// The patterns of ids that are meant.
    pub(in crate::cli) fn patterns(&self) -> Vec<String> {
        [self.named.as_slice(), &self.scenarios].concat()
    }

    /// Whether nothing is said, so that all are meant.
    pub(in crate::cli) fn is_everything(&self) -> bool {
        let said = [&self.named, &self.scenarios, &self.tags, &self.skipped];
        said.iter().all(|words| words.is_empty())
    }
}
