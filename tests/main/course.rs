//! How a run goes on: profiles, what is skipped, what is known to fail, and when it is enough.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::commands::ends;

const DEFECT: [&str; 7] = [
    "run",
    "--defect",
    "events-after-expiry",
    "--scenario",
    "long-session",
    "--seed",
    "3",
];

fn known(folder: &Path, rule: &str, until: &str) {
    let text = format!(
        "[[known-failure]]\nrule = \"{rule}\"\nscenario = \"long-*\"\ntarget = \"mock\"\n\
         reason = \"the fix is on its way\"\nowner = \"ada\"\nuntil = \"{until}\"\n"
    );
    fs::write(folder.join("known-failures.toml"), text).unwrap();
}

#[test]
fn what_is_known_to_fail_passes_until_its_time_is_over_or_it_fails_no_more() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &DEFECT, 4);
    known(folder.path(), "SESSION-12", "2199-12-31");
    let (out, _) = ends(folder.path(), &DEFECT, 0);
    assert!(out.contains("1 known-failure"), "{out}");
    assert!(
        out.contains("the fix is on its way (ada, until 2199-12-31)"),
        "{out}"
    );
    // One scenario is the whole of a suite of its own.
    let text = fs::read_to_string(folder.path().join("known-failures.toml")).unwrap();
    let text = text.replace("long-*", "sign-*");
    fs::write(folder.path().join("known-failures.toml"), text).unwrap();
    let sound = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/scenarios/sign-in/sign-in.yaml"
    );
    let (out, _) = ends(folder.path(), &["run", "--suite", sound], 4);
    assert!(out.contains("unexpected-pass"), "{out}");
    assert!(out.contains("known to fail, and it does not"), "{out}");
    known(folder.path(), "SESSION-12", "2001-01-01");
    ends(folder.path(), &DEFECT, 4);
    known(folder.path(), "TENANT-1", "2199-12-31");
    let (_, err) = ends(folder.path(), &DEFECT, 1);
    assert!(err.contains("cannot be a known failure"), "{err}");
}

#[test]
fn what_fails_again_alone_has_failed_and_every_attempt_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let more = [
        "--retries",
        "1",
        "--report-json",
        "out.json",
        "--journal",
        "j",
    ];
    ends(folder.path(), &[&DEFECT[..], &more].concat(), 4);
    let report = fs::read(folder.path().join("out.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let attempts = &report["scenarios"][0]["attempts"];
    for at in 0..2 {
        assert_eq!(attempts[at]["verdict"], "failed");
        assert_eq!(attempts[at]["findings"][0]["rule"], "SESSION-12");
    }
    for name in ["long-session.jsonl", "long-session.attempt-1.jsonl"] {
        assert!(folder.path().join("j").join(name).exists(), "{name}");
    }
}

#[test]
fn a_run_that_has_had_enough_says_what_it_did_not_play() {
    let folder = tempfile::tempdir().unwrap();
    let all = [
        "run",
        "--quirk",
        "token-in-query",
        "--jobs",
        "1",
        "--seed",
        "3",
    ];
    let report = ["--report-json", "out.json", "--quiet"];
    for (limit, why) in [
        (&["--fail-fast"][..], "not played: two-devices had failed"),
        (
            &["--max-findings", "1"],
            "not played: there were 1 findings",
        ),
    ] {
        ends(folder.path(), &[&all[..], limit, &report].concat(), 4);
        let text = fs::read_to_string(folder.path().join("out.json")).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        let scenarios = read["scenarios"].as_array().unwrap();
        let left = scenarios.iter().filter(|own| own["reason"] == why);
        assert!(left.clone().count() > 0, "{limit:?}: {text}");
        assert!({ left }.all(|own| own["verdict"] == "inconclusive"));
    }
    let soon = ["run", "--tag", "soak", "--timeout", "50ms", "--jobs", "1"];
    let (out, _) = ends(folder.path(), &soon, 6);
    assert!(out.contains("the run's 50ms were over"), "{out}");
}

#[test]
fn profiles_and_patterns_that_are_not_there_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[profiles.nightly]\nretries = 1\nseed = 9\n[run]\nseed = 8\n";
    fs::write(folder.path().join("rehearsal.toml"), config).unwrap();
    let (_, err) = ends(folder.path(), &["run", "--profile", "nighty"], 1);
    assert!(err.contains("there is no profile `nighty`"), "{err}");
    assert!(err.contains("did you mean `nightly`?"), "{err}");
    let one = ["run", "--profile", "nightly", "--scenario", "sign-*"];
    let (out, _) = ends(folder.path(), &one, 0);
    assert!(out.contains("seed 9"), "{out}");
    let (_, err) = ends(folder.path(), &["run", "--skip", "sing-in"], 7);
    assert!(err.contains("did you mean `sign-in`?"), "{err}");
    let skip = [&one[..], &["--skip", "sign-out"]].concat();
    let (out, _) = ends(folder.path(), &skip, 0);
    assert!(!out.contains("✓ sign-out"), "{out}");
}
