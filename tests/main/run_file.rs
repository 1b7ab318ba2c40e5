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
    let (out, _) = ends(folder.path(), &["report", file.to_str().unwrap()], 0);
    assert!(out.contains("sign-in") && out.contains("seed 1"), "{out}");
    ends(folder.path(), &[&run[..], &["--no-run-file"]].concat(), 0);
    assert_eq!(file, kept(folder.path()));
    fs::remove_dir_all(folder.path().join(".rehearsal")).unwrap();
    fs::write(folder.path().join(".rehearsal"), "in the way").unwrap();
    let (_, err) = ends(folder.path(), &run, 0);
    assert!(err.contains("note: no run file is kept"), "{err}");
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        name.contains("-mock-") && name.ends_with(".run.gz"),
        "{name}"
    );
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

#[test]
fn shards_make_the_report_of_the_whole_whatever_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let played = |name: &str, scenarios: &[&str]| {
        let mut words = vec!["run", "--seed", "1", "-q", "--run-file", name];
        scenarios
            .iter()
            .for_each(|own| words.extend(["--scenario", own]));
        ends(folder.path(), &words, 0);
    };
    played("all.run.gz", &["sign-in", "wrong-password", "sign-out"]);
    played("a.run.gz", &["sign-in", "wrong-password"]);
    played("b.run.gz", &["sign-out"]);
    for order in [
        ["a.run.gz", "b.run.gz", "a.run.gz"],
        ["b.run.gz", "a.run.gz", "b.run.gz"],
    ] {
        let words = [&["merge"][..], &order, &["-o", "merged.run.gz"]].concat();
        let (out, _) = ends(folder.path(), &words, 0);
        assert!(
            out.contains("3 scenarios, passed") && out.contains("in none of these runs"),
            "{out}"
        );
    }
    let report = |names: &[&str]| {
        let words = [&["report"], names, &["--json", "-"]].concat();
        let (out, _) = ends(folder.path(), &words, 0);
        let mut read: serde_json::Value = serde_json::from_str(&out).unwrap();
        // How long it took on the wall is nobody's to repeat.
        read["duration_wall_ms"] = 0.into();
        for scenario in read["scenarios"].as_array_mut().unwrap() {
            scenario["duration_wall_ms"] = 0.into();
            scenario["attempts"][0]["duration_wall_ms"] = 0.into();
        }
        read
    };
    // Each shard asks the backend on its own account after its first scenario; the rest is the same.
    let (whole, merged) = (report(&["all.run.gz"]), report(&["merged.run.gz"]));
    let verdicts = |report: &serde_json::Value| {
        let scenarios = report["scenarios"].as_array().unwrap().iter();
        let told = scenarios.map(|own| (own["id"].clone(), own["verdict"].clone()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&whole), verdicts(&merged));
    assert_eq!(whole["scenarios"][0], merged["scenarios"][0]);
    let shards = report(&["b.run.gz", "a.run.gz"]);
    assert!(
        merged == shards,
        "shards tell something else than what was merged of them"
    );
}

#[test]
fn runs_of_different_seeds_are_no_shards_of_one() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in [("1", "a.run.gz"), ("2", "b.run.gz")] {
        let words = ["run", "-q", "--seed", seed, "--run-file", name];
        let words = [&words[..], &["--scenario", "sign-in"]].concat();
        ends(folder.path(), &words, 0);
    }
    let words = ["merge", "a.run.gz", "b.run.gz", "-o", "c.run.gz"];
    let (_, err) = ends(folder.path(), &words, 1);
    assert!(err.contains("seed 1 and 2"), "{err}");
}

#[test]
fn a_run_that_is_killed_keeps_what_it_had_and_is_played_again_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let run = [
        "run",
        "--seed",
        "1",
        "-q",
        "--scenario",
        "sign-*",
        "--run-file",
        "a.run.gz",
    ];
    ends(folder.path(), &run, 0);
    let whole = fs::read(folder.path().join("a.run.gz")).unwrap();
    // What a killed process leaves: everything up to somewhere.
    fs::write(folder.path().join("a.run.gz"), &whole[..whole.len() - 9]).unwrap();
    let (out, err) = ends(folder.path(), &["report", "a.run.gz"], 0);
    assert!(err.contains("is partial: it is cut off"), "{err}");
    assert!(out.contains("inconclusive"), "{out}");
    let (out, _) = ends(folder.path(), &["judge", "a.run.gz", "--quiet"], 0);
    assert!(out.contains("2 passed"), "{out}");
    fs::write(folder.path().join("a.run.gz"), &whole[..whole.len() / 4]).unwrap();
    let (_, err) = ends(
        folder.path(),
        &["rerun", "a.run.gz", "-q", "--json", "a.json"],
        0,
    );
    assert!(err.contains("partial"), "{err}");
    let read = fs::read_to_string(folder.path().join("a.json")).unwrap();
    let read: serde_json::Value = serde_json::from_str(&read).unwrap();
    assert_eq!(
        (&read["seed"], &read["verdict"]),
        (&1.into(), &"passed".into())
    );
    fs::write(folder.path().join("a.run.gz"), &whole).unwrap();
    let (out, _) = ends(folder.path(), &["rerun", "a.run.gz"], 0);
    assert!(out.starts_with("everything passed"), "{out}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_keeps_what_was_written_and_is_told() {
    use std::process::Command;
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_rehearsal");
    // No file may grow past 32 KiB, and whoever tries is killed unless it hears the signal.
    let limited = |words: &str| {
        let script = format!("ulimit -f 64; exec {program} {words}");
        let out = Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", &script])
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let run = "run --seed 1 -q --scenario sign-in --scenario dropped-sockets --jobs 1 --run-file";
    let (code, err) = limited(&format!("{run} a.run.gz"));
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("lacks what could not be written"), "{err}");
    let (out, err) = ends(folder.path(), &["report", "a.run.gz"], 0);
    assert!(out.contains("sign-in") && err.is_empty(), "{out}{err}");
    ends(
        folder.path(),
        &[
            "run",
            "--seed",
            "1",
            "-q",
            "--scenario",
            "sign-in",
            "--run-file",
            "b.run.gz",
        ],
        0,
    );
    fs::write(folder.path().join("out.har"), "old").unwrap();
    let (code, err) = limited("report b.run.gz --har out.har --tap out.tap");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("cannot write the report out.har"), "{err}");
    assert_eq!(
        fs::read_to_string(folder.path().join("out.har")).unwrap(),
        "old"
    );
    assert!(folder.path().join("out.tap").exists());
    assert!(!err.contains(".rehearsal-"), "{err}");

    // A merge that cannot be written leaves the one before it.
    let long: Vec<&str> = run.split(' ').chain(["long.run.gz"]).collect();
    ends(folder.path(), &long, 0);
    let before = fs::read(folder.path().join("b.run.gz")).unwrap();
    let (code, err) = limited("merge long.run.gz -o b.run.gz");
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.starts_with("error: b.run.gz cannot be written: "),
        "{err}"
    );
    assert_eq!(fs::read(folder.path().join("b.run.gz")).unwrap(), before);
    let left = fs::read_dir(folder.path()).unwrap();
    let left = left.map(|own| own.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|own| own.starts_with(".rehearsal-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_format_is_written_in_one_run_or_later() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        "--json",
        "json",
        "--junit",
        "junit.xml",
        "--tap",
        "tap",
        "--ctrf",
        "ctrf.json",
        "--har",
        "har",
        "--summary",
        "summary.md",
        "--in-toto",
        "in-toto.json",
        "--github",
    ];
    let run = [
        "run",
        "--seed",
        "1",
        "-q",
        "--quirk",
        "token-in-query",
        "--scenario",
        "sign-in",
        "--run-file",
        "a.run.gz",
    ];
    let (out, _) = ends(folder.path(), &[&run[..], &formats].concat(), 4);
    assert!(out.contains("\n::error "), "{out}");
    let written = || -> Vec<(String, Vec<u8>)> {
        let files = formats.iter().filter(|word| !word.starts_with("--"));
        files
            .map(|name| {
                (
                    (*name).to_owned(),
                    fs::read(folder.path().join(name)).unwrap(),
                )
            })
            .collect()
    };
    let of_run = written();
    let (out, _) = ends(
        folder.path(),
        &[&["report", "a.run.gz"][..], &formats].concat(),
        0,
    );
    assert!(out.starts_with("::error "), "{out}");
    for ((name, then), (_, now)) in of_run.iter().zip(written()) {
        assert!(!then.is_empty() && *then == now, "{name} differs");
    }
}
