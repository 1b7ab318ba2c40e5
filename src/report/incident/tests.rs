//! The report of a run with every kind of scenario, and of a clean one.

use super::*;
use crate::domain::incident::cases;
use crate::report::samples;

fn told(result: &RunResult, flaw: Option<&str>) -> (String, String) {
    let (about, cases) = (samples::about(), cases(result));
    let told = Told {
        result,
        about: &about,
        cases: &cases,
        flaw,
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(markdown(told)), text(html(told)))
}

#[test]
fn a_run_that_fired_a_trigger_is_told_with_its_actions_evidence_and_the_way_to_see_it_again() {
    let (text, page) = told(&samples::mixed(), Some("it was cut off"));
    for part in [
        "> ⛔ **an incident: pull the build: R.1 Nobody stays signed in**",
        "The run file is partial: it was cut off.",
        "1. Take the build off its channel",
        "## 1. SESSION-4 broken by the app",
        "it fired R.1",
        "rehearsal run --scenario expiry --seed 42",
        "`req-005 req-006`",
        "**R.2 Somebody sees another's data**: nothing put TENANT-1 to the test",
        "`skipped` skipped: the target has no lever \\`backend\\`",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    for part in [
        "req-005",
        "Take the build off its channel",
        "--seed 42",
        "it was cut off",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_clean_run_is_no_incident_and_one_that_was_stopped_is_not_said_to_be_none() {
    let mut result = samples::passed();
    let (text, _) = told(&result, None);
    assert!(
        text.contains("**no incident: no reason to pull the build**"),
        "{text}"
    );
    result.interrupted = true;
    let (text, _) = told(&result, None);
    assert!(
        text.contains("no incident was seen, but not everything was judged"),
        "{text}"
    );
}
