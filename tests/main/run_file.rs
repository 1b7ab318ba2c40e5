//! The run file and what is made from it, as whoever uses the command sees it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::ends;

/// The only run file in a folder's state.
fn kept(folder: &Path) -> PathBuf {
    let runs = fs::read_dir(folder.join(".rehearsal/runs")).unwrap();
    let mut runs: Vec<PathBuf> = runs.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

#[test]
fn reports_that_are_made_later_are_those_of_the_run_to_the_letter() {
    let folder = tempfile::tempdir().unwrap();
    let run = [
        "run",
        "--seed",
        "3",
        "--verbose",
        "--quirk",
        "token-in-query",
        "--run-file",
        "a.run.gz",
        "--report-json",
        "a.json",
        "--journal",
        "a",
    ];
    let (told, _) = ends(folder.path(), &run, 4);
    let report = [
        "report",
        "a.run.gz",
        "--terminal",
        "--verbose",
        "--json",
        "b.json",
        "--journal",
        "b",
    ];
    let (again, err) = ends(folder.path(), &report, 0);
    assert_eq!(told, again);
    assert_eq!(err, "");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("a.json") == read("b.json"), "the JSON reports differ");
    let mut journals = 0;
    for entry in fs::read_dir(folder.path().join("a")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            read(&format!("a/{name}")) == read(&format!("b/{name}")),
            "{name}"
        );
        journals += 1;
    }
    assert!(journals > 40, "{journals}");
}

#[test]
fn a_run_with_a_configuration_keeps_its_file_and_one_without_litters_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--seed", "1", "--scenario", "sign-in"];
    ends(folder.path(), &run, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::write(folder.path().join("rehearsal.toml"), "[run]\nseed = 1\n").unwrap();
    let (_, err) = ends(folder.path(), &run, 0);
    let file = kept(folder.path());
    assert!(err.contains("run file: "), "{err}");
    ends(folder.path(), &[&run[..], &["--no-run-file"]].concat(), 0);
    assert_eq!(file, kept(folder.path()));
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        name.contains("-mock-") && name.ends_with(".run.gz"),
        "{name}"
    );
    let (out, _) = ends(folder.path(), &["report", file.to_str().unwrap()], 0);
    assert!(out.contains("sign-in") && out.contains("seed 1"), "{out}");
}

#[test]
fn a_file_that_no_report_can_be_made_from_ends_with_1_and_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("j.jsonl"), "{\"journal\":2}\n").unwrap();
    for (name, told) in [("j.jsonl", "it is a journal"), ("none", "cannot be read")] {
        let (out, err) = ends(folder.path(), &["report", name], 1);
        assert!(out.is_empty() && err.contains(told), "{err}");
    }
}
