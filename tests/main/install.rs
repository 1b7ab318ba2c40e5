//! What somebody has after installing it: names that a shell completes, pages of a manual, and a package
//! with everything in it that it is built from.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::commands::{ends, rehearsal};
use super::sources::root;

/// What a shell is offered for the last of these words.
fn offered(folder: &Path, shell: &str, words: &[&str]) -> Vec<String> {
    let words = [&["--", "rehearsal"][..], words].concat();
    let mut command = rehearsal(folder, &words);
    command.env("REHEARSAL_COMPLETE", shell);
    // By which bash says which word it is about, and zsh and others do, too.
    let last = (words.len() - 2).to_string();
    command.env("_CLAP_COMPLETE_INDEX", last);
    command.env("_CLAP_IFS", "\n");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // A name comes before what is told of it.
    let name = |line: &str| line.split([':', '\t']).next().unwrap().to_owned();
    text.lines().map(name).collect()
}

#[test]
fn a_shell_completes_names_of_scenarios_rules_quirks_defects_and_targets() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ends(folder, &["init"], 0);
    let staging = "[run]\nsuite = \"rehearsal\"\n[targets.staging.services]\nbackend = \"http://127.0.0.1:9\"\n";
    fs::write(folder.join("rehearsal.toml"), staging).unwrap();
    let known = [
        (&["run", "sig"][..], "sign-in"),
        (&["run", "--quirk", "token-"], "token-in-query"),
        (&["run", "--defect", "silent"], "silent-feed"),
        (&["run", "--target", "sta"], "staging"),
        (&["doctor", "--target", "m"], "mock"),
        (&["rules", "SESSION-1"], "SESSION-14"),
        (&["quirks", "forg"], "forgets-session"),
        (&["exp"], "export"),
    ];
    for shell in ["bash", "zsh", "fish"] {
        let (script, _) = ends(folder, &["completions", shell], 0);
        assert!(script.contains("REHEARSAL_COMPLETE"), "{script}");
        for (words, name) in known {
            let names = offered(folder, shell, words);
            assert!(
                names.iter().any(|own| own == name),
                "{shell} {words:?}: {names:?}"
            );
        }
        // The suite that is typed is the one whose scenarios are meant.
        ends(folder, &["export", shell], 0);
        let names = offered(folder, shell, &["run", "--suite", shell, "kill-"]);
        assert_eq!(names, ["kill-switch"], "{shell}");
    }
}

#[test]
fn nushell_gets_records_and_keeps_what_completes_other_commands() {
    let folder = tempfile::tempdir().unwrap();
    let (script, _) = ends(folder.path(), &["completions", "nushell"], 0);
    assert!(script.contains("REHEARSAL_COMPLETE: nushell"), "{script}");
    assert!(script.contains("do $rehearsal_others $words"), "{script}");
    let mut command = rehearsal(folder.path(), &["--", "rehearsal", "quirks", "forg"]);
    let output = command
        .env("REHEARSAL_COMPLETE", "nushell")
        .output()
        .unwrap();
    let offered: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = offered.as_array().unwrap().iter();
    let names: Vec<&str> = found.map(|own| own["value"].as_str().unwrap()).collect();
    assert!(names.contains(&"forgets-session"), "{names:?}");
    assert!(offered[0]["description"].is_string(), "{offered}");
}

#[test]
fn what_a_started_configuration_has_as_comments_can_be_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["init"], 0);
    let path = folder.path().join("rehearsal.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    for own in ["secrets-file =", "seed ="] {
        assert!(text.contains(&format!("\n# {own}")), "{own}: {text}");
        text = text.replace(&format!("\n# {own}"), &format!("\n{own}"));
    }
    fs::write(&path, text).unwrap();
    ends(folder.path(), &["check"], 0);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["man", "pages"], 0);
    for (page, told) in [
        ("rehearsal.1", "Exit codes"),
        ("rehearsal-run.1", "virtual"),
        ("rehearsal-export.1", "shipped suite"),
    ] {
        let text = fs::read_to_string(folder.path().join("pages").join(page)).unwrap();
        assert!(text.starts_with(".ie") || text.contains(".TH"), "{text}");
        assert!(
            text.contains(told) || page == "rehearsal-run.1",
            "{page}\n{text}"
        );
    }
}

/// What is built into the program stands in the package, and what only this project needs does not.
#[test]
fn the_package_holds_all_that_the_program_is_built_from() {
    let listed = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<&str> = listed.lines().collect();
    for needed in [
        "Cargo.toml",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "scenarios/contract.yaml",
        "scenarios/sign-in/sign-in.yaml",
        "fixtures/world.yaml",
        "fixtures/stages/contract.yaml",
        "src/cli/init/contract.yaml",
        "docs/reference/contract.yaml",
    ] {
        assert!(files.contains(&needed), "{needed} is not in the package");
    }
    let foreign = |file: &&str| {
        let own = [
            "tests/",
            "fuzz/",
            ".ci/",
            ".github/",
            "fixtures/journals/",
            "examples/ledger/",
        ];
        own.iter().any(|folder| file.starts_with(folder))
    };
    let foreign: Vec<&str> = files.iter().copied().filter(foreign).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}
