//! `rehearsal mock` as a developer has it: a process that follows a file and outlives itself.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::commands::rehearsal;

/// A mock of a folder, with what it says.
struct Mock {
    child: Child,
    ready: Value,
    said: Lines<BufReader<ChildStderr>>,
    http: Client,
}

impl Mock {
    /// One with its data in `data` and its state in `state.json`.
    fn start(folder: &Path) -> Self {
        let own = ["--still", "--data", "data", "--state", "state.json"];
        Self::start_with(folder, &own)
    }

    fn start_with(folder: &Path, more: &[&str]) -> Self {
        let words = ["mock", "--json", "--seed", "1", "--port", "0"];
        let mut child = rehearsal(folder, &[&words[..], more].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            ready: serde_json::from_str(&line).unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
            child,
            said,
        }
    }

    /// Reads what is said until this is.
    fn until(&mut self, part: &str) -> String {
        let said = self.said.by_ref().map(Result::unwrap);
        let mut all = String::new();
        for line in said {
            all.push_str(&line);
            all.push('\n');
            if line.contains(part) {
                return all;
            }
        }
        panic!("`{part}` was not said:\n{all}");
    }

    fn url(&self, service: &str, path: &str) -> String {
        format!(
            "{}{path}",
            self.ready["services"][service].as_str().unwrap()
        )
    }

    async fn sign_in(&self) -> String {
        let account = &self.ready["accounts"][0];
        let body = json!({
            "email": account["username"], "password": account["password"], "product": "tradedesk",
        });
        let request = self.http.post(self.url("platform", "/api/v1/sessions"));
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        answer["tokens"]["access"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str, token: &str) -> (StatusCode, String) {
        let request = self.http.get(self.url("trading", path));
        let answer = request.bearer_auth(token).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    fn end(mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        assert!(asked.unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_world_that_is_saved_is_served_and_sessions_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data/world.yaml");
    let mut mock = Mock::start(folder.path());
    mock.until("begun with the world of the suite");
    let token = mock.sign_in().await;
    let (status, before) = mock.get("/api/positions", &token).await;
    assert_eq!(status, 200);
    assert!(before.contains("ATOM-PERP"), "{before}");

    let world = fs::read_to_string(&file).unwrap();
    fs::write(&file, world.replace("ATOM-PERP", "SAVED-PERP")).unwrap();
    let said = mock.until("read again, with new");
    assert!(said.contains("positions"), "{said}");
    let (_, after) = mock.get("/api/positions", &token).await;
    assert!(after.contains("SAVED-PERP"), "{after}");

    fs::write(&file, world.replace("side: LONG", "side: SIDEWAYS")).unwrap();
    let said = mock.until("the world stays as it was");
    assert!(
        said.contains("world.yaml:") && said.contains("SIDEWAYS"),
        "{said}"
    );
    let (_, kept) = mock.get("/api/positions", &token).await;
    assert!(kept.contains("SAVED-PERP"), "{kept}");
    mock.end();

    fs::write(&file, world.replace("ATOM-PERP", "SAVED-PERP")).unwrap();
    let mock = Mock::start(folder.path());
    let (status, again) = mock.get("/api/positions", &token).await;
    assert_eq!(status, 200, "the session goes on");
    assert!(again.contains("SAVED-PERP"), "{again}");
    mock.end();
}

#[test]
fn a_state_that_cannot_be_gone_on_from_is_left_alone_and_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    for (state, part) in [
        ("{\"rehearsal-mock-state\": 99}", "a newer rehearsal"),
        ("half a fi", "damaged"),
    ] {
        fs::write(folder.path().join("state.json"), state).unwrap();
        let ended = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .current_dir(folder.path())
            .args(["mock", "--port", "0", "--state", "state.json"])
            .output()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(
            said.contains(part) && said.contains("name another file"),
            "{said}"
        );
        let kept = fs::read_to_string(folder.path().join("state.json")).unwrap();
        assert_eq!(kept, state);
    }
}

#[test]
fn a_mock_for_the_network_writes_the_apps_variables_and_ends_cleanly_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".env");
    fs::write(&file, "# mine\r\nOTHER=1\r\n").unwrap();
    let config = "[mock]\nenv-file = \".env\"\nbind = \"0.0.0.0\"\n";
    fs::write(folder.path().join("rehearsal.toml"), config).unwrap();
    for signal in ["-INT", "-TERM"] {
        let mut child = rehearsal(folder.path(), &["mock", "--json", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let served: Value = serde_json::from_str(&line).unwrap();
        let variables = served["variables"].as_object().unwrap();
        let told: String = variables
            .iter()
            .map(|(name, url)| format!("{name}={}\r\n", url.as_str().unwrap()))
            .collect();
        let written = fs::read_to_string(&file).unwrap();
        assert_eq!(written, format!("# mine\r\nOTHER=1\r\n{told}"));
        assert_eq!(variables.len(), 2, "{line}");
        let accounts = served["accounts"].as_array().unwrap();
        assert!(accounts.iter().all(|own| own["password"].is_string()));
        let id = child.id().to_string();
        let asked = Command::new("kill").args([signal, &id]).status();
        assert!(asked.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_configuration_says_what_the_console_is_and_may_be_wrong_about_targets_which_a_mock_needs_not()
{
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rehearsal.toml");
    let targets = "[targets.staging]\nservices = 3\n";
    let run = "[run]\ntarget = \"gone\"\n";
    for (config, more, console, warned) in [
        (
            "[mock]\nconsole = false\n".to_owned(),
            &[][..],
            false,
            false,
        ),
        (
            "[mock]\nconsole = false\n".to_owned(),
            &["--console-port", "0"],
            true,
            false,
        ),
        (
            "[mock]\nconsole-port = 0\ntape = 1\n".to_owned(),
            &[],
            true,
            false,
        ),
        (
            format!("{run}[mock]\nconsole = false\n{targets}"),
            &[],
            false,
            true,
        ),
    ] {
        fs::write(&file, config).unwrap();
        let words = [&["mock", "--json", "--port", "0"], more].concat();
        let mut child = rehearsal(folder.path(), &words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        child.kill().unwrap();
        let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        let served: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{said}"));
        assert_eq!(served["console"].is_string(), console, "{line}");
        let told = "something is wrong with its targets";
        assert_eq!(said.contains(told), warned, "{said}");
    }
}

#[test]
fn what_a_configuration_says_wrong_about_the_mock_keeps_it_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rehearsal.toml");
    let targets = "[targets.staging]\nservices = 3\n";
    for (config, told) in [
        (
            format!("[mock]\nport = 99999\n{targets}"),
            "99999 is not a port",
        ),
        ("[mock]\ntape = 99999\n".to_owned(), "more than can be kept"),
        (
            "[mock]\nclock = \"soon\"\n".to_owned(),
            "no moment since 1970",
        ),
    ] {
        fs::write(&file, config).unwrap();
        let ended = rehearsal(folder.path(), &["mock", "--port", "0"]).output();
        let ended = ended.unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test]
async fn faults_are_there_from_the_beginning_and_are_moved_by_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let faults = ["--fault", "data=respond:503", "--fault", "status=reset"];
    let mock = Mock::start_with(folder.path(), &faults);
    let operator = mock.ready["operator"].as_str().unwrap().to_owned();
    let post = async |path: &str, body: Value| {
        let request = mock.http.post(format!("{operator}{path}"));
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let state = async || {
        let text = mock.http.get(format!("{operator}/state")).send().await;
        let text = text.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let token = mock.sign_in().await;
    assert_eq!(mock.get("/api/positions", &token).await.0, 503);
    assert_eq!(state().await["faults"], json!(["data", "status"]));
    for on in ["data", "status"] {
        let (status, said) = post("/fault", json!({ "on": on, "off": true })).await;
        assert_eq!(status, 200, "{said}");
    }
    assert_eq!(mock.get("/api/positions", &token).await.0, 200);
    assert_eq!(post("/network", json!({ "on": false })).await.0, 200);
    let gone = mock.http.get(mock.url("trading", "/")).send().await;
    assert!(gone.unwrap_err().is_connect());
    assert_eq!(state().await["network"], json!(false));
    assert_eq!(post("/network", json!({ "on": true })).await.0, 200);
    assert_eq!(mock.get("/api/positions", &token).await.0, 200);
    let (status, said) = post("/fault", json!({ "on": "nothing", "reset": true })).await;
    assert_eq!(status, 400, "{said}");
    mock.end();
    for (typed, told) in [
        ("data=slowly", "data=delay:2s"),
        ("nothing=reset", "nothing"),
    ] {
        let words = ["mock", "--port", "0", "--fault", typed];
        let ended = rehearsal(folder.path(), &words).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains(told), "{said}");
    }
}

/// What an access token says of itself.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// When an answer says that it was given, in seconds since 1970.
async fn dated(mock: &Mock) -> i64 {
    let answer = mock.http.get(mock.url("trading", "/health/live"));
    let answer = answer.send().await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::parse(date).unwrap();
    date.timestamp().as_second()
}

#[tokio::test]
async fn a_world_that_begins_at_another_moment_dates_all_that_it_says_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let begins: jiff::Timestamp = "2026-03-29T00:59:30Z".parse().unwrap();
    let begins = begins.as_second();
    let day = begins..begins + 86_400;
    let mock = Mock::start_with(folder.path(), &["--clock", "2026-03-29T00:59:30Z"]);
    let token = mock.sign_in().await;
    let claims = claims(&token);
    let (issued, ends) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    let (issued, ends) = (issued.unwrap(), ends.unwrap());
    assert!(day.contains(&issued) && ends - issued == 900, "{claims}");
    assert!(day.contains(&dated(&mock).await));
    let (status, overview) = mock.get("/api/overview", &token).await;
    assert_eq!(status, 200, "a token is good by the world's time");
    assert!(overview.contains("\"asOf\":\"2026-03-29T"), "{overview}");
    let operator = mock.ready["operator"].as_str().unwrap();
    let change = mock.http.post(format!("{operator}/change/close-trade"));
    let change = change.header("content-type", "application/json").body("{}");
    assert_eq!(change.send().await.unwrap().status(), 200);
    let (_, history) = mock.get("/api/history?limit=1", &token).await;
    assert!(history.contains("\"closedAt\":\"2026-03-29T"), "{history}");
    mock.end();
}

#[tokio::test]
async fn a_world_begins_when_the_configuration_says_unless_the_command_line_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rehearsal.toml");
    fs::write(&file, "[mock]\nclock = \"-7d\"\n").unwrap();
    let now = jiff::Timestamp::now().as_second();
    let mock = Mock::start_with(folder.path(), &[]);
    assert!(dated(&mock).await < now - 6 * 86_400);
    mock.end();
    let mock = Mock::start_with(folder.path(), &["--clock", "+2h"]);
    assert!(dated(&mock).await >= now + 7_200);
    mock.end();
    for wrong in ["yesterday", "-100000d"] {
        let refused = rehearsal(folder.path(), &["mock", "--clock", wrong]).output();
        let refused = refused.unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(wrong), "{said}");
    }
}
