//! The shells that can ask what they complete.

use clap_complete::env::{Bash, Elvish, Fish, Powershell, Shells, Zsh};

mod nushell;

use nushell::Nushell;

/// All of them.
pub(super) const SHELLS: Shells<'static> =
    Shells(&[&Bash, &Elvish, &Fish, &Nushell, &Powershell, &Zsh]);
