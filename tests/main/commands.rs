//! The command as a process: what it prints where, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rehearsal::internals::suite::Suite;
use serde_json::Value;

/// The command in a folder of its own, with nothing of this machine's environment in force.
pub(crate) fn rehearsal(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    command.current_dir(folder).args(arguments);
    for (name, _) in std::env::vars_os() {
        let foreign = ["REHEARSAL_", "CI_NODE_", "JOB_COMPLETION", "SLURM_"];
        if foreign
            .iter()
            .any(|own| name.to_string_lossy().starts_with(own))
        {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn ends(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = rehearsal(folder, arguments).output().unwrap();
    let (out, err) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    assert_eq!(status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    assert!(
        !out.contains('\u{1b}') && !err.contains('\u{1b}'),
        "colours in a pipe"
    );
    (out, err)
}

#[test]
fn help_and_version_are_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = ends(folder.path(), &["--help"], 0);
    assert!(out.contains("Exit codes:") && err.is_empty(), "{err}");
    let (out, _) = ends(folder.path(), &["--version"], 0);
    assert_eq!(out.trim(), concat!("rehearsal ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_line_that_is_wrong_ends_with_1_and_says_how_it_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, told) in [
        (&["rnu"][..], "'run'"),
        (&["run", "--sead", "1"], "'--seed'"),
        (&["run", "--seed", "x"], "a whole number from 0"),
        (&["run", "--seed", "-1"], "a whole number from 0"),
        (&["proxy", "--bind", "lan"], "0.0.0.0 for all of them"),
        (
            &["quirks", "token-in-qery"],
            "did you mean `token-in-query`",
        ),
        (
            &["run", "--quirk", "token-in-qery"],
            "did you mean `token-in-query`",
        ),
        (
            &["run", "--defect", "silent-fed"],
            "did you mean `silent-feed`",
        ),
        (
            &["run", "--target", "staging"],
            "declare it under `[targets.staging]`",
        ),
        (&["rules", "SESION-4"], "did you mean `SESSION-4`"),
        (&["mock", "--port", "traiding=1"], "did you mean `trading`"),
        (&["run", "--config", "none.toml"], "none.toml"),
    ] {
        let (out, err) = ends(folder.path(), arguments, 1);
        assert!(
            out.is_empty() && err.contains(told),
            "{arguments:?}\n{out}\n{err}"
        );
    }
}

#[test]
fn a_selection_that_matches_nothing_ends_with_7_and_says_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_, err) = ends(folder.path(), &["run", "--scenario", "sign-inn"], 7);
    assert!(
        err.contains("did you mean `sign-in`") && err.contains("`rehearsal list` lists all"),
        "{err}"
    );
    ends(folder.path(), &["run", "--dry-run", "sign-in,sing-out"], 7);
}

#[test]
fn the_scenarios_are_listed_with_why_one_would_be_skipped_and_nobodys_secrets_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("rehearsal.toml"),
        r#"
        [targets.staging.services]
        platform = "https://platform.example"
        trading = "https://trading.example"
        [targets.staging.accounts.tester-a]
        username = "a"
        password-env = "NOBODY_HAS_SET_THIS"
        "#,
    )
    .unwrap();
    let list = ["list", "--target", "staging", "sign-in,kill-*", "--json"];
    let (out, _) = ends(folder.path(), &list, 0);
    let cards: Vec<Value> = serde_json::from_str(&out).unwrap();
    let card = |id: &str| cards.iter().find(|card| card["id"] == id).unwrap();
    assert_eq!(card("sign-in")["skipped"], Value::Null);
    let why = card("kill-switch")["skipped"].as_str().unwrap();
    assert!(why.contains("no lever `maintenance`"), "{why}");
    let proves = card("sign-in")["runbook"].as_array().unwrap();
    assert!(!proves.is_empty(), "{out}");
    let (out, _) = ends(folder.path(), &["list", "--tag", "soak"], 0);
    assert!(out.contains("only when it is asked for"), "{out}");
}

#[test]
fn a_run_can_be_told_without_being_played() {
    let folder = tempfile::tempdir().unwrap();
    let kept = [
        "run",
        "--dry-run",
        "sign-in",
        "--journal",
        "journals",
        "--json",
        "report.json",
    ];
    let (out, _) = ends(folder.path(), &kept, 0);
    assert!(
        out.starts_with("would play") && out.contains("1 scenario"),
        "{out}"
    );
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_started_suite_is_valid_and_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["init"], 0);
    let (out, _) = ends(folder.path(), &["check"], 0);
    assert!(
        out.contains("rehearsal.toml") && out.contains("1 scenario"),
        "{out}"
    );
    fs::write(folder.path().join("rehearsal.toml"), "# mine\n").unwrap();
    let (_, err) = ends(folder.path(), &["init"], 1);
    assert!(err.contains("is there already"), "{err}");
    let kept = fs::read_to_string(folder.path().join("rehearsal.toml")).unwrap();
    assert_eq!(kept, "# mine\n");
}

#[test]
fn everything_that_is_wrong_with_the_files_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["init"], 0);
    let scenario = folder.path().join("rehearsal/sign-in.yaml");
    let text = fs::read_to_string(&scenario).unwrap();
    fs::write(&scenario, text.replace("steps:", "stps:")).unwrap();
    fs::write(
        folder.path().join("rehearsal/second.yaml"),
        "name: x\nsteps: 3\n",
    )
    .unwrap();
    for command in ["check", "run"] {
        let (_, err) = ends(folder.path(), &[command], 2);
        for part in ["sign-in.yaml:", "did you mean `steps`", "second.yaml:2:"] {
            assert!(err.contains(part), "{part} is missing in\n{err}");
        }
    }
}

#[test]
fn a_configuration_that_is_handed_in_as_a_suite_is_told_from_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("nightly.toml"), "[run]\n").unwrap();
    let (_, err) = ends(folder.path(), &["check", "nightly.toml"], 2);
    for part in [
        "`nightly.toml` is a configuration",
        "rehearsal check --config nightly.toml",
    ] {
        assert!(err.contains(part), "{err}");
    }
    ends(folder.path(), &["check", "--config", "nightly.toml"], 0);
}

#[test]
fn whoever_signs_in_and_is_nobodys_account_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["init"], 0);
    let scenario = folder.path().join("rehearsal/sign-in.yaml");
    let text = fs::read_to_string(&scenario).unwrap();
    fs::write(&scenario, text.replace("as: tester", "as: testr")).unwrap();
    let (_, err) = ends(folder.path(), &["check"], 2);
    assert!(
        err.contains("sign-in.yaml: `testr` signs in") && err.contains("did you mean `tester`"),
        "{err}"
    );
}

#[test]
fn a_mistake_in_the_configuration_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rehearsal.toml"), "[rnu]\nseed = 1\n").unwrap();
    for command in ["check", "run", "mock"] {
        let (_, err) = ends(folder.path(), &[command], 1);
        assert!(err.contains("rehearsal.toml:1:"), "{err}");
    }
}

#[test]
fn an_unset_secret_is_named_before_anything_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[targets.staging.services]\nplatform = \"http://127.0.0.1:9\"\ntrading = \"http://127.0.0.1:9\"\n\
        [targets.staging.accounts.tester-a]\nusername = \"a\"\npassword-env = \"TIDY_TEST_PASSWORD\"\n";
    fs::write(folder.path().join("rehearsal.toml"), config).unwrap();
    ends(folder.path(), &["check"], 0);
    let (out, err) = ends(folder.path(), &["run", "--target", "staging"], 1);
    assert!(
        err.contains("TIDY_TEST_PASSWORD") && out.is_empty(),
        "{out}\n{err}"
    );
}

#[test]
fn a_report_that_could_not_be_kept_is_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = ends(folder.path(), &["run", "--report-json", "none/out.json"], 1);
    assert!(
        err.contains("there is no folder") && out.is_empty(),
        "{out}\n{err}"
    );
}

#[test]
fn a_page_holds_the_journals_whether_or_not_anybody_else_wants_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str], code| {
        let play = ["run", "--seed", "1", "--scenario", "sign-in"];
        ends(folder.path(), &[&play, more].concat(), code)
    };
    let journals = |page: &str| {
        let page = fs::read_to_string(folder.path().join(page)).unwrap();
        let data = page.lines().filter(|line| line.contains("data-of="));
        data.map(str::to_owned).collect::<Vec<_>>()
    };
    run(&["--html", "alone.html"], 0);
    run(&["--html", "beside.html", "--journal", "kept"], 0);
    assert!(folder.path().join("kept/sign-in.jsonl").exists());
    assert_eq!(journals("alone.html").len(), 3);
    assert_eq!(journals("alone.html"), journals("beside.html"));
    let (out, err) = run(&["--html", "none/page.html"], 1);
    assert!(
        err.contains("there is no folder") && out.is_empty(),
        "{out}\n{err}"
    );
}

#[test]
fn lists_are_told_to_people_and_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    for list in ["rules", "quirks", "defects"] {
        let (told, _) = ends(folder.path(), &[list], 0);
        let (json, _) = ends(folder.path(), &[list, "--json"], 0);
        let json: Vec<Value> = serde_json::from_str(&json).unwrap();
        let key = if list == "rules" { "id" } else { "name" };
        assert!(!json.is_empty());
        for one in &json {
            assert!(
                told.contains(one[key].as_str().unwrap()),
                "{one} is missing in\n{told}"
            );
        }
    }
}

#[test]
fn a_mock_says_where_it_is_and_listens_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = rehearsal(folder.path(), &["mock", "--json", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let served: Value = serde_json::from_str(&line).unwrap();
    let trading = served["services"]["trading"].as_str().unwrap();
    let authority = trading
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let reached = std::net::TcpStream::connect(authority);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached.is_ok(), "{line}");
    assert!(
        served["operator"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (_, err) = ends(
        folder.path(),
        &["mock", "--port", "0", "--port", &format!("trading={port}")],
        1,
    );
    assert!(
        err.contains(&format!("127.0.0.1:{port}")) && err.contains("another port"),
        "{err}"
    );
}

#[test]
fn the_shipped_suite_passes_and_the_report_for_programs_has_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = ends(
        folder.path(),
        &["run", "--seed", "1", "--report-json", "out.json"],
        0,
    );
    assert!(out.contains("0 forbidden"), "{out}");
    let text = fs::read_to_string(folder.path().join("out.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["version"], 2);
    assert_eq!(report["seed"], 1);
    assert_eq!(report["verdict"], "passed");
    assert_eq!(report["scope"]["canary_caught"], true);
    let scenarios = report["scenarios"].as_array().unwrap();
    let shipped = Suite::shipped().unwrap().scenarios;
    let usual = shipped.iter().filter(|own| own.tags != ["soak"]);
    assert_eq!(scenarios.len(), usual.count());
    let is_whole = |scenario: &Value| {
        scenario["verdict"] == "passed"
            && scenario["attempts"].as_array().unwrap().len() == 1
            && scenario["duration_virtual_ms"].as_u64() > Some(0)
    };
    let lacking = scenarios.iter().find(|scenario| !is_whole(scenario));
    assert_eq!(lacking, None);
    let runbook = &report["runbook"];
    assert_eq!(runbook["version"], "1");
    assert_eq!(runbook["items"].as_array().unwrap().len(), 55);
    assert_eq!(runbook["items"][0]["id"], "P.1");
    assert_eq!(runbook["items"][2]["status"], "proven");
    assert_eq!(runbook["items"][2]["by"][0]["name"], "API-1");
}

#[test]
fn a_forbidden_write_ends_with_5_and_says_how_to_replay_it() {
    let folder = tempfile::tempdir().unwrap();
    let asked = [
        "run",
        "--quirk",
        "calls-forbidden",
        "--scenario",
        "read-only-scope",
        "--seed",
        "2",
    ];
    let (out, _) = ends(folder.path(), &asked, 5);
    for part in [
        "SCOPE-1",
        "FORBIDDEN WRITE",
        "explain   rehearsal rules SCOPE-1",
        "replay with: rehearsal run --scenario read-only-scope --seed 2 --quirk calls-forbidden",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
}

#[test]
fn a_misbehaviour_is_played_where_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let defect = ["run", "--defect", "events-after-expiry", "--seed", "3"];
    let (out, _) = ends(folder.path(), &defect, 4);
    assert!(out.contains("SESSION-12"), "{out}");
    let replay = "rehearsal run --scenario long-session --seed 3 --defect events-after-expiry";
    assert!(out.contains(replay), "{out}");
    let words: Vec<&str> = replay.split(' ').skip(1).collect();
    let (out, _) = ends(folder.path(), &words, 4);
    assert!(out.contains("1 scenario "), "{out}");
}

#[test]
fn a_started_suite_passes_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["init"], 0);
    let (out, _) = ends(folder.path(), &["run", "--quiet", "--seed", "1"], 0);
    assert!(out.starts_with("passed: 1 passed"), "{out}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_in_order_and_leaves_a_partial_report() {
    let folder = tempfile::tempdir().unwrap();
    let asked = [
        "run",
        "--real-time",
        "--jobs",
        "1",
        "--report-json",
        "out.json",
    ];
    let mut child = rehearsal(folder.path(), &asked)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    // Signals are heard before the first line is printed.
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let rest: Vec<String> = out.lines().map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{}", rest.join("\n"));
    let text = fs::read_to_string(folder.path().join("out.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["interrupted"], true);
    let all = Suite::shipped().unwrap().usual().len();
    assert_eq!(report["scenarios"].as_array().unwrap().len(), all);
}

#[test]
fn the_projects_own_checks_are_run_when_they_are_asked_for_and_one_that_fails_is_non_conformance() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--scenario", "sign-in", "--seed", "1", "--checks"];
    let (_, err) = ends(folder.path(), &run, 1);
    assert!(err.contains("there are no checks to run"), "{err}");
    let checks = "[checks.verify]\ncommand = \"echo all is well\"\n[checks.lint]\ncommand = \"echo 2 problems; exit 3\"\n";
    fs::write(folder.path().join("rehearsal.toml"), checks).unwrap();
    let asked = [&run[..], &["--report-json", "out.json"]].concat();
    let (out, _) = ends(folder.path(), &asked, 4);
    for part in [
        "check verify passed in",
        "check lint ended with 3 in",
        "2 problems",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    let text = fs::read_to_string(folder.path().join("out.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let lint = &report["runbook"]["checks"][1];
    assert_eq!(
        (&lint["name"], &lint["exit_code"]),
        (&"lint".into(), &3.into())
    );
    let item = &report["runbook"]["items"][0];
    assert_eq!(item["status"], "violated", "{item}");
    let verbose = [&run[..5], &["-v"]].concat();
    let (out, _) = ends(folder.path(), &verbose, 0);
    assert!(out.contains("no check was run"), "{out}");
}
