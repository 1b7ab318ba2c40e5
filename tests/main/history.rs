//! The history of runs, as whoever uses the command sees it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rehearsal::internals::history::{Asked, History, Purpose, Series};
use rehearsal::internals::runfile::{Manifest, Recorded, Writer};

use crate::commands::{ends, rehearsal};

/// The only run file in a folder's state.
fn kept(folder: &Path) -> PathBuf {
    let mut runs = fs::read_dir(folder.join(".rehearsal/runs")).unwrap();
    runs.next().unwrap().unwrap().path()
}

fn series(database: &Path) -> Vec<Series> {
    let history = History::open(database, Purpose::Read).unwrap();
    history.series(&Asked::default()).unwrap()
}

/// The files of runs that came to the same, each under a name of its own.
fn copies(run: &Path, number: u64) -> Vec<PathBuf> {
    let run = Recorded::open(run).unwrap();
    let copy = |at: u64| {
        let path = run.path.with_file_name(format!("{at}.run.gz"));
        let manifest = Manifest {
            id: format!("{at:016}"),
            started: run.manifest.started + at * 86_400,
            ..run.manifest.clone()
        };
        let writer = Writer::create(&path, &manifest).unwrap();
        run.scenarios.iter().for_each(|own| writer.scenario(own));
        writer.end(run.end.as_ref().unwrap()).unwrap();
        path
    };
    (0..number).map(copy).collect()
}

#[test]
fn a_run_with_a_configuration_is_remembered_and_one_without_litters_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    ends(folder.path(), &run, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let (_, err) = ends(folder.path(), &["history"], 1);
    assert!(err.contains("there is no history") && err.contains("history add"));

    let config = folder.path().join("rehearsal.toml");
    fs::write(&config, "").unwrap();
    let database = folder.path().join(".rehearsal/history.db");
    ends(folder.path(), &[&run[..], &["--no-history"]].concat(), 0);
    ends(folder.path(), &[&run[..], &["--no-run-file"]].concat(), 0);
    assert!(!database.exists());
    ends(folder.path(), &run, 0);
    let known = series(&database);
    assert_eq!((known.len(), known[0].runs.len()), (1, 1));

    // What was left out is taken in later, and what is known counts once.
    let files = fs::read_dir(folder.path().join(".rehearsal/runs")).unwrap();
    let mut words = vec!["history".to_owned(), "add".to_owned()];
    words.extend(files.map(|file| file.unwrap().path().to_str().unwrap().to_owned()));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (out, _) = ends(folder.path(), &words, 0);
    assert!(
        out.contains("taken in") && out.contains("known before"),
        "{out}"
    );
    assert_eq!(series(&database)[0].runs.len(), 2);

    fs::write(&config, "[history]\npath = \"other.db\"\n").unwrap();
    ends(folder.path(), &run, 0);
    assert!(folder.path().join("other.db").exists());
    fs::write(&config, "[history]\nrecord = false\n").unwrap();
    ends(folder.path(), &run, 0);
    assert_eq!(series(&database)[0].runs.len(), 2);
}

#[test]
fn a_history_that_cannot_be_used_is_told_and_changes_nothing_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rehearsal.toml"), "").unwrap();
    fs::create_dir(folder.path().join(".rehearsal")).unwrap();
    let database = folder.path().join(".rehearsal/history.db");
    fs::write(&database, "no database").unwrap();
    let run = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    let (_, err) = ends(folder.path(), &run, 0);
    assert!(err.contains("note: the run is not in the history"), "{err}");
    assert_eq!(fs::read_to_string(&database).unwrap(), "no database");
    for command in [
        &["history"][..],
        &["history", "prune", "--older-than", "1d"],
    ] {
        let (_, err) = ends(folder.path(), command, 1);
        assert!(
            err.contains("it is no database") && err.contains("hint:"),
            "{err}"
        );
    }
    let file = kept(folder.path());
    let words = ["history", "add", file.to_str().unwrap(), "none.run.gz"];
    let words = [&words[..], &["--database", "new.db"]].concat();
    let (out, err) = ends(folder.path(), &words, 1);
    assert!(
        out.contains("taken in") && err.contains("none.run.gz"),
        "{err}"
    );
}

#[test]
fn a_process_that_is_killed_while_it_writes_leaves_whole_runs() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    let run = [&run[..], &["--run-file", "a.run.gz"]].concat();
    ends(folder.path(), &run, 0);
    let files = copies(&folder.path().join("a.run.gz"), 24);
    let mut words = vec!["history", "add"];
    words.extend(files.iter().map(|file| file.to_str().unwrap()));
    let database = folder.path().join(".rehearsal/history.db");
    for round in 0..12_u32 {
        let mut adding = rehearsal(folder.path(), &words);
        let mut adding = adding.stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(adding.stdout.take().unwrap()).lines();
        told.by_ref().take(round as usize).for_each(drop);
        // Somewhere within the run after that.
        let somewhere = Duration::from_micros(u64::from(round * 397 % 1_500));
        let since = Instant::now();
        while since.elapsed() < somewhere {
            std::hint::spin_loop();
        }
        adding.kill().unwrap();
        adding.wait().unwrap();
        if !database.exists() {
            continue;
        }
        for own in History::open(&database, Purpose::Write)
            .unwrap()
            .series(&Asked::default())
            .unwrap()
        {
            let whole = own
                .things
                .iter()
                .all(|thing| thing.told.len() == own.runs.len());
            assert!(whole, "a run is there in part");
        }
    }
    ends(folder.path(), &words, 0);
    assert_eq!(series(&database)[0].runs.len(), 24);
}
