//! `rehearsal init`: a suite to start from, which passes as it is.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::arguments::InitArguments;
use super::console;
use super::exit::Exit;
use super::problem::Problem;
use crate::suite::schema::{Kind, schema};

/// Every file that a person edits with its content, the configuration last: it is what makes the rest count.
const FILES: [(&str, &str); 4] = [
    (
        "rehearsal/contract.yaml",
        include_str!("init/contract.yaml"),
    ),
    ("rehearsal/world.yaml", include_str!("init/world.yaml")),
    ("rehearsal/sign-in.yaml", include_str!("init/sign-in.yaml")),
    ("rehearsal.toml", include_str!("init/rehearsal.toml")),
];

/// What editors are told of them, for the lines that they begin with.
const SCHEMAS: [(&str, Kind); 4] = [
    ("rehearsal/schemas/contract.json", Kind::Contract),
    ("rehearsal/schemas/world.json", Kind::World),
    ("rehearsal/schemas/scenario.json", Kind::Scenario),
    ("rehearsal/schemas/config.json", Kind::Config),
];

/// Every file with its content, in the order in which they are written.
fn files() -> Result<Vec<(&'static str, String)>, Problem> {
    let mut files = Vec::new();
    for (file, kind) in SCHEMAS {
        let schema = schema(kind).map_err(Problem::Suite)?;
        files.push((file, format!("{schema:#}\n")));
    }
    files.extend(FILES.map(|(file, content)| (file, content.to_owned())));
    Ok(files)
}

/// Writes all files or, if one of them is in the way, none.
pub(super) fn init(arguments: &InitArguments) -> Result<Exit, Problem> {
    let files = files()?;
    write(&arguments.folder, &files)?;
    let mut out = console::out();
    for (file, _) in &files {
        writeln!(out, "wrote {}", path_of(&arguments.folder, file).display())?;
    }
    writeln!(out, "\nnow: rehearsal check, and then: rehearsal run")?;
    Ok(Exit::Passed)
}

fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), Problem> {
    for (file, _) in files {
        let path = path_of(folder, file);
        if path.symlink_metadata().is_ok() {
            return Err(Problem::InTheWay { path });
        }
    }
    for (file, content) in files {
        let path = path_of(folder, file);
        create(&path, content).map_err(|error| Problem::File {
            verb: "write",
            path,
            error,
        })?;
    }
    Ok(())
}

fn path_of(folder: &Path, file: &str) -> PathBuf {
    if folder == Path::new(".") {
        PathBuf::from(file)
    } else {
        folder.join(file)
    }
}

fn create(path: &Path, content: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Whoever was faster keeps what they wrote.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_when_one_file_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rehearsal.toml"), "mine").unwrap();
        let problem = write(folder.path(), &files().unwrap()).unwrap_err();
        assert!(matches!(problem, Problem::InTheWay { .. }), "{problem}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
