//! The arguments of `rehearsal fleet`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{FilesArguments, seed};
use crate::domain::duration;
use crate::domain::fleet::Storm;

/// What stands below the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  rehearsal fleet                                    100 apps against the mock, in virtual time
  rehearsal fleet --target local --apps 10000 --ramp 60s --storm sockets --storm maintenance
  rehearsal fleet --target staging --apps 2500 --barrier /shared/tonight --processes 4 --report-json part-1.json
  rehearsal fleet merge part-*.json --report-json fleet.json
";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct FleetArguments {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<FleetAction>,

    #[command(flatten)]
    pub(in crate::cli) held: HeldArguments,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FleetAction {
    /// Add up the reports of processes that held parts of one fleet
    Merge(FleetMergeArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FleetMergeArguments {
    /// Reports, as `rehearsal fleet --report-json` writes them
    #[arg(value_name = "FILE", required = true)]
    pub(in crate::cli) reports: Vec<PathBuf>,

    /// Write what they come to together as JSON
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report_json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HeldArguments {
    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,

    /// What is loaded: `mock`, or a target of the configuration [default: mock]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,

    /// How many apps this process holds
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(in crate::cli) apps: u64,

    /// Over how long they are started [default: 100 of them a second]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(in crate::cli) ramp: Option<Duration>,

    /// How long all are held before each storm
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration::parse)]
    pub(in crate::cli) hold: Duration,

    /// What happens to all at once, one storm after the other [default: sockets]
    #[arg(long = "storm", value_name = "KIND", value_enum)]
    pub(in crate::cli) storms: Vec<StormKind>,

    /// How long the network is away, or the target in maintenance
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration::parse)]
    pub(in crate::cli) away: Duration,

    /// How long all may take to be live again
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration::parse)]
    pub(in crate::cli) recover: Duration,

    /// Start the first app at this instant, like 2026-03-01T02:00:00Z, so that several processes begin together
    #[arg(long, value_name = "INSTANT")]
    pub(in crate::cli) start_at: Option<Timestamp>,

    /// Wait before each storm until all processes are there, in a folder that all of them see
    #[arg(long, value_name = "FOLDER", requires = "processes")]
    pub(in crate::cli) barrier: Option<PathBuf>,

    /// How many processes there are with the same barrier
    #[arg(long, value_name = "NUMBER", requires = "barrier", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) processes: Option<u32>,

    /// An address of this machine that connections come from; may be repeated [default: the system's choice, several where loopback has too few ports]
    #[arg(long = "source", value_name = "ADDRESS")]
    pub(in crate::cli) sources: Vec<IpAddr>,

    /// Over how many threads the apps are spread [default: one per processor]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) threads: Option<u16>,

    /// Hold them against the mock over TCP in real time
    #[arg(long)]
    pub(in crate::cli) real_time: bool,

    /// What all chance derives from [default: by chance]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = seed)]
    pub(in crate::cli) seed: Option<u64>,

    /// Let the simulated apps misbehave; `rehearsal quirks` lists how
    #[arg(long = "quirk", value_name = "NAME")]
    pub(in crate::cli) quirks: Vec<String>,

    /// Let the mock misbehave; `rehearsal defects` lists how
    #[arg(long = "defect", value_name = "NAME")]
    pub(in crate::cli) defects: Vec<String>,

    /// Write the report as JSON, to be read and added to others
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report_json: Option<PathBuf>,
}

/// What happens to all apps at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum StormKind {
    /// Every connection breaks, on the fleet's side
    Sockets,
    /// No device has a network for a while, then all have it again
    Network,
    /// Every app is killed and started again, with its session
    Restart,
    /// The kill-switch is on for a while, by the target's lever
    Maintenance,
    /// The target drops every socket, by its lever
    Drop,
    /// Nothing: they are only held
    None,
}

impl StormKind {
    /// The storm, if it is one.
    pub(in crate::cli) fn storm(self) -> Option<Storm> {
        Some(match self {
            Self::Sockets => Storm::Sockets,
            Self::Network => Storm::Network,
            Self::Restart => Storm::Restart,
            Self::Maintenance => Storm::Maintenance,
            Self::Drop => Storm::Drop,
            Self::None => return None,
        })
    }
}
