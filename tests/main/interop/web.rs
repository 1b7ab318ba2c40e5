//! An app's web build in a real browser, from an origin of its own, against `rehearsal mock`. Needs Chromium,
//! as the page of a run does, and for Expo's what `npm ci --prefix examples/expo` installs.

use std::path::Path;
use std::process::{Command, Output};

use super::one_scenario;
use crate::local::Mock;

#[test]
fn a_page_of_an_origin_of_its_own_signs_in_and_listens_and_a_foreign_one_reads_nothing() {
    let suite = one_scenario();
    let mock = Mock::start(suite.path());
    succeeded(&browser("web.test.mjs", &mock).output().unwrap());
}

#[test]
fn an_expo_web_build_signs_in_with_the_urls_that_the_mock_wrote() {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/expo");
    assert!(
        app.join("node_modules/expo").is_dir(),
        "Expo is not installed: run `npm ci --prefix examples/expo`"
    );
    let variables = app.join(".env.local");
    let suite = one_scenario();
    let mock = Mock::start_with(suite.path(), &["--env-file", variables.to_str().unwrap()]);
    let build = tempfile::tempdir().unwrap();
    let bundled = Command::new("node")
        .current_dir(&app)
        .arg("node_modules/expo/bin/cli")
        .args(["export", "--platform", "web", "--output-dir"])
        .arg(build.path())
        // Metro keeps what it has put in, and the URLs are others each time.
        .arg("--clear")
        .envs([
            ("CI", "1"),
            ("EXPO_OFFLINE", "1"),
            ("EXPO_NO_TELEMETRY", "1"),
        ])
        .output()
        .expect("Node 20 or later is needed");
    std::fs::remove_file(&variables).unwrap();
    succeeded(&bundled);
    let mut browser = browser("expo.test.mjs", &mock);
    succeeded(
        &browser
            .env("REHEARSAL_BUILD", build.path())
            .output()
            .unwrap(),
    );
}

/// A test of Node in the browser, against the mock.
fn browser(test: &str, mock: &Mock) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/mock");
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(folder.join(test))
        .env("REHEARSAL_MOCK", mock.ready().to_string());
    command
}

fn succeeded(ran: &Output) {
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}
