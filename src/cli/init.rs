//! `rehearsal init`: a suite to start from, which passes as it is. It is an invented one, or made of what people
//! have already.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::arguments::InitArguments;
use super::console;
use super::exit::Exit;
use super::new_files;
use super::problem::Problem;
use crate::import::{self, Left, Made};
use crate::report::text::count;
use crate::suite::Source;
use crate::suite::schema::{Kind, schema};

/// Every file that a person edits with its content, the configuration last: it is what makes the rest count.
const FILES: [(&str, &str); 4] = [
    (
        "rehearsal/contract.yaml",
        include_str!("init/contract.yaml"),
    ),
    ("rehearsal/world.yaml", include_str!("init/world.yaml")),
    ("rehearsal/sign-in.yaml", include_str!("init/sign-in.yaml")),
    ("rehearsal.toml", CONFIG),
];
const CONFIG: &str = include_str!("init/rehearsal.toml");

/// What editors are told of them, for the lines that they begin with.
const SCHEMAS: [(&str, Kind); 4] = [
    ("rehearsal/schemas/contract.json", Kind::Contract),
    ("rehearsal/schemas/world.json", Kind::World),
    ("rehearsal/schemas/scenario.json", Kind::Scenario),
    ("rehearsal/schemas/config.json", Kind::Config),
];

/// The longest documents that are read, in bytes.
const LONGEST_DOCUMENT: u64 = 64 * 1024 * 1024;

/// Every file with its content, in the order in which they are written.
fn files(made: Option<&Made>) -> Result<Vec<(&'static str, String)>, Problem> {
    let mut files = Vec::new();
    for (file, kind) in SCHEMAS {
        let schema = schema(kind).map_err(Problem::Suite)?;
        files.push((file, format!("{schema:#}\n")));
    }
    match made {
        None => files.extend(FILES.map(|(file, content)| (file, content.to_owned()))),
        Some(made) => {
            let own = &made.files;
            files.push(("rehearsal/contract.yaml", own.contract.clone()));
            files.push(("rehearsal/world.yaml", own.world.clone()));
            files.push(("rehearsal/sign-in.yaml", own.scenario.clone()));
            files.push(("rehearsal.toml", config(&own.targets)));
        }
    }
    Ok(files)
}

/// The configuration, with the deployments that are known in the place of an invented one.
fn config(targets: &str) -> String {
    match CONFIG.split_once("\n# A deployment:") {
        Some((before, _)) if !targets.is_empty() => format!(
            "{before}\n# Deployments: take away the marks before one of them, and say who signs in there.{targets}"
        ),
        _ => CONFIG.to_owned(),
    }
}

/// Writes all files or, if one of them is in the way, none.
pub(super) fn init(arguments: &InitArguments) -> Result<Exit, Problem> {
    match made(arguments)? {
        Some(made) => write(&arguments.folder, &made)?,
        None => write_files(&arguments.folder, None)?,
    }
    writeln!(
        console::out(),
        "\nnow: rehearsal check, and then: rehearsal run"
    )?;
    Ok(Exit::Passed)
}

/// Whether a suite can be written into a folder, before what it is made of is there.
pub(super) fn is_free(folder: &Path) -> Result<(), Problem> {
    let schemas = SCHEMAS.map(|(file, _)| file);
    let own = FILES.map(|(file, _)| file);
    new_files::are_free(folder, schemas.iter().chain(&own).copied())
}

/// Writes what was made, and says what there is in it and what there is not.
pub(super) fn write(folder: &Path, made: &Made) -> Result<(), Problem> {
    write_files(folder, Some(made))?;
    tell(&mut console::out(), made)
}

fn write_files(folder: &Path, made: Option<&Made>) -> Result<(), Problem> {
    for path in new_files::write(folder, &files(made)?)? {
        writeln!(console::out(), "wrote {}", path.display())?;
    }
    Ok(())
}

/// What was made of what people have, if they named any of it.
fn made(arguments: &InitArguments) -> Result<Option<Made>, Problem> {
    let document = |path| read(path, "an OpenAPI document", LONGEST_DOCUMENT);
    let document = arguments.openapi.as_deref().map(document).transpose()?;
    let made = match (&arguments.har, document) {
        (Some(path), document) => {
            let archive = read(path, "an HTTP archive", LONGEST_DOCUMENT)?;
            import::of_har(&archive, document.as_ref())
        }
        (None, Some(document)) => import::of_openapi(&document),
        (None, None) => return Ok(None),
    };
    made.map(Some).map_err(Problem::Suite)
}

fn read(path: &Path, what: &str, most: u64) -> Result<Arc<Source>, Problem> {
    Source::read_up_to(path, what, most).map_err(|problem| Problem::Suite(problem.into()))
}

/// What there is in it now, and what there is not.
fn tell(out: &mut dyn Write, made: &Made) -> Result<(), Problem> {
    let size = made.size;
    let mut parts = vec![
        count(size.services as u64, "service"),
        count(size.resources as u64, "resource"),
    ];
    if size.events > 0 {
        parts.push(count(size.events as u64, "event"));
    }
    if size.forbidden > 0 {
        let patterns = count(size.forbidden as u64, "pattern");
        parts.push(format!(
            "{patterns} of writes that an app that only reads never calls"
        ));
    }
    writeln!(out, "\n{}: {}", made.name, parts.join(", "))?;
    write_left(out, &made.left)
}

/// What was not taken over, by its reason.
fn write_left(out: &mut dyn Write, left: &[Left]) -> Result<(), Problem> {
    if left.is_empty() {
        return Ok(());
    }
    let mut reasons: Vec<&str> = Vec::new();
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for own in left {
        if !by_reason.contains_key(own.why.as_str()) {
            reasons.push(&own.why);
        }
        by_reason.entry(&own.why).or_default().push(&own.what);
    }
    writeln!(out, "\nnot taken over, or not as it is written:")?;
    for why in reasons {
        match &by_reason[why][..] {
            [only] => writeln!(out, "  {only}: {why}")?,
            many => {
                writeln!(out, "  {why}:")?;
                for what in many {
                    writeln!(out, "    {what}")?;
                }
            }
        }
    }
    Ok(())
}
