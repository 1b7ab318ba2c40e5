//! `rehearsal merge`: shards of a run into one run file, in any order, partial or twice.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::arguments::MergeArguments;
use super::exit::Exit;
use super::problem::Problem;
use super::{console, history, run_file};
use crate::domain::result::RunResult;
use crate::report::file::said;
use crate::run::gathered;
use crate::runfile::{self, Merged, Recorded, Unmergeable};

/// Merges, and says what is missing.
pub(super) fn merge(arguments: &MergeArguments) -> Result<Exit, Problem> {
    let to = &arguments.output;
    let same = |path: &Path| fs::canonicalize(path).ok();
    if same(to).is_some_and(|to| {
        arguments
            .runs
            .iter()
            .any(|own| same(own).as_ref() == Some(&to))
    }) {
        return Err(Problem::InTheWay { path: to.clone() });
    }
    let database = history::of_merged(arguments);
    let (merged, result) = in_place(&arguments.runs, to, database.as_deref())?;
    if let Some(database) = &database {
        history::remember(database, to);
    }
    tell(arguments, &merged, &result)?;
    Ok(match arguments.exit_code {
        true => Exit::of(&result),
        false => Exit::Passed,
    })
}

/// Merges files beside the place of the new one, and moves it there when it is whole: what stood there is lost
/// to nothing less.
fn in_place(
    runs: &[PathBuf],
    to: &Path,
    database: Option<&Path>,
) -> Result<(Merged, RunResult), Problem> {
    let unwritten = |error: io::Error| Unmergeable::Unwritten {
        path: to.to_owned(),
        error,
    };
    runfile::refuse_what_stands_there(to).map_err(unwritten)?;
    let folder = to.parent().filter(|own| !own.as_os_str().is_empty());
    let beside = tempfile::Builder::new()
        .prefix(".rehearsal-merge-")
        .tempdir_in(folder.unwrap_or(Path::new(".")));
    let beside = beside.map_err(|error| unwritten(io::Error::other(said(&error))))?;
    let path = beside.path().join("merged.run.gz");
    let merged = into(runs, &path, database).map_err(|problem| match problem {
        Problem::Unmergeable(Unmergeable::Unwritten { error, .. }) => unwritten(error).into(),
        Problem::RunFileLacks(lacks) => unwritten(io::Error::other(lacks.why)).into(),
        other => other,
    })?;
    fs::rename(&path, to).map_err(unwritten)?;
    Ok(merged)
}

/// Merges files into a new one, which is whole, and says what it changes against the runs that a database knows.
fn into(
    runs: &[PathBuf],
    to: &Path,
    database: Option<&Path>,
) -> Result<(Merged, RunResult), Problem> {
    let read: Result<Vec<Recorded>, Problem> =
        runs.iter().map(|path| run_file::open(path)).collect();
    together(read?, to, database)
}

/// The same of files that are open.
pub(super) fn together(
    runs: Vec<Recorded>,
    to: &Path,
    database: Option<&Path>,
) -> Result<(Merged, RunResult), Problem> {
    let merged = runfile::merge(runs, to, run_file::new_id())?;
    let mut run = Recorded::open(to)?;
    if merged.missing.is_empty() && merged.elsewhere.is_empty() {
        // It lacks nothing but the end that is written now.
        run.flaw = None;
    }
    let mut result = gathered(&run);
    if let Some(database) = database {
        let nights = history::compare(database, &run.manifest, &mut result);
        merged.writer.history(&nights);
    }
    merged.writer.end(&result).map_err(Problem::RunFileLacks)?;
    Ok((merged, result))
}

/// The run that files are of: the only one, or what shards come to together, in a file of `folder`.
pub(super) fn one_of(runs: &[PathBuf], folder: &Path) -> Result<Recorded, Problem> {
    match runs {
        [run] => run_file::open(run),
        shards => {
            let to = folder.join("merged.run.gz");
            into(shards, &to, None)?;
            Ok(Recorded::open(&to)?)
        }
    }
}

fn tell(arguments: &MergeArguments, merged: &Merged, result: &RunResult) -> std::io::Result<()> {
    let mut out = console::out();
    let (runs, scenarios) = (arguments.runs.len(), result.scenarios.len());
    let (verdict, to) = (result.verdict.name(), arguments.output.display());
    writeln!(
        out,
        "{runs} files merged into {to}: {scenarios} scenarios, {verdict}"
    )?;
    for shards in &merged.shards {
        writeln!(out, "  {shards}")?;
    }
    for (ids, told) in [
        (
            &merged.elsewhere,
            "missing: they fall to shards that are not here",
        ),
        (
            &merged.missing,
            "missing: their runs were stopped before they were over",
        ),
        (&merged.unasked, "of the suite, and in none of these runs"),
        (
            &merged.twice,
            "played in several of them: the gravest result is kept",
        ),
    ] {
        if !ids.is_empty() {
            writeln!(out, "  {} {told}: {}", ids.len(), ids.join(", "))?;
        }
    }
    out.flush()
}
