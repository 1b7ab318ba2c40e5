//! `rehearsal history`: past runs, taken in from their run files and asked for.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::arguments::{
    AskedArguments, HistoryAction, HistoryArguments, MergeArguments, PlaceArguments, RunArguments,
};
use super::console;
use super::exit::Exit;
use super::files;
use super::problem::Problem;
use super::run_file;
use super::settings;
use crate::domain::result::RunResult;
use crate::history::{Asked, History, Kind, Past, Purpose, Taken, changes, nights};
use crate::report::history::{self, Look};
use crate::run::gathered;
use crate::runfile::{Manifest, Recorded};
use crate::suite::config::Config;

/// The database in the folder of what is kept from one run to the next.
const FILE: &str = "history.db";

/// Does what was asked for.
pub(super) fn history(arguments: &HistoryArguments) -> Result<Exit, Problem> {
    match &arguments.action {
        Some(HistoryAction::Add { runs, place }) => add(runs, &database(place)?),
        Some(HistoryAction::Prune { older_than, place }) => {
            let mut history = History::open(&database(place)?, Purpose::Read)?;
            let pruned = history.prune(*older_than)?;
            let (runs, left) = (pruned.runs, pruned.left);
            writeln!(console::out(), "{runs} runs forgotten, {left} left")?;
            Ok(Exit::Passed)
        }
        None => ask(&database(&arguments.place)?, &arguments.asked),
    }
}

/// Shows what was asked for.
fn ask(database: &Path, arguments: &AskedArguments) -> Result<Exit, Problem> {
    let history = History::open(database, Purpose::Read)?;
    let of = |kind: Kind, names: &[String]| {
        let names = names.iter().map(move |name| (kind, name.clone()));
        names.collect::<Vec<_>>()
    };
    let asked = Asked {
        target: arguments.target.clone(),
        contract: None,
        since: arguments.since,
        names: [
            of(Kind::Scenario, &arguments.scenarios),
            of(Kind::Rule, &arguments.rules),
            of(Kind::Item, &arguments.items),
        ]
        .concat(),
    };
    let series = history.series(&asked)?;
    check_target(&history, &asked, series.is_empty())?;
    let place = history::Database {
        path: database.display().to_string(),
        size: history.size()?,
    };
    let mut out = console::out();
    if arguments.json {
        out.write_all(&history::render(&place, &series))?;
    } else {
        let look = Look {
            // What was asked for by its name is shown, however well it is.
            everything: arguments.verbose || !asked.names.is_empty(),
            width: console::width(),
        };
        history::tell(&mut out, &place, &series, look)?;
    }
    out.flush()?;
    Ok(Exit::Passed)
}

/// A target of which nothing is known is probably mistyped.
fn check_target(history: &History, asked: &Asked, is_empty: bool) -> Result<(), Problem> {
    let Some(name) = asked.target.clone().filter(|_| is_empty) else {
        return Ok(());
    };
    let all = history.series(&Asked::default())?;
    let mut known: Vec<String> = all.into_iter().map(|own| own.target).collect();
    known.dedup();
    Err(Problem::Unknown {
        kind: "target in the history",
        name,
        known,
        exit: Exit::Usage,
    })
}

/// Takes runs in, each by itself: what is wrong with one keeps none of the others out.
fn add(runs: &[PathBuf], database: &Path) -> Result<Exit, Problem> {
    let mut history = History::open(database, Purpose::Write)?;
    let mut out = console::out();
    let mut last = None;
    for path in runs {
        let taken = run_file::open(path).and_then(|run| take(&mut history, &run));
        let told = match taken {
            Ok(Taken::New) => "taken in",
            Ok(Taken::Known) => "known before",
            Err(problem) => {
                if let Some(before) = last.replace(problem) {
                    console::tell(&Problem::message(&before, console::rendering()));
                }
                continue;
            }
        };
        writeln!(out, "{}: {told}", path.display())?;
        out.flush()?;
    }
    last.map_or(Ok(Exit::Passed), Err)
}

/// Takes in a run as its file tells it.
fn take(history: &mut History, run: &Recorded) -> Result<Taken, Problem> {
    let past = Past::of(&run.manifest, &gathered(run));
    Ok(history.take(&past)?)
}

fn database(place: &PlaceArguments) -> Result<PathBuf, Problem> {
    if let Some(path) = &place.database {
        return Ok(path.clone());
    }
    let config = files::config_of(&place.files(), &settings::environment)?;
    Ok(of_config(&config))
}

fn of_config(config: &Config) -> PathBuf {
    let named = config.history.path.clone();
    named.unwrap_or_else(|| config.state().join(FILE))
}

/// The database that a run goes into, if it goes into one: a run without a configuration litters no
/// folder.
pub(super) fn of_run(arguments: &RunArguments, config: &Config) -> Option<PathBuf> {
    let is_wanted = config.history.record && !arguments.run_file.no_history;
    (is_wanted && config.file.is_some()).then(|| of_config(config))
}

/// The database that a merged run goes into, by the same rule. One whose configuration cannot be read is merged all the
/// same.
pub(super) fn of_merged(arguments: &MergeArguments) -> Option<PathBuf> {
    if arguments.no_history {
        return None;
    }
    let place = &arguments.place;
    if place.database.is_some() {
        return place.database.clone();
    }
    match files::config_of(&place.files(), &settings::environment) {
        Ok(config) => (config.history.record && config.file.is_some()).then(|| of_config(&config)),
        Err(problem) => {
            console::tell(&problem.message(console::rendering()));
            None
        }
    }
}

/// Says in a result what it changes against the runs before it, as far as they are remembered, and tells
/// what its page shows of them.
pub(super) fn compare(database: &Path, manifest: &Manifest, result: &mut RunResult) -> Vec<u8> {
    let asked = Asked {
        target: Some(manifest.target.clone()),
        contract: Some(manifest.contract.name.clone()),
        ..Asked::default()
    };
    let series = History::open(database, Purpose::Read).and_then(|own| own.series(&asked));
    // What is wrong with it is told when the run is taken in.
    let mut series = series.unwrap_or_default();
    let past = Past::of(manifest, result);
    series
        .iter_mut()
        .for_each(|own| own.without_parts_of(&past.run));
    result.changes = changes(&series, &past);
    history::of_page(&nights(&series, &past))
}

/// Takes in the run whose file this is. What keeps it out is told, and changes nothing of what the run
/// came to.
pub(super) fn remember(database: &Path, file: &Path) {
    let open = || {
        let mut history = History::open(database, Purpose::Write)?;
        take(&mut history, &Recorded::open(file)?)
    };
    if let Err(problem) = open() {
        console::tell(&format!(
            "note: the run is not in the history: {problem}\n{}",
            problem
                .hint()
                .map_or_else(String::new, |hint| format!("  hint: {hint}\n"))
        ));
    }
}
