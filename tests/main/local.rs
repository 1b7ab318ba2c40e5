//! A backend in a process of its own, reached over TCP in real time, its levers moved by HTTP.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::commands::rehearsal;
use super::ports::Reserved;

/// `rehearsal mock`, ended with the test.
pub(crate) struct Mock {
    child: Child,
    ready: Value,
}

impl Mock {
    pub(crate) fn start(suite: &Path) -> Self {
        Self::start_with(suite, &[])
    }

    pub(crate) fn start_with(suite: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
        command
            .args(["mock", "--json", "--seed", "1", "--port", "0", "--suite"])
            .arg(suite)
            .args(more);
        Self::ready_of(command)
    }

    /// As somebody types it in a folder.
    pub(crate) fn typed_in(folder: &Path, more: &[&str]) -> Self {
        let words = ["mock", "--json", "--seed", "1", "--port", "0"];
        Self::ready_of(rehearsal(folder, &[&words[..], more].concat()))
    }

    fn ready_of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self { child, ready }
    }

    /// What it printed when it was ready.
    pub(crate) fn ready(&self) -> &Value {
        &self.ready
    }

    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self, pointer: &str) -> &str {
        self.ready().pointer(pointer).unwrap().as_str().unwrap()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The shipped suite with intervals that a test can wait for in real time.
pub(crate) fn impatient_suite(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "sign-in/sign-in.yaml",
        "kill-switch/kill-switch.yaml",
        "degraded/degraded-backend.yaml",
    ] {
        let own = folder.join(file);
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        fs::copy(root.join("scenarios").join(file), own).unwrap();
    }
    fs::copy(root.join("fixtures/world.yaml"), folder.join("world.yaml")).unwrap();
    let contract = fs::read_to_string(root.join("scenarios/contract.yaml")).unwrap();
    let impatient = contract
        .replace("every: 30s", "every: 2s")
        .replace("takes-effect-within: 35s", "takes-effect-within: 8s");
    assert_ne!(contract, impatient);
    fs::write(folder.join("contract.yaml"), impatient).unwrap();
}

pub(crate) fn config(mock: &Mock, levers: &str) -> String {
    format!(
        r#"
[targets.local.services]
platform = "{}"
trading = "{}"

[targets.local.accounts.tester-a]
username = "ada.lindqvist@tradedesk.example"
password-env = "LOCAL_PASSWORD"

[targets.local.levers]
{}
"#,
        mock.url("/services/platform"),
        mock.url("/services/trading"),
        levers.replace("{operator}", mock.url("/operator")),
    )
}

pub(crate) const BY_HTTP: &str = r#"
maintenance.on = { request = "POST {operator}/maintenance", json = { on = true } }
maintenance.off = { request = "POST {operator}/maintenance", json = { on = false } }
backend.stop = { request = "POST {operator}/backend", json = { service = "{service}", running = false } }
backend.start = { request = "POST {operator}/backend", json = { service = "{service}", running = true } }
"#;

const IMITATED: &str = r#"
maintenance = "gateway"
backend = "gateway"
"#;

pub(crate) fn run(
    suite: &Path,
    config: &str,
    password: &str,
    more: &[&str],
) -> (Option<i32>, String, String) {
    let file = suite.join("rehearsal.toml");
    fs::write(&file, config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .current_dir(suite)
        .args(["run", "--target", "local", "--suite", "."])
        .args(more)
        .env("LOCAL_PASSWORD", password)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

pub(crate) const PASSWORD: &str = "mock-heron-41";

#[test]
fn a_backend_in_another_process_passes_with_levers_moved_by_http() {
    let suite = tempfile::tempdir().unwrap();
    impatient_suite(suite.path());
    let mock = Mock::start(suite.path());
    let (code, out, err) = run(suite.path(), &config(&mock, BY_HTTP), PASSWORD, &[]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    assert!(out.contains("3 passed"), "{out}");
    assert!(!out.contains(PASSWORD) && !err.contains(PASSWORD));
}

#[test]
fn levers_that_a_backend_lacks_are_imitated_at_the_gateway_and_the_report_says_so() {
    let suite = tempfile::tempdir().unwrap();
    impatient_suite(suite.path());
    let mock = Mock::start(suite.path());
    let (code, out, err) = run(suite.path(), &config(&mock, IMITATED), PASSWORD, &[]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    assert!(out.contains("imitated at the gateway"), "{out}");
}

#[test]
fn a_scenario_whose_lever_is_missing_is_skipped_with_the_reason() {
    let suite = tempfile::tempdir().unwrap();
    impatient_suite(suite.path());
    let mock = Mock::start(suite.path());
    let (code, out, err) = run(suite.path(), &config(&mock, ""), PASSWORD, &[]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    assert!(out.contains("1 passed, 2 skipped"), "{out}");
    assert!(
        out.contains("no lever `maintenance`") && out.contains("no lever `backend`"),
        "{out}"
    );
}

#[test]
fn a_target_that_is_not_there_or_is_something_else_ends_with_3_and_says_what_was_tried() {
    let suite = tempfile::tempdir().unwrap();
    impatient_suite(suite.path());
    let mock = Mock::start(suite.path());
    let good = config(&mock, "");
    let platform = mock.url("/services/platform");

    let closed = Reserved::new();
    let nobody = good.replace(platform, &format!("http://{}", closed.address()));
    let (code, out, err) = run(suite.path(), &nobody, PASSWORD, &[]);
    assert_eq!(code, Some(3), "{out}\n{err}");
    assert!(
        err.contains("`local`") && err.contains("`platform`"),
        "{err}"
    );
    assert!(err.contains(&closed.address().to_string()), "{err}");

    let tls_to_plain = good.replace(platform, &platform.replace("http:", "https:"));
    let (code, out, err) = run(suite.path(), &tls_to_plain, PASSWORD, &[]);
    assert_eq!(code, Some(3), "{out}\n{err}");
    assert!(err.contains("TLS"), "{err}");

    // The other service: it answers, but not what the contract says.
    let wrong_service = good.replace(platform, mock.url("/operator"));
    let (code, out, err) = run(suite.path(), &wrong_service, PASSWORD, &[]);
    assert_eq!(code, Some(3), "{out}\n{err}");
    assert!(err.contains("404"), "{err}");
}

#[test]
fn wrong_credentials_of_a_target_are_a_problem_of_the_set_up_and_never_show() {
    let suite = tempfile::tempdir().unwrap();
    impatient_suite(suite.path());
    let mock = Mock::start(suite.path());
    let wrong = "entirely-wrong-password";
    let journal = suite.path().join("journal");
    let more = ["--scenario", "sign-in", "--journal", "journal"];
    let (code, out, err) = run(suite.path(), &config(&mock, ""), wrong, &more);
    assert_eq!(code, Some(1), "{out}\n{err}");
    assert!(out.contains("password-env"), "{out}\n{err}");
    let journal = fs::read_to_string(journal.join("sign-in.jsonl")).unwrap();
    for text in [&out, &err, &journal] {
        assert!(!text.contains(wrong), "{text}");
    }
}
