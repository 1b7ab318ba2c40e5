//! The runbook on the command line: a team's own, and what people vouch for.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::commands::ends;

const OWN: &str = r#"
name: Ours
version: "1"
groups: { A: All of it }
items:
  A-1: { group: A, title: Tokens are genuine, needs: session.jwt, rules: SESSION-15 }
  A-2: { group: A, title: It looks right, attest: on }
  A-3: { group: A, title: Nothing was written, rules: [SCOPE-1, PROOF] }
"#;

/// A suite to start from, with a runbook of its own.
fn started() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["init"], 0);
    fs::write(folder.path().join("rehearsal/runbook.yaml"), OWN).unwrap();
    folder
}

fn file(folder: &Path) -> String {
    fs::read_to_string(folder.join("attestations.toml")).unwrap()
}

fn answered(folder: &Path, arguments: &[&str]) -> Value {
    let mut words = vec!["run", "--seed", "1", "--quiet", "--report-json", "out.json"];
    words.extend(arguments);
    ends(folder, &words, 0);
    let text = fs::read_to_string(folder.join("out.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    report["runbook"].clone()
}

#[test]
fn a_team_has_its_own_runbook_and_vouches_for_what_only_a_person_can_see() {
    let folder = started();
    let folder = folder.path();
    let (out, _) = ends(folder, &["check"], 0);
    assert!(
        out.contains("the runbook “Ours”, version 1 (a draft), with 3 items"),
        "{out}"
    );
    let runbook = answered(folder, &[]);
    assert_eq!(runbook["name"], "Ours");
    assert_eq!(runbook["items"][1]["reason"], "nobody vouched");
    assert_eq!(runbook["items"][2]["status"], "proven");

    let word = [
        "attest",
        "A-2",
        "--by",
        "Ada \"the first\"",
        "--note",
        "five phones",
    ];
    let (out, _) = ends(folder, &word, 0);
    assert!(out.contains("A-2 is attested by Ada"), "{out}");
    let runbook = answered(folder, &[]);
    assert_eq!(runbook["items"][1]["status"], "attested");
    assert_eq!(runbook["items"][1]["attested"]["by"], "Ada \"the first\"");
    let (out, _) = ends(folder, &["run", "--seed", "1", "-v"], 0);
    assert!(out.contains("attested by Ada \"the first\" on "), "{out}");
    let (out, _) = ends(folder, &["attest", "--list"], 0);
    assert!(out.contains("five phones") && !out.contains("A-1"), "{out}");
    let (out, _) = ends(folder, &["check"], 0);
    assert!(out.contains("attestations.toml: 1 attestation"), "{out}");
}

#[test]
fn a_word_is_replaced_only_when_that_is_said_and_what_people_wrote_stays() {
    let folder = started();
    let folder = folder.path();
    let text = "# ours\n[[attestation]]\nrunbook = \"Other\"\nitem = \"x\"\nby = \"Bob\"\nnote = \"n\"\non = 2026-01-01\n";
    fs::write(folder.join("attestations.toml"), text).unwrap();
    let first = ["attest", "A-2", "--by", "Ada", "--note", "one"];
    ends(folder, &first, 0);
    assert!(file(folder).starts_with(text), "{}", file(folder));
    let mut second = vec!["attest", "A-2", "--by", "Cleo", "--note", "two"];
    let (_, err) = ends(folder, &second, 1);
    assert!(
        err.contains("attested already, by Ada") && err.contains("--replace"),
        "{err}"
    );
    second.extend(["--replace", "--until", "2999-12-31"]);
    ends(folder, &second, 0);
    let text = file(folder);
    assert!(
        text.contains("Cleo") && text.contains("Bob") && !text.contains("Ada"),
        "{text}"
    );
    assert!(text.contains("until = 2999-12-31"), "{text}");
}

#[test]
fn a_word_that_cannot_count_is_told_everything_that_is_wrong_with_it() {
    let folder = started();
    let folder = folder.path();
    let word = [
        "attest",
        "A-22",
        "--by",
        " ",
        "--note",
        "n",
        "--until",
        "2020-01-01",
    ];
    let (_, err) = ends(folder, &word, 1);
    for part in [
        "no item `A-22`",
        "did you mean `A-2`?",
        "--by is empty",
        "2020-01-01 is over",
    ] {
        assert!(err.contains(part), "{part} is missing in\n{err}");
    }
    let (_, err) = ends(folder, &["attest", "A-1", "--by", "A", "--note", "n"], 1);
    assert!(
        err.contains("nobody can vouch for `A-1`: it is proven by SESSION-15"),
        "{err}"
    );
    let (_, err) = ends(folder, &["attest", "A-2"], 1);
    assert!(err.contains("--by <NAME>"), "{err}");
    assert!(!folder.join("attestations.toml").exists());
}

#[test]
fn a_broken_file_of_words_stops_a_run_and_an_ended_word_only_the_check() {
    let folder = started();
    let folder = folder.path();
    fs::write(
        folder.join("attestations.toml"),
        "[[attestation]]\nitem = \"A-2\"\nbye = \"Ada\"\n",
    )
    .unwrap();
    for command in ["run", "check", "attest"] {
        let arguments = match command {
            "attest" => vec!["attest", "--list"],
            other => vec![other],
        };
        let (_, err) = ends(folder, &arguments, 1);
        assert!(err.contains("attestations.toml:3:1"), "{err}");
        assert!(err.contains("needs `note`"), "{err}");
    }
    let ended = "[[attestation]]\nitem = \"A-2\"\nby = \"Ada\"\nnote = \"n\"\non = 2020-01-01\nuntil = 2020-02-01\n";
    fs::write(folder.join("attestations.toml"), ended).unwrap();
    let runbook = answered(folder, &[]);
    assert_eq!(
        runbook["items"][1]["reason"],
        "the word of Ada ended on 2020-02-01"
    );
    let (_, err) = ends(folder, &["check"], 1);
    assert!(err.contains("this word ended on 2020-02-01"), "{err}");
    // A new word takes the place of one that has ended.
    ends(folder, &["attest", "A-2", "--by", "Bob", "--note", "n"], 0);
    ends(folder, &["check"], 0);
}

#[test]
fn a_runbook_that_no_run_could_answer_is_refused() {
    let folder = started();
    let folder = folder.path();
    let path = folder.join("rehearsal/runbook.yaml");
    let wrong = OWN.to_owned()
        + "  A-4: { group: A, title: Nothing proves it }\n  A-5: { group: A, title: x, scenarios: sing-in, expectations: [sign-in/lands] }\n";
    fs::write(&path, wrong).unwrap();
    let (_, err) = ends(folder, &["check"], 2);
    assert!(err.contains("nothing can prove `A-4`"), "{err}");
    let wrong = OWN.to_owned()
        + "  A-5: { group: A, title: x, scenarios: sing-in, expectations: [sign-in/lands] }\n";
    fs::write(&path, wrong).unwrap();
    for command in ["check", "run"] {
        let (_, err) = ends(folder, &[command], 2);
        for part in [
            "no scenario `sing-in`",
            "did you mean `sign-in`?",
            "no expectation `lands`",
        ] {
            assert!(err.contains(part), "{part} is missing in\n{err}");
        }
    }
}

#[test]
fn an_older_version_is_answered_and_a_published_one_stays_as_it_is() {
    let folder = started();
    let folder = folder.path();
    let path = folder.join("rehearsal/runbook.yaml");
    fs::write(
        &path,
        OWN.replace("groups:", "published: { \"1\": }\ngroups:"),
    )
    .unwrap();
    let (_, err) = ends(folder, &["check"], 2);
    let hash = err.split("write `\"1\": ").nth(1).unwrap();
    let hash: String = hash.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(hash.len(), 64, "{err}");
    let published = OWN.replace(
        "groups:",
        &format!("published: {{ \"1\": {hash} }}\ngroups:"),
    );
    let later = published.replace("version: \"1\"", "version: \"2\"")
        + "  A-4: { group: A, title: It came later, attest: on, since: \"2\" }\n";
    fs::write(&path, &later).unwrap();
    let runbook = answered(folder, &["--runbook-version", "1"]);
    assert_eq!(runbook["published"], true);
    assert_eq!(runbook["items"][3]["status"], "not-scored");
    let runbook = answered(folder, &[]);
    assert_eq!(runbook["items"][3]["status"], "inconclusive");
    let (_, err) = ends(folder, &["run", "--runbook-version", "3"], 1);
    assert!(err.contains("there are: 1, 2"), "{err}");
    fs::write(
        &path,
        later.replace("Tokens are genuine", "Tokens are good"),
    )
    .unwrap();
    let (_, err) = ends(folder, &["check"], 2);
    assert!(
        err.contains("the items of the published version `1` have changed"),
        "{err}"
    );
}
