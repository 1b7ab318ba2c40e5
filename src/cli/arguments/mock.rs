//! The arguments of `rehearsal mock`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::FilesArguments;
use crate::cli::ports::{self, Asked};

pub(super) const EXAMPLES: &str = "\
Examples:
  rehearsal mock                                        for this machine and its simulators
  rehearsal mock --bind 0.0.0.0 --env-file ../app/.env.local   for phones in the same network, too
  rehearsal mock --port 4100                            another range of ports
  rehearsal mock --port orders=8080 --json              one port, and one line for a program
";

#[derive(Debug, Args)]
pub(in crate::cli) struct MockArguments {
    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,

    /// The address that the services listen on; 0.0.0.0 lets devices on the network in [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) bind: Option<IpAddr>,

    /// The port of the first service, or SERVICE=PORT; 0 is any free one [default: 4010]
    #[arg(long = "port", value_name = "PORT", value_parser = ports::asked)]
    pub(in crate::cli) ports: Vec<Asked>,

    /// The port of the operator's API, which is on loopback always [default: 4000]
    #[arg(long, value_name = "PORT")]
    pub(in crate::cli) operator_port: Option<u16>,

    /// Write the variables that the contract names into this file, and leave all else in it as it is
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) env_file: Option<PathBuf>,

    /// Show a QR code of the address for phones, also where the output is no terminal
    #[arg(long)]
    pub(in crate::cli) qr: bool,

    /// Let the mock misbehave; `rehearsal defects` lists how
    #[arg(long = "defect", value_name = "NAME")]
    pub(in crate::cli) defects: Vec<String>,

    /// What all chance derives from
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) seed: Option<u64>,

    /// Print one line of JSON when ready, in place of text
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
