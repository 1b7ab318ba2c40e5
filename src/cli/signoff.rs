//! `rehearsal signoff`: the run files of a period into one document, and whether it is complete.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::Date;
use tempfile::TempDir;

use super::arguments::SignoffArguments;
use super::conclusion::complain;
use super::exit::Exit;
use super::problem::Problem;
use super::{console, files, merge, run_file, runbook, settings};
use crate::domain::duration;
use crate::domain::runbook::Attestation;
use crate::domain::signoff::{Gathered, Night, Period, ReadFile, Unusable, sign_off};
use crate::report::file::ReportFile;
use crate::report::signoff::{headline, html, in_toto, markdown};
use crate::report::text::visible;
use crate::run::{day_of, night_of, runs_in};
use crate::runfile::{Recorded, Unreadable};
use crate::suite::attestations::parse_day;

/// How the name of a run file ends.
const ENDING: &str = ".run.gz";

/// What was found in files and folders.
#[derive(Default)]
struct Found {
    runs: Vec<Recorded>,
    unusable: Vec<Unusable>,
}

/// Gathers the period, writes the documents, and says whether it is complete.
pub(super) fn signoff(arguments: &SignoffArguments) -> Result<Exit, Problem> {
    let reserve = |path: &Option<PathBuf>| path.as_deref().map(ReportFile::reserve).transpose();
    let (as_text, as_page) = (reserve(&arguments.markdown)?, reserve(&arguments.html)?);
    let as_statement = reserve(&arguments.in_toto)?;
    let config = files::config(arguments.config.as_deref(), &[], &settings::environment)?;
    let words = runbook::attestations(&config, &[], false).map_err(Problem::Config)?;
    let mut found = Found::default();
    if arguments.runs.is_empty() {
        found.look(&run_file::folder(&config))?;
    }
    for path in &arguments.runs {
        found.look(path)?;
    }
    let signed = sign_off(gather(arguments, found, &words)?);
    let mut complaints = Vec::new();
    if as_text.is_none() && as_page.is_none() && as_statement.is_none() {
        let printed = console::out().write_all(&markdown(&signed));
        complaints.extend(printed.err().map(Problem::Output));
    } else {
        let lacks = signed.lacks.iter().map(|lack| format!("  {lack}"));
        for line in std::iter::once(headline(&signed)).chain(lacks) {
            console::tell(&format!("{}\n", visible(&line)));
        }
    }
    let mut keep = |file: Option<ReportFile>, bytes: &dyn Fn() -> Vec<u8>| {
        let written = file.map_or(Ok(()), |file| file.write(&bytes()));
        complaints.extend(written.err().map(Problem::Report));
    };
    keep(as_text, &|| markdown(&signed));
    keep(as_page, &|| html(&signed));
    match signed.gathered.nights.is_empty() {
        true => complaints.extend(as_statement.map(|_| Problem::NothingToVouchFor)),
        false => keep(as_statement, &|| in_toto(&signed)),
    }
    let exit = match signed.is_complete() {
        true => Exit::Passed,
        false => Exit::Incomplete,
    };
    complain(exit, complaints)
}

impl Found {
    /// Reads a file, or every run file of a folder.
    fn look(&mut self, path: &Path) -> Result<(), Problem> {
        if !path.is_dir() {
            return self.read(path);
        }
        let failed = |error| Problem::File {
            verb: "read",
            path: path.to_owned(),
            error,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().ends_with(ENDING))
            {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().try_for_each(|path| self.read(path))
    }

    /// Reads a run file. One that cannot be used is named; one that is not there is a mistake of whoever
    /// typed its name.
    fn read(&mut self, path: &Path) -> Result<(), Problem> {
        match Recorded::open(path) {
            Ok(run) => self.runs.push(run),
            Err(error @ Unreadable::Unopened { .. }) if !path.exists() => return Err(error.into()),
            Err(error) => self.unusable.push(Unusable {
                name: name(path),
                why: error.to_string(),
            }),
        }
        Ok(())
    }
}

/// The runs of the target and the period, each with what it came to.
fn gather(
    arguments: &SignoffArguments,
    found: Found,
    words: &[Attestation],
) -> Result<Gathered, Problem> {
    let all = found.runs.len();
    let target = target(arguments, &found.runs)?;
    let mut runs = found.runs;
    runs.retain(|own| own.manifest.target == target);
    let days = runs.iter().map(|own| day_of(own.manifest.started));
    let period = period(arguments.since.as_deref(), days)?;
    runs.retain(|own| period.has(day_of(own.manifest.started)));
    let passed_over = all - runs.len();
    let folder = TempDir::with_prefix("rehearsal-signoff-")?;
    let mut nights = Vec::new();
    for (at, shards) in runs_in(runs).into_iter().enumerate() {
        nights.push(night(
            shards,
            &folder.path().join(format!("{at}.run.gz")),
            words,
        )?);
    }
    Ok(Gathered {
        target,
        period,
        nights,
        unusable: found.unusable,
        passed_over,
    })
}

fn night(shards: Vec<Recorded>, to: &Path, words: &[Attestation]) -> Result<Night, Problem> {
    let files = shards.iter().filter_map(|own| {
        let (name, sha256) = run_file::fingerprint(&own.path)?;
        Some(ReadFile { name, sha256 })
    });
    let files: Vec<ReadFile> = files.collect();
    match &shards[..] {
        [run] => Ok(night_of(run, words, files)),
        _ => {
            merge::together(shards, to, None)?;
            Ok(night_of(&Recorded::open(to)?, words, files))
        }
    }
}

/// The target that is asked for, or the only one there is.
fn target(arguments: &SignoffArguments, runs: &[Recorded]) -> Result<String, Problem> {
    if let Some(target) = &arguments.target {
        return Ok(target.clone());
    }
    let mut known: Vec<String> = runs.iter().map(|own| own.manifest.target.clone()).collect();
    known.sort();
    known.dedup();
    match &known[..] {
        [only] => Ok(only.clone()),
        [] => Ok("no target".to_owned()),
        _ => Err(Problem::Value {
            place: "--target".to_owned(),
            value: String::new(),
            why: format!("the runs are of several targets: {}", known.join(", ")),
        }),
    }
}

/// The days that are asked for. The last one is today, or yesterday while nothing was played today.
fn period(since: Option<&str>, days: impl Iterator<Item = Date>) -> Result<Period, Problem> {
    let days: Vec<Date> = days.collect();
    let today = runbook::today();
    let last = match days.contains(&today) {
        true => today,
        false => today.yesterday().unwrap_or(today),
    };
    let Some(text) = since else {
        return Ok(Period {
            first: days.iter().min().copied().unwrap_or(last),
            last: days.iter().max().copied().unwrap_or(last),
        });
    };
    let wrong = |why: &str| Problem::Value {
        place: "--since".to_owned(),
        value: text.to_owned(),
        why: why.to_owned(),
    };
    let first = match (parse_day(text).ok(), duration::parse(text)) {
        (Some(day), _) => day,
        (None, Ok(length)) => {
            let days = i64::try_from(length.as_secs().div_ceil(86_400)).unwrap_or(i64::MAX);
            let back = days.clamp(1, 3_650) - 1;
            last.checked_sub(back.days())
                .map_err(|_| wrong("too long"))?
        }
        (None, Err(_)) => {
            return Err(wrong(
                "write a number of days, like 7d, or a day, like 2026-11-24",
            ));
        }
    };
    if first > last {
        return Err(wrong("the period would end before it begins"));
    }
    Ok(Period { first, last })
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
