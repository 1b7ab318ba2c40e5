//! `rehearsal init`: a suite to start from, which passes as it is.

use std::io::Write;

use super::arguments::InitArguments;
use super::console;
use super::exit::Exit;
use super::new_files;
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
    let mut out = console::out();
    for path in new_files::write(&arguments.folder, &files()?)? {
        writeln!(out, "wrote {}", path.display())?;
    }
    writeln!(out, "\nnow: rehearsal check, and then: rehearsal run")?;
    Ok(Exit::Passed)
}
