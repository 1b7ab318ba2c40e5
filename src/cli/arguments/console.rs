//! The arguments of the console: a page for the browser beside the mock and the proxy.

use clap::Args;

use crate::net::Users;

/// How many MiB of what happened are kept on disk, unless something else is said.
const TAPE: u16 = 256;

#[derive(Debug, Args)]
pub(in crate::cli) struct ConsoleArguments {
    /// The port of the console, which is on loopback always [default: 4001 for the mock, any free one for the proxy]
    #[arg(long, value_name = "PORT")]
    pub(in crate::cli) console_port: Option<u16>,

    /// Serve no console
    #[arg(long, conflicts_with_all = ["console_port", "open"])]
    pub(in crate::cli) no_console: bool,

    /// How many MiB of what happened are kept on disk, beside what memory holds [default: 256]
    #[arg(long, value_name = "MIB")]
    pub(in crate::cli) tape: Option<u16>,

    /// Let programs of other users of this machine move levers and look, too
    #[arg(long)]
    pub(in crate::cli) any_user: bool,

    /// Open the console in the browser
    #[arg(long)]
    pub(in crate::cli) open: bool,
}

impl ConsoleArguments {
    /// How many bytes are kept on disk, where so many MiB are configured.
    pub(in crate::cli) fn tape_bytes(&self, configured: Option<u16>) -> u64 {
        u64::from(self.tape.or(configured).unwrap_or(TAPE)) << 20
    }

    /// Whose programs may use it and the operator's API.
    pub(in crate::cli) fn users(&self) -> Users {
        if self.any_user {
            Users::Any
        } else {
            Users::Own
        }
    }

    /// Whether there is a console, where this is configured.
    pub(in crate::cli) fn is_wanted(&self, configured: Option<bool>) -> bool {
        let asked = self.open || self.console_port.is_some();
        asked || (!self.no_console && configured.unwrap_or(true))
    }
}
