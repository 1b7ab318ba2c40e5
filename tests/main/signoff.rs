//! Incident reports and sign-offs, as whoever uses the command sees them: nights that were really played,
//! moved to the days that they stand for.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde_json::Value;

use crate::commands::ends;

const OWN: &str = r#"
name: Ours
version: "1"
groups: { A: All of it }
items:
  A-1: { group: A, title: Answers are what was agreed, rules: SYNC-13 }
  A-2: { group: A, title: It looks right, attest: on }
  A-3: { group: A, title: Nothing was written, rules: [SCOPE-1, PROOF] }
rollback:
  R-1: { title: Answers cannot be read, actions: [Take the build off its channel, Tell Ada], items: A-1 }
"#;

/// A suite to start from, with a runbook of its own, and a word for what only a person can see.
fn started() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    ends(at, &["init"], 0);
    fs::write(at.join("rehearsal/runbook.yaml"), OWN).unwrap();
    let word = ["attest", "A-2", "--by", "Ada", "--note", "five phones"];
    ends(at, &word, 0);
    fs::create_dir(at.join("nights")).unwrap();
    folder
}

fn played(folder: &Path, name: &str, more: &[&str], code: i32) {
    let words = ["run", "--seed", "1", "-q", "--run-file", name];
    ends(folder, &[&words[..], more].concat(), code);
}

/// A password of the mock's world.
const PASSWORD: &str = "mock-heron-41";

/// Where the length of a run file's block stands in its header.
const LENGTH: std::ops::Range<usize> = 16..24;

/// Puts a run at so many days before now, and changes its manifest in whatever else is wanted.
fn at_night(folder: &Path, from: &str, ago: u64, change: impl Fn(&mut Value)) {
    let bytes = fs::read(folder.join(from)).unwrap();
    let length = u64::from_le_bytes(bytes[LENGTH].try_into().unwrap());
    let (first, rest) = bytes.split_at(usize::try_from(length).unwrap());
    let mut text = String::new();
    GzDecoder::new(first).read_to_string(&mut text).unwrap();
    let (head, manifest) = text.trim_end().split_once('\n').unwrap();
    let mut manifest: Value = serde_json::from_str(manifest).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    manifest["started"] = (now.as_secs() - ago * 86_400).into();
    manifest["id"] = format!("{from}-{ago}").into();
    change(&mut manifest);
    let extra = [&b"RH\x08\x00"[..], &[0; 8]].concat();
    let mut member = GzBuilder::new()
        .extra(extra)
        .write(Vec::new(), Compression::fast());
    write!(member, "{head}\n{manifest}\n").unwrap();
    let mut bytes = member.finish().unwrap();
    let length = bytes.len() as u64;
    bytes[LENGTH].copy_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(rest);
    fs::write(folder.join(format!("nights/{ago}.run.gz")), bytes).unwrap();
}

fn as_it_was(_: &mut Value) {}

fn signed(folder: &Path, since: &str, code: i32) -> String {
    let words = [
        "signoff",
        "nights",
        "--since",
        since,
        "--html",
        "s.html",
        "--in-toto",
        "s.json",
    ];
    let words = [&words[..], &["--markdown", "s.md"]].concat();
    let (_, told) = ends(folder, &words, code);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let first = told.lines().next().unwrap();
    // Days are marked up there.
    let page = read("s.html").replace("<time>", "").replace("</time>", "");
    assert!(
        read("s.md").contains(first) && page.contains(first),
        "{told}"
    );
    told
}

fn statement(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("s.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn three_clean_nights_are_complete_whether_a_run_stands_there_once_or_twice() {
    let folder = started();
    let folder = folder.path();
    played(folder, "clean.run.gz", &[], 0);
    for ago in 0..3 {
        at_night(folder, "clean.run.gz", ago, as_it_was);
    }
    let twice = folder.join("nights/again.run.gz");
    fs::copy(folder.join("nights/1.run.gz"), twice).unwrap();
    let told = signed(folder, "3d", 0);
    assert!(told.starts_with("complete: mock from "), "{told}");
    let statement = statement(folder);
    assert_eq!(statement["predicate"]["result"], "PASSED");
    assert_eq!(
        statement["predicate"]["passedTests"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(statement["subject"].as_array().unwrap().len(), 3);
    let told = signed(folder, "5d", 8);
    assert!(told.contains("no run began on "), "{told}");
    // Nobody vouches any more.
    fs::remove_file(folder.join("attestations.toml")).unwrap();
    let told = signed(folder, "3d", 8);
    assert!(
        told.contains("for 1 reason") && told.contains("proven in no night: A-2"),
        "{told}"
    );
}

#[test]
fn two_whole_runs_within_hours_are_two_nights_and_parts_dealt_out_by_hand_are_one() {
    let folder = started();
    let folder = folder.path();
    let twin = folder.join("rehearsal/twin.yaml");
    fs::copy(folder.join("rehearsal/sign-in.yaml"), twin).unwrap();
    played(folder, "whole.run.gz", &[], 0);
    for name in ["sign-in", "twin"] {
        played(folder, &format!("{name}.run.gz"), &[name], 0);
    }
    // A night later, but for some hours.
    let later = |manifest: &mut Value, hours: u64| {
        let started = manifest["started"].as_u64().unwrap();
        manifest["started"] = (started + 86_400 - hours * 3_600).into();
    };
    let nights = || {
        signed(folder, "9d", 8);
        let told = fs::read_to_string(folder.join("s.md")).unwrap();
        told.matches("| ✓ passed |").count()
    };
    at_night(folder, "whole.run.gz", 3, as_it_was);
    at_night(folder, "whole.run.gz", 4, |manifest| later(manifest, 2));
    assert_eq!(nights(), 2);
    at_night(folder, "sign-in.run.gz", 6, as_it_was);
    at_night(folder, "twin.run.gz", 7, |manifest| later(manifest, 1));
    assert_eq!(nights(), 3);
}

#[test]
fn a_night_with_a_regression_and_one_that_was_down_are_named_and_what_cannot_be_read_counts_as_missing()
 {
    let folder = started();
    let folder = folder.path();
    played(folder, "clean.run.gz", &[], 0);
    played(folder, "wrong.run.gz", &["--defect", "mislabelled-data"], 4);
    at_night(folder, "clean.run.gz", 3, as_it_was);
    at_night(folder, "wrong.run.gz", 2, as_it_was);
    at_night(folder, "clean.run.gz", 0, as_it_was);
    let whole = fs::read(folder.join("clean.run.gz")).unwrap();
    fs::write(folder.join("nights/damaged.run.gz"), &whole[..40]).unwrap();
    fs::write(folder.join("nights/foreign.run.gz"), "{}").unwrap();
    let told = signed(folder, "4d", 8);
    for part in [
        "the rollback trigger R-1 Answers cannot be read fired on ",
        "violated in the period: A-1",
        "no run began on ",
        "damaged.run.gz cannot be used",
        "foreign.run.gz cannot be used",
        "somebody misbehaved on purpose (mislabelled-data)",
    ] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
    assert_eq!(statement(folder)["predicate"]["failedTests"][0], "A-1");
    // A run that was killed is a night that is not whole.
    fs::write(folder.join("half.run.gz"), &whole[..whole.len() - 9]).unwrap();
    at_night(folder, "half.run.gz", 1, as_it_was);
    let told = signed(folder, "2d", 8);
    assert!(told.contains("is not whole: it is cut off"), "{told}");
    // Another contract, and an item that came later.
    at_night(folder, "clean.run.gz", 1, |manifest| {
        manifest["contract"]["sha256"] = "f".repeat(64).into();
    });
    let told = signed(folder, "2d", 8);
    assert!(
        told.contains("not all nights have the same contract"),
        "{told}"
    );
}

#[test]
fn an_item_that_came_later_was_not_scored_before() {
    let folder = started();
    let folder = folder.path();
    played(folder, "old.run.gz", &[], 0);
    let later = OWN.replace(
        "rollback:",
        "  A-4: { group: A, title: Later, rules: SESSION-15 }\nrollback:",
    );
    fs::write(folder.join("rehearsal/runbook.yaml"), later).unwrap();
    played(folder, "new.run.gz", &[], 0);
    at_night(folder, "old.run.gz", 1, as_it_was);
    at_night(folder, "new.run.gz", 0, as_it_was);
    let told = signed(folder, "2d", 8);
    assert!(told.contains("because the runbook changed: A-4"), "{told}");
    assert!(
        told.contains("not all nights have the same runbook"),
        "{told}"
    );
}

#[test]
fn an_incident_is_told_with_its_trigger_and_a_clean_run_is_none() {
    let folder = started();
    let folder = folder.path();
    played(folder, "clean.run.gz", &[], 0);
    played(folder, "wrong.run.gz", &["--defect", "mislabelled-data"], 4);
    let (out, _) = ends(folder, &["incident", "clean.run.gz"], 0);
    assert!(
        out.contains("**no incident: no reason to pull the build**"),
        "{out}"
    );
    let words = [
        "incident",
        "wrong.run.gz",
        "--html",
        "i.html",
        "--markdown",
        "i.md",
    ];
    let (_, err) = ends(folder, &words, 0);
    assert!(
        err.starts_with("an incident: pull the build: R-1 Answers cannot be read"),
        "{err}"
    );
    let text = fs::read_to_string(folder.join("i.md")).unwrap();
    for part in [
        "1. Take the build off its channel",
        "SYNC-13",
        "What happened when",
        "rehearsal run --scenario ",
        "--defect mislabelled-data",
        "Every request that is involved",
        "Whom it reached",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn no_secret_surfaces_in_an_incident_report_or_a_sign_off() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let quirk = ["--quirk", "token-in-query", "--scenario", "sign-in"];
    played(folder, "leaky.run.gz", &quirk, 4);
    let words = [
        "incident",
        "leaky.run.gz",
        "--html",
        "i.html",
        "--markdown",
        "i.md",
    ];
    ends(folder, &words, 0);
    let words = [
        "signoff",
        "leaky.run.gz",
        "--html",
        "s.html",
        "--markdown",
        "s.md",
    ];
    ends(folder, &words, 8);
    for name in ["i.html", "i.md", "s.html", "s.md"] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.contains("SESSION-1"), "{name}");
        for secret in ["eyJ", "Bearer ey", PASSWORD] {
            assert!(!text.contains(secret), "{secret} in {name}");
        }
    }
    assert!(
        fs::read_to_string(folder.join("i.md"))
            .unwrap()
            .contains('‹')
    );
}

#[test]
fn what_is_typed_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_, err) = ends(folder, &["signoff", "none.run.gz"], 1);
    assert!(err.contains("none.run.gz cannot be read"), "{err}");
    fs::create_dir(folder.join("nights")).unwrap();
    let (_, err) = ends(folder, &["signoff", "nights", "--since", "soon"], 1);
    assert!(
        err.contains("--since is `soon`: write a number of days"),
        "{err}"
    );
    let (out, _) = ends(folder, &["signoff", "nights", "--since", "2d"], 8);
    assert!(out.contains("incomplete: no target from "), "{out}");
    ends(folder, &["incident", "nights"], 1);
}
