//! The shipped suite as a folder: it is what the program has in it, and plays the same.

use std::fs;
use std::path::Path;

use super::commands::ends;

/// The journal of a scenario, but for the line that says of which file it is.
fn journal(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    text.split_once('\n').unwrap().1.to_owned()
}

#[test]
fn the_shipped_suite_that_was_exported_plays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (out, _) = ends(folder, &["export", "own"], 0);
    assert!(out.contains("rehearsal run --suite own"), "{out}");
    let (out, _) = ends(folder, &["check", "own"], 0);
    assert!(out.contains("scenarios"), "{out}");
    let play = ["run", "sign-*,kill-switch,five-minutes", "--seed", "7"];
    let play = |more: &[&str]| ends(folder, &[&play, more].concat(), 0).0;
    let shipped = play(&["--journal", "a", "-v"]);
    let exported = play(&["--journal", "b", "-v", "--suite", "own"]);
    let same = |text: &str| -> Vec<String> {
        let runbook = text
            .lines()
            .skip_while(|line| !line.starts_with("  runbook"));
        runbook
            .take_while(|line| !line.contains(" passed"))
            .map(str::to_owned)
            .collect()
    };
    assert!(same(&shipped).len() > 20, "{shipped}");
    assert_eq!(same(&shipped), same(&exported));
    let names = fs::read_dir(folder.join("a")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4);
    for name in names {
        let name = name.to_str().unwrap();
        assert_eq!(
            journal(&folder.join("a"), name),
            journal(&folder.join("b"), name)
        );
    }
}

#[test]
fn nothing_is_exported_over_or_beside_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::write(folder.path().join("own/notes.md"), "mine").unwrap();
    let (_, err) = ends(folder.path(), &["export", "own"], 1);
    assert!(err.contains("notes.md is there already"), "{err}");
    assert_eq!(fs::read_dir(folder.path().join("own")).unwrap().count(), 1);
}

#[test]
fn a_report_names_a_file_that_is_there_or_says_that_the_scenario_is_shipped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ends(folder, &["export", "own"], 0);
    let fails = [
        "run",
        "read-only-scope",
        "--quirk",
        "calls-forbidden",
        "--seed",
        "2",
        "--github",
    ];
    let (out, err) = ends(folder, &fails, 5);
    let told = format!("{out}{err}");
    assert!(
        told.contains("shipped:scope/read-only-scope.yaml"),
        "{told}"
    );
    assert!(
        told.contains("::error") && !told.contains("file="),
        "{told}"
    );
    let (out, err) = ends(folder, &[&fails[..], &["--suite", "own"]].concat(), 5);
    let told = format!("{out}{err}");
    assert!(told.contains("  own/scope/read-only-scope.yaml"), "{told}");
    assert!(
        told.contains("file=own/scope/read-only-scope.yaml"),
        "{told}"
    );
}
