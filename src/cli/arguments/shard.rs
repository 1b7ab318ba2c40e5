//! The arguments of `rehearsal run` that say which part of a run is played here.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::domain::shard::Shard;

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct ShardArguments {
    /// Only this part of what is selected, like 2/3; `auto` asks Kubernetes, GitLab or Slurm, and auto/3 says of how many
    #[arg(long, value_name = "K/N")]
    pub(in crate::cli) shard: Option<Asked>,

    /// Deal shards out by how long each scenario took in this run
    #[arg(long, value_name = "RUN")]
    pub(in crate::cli) durations: Option<PathBuf>,
}

/// Which shard is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Asked {
    /// This one.
    One(Shard),
    /// The one that the engine says which has started this process.
    Auto {
        /// Of how many, if it is not for the engine to say.
        of: Option<u32>,
    },
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("auto") {
            Some("") => Ok(Self::Auto { of: None }),
            Some(rest) => {
                let of = rest.strip_prefix('/').and_then(|of| of.parse().ok());
                let of = of.ok_or("write `auto`, or of how many: `auto/3`")?;
                Ok(Self::Auto { of: Some(of) })
            }
            None => text.parse().map(Self::One),
        }
    }
}
