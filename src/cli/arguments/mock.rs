//! The arguments of `rehearsal mock`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::console::ConsoleArguments;
use super::{FilesArguments, TlsArguments, seed};
use crate::cli::mock::fault;
use crate::cli::ports::{self, Asked};
use crate::domain::beginning::Beginning;
use crate::domain::duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  rehearsal mock                                        for this machine and its simulators
  rehearsal mock --open                                 the same, with the console in the browser
  rehearsal mock --bind 0.0.0.0 --env-file ../app/.env.local   for phones in the same network, too
  rehearsal mock --bind 0.0.0.0 --tls                   over https and wss
  rehearsal mock --port 4100                            another range of ports
  rehearsal mock --port orders=8080 --json              one port, and one line for a program
";

#[derive(Debug, Args)]
pub(in crate::cli) struct MockArguments {
    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,

    /// The address that the services listen on; 0.0.0.0 lets devices on the network in [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", value_parser = ports::address)]
    pub(in crate::cli) bind: Option<IpAddr>,

    /// The port of the first service, or SERVICE=PORT; 0 is any free one [default: 4010]
    #[arg(long = "port", value_name = "PORT", value_parser = ports::asked)]
    pub(in crate::cli) ports: Vec<Asked>,

    /// The port of the operator's API, which is on loopback always [default: 4000]
    #[arg(long, value_name = "PORT")]
    pub(in crate::cli) operator_port: Option<u16>,

    #[command(flatten)]
    pub(in crate::cli) console: ConsoleArguments,

    /// Serve over TLS with a certificate that is made for this machine; says how clients come to trust it
    #[arg(long, conflicts_with = "tls_cert")]
    pub(in crate::cli) tls: bool,

    #[command(flatten)]
    pub(in crate::cli) certificate: TlsArguments,

    /// Write the variables that the contract names into this file, and leave all else in it as it is
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) env_file: Option<PathBuf>,

    /// Read the world from `world.yaml` in this folder, and again whenever it is saved
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) data: Option<PathBuf>,

    /// Keep sessions, data and switches in this file, and go on from it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) state: Option<PathBuf>,

    /// Begin with the world that was kept under this name, in the file of --state
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) restore: Option<String>,

    /// Show a QR code of the address for phones, also where the output is no terminal
    #[arg(long)]
    pub(in crate::cli) qr: bool,

    /// How long access tokens live, like 2m [default: as the world says]
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub(in crate::cli) access_token: Option<Duration>,

    /// How long refresh tokens live, like 30d [default: as the world says]
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub(in crate::cli) refresh_token: Option<Duration>,

    /// When the world begins: a moment like 2026-03-29T00:59:30Z, or how far from now, like +2h or -7d
    #[arg(long, value_name = "INSTANT", value_parser = Beginning::parse, allow_hyphen_values = true)]
    pub(in crate::cli) clock: Option<Beginning>,

    /// Let no number move by itself; events still come
    #[arg(long)]
    pub(in crate::cli) still: bool,

    /// Let the mock misbehave; `rehearsal defects` lists how
    #[arg(long = "defect", value_name = "NAME")]
    pub(in crate::cli) defects: Vec<String>,

    /// Switch a fault, like data=delay:2s or any=respond:503; may be repeated
    #[arg(long = "fault", value_name = "WHICH=WHAT", value_parser = fault::typed)]
    pub(in crate::cli) faults: Vec<Value>,

    /// What all chance derives from
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = seed)]
    pub(in crate::cli) seed: Option<u64>,

    /// Leave out the lines about requests, events and sockets
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,

    /// Print one line of JSON when ready, in place of text
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Reads how long a token lives. Ends of tokens are said in whole seconds.
fn lifetime(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        lifetime if lifetime.as_secs() == 0 => {
            Err("a token lives for a second at least".to_owned())
        }
        lifetime => Ok(lifetime),
    }
}
