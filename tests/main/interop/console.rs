//! The console in a real browser, with a client of the app's services on its other side: each switch does what it
//! says. Needs Chromium, as the page of a run does.

use std::path::Path;
use std::process::Command;

use super::one_scenario;
use crate::local::Mock;
use crate::proxy::Proxy;

#[test]
fn the_console_of_the_mock_and_of_the_proxy_is_used_in_chromium() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = one_scenario();
    let mock = Mock::start(suite.path());
    // A world in which no row goes away by itself.
    let still = Mock::start_with(suite.path(), &["--still"]);
    let proxy = Proxy::start(&[]);
    let ran = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .arg(root.join("tests/interop/console/console.test.mjs"))
        .env("REHEARSAL_MOCK", mock.ready().to_string())
        .env("REHEARSAL_STILL", still.ready().to_string())
        .env("REHEARSAL_BIN", env!("CARGO_BIN_EXE_rehearsal"))
        .env("REHEARSAL_SUITE", suite.path())
        .env("REHEARSAL_PROXY", proxy.ready().to_string())
        .output()
        .expect("Node 20 or later is needed");
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}
