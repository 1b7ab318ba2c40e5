//! `rehearsal export`: the shipped suite as a folder, to read and to start from.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::arguments::ExportArguments;
use super::console;
use super::exit::Exit;
use super::new_files;
use super::problem::Problem;
use crate::report::text::count;
use crate::suite::shipped_files;

/// Writes the shipped contract, world, runbook, flows and scenarios into a folder that has nothing in it yet.
pub(super) fn export(arguments: &ExportArguments) -> Result<Exit, Problem> {
    let folder = &arguments.folder;
    // What stands beside them would be played, too, or be in their way.
    if let Some(path) = first_in(folder) {
        return Err(Problem::InTheWay { path });
    }
    let files = new_files::write(folder, &shipped_files())?;
    let (files, folder) = (count(files.len() as u64, "file"), folder.display());
    writeln!(
        console::out(),
        "wrote {files} into {folder}\n\nnow: rehearsal run --suite {folder}"
    )?;
    Ok(Exit::Passed)
}

/// What stands in a folder, but for hidden files, which no suite is made of.
fn first_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let seen = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    seen.map(|entry| entry.path()).min()
}
