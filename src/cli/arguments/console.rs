//! The arguments of the console: a page for the browser beside the mock and the proxy.

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct ConsoleArguments {
    /// The port of the console, which is on loopback always [default: 4001 for the mock, any free one for the proxy]
    #[arg(long, value_name = "PORT")]
    pub(in crate::cli) console_port: Option<u16>,

    /// Serve no console
    #[arg(long, conflicts_with_all = ["console_port", "open"])]
    pub(in crate::cli) no_console: bool,

    /// How many MiB of what happened are kept on disk, beside what memory holds
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub(in crate::cli) tape: u16,

    /// Open the console in the browser
    #[arg(long)]
    pub(in crate::cli) open: bool,
}

impl ConsoleArguments {
    /// How many bytes are kept on disk.
    pub(in crate::cli) fn tape_bytes(&self) -> u64 {
        u64::from(self.tape) << 20
    }
}
