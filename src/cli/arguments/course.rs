//! The arguments of `rehearsal run` that say how it goes on.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::domain::duration;

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct CourseArguments {
    /// What a run does, by its name among the profiles of the configuration
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) profile: Option<String>,

    /// How often what fails is played again, alone; never what breaks SCOPE, TENANT or token rules
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(..=1000))]
    pub(in crate::cli) retries: Option<u32>,

    /// What becomes of what fails and passes when it is played again [default: fail]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(in crate::cli) flaky: Option<Flaky>,

    /// Begin nothing any more once a scenario has failed
    #[arg(long)]
    pub(in crate::cli) fail_fast: bool,

    /// How long the whole run may take, like 30m
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(in crate::cli) timeout: Option<Duration>,

    /// Begin nothing any more once there are as many findings
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) max_findings: Option<u16>,

    /// What is known to fail [default: known-failures.toml beside the configuration]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) known_failures: Option<PathBuf>,
}

/// What becomes of what is flaky.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Flaky {
    /// The run ends with 4
    Fail,
    /// It passes, and is told
    Pass,
}

fn time(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        time => Ok(time),
    }
}
