//! The `rehearsal` command: everything is in the library.

use std::process::ExitCode;

/// Every packet is parsed into small values, several times on its way: the system's allocator would
/// take a fifth of a long run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rehearsal::internals::cli::main()
}
