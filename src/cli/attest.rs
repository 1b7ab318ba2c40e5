//! `rehearsal attest`: a person's word for an item of the runbook, written down and listed.

use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use jiff::civil::Date;
use serde::Serialize;

use super::arguments::AttestArguments;
use super::exit::Exit;
use super::files::{self, SuiteRequest};
use super::problem::Problem;
use super::{console, runbook, settings};
use crate::domain::runbook::{Attestation, Item, Runbook};
use crate::report::text::{visible, wrap};
use crate::suite::attestations::{parse_day, vouchable, written};
use crate::suite::{self, Problems, Suite};

const GOOD: Style = AnsiColor::Green.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();
const STRONG: Style = Style::new().bold();

/// What a new file begins with.
const HEAD: &str = "# What people vouch for, written by `rehearsal attest`.\n";

/// Writes a person's word down, or lists what there is.
pub(super) fn attest(arguments: &AttestArguments) -> Result<Exit, Problem> {
    let environment = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let request = SuiteRequest {
        defaults: Some(&config.run),
        ..SuiteRequest::by_flags(&arguments.files)
    };
    let suite = files::suite(&request.choice(environment)?)?;
    let book = &suite.runbook;
    let file = runbook::file(&config);
    let all = runbook::attestations(&config, &[book], false).map_err(Problem::Config)?;
    if arguments.list {
        let own: Vec<Attestation> = all
            .into_iter()
            .filter(|one| runbook::is_of(book, one))
            .collect();
        if arguments.json {
            list_json(&suite, &own)?;
        } else {
            list(&suite, &own)?;
        }
        return Ok(Exit::Passed);
    }
    let word = word(arguments, book, &all, runbook::today()).map_err(Problem::Config)?;
    keep(&file, &word, all)?;
    let until = word
        .until
        .map_or_else(String::new, |day| format!(", until {day}"));
    writeln!(
        console::out(),
        "{} is attested by {} on {}{until}; it stands in {}",
        word.item,
        visible(&word.by),
        word.on,
        file.display()
    )?;
    Ok(Exit::Passed)
}

/// The word that is given, or everything that is wrong with it.
fn word(
    arguments: &AttestArguments,
    book: &Runbook,
    all: &[Attestation],
    today: Date,
) -> Result<Attestation, Problems> {
    let mut problems = Problems::default();
    let id = arguments.id.as_deref().unwrap_or_default();
    if let Err(problem) = vouchable(book, id) {
        problems.push(problem);
    }
    let same = |one: &&Attestation| one.item == id && runbook::is_of(book, one);
    if let Some(there) = all.iter().find(same).filter(|one| !one.expired)
        && !arguments.replace
    {
        let message = format!(
            "`{id}` is attested already, by {} on {}",
            there.by, there.on
        );
        let hint = "say `--replace` to put this word in its place";
        problems.push(suite::Problem::new(message).hint(hint));
    }
    let mut said = |flag: &str, text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default().trim();
        if text.is_empty() {
            let hint = "a word counts by who gave it, and for what";
            problems.push(suite::Problem::new(format!("{flag} is empty")).hint(hint));
        }
        text.to_owned()
    };
    let (by, note) = (said("--by", &arguments.by), said("--note", &arguments.note));
    let until = arguments.until.as_deref().map(parse_day).transpose();
    let until = until.unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    if let Some(until) = until.filter(|until| *until < today) {
        let message = format!("{until} is over: today is {today}");
        problems.push(suite::Problem::new(message).hint("write a later day, or none"));
    }
    problems.or(Some(Attestation {
        runbook: Some(book.name.clone()),
        item: id.to_owned(),
        by,
        note,
        on: today,
        until,
        expired: false,
    }))
}

/// Writes the word into the file. What people have written there stays as it is, unless another word
/// for the same item must go.
fn keep(file: &Path, word: &Attestation, all: Vec<Attestation>) -> Result<(), Problem> {
    let problem = |verb: &'static str| {
        move |error: io::Error| Problem::File {
            verb,
            path: file.to_owned(),
            error,
        }
    };
    let goes = |one: &Attestation| {
        one.item == word.item && (one.runbook.is_none() || one.runbook == word.runbook)
    };
    let before = if all.iter().any(goes) {
        let kept = all.iter().filter(|one| !goes(one));
        kept.fold(HEAD.to_owned(), |text, one| text + "\n" + &written(one))
    } else if file.exists() {
        std::fs::read_to_string(file).map_err(problem("read"))?
    } else {
        HEAD.to_owned()
    };
    let text = format!("{}\n\n{}", before.trim_end(), written(word));
    replace(file, &text).map_err(problem("write"))
}

/// Writes beside the place and moves it there, so that nobody ever reads half of it.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A link stays a link, and what it points to is replaced.
    let place = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = place
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rehearsal-attestations-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut beside = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(&place).map_err(|error| error.error)?;
    Ok(())
}

/// Every item that a person has to vouch for, and who did.
fn of_people<'b>(
    suite: &'b Suite,
    own: &'b [Attestation],
) -> impl Iterator<Item = (&'b Item, Option<&'b Attestation>)> {
    let items = suite.runbook.items.iter();
    let items = items.filter(|item| item.attest.is_wanted(&suite.contract));
    items.map(|item| (item, own.iter().find(|one| one.item == item.id)))
}

fn list(suite: &Suite, own: &[Attestation]) -> io::Result<()> {
    let book = &suite.runbook;
    let mut out = console::out();
    let (name, version) = (visible(&book.name), visible(&book.version));
    writeln!(out, "{STRONG}{name}, version {version}{STRONG:#}\n")?;
    for (item, word) in of_people(suite, own) {
        let (style, told) = match word {
            None => (OPEN, "nobody vouched".to_owned()),
            Some(one) => {
                let (style, verb) = if one.expired {
                    (OPEN, "ended")
                } else {
                    (GOOD, "until")
                };
                let until = one
                    .until
                    .map_or_else(String::new, |day| format!(", {verb} {day}"));
                (
                    style,
                    format!("{} on {}{until}: {}", one.by, one.on, one.note),
                )
            }
        };
        let mut lines = wrap(&item.title, console::width() - 12);
        lines.extend(wrap(&told, console::width() - 12));
        let titles = lines.len() - wrap(&told, console::width() - 12).len();
        for (at, line) in lines.iter().enumerate() {
            let id = if at == 0 {
                visible(&item.id)
            } else {
                "".into()
            };
            let style = if at < titles { Style::new() } else { style };
            writeln!(out, "  {STRONG}{id:<8}{STRONG:#}  {style}{line}{style:#}")?;
        }
    }
    out.flush()
}

/// What there is, for programs.
#[derive(Serialize)]
struct Document<'a> {
    runbook: &'a str,
    version: &'a str,
    items: Vec<ItemDocument<'a>>,
}

#[derive(Serialize)]
struct ItemDocument<'a> {
    id: &'a str,
    title: &'a str,
    by: Option<&'a str>,
    note: Option<&'a str>,
    on: Option<String>,
    until: Option<String>,
    expired: bool,
}

fn list_json(suite: &Suite, own: &[Attestation]) -> io::Result<()> {
    let book = &suite.runbook;
    let items = of_people(suite, own).map(|(item, word)| ItemDocument {
        id: &item.id,
        title: &item.title,
        by: word.map(|one| one.by.as_str()),
        note: word.map(|one| one.note.as_str()),
        on: word.map(|one| one.on.to_string()),
        until: word.and_then(|one| one.until).map(|day| day.to_string()),
        expired: word.is_some_and(|one| one.expired),
    });
    let document = Document {
        runbook: &book.name,
        version: &book.version,
        items: items.collect(),
    };
    let mut out = console::out();
    serde_json::to_writer_pretty(&mut out, &document).map_err(io::Error::from)?;
    writeln!(out)?;
    out.flush()
}
