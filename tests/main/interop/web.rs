//! An app's web build in a real browser, from an origin of its own, against `rehearsal mock`. Needs Chromium,
//! as the page of a run does.

use std::path::Path;
use std::process::Command;

use super::one_scenario;
use crate::local::Mock;

#[test]
fn a_page_of_an_origin_of_its_own_signs_in_and_listens_and_a_foreign_one_reads_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = one_scenario();
    let mock = Mock::start(suite.path());
    let folder = root.join("tests/interop");
    let ran = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .arg(folder.join("mock/web.test.mjs"))
        .env("REHEARSAL_MOCK", mock.ready().to_string())
        .output()
        .expect("Node 20 or later is needed");
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}
