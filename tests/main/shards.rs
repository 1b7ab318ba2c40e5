//! A run that many machines play: dealt out, merged, and what is missing of it told.

use std::path::Path;
use std::process::Command;

use crate::commands::{ends, rehearsal};

const SELECTED: [&str; 6] = [
    "--scenario",
    "sign-*",
    "--scenario",
    "wrong-password",
    "--scenario",
    "maintenance*",
];

/// Plays a part of the selected scenarios without saying a seed, and returns what it says of it.
fn played(folder: &Path, shard: &str, more: &[&str]) -> String {
    let file = format!("{}.run.gz", shard.replace('/', "-of-"));
    let words = ["run", "--shard", shard, "--run-file", &file];
    let (_, err) = ends(folder, &[&words[..], &SELECTED, more].concat(), 0);
    err
}

/// The ids of a report's scenarios, each with its verdict.
fn scenarios(folder: &Path, runs: &[&str]) -> Vec<(String, String)> {
    let words = [&["report"], runs, &["--json", "-"]].concat();
    let (out, _) = ends(folder, &words, 0);
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    let all = read["scenarios"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    all.map(|own| (text(&own["id"]), text(&own["verdict"])))
        .collect()
}

#[test]
fn shards_make_the_whole_run_and_what_is_missing_of_them_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let whole = ["run", "--seed", "1", "-q", "--run-file", "whole.run.gz"];
    ends(at, &[&whole[..], &SELECTED].concat(), 0);
    let whole = scenarios(at, &["whole.run.gz"]);
    for shard in ["1/3", "2/3", "3/3"] {
        let told = played(at, shard, &[]);
        let said = format!("shard {shard}: ");
        assert!(
            told.contains(&said) && told.contains(&format!("of {} scenarios", whole.len())),
            "{told}"
        );
    }
    let words = ["merge", "3-of-3.run.gz", "1-of-3.run.gz", "-o", "m.run.gz"];
    let (out, _) = ends(at, &[&words[..], &["--exit-code"]].concat(), 6);
    assert!(
        out.contains("missing: the shards 2/3") && out.contains("they fall to shards that are not"),
        "{out}"
    );
    let partial = scenarios(at, &["m.run.gz"]);
    assert_eq!(partial.len(), whole.len());
    let open = partial.iter().filter(|own| own.1 == "inconclusive").count();
    assert_eq!(open, scenarios(at, &["2-of-3.run.gz"]).len());
    // The one that was missing comes later, and another one for a second time.
    let words = ["merge", "2-of-3.run.gz", "m.run.gz", "-o", "all.run.gz"];
    let (out, _) = ends(at, &[&words[..], &["--exit-code"]].concat(), 0);
    assert!(!out.contains("missing"), "{out}");
    assert_eq!(scenarios(at, &["all.run.gz"]), whole);
}

#[test]
fn shards_that_overlap_or_came_twice_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    played(at, "1/2", &["-q"]);
    let words = ["--run-file", "again.run.gz"];
    let again = ["run", "-q", "--shard", "1/2"];
    ends(at, &[&again[..], &words, &SELECTED].concat(), 0);
    played(at, "1/3", &["-q"]);
    let words = [
        "merge",
        "1-of-2.run.gz",
        "1-of-3.run.gz",
        "again.run.gz",
        "-o",
        "m.run.gz",
    ];
    let (out, _) = ends(at, &words, 0);
    for told in [
        "shards of 2 and of 3: cut differently, they may overlap",
        "missing: the shards 2/2",
        "played more than once: the shards 1/2",
        "missing: the shards 2/3, 3/3",
        "played in several of them",
    ] {
        assert!(out.contains(told), "{told}\n{out}");
    }
}

#[test]
fn a_shard_that_nothing_falls_to_passes_empty_and_is_not_missing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.run.gz", &shard[..1]);
        let words = ["run", "--scenario", "sign-in", "--shard", shard];
        let (_, err) = ends(at, &[&words[..], &["--run-file", &file]].concat(), 0);
        let empty = "nothing of 1 scenarios falls to it, so it passes empty";
        assert_eq!(err.contains(empty), shard == "2/2", "{err}");
    }
    let words = ["merge", "1.run.gz", "2.run.gz", "-o", "m.run.gz"];
    let (out, _) = ends(at, &[&words[..], &["--exit-code"]].concat(), 0);
    assert!(!out.contains("missing"), "{out}");
    let words = ["merge", "2.run.gz", "-o", "m.run.gz", "--exit-code"];
    ends(at, &words, 6);
}

#[test]
fn an_engine_says_which_shard_it_is_and_a_run_how_long_everything_takes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut ids = Vec::new();
    played(at, "1/1", &["-q"]);
    for index in ["0", "1"] {
        let file = format!("k{index}.run.gz");
        let words = ["run", "--shard", "auto", "--durations", "1-of-1.run.gz"];
        let words = [&words[..], &["--run-file", &file], &SELECTED].concat();
        let mut run: Command = rehearsal(at, &words);
        let run = run
            .env("JOB_COMPLETION_INDEX", index)
            .env("JOB_COMPLETIONS", "2");
        let output = run.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        ids.extend(scenarios(at, &[&file]));
    }
    let mut whole = scenarios(at, &["1-of-1.run.gz"]);
    ids.sort();
    whole.sort();
    assert_eq!(ids, whole);
}

#[test]
fn shards_that_cannot_be_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for (words, told) in [
        (&["--shard", "4/3"][..], "there is no shard 4 of 3"),
        (&["--shard", "x"], "write which shard of how many"),
        (&["--shard", "auto/none"], "or of how many: `auto/3`"),
        (&["--shard", "auto"], "no engine says which shard this is"),
        (&["--durations", "a.run.gz"], "add `--shard K/N`"),
        (&["--shard", "1/2", "--durations", "none"], "cannot be read"),
    ] {
        let (_, err) = ends(folder.path(), &[&["run"], words].concat(), 1);
        assert!(err.contains(told), "{err}");
    }
}
