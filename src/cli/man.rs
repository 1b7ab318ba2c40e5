//! `rehearsal man`: the manual's pages, made of what `help` says.

use std::fs;
use std::io::Write;

use super::arguments::{Arguments, ManArguments};
use super::console;
use super::exit::Exit;
use super::problem::Problem;

/// Writes a page for the program and one for each command. Pages that are there are replaced: they were
/// made, and nobody edits them.
pub(super) fn write(arguments: &ManArguments) -> Result<Exit, Problem> {
    let folder = &arguments.folder;
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::definition(), folder));
    written.map_err(|error| Problem::File {
        verb: "write",
        path: folder.clone(),
        error,
    })?;
    let shown = folder.display();
    writeln!(
        console::out(),
        "wrote the manual into {shown}\n\nnow: man {shown}/rehearsal.1"
    )?;
    Ok(Exit::Passed)
}
