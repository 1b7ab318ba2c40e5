//! What was recorded, from whatever holds it: a journal, a run file, or an HTTP archive.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::console;
use super::exit::Exit;
use super::problem::Problem;
use super::run_file;
use crate::domain::contract::Contract;
use crate::domain::journal::Entry;
use crate::domain::journal::file::{FirstLine, first_line};
use crate::domain::world::World;
use crate::import::Recording;
use crate::report::har::Archive;
use crate::report::text::count;
use crate::run::{Compared, Replay, compare, replay};
use crate::runfile::Recorded;
use crate::suite::Source;

/// The longest archives that are read, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The text of an archive: the file itself, or made of journals.
pub(super) fn archive(path: &Path) -> Result<Arc<Source>, Problem> {
    let failed = |error| Problem::File {
        verb: "read",
        path: path.to_owned(),
        error,
    };
    let name = path.display().to_string();
    let is_run = path.is_file() && Recorded::is_one(path);
    if !is_run && !is_journal(path) {
        let source = Source::read_up_to(path, "a recording", LONGEST);
        return source.map_err(|problem| Problem::Suite(problem.into()));
    }
    let mut text = Vec::new();
    let mut archive = Archive::begin(&mut text).map_err(failed)?;
    if is_run {
        let run = run_file::open(path)?;
        for of in run.deciding_journals() {
            let mut lines = run.journal(&of).map_err(failed)?;
            take(&mut lines, &mut archive).map_err(failed)?;
        }
    } else {
        let mut lines = BufReader::new(File::open(path).map_err(failed)?);
        take(&mut lines, &mut archive).map_err(failed)?;
    }
    archive.end().map_err(failed)?;
    Source::from_bytes(name, &text).map_err(|problem| Problem::Suite(problem.into()))
}

/// Whether a file begins as a journal does.
fn is_journal(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let mut line = Vec::new();
    let read = io::Read::take(file, 1024 * 1024);
    let read = BufReader::new(read).read_until(b'\n', &mut line);
    read.is_ok() && matches!(first_line(&line), Ok(FirstLine::Header(_)))
}

fn take(lines: &mut impl BufRead, archive: &mut Archive<'_>) -> io::Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    while lines.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        match first_line(&line) {
            Ok(FirstLine::Header(header)) => archive.journal(&header)?,
            Ok(FirstLine::Entry(entry)) => archive.entry(&Arc::<Entry>::from(entry))?,
            // What was being written when it broke off tells nothing any more.
            Err(_) if !line.ends_with(b"\n") => break,
            Err(error) => return Err(io::Error::other(format!("line {number}: {error}"))),
        }
        line.clear();
    }
    Ok(())
}

/// Has the mock asked all that was recorded, and compares.
pub(super) fn compared(
    contract: &Arc<Contract>,
    world: &Arc<World>,
    recording: &Recording,
) -> Result<(Replay, Compared), Problem> {
    let replayed = replay(contract, world, recording)?;
    let compared = compare(contract, recording, &replayed);
    Ok((replayed, compared))
}

/// Says what it came to, for people.
pub(super) fn tell(compared: &Compared) -> Result<(), Problem> {
    use std::io::Write as _;
    let mut out = console::out();
    let requests = count(compared.asked as u64, "request");
    let events = count(compared.events as u64, "event");
    writeln!(out, "\nreplayed against the mock: {requests}, {events}")?;
    if !compared.skipped.is_empty() {
        writeln!(out, "\nnot replayed:")?;
        for (what, why) in &compared.skipped {
            writeln!(out, "  {what}: {why}")?;
        }
    }
    if compared.differences.is_empty() {
        writeln!(out, "\nthe same in status and shape")?;
        return Ok(());
    }
    let number = count(compared.differences.len() as u64, "difference");
    writeln!(out, "\n{number}:")?;
    for own in &compared.differences {
        let at = if own.at.is_empty() {
            String::new()
        } else {
            format!(" {}", own.at)
        };
        writeln!(out, "  {}{at}", own.about)?;
        writeln!(out, "    recorded  {}", own.recorded)?;
        writeln!(out, "    mock      {}", own.mock)?;
        writeln!(out, "    change    {}", own.change)?;
    }
    Ok(())
}

/// How it ends: what is not the same is not proven to be.
pub(super) fn exit(compared: &Compared, otherwise: Exit) -> Exit {
    match (compared.differences.is_empty(), compared.asked) {
        (false, _) => otherwise,
        // Nothing compared is nothing proven.
        (true, 0) => Exit::Inconclusive,
        (true, _) => Exit::Passed,
    }
}
