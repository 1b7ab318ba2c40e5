//! An app that knows nothing of rehearsal, behind `rehearsal proxy`: clean, nothing is found in it;
//! badly written in ways of its own, each is found by the rule that is about it.
//!
//! The app is Node on the real `socket.io-client`; it marks its steps, moves levers and asks for the
//! end through the control API. Needs Node 20 and `npm ci --prefix tests/interop`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

const REHEARSAL: &str = env!("CARGO_BIN_EXE_rehearsal");

/// Where the backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The mock in the same process.
    Mock,
    /// A deployment: another process, which the proxy knows by its configuration.
    Local,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/app")
}

/// A process that ends with this.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    /// The first line that it printed.
    ready: Value,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line}"));
        Self { child, out, ready }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session of the app behind the proxy, from its beginning to its verdict.
struct Session {
    code: Option<i32>,
    /// What the proxy said at its end.
    said: Value,
    told: String,
    files: TempDir,
}

impl Session {
    fn of(habit: Option<&str>, target: Target) -> Self {
        let app = folder();
        assert!(
            app.join("../node_modules/socket.io-client").is_dir(),
            "the real socket.io client is not installed: run `npm ci --prefix tests/interop`"
        );
        let contract = app.join("contract.yaml");
        let files = tempfile::tempdir().unwrap();
        let mut proxy = Command::new(REHEARSAL);
        proxy
            .current_dir(files.path())
            .args([
                "proxy",
                "--json",
                "--seed",
                "1",
                "--journal",
                "session.jsonl",
            ])
            .arg("--contract")
            .arg(&contract);
        let _backend = (target == Target::Local).then(|| {
            let suite = files.path().join("suite");
            std::fs::create_dir(&suite).unwrap();
            for name in ["contract.yaml", "world.yaml"] {
                std::fs::copy(app.join(name), suite.join(name)).unwrap();
            }
            let scenario = "name: Nothing\nsteps: [{ do: launch }]\n";
            std::fs::write(suite.join("nothing.yaml"), scenario).unwrap();
            let mock = Running::start(
                Command::new(REHEARSAL)
                    .args(["mock", "--json", "--seed", "1", "--port", "0", "--suite"])
                    .arg(&suite),
            );
            std::fs::write(files.path().join("rehearsal.toml"), config(&mock.ready)).unwrap();
            proxy
                .args(["--target", "local"])
                .env("MONA", "mock-fern-12");
            mock
        });
        let mut proxy = Running::start(&mut proxy);
        let app = Command::new("node")
            .arg("drive.mjs")
            .arg(proxy.ready.to_string())
            .args(habit)
            .current_dir(app)
            .output()
            .expect("Node 20 or later is needed to run the app");
        let told = format!(
            "{}{}",
            String::from_utf8_lossy(&app.stdout),
            String::from_utf8_lossy(&app.stderr)
        );
        assert!(
            app.status.success() && !told.contains("\"broken\""),
            "the story was not told to its end:\n{told}"
        );
        let mut rest = String::new();
        proxy.out.read_to_string(&mut rest).unwrap();
        let code = proxy.child.wait().unwrap().code();
        let said = serde_json::from_str(rest.trim()).unwrap();
        Self {
            code,
            said,
            told: format!("{told}{rest}"),
            files,
        }
    }

    /// What was found, as rule and subject.
    fn found(&self) -> Vec<(&str, &str)> {
        let findings = self.said["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                let word = |key: &str| finding[key].as_str().unwrap();
                (word("rule"), word("subject"))
            })
            .collect()
    }

    /// What `rehearsal judge` finds in the journal afterwards.
    fn judged(&self) -> (Option<i32>, Vec<String>) {
        let report = self.files.path().join("report.json");
        let judged = Command::new(REHEARSAL)
            .current_dir(self.files.path())
            .args(["judge", "session.jsonl", "--report-json", "report.json"])
            .arg("--contract")
            .arg(folder().join("contract.yaml"))
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        let findings = report["scenarios"][0]["findings"]
            .as_array()
            .unwrap()
            .iter();
        let messages = findings.map(|finding| finding["message"].as_str().unwrap().to_owned());
        (judged.status.code(), messages.collect())
    }
}

/// What the proxy is told about a mock that runs by itself.
fn config(mock: &Value) -> String {
    let url = |service: &str| mock["services"][service].as_str().unwrap();
    let operator = mock["operator"].as_str().unwrap();
    let lever = |path: &str, body: &str| {
        format!("{{ request = \"POST {operator}/{path}\", json = {body}, done = 200 }}")
    };
    let call = |name: &str| {
        format!(
            "[targets.local.levers.{name}]\ncall = {}\n",
            lever(name, "{}")
        )
    };
    [
        "[targets.local]\n[targets.local.services]\n".to_owned(),
        format!("gate = \"{}\"\nhouse = \"{}\"\n", url("gate"), url("house")),
        "[targets.local.accounts]\n".to_owned(),
        "mona = { username = \"mona@greenhouse.example\", password-env = \"MONA\" }\n".to_owned(),
        "[targets.local.levers.maintenance]\n".to_owned(),
        format!("on = {}\n", lever("maintenance", "{ on = true }")),
        format!("off = {}\n", lever("maintenance", "{ on = false }")),
        call("expire-tokens"),
        call("drop-sockets"),
    ]
    .concat()
}

#[rstest]
fn nothing_is_found_in_an_app_that_is_well_written(
    #[values(Target::Mock, Target::Local)] target: Target,
) {
    let session = Session::of(None, target);
    assert_eq!(session.found(), [], "{}", session.told);
    assert_eq!(session.code, Some(0), "{}", session.told);
    let unable = session.said["not_judged"].as_array().unwrap();
    let says_nothing = unable.iter().any(|own| {
        let reason = own["reason"].as_str().unwrap();
        own["rule"] == "PROOF" && reason.contains("does not say what it sent")
    });
    assert!(says_nothing, "{}", session.told);
    assert_eq!(session.judged(), (Some(0), Vec::new()), "{}", session.told);
}

#[rstest]
// Refreshes that overtake one another also make replays of what was just replayed.
#[case("refresh-each", &["SESSION-4", "SESSION-8"])]
#[case("pass-in-query", &["SESSION-1", "SESSION-2"])]
#[case("deaf-sign-out", &["SESSION-11", "SESSION-3"])]
#[case("late-reader", &["SESSION-11"])]
#[case("stubborn", &["SESSION-3", "SYNC-8"])]
#[case("gives-up-session", &["SESSION-7"])]
#[case("signs-in-again", &["SESSION-14"])]
#[case("polls-beside", &["SYNC-3"])]
#[case("no-snapshot", &["SYNC-5"])]
#[case("deaf-to-switch", &["KILL-2"])]
#[case("asks-all-the-time", &["KILL-6"])]
#[case("storm", &["NET-1"])]
#[case("chatty", &["SCOPE-4"])]
#[case("override", &["SCOPE-1", "SCOPE-3"])]
#[case("climbs", &["SCOPE-1", "SCOPE-3"])]
fn a_misbehaviour_of_its_own_is_found_by_the_rule_that_is_about_it(
    #[case] habit: &str,
    #[case] rules: &[&str],
) {
    let session = Session::of(Some(habit), Target::Mock);
    let found = session.found();
    assert!(!found.is_empty(), "{}", session.told);
    for (rule, subject) in &found {
        assert!(
            rules.contains(rule),
            "{rule} is found too\n{}",
            session.told
        );
        assert_eq!(*subject, "app", "{}", session.told);
    }
    assert!(
        found.iter().any(|(rule, _)| *rule == rules[0]),
        "{}",
        session.told
    );
    let code = if rules.contains(&"SCOPE-1") { 5 } else { 4 };
    assert_eq!(session.code, Some(code), "{}", session.told);
    let (again, messages) = session.judged();
    assert_eq!((again, messages.len()), (session.code, found.len()));
}
