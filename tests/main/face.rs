//! The face for other projects, as they use it, and the list of all that it has.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rehearsal::{Plan, Scenario, Suite, Target};

use crate::sources::root;

mod listing;

/// Where the list of the face stands.
const LISTING: &str = "docs/face.txt";

#[test]
fn what_the_face_has_is_what_the_checked_in_list_says() {
    let path = root().join(LISTING);
    let listed = listing::of(root());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &listed).unwrap();
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        held, listed,
        "what other projects use has changed. If that is meant: UPDATE_DOCS=1 cargo test --test main face, and \
         say it in CHANGELOG.md"
    );
}

#[test]
fn a_failing_test_shows_the_report_of_the_terminal() {
    let suite = Suite::shipped().unwrap();
    let plan = Plan::of(&suite).scenario("sign-in").quirk("token-in-query");
    let report = plan.perform().unwrap();
    assert!(!report.conforms());
    let told = report.to_string();
    let command = "rehearsal run --scenario sign-in --seed 1 --quirk token-in-query";
    for part in ["✗ sign-in", "SESSION-1", command, "failed: 1 failed"] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
    let panic = catch_unwind(AssertUnwindSafe(|| rehearsal::assert_conforms(&plan))).unwrap_err();
    let panic = panic.downcast_ref::<String>().unwrap();
    assert!(panic.contains(command), "{panic}");
    let findings = report.findings();
    assert!(findings.iter().all(|own| own.scenario == "sign-in"));
    assert_eq!(report.to_json()["verdict"], "failed");
}

fn signed_in(id: &str) -> Scenario {
    Scenario::new(id, "What the app shows is looked at").steps(
        "
        - use: signed-in
          with: { account: tester-a }
        ",
    )
}

#[test]
fn code_of_a_scenario_sees_what_the_app_shows_and_what_crossed_the_wire() {
    let scenario = signed_in("looked-at")
        .check("there is news within a minute", async |moment| {
            assert_eq!(moment.feed(), "live");
            let before = moment.journal().len();
            let grew = |now: &rehearsal::Moment| now.journal().len() > before;
            assert!(moment.until(Duration::from_secs(60), grew).await);
            assert!(!moment.until(Duration::from_secs(1), |_| false).await);
        })
        .finally("- do: sign-out");
    let suite = Suite::shipped().unwrap().with(scenario).unwrap();
    rehearsal::assert_conforms(&Plan::of(&suite).scenario("looked-at"));
}

#[test]
fn code_that_panics_is_a_step_that_did_not_come_true() {
    let scenario = signed_in("looked-at").check("it is the moon", async |moment| {
        assert_eq!(moment.screen(), "moon");
    });
    let suite = Suite::shipped().unwrap().with(scenario).unwrap();
    let report = Plan::of(&suite).scenario("looked-at").perform().unwrap();
    let findings = report.findings();
    let [finding] = &findings[..] else {
        panic!("{report}");
    };
    assert_eq!(finding.rule, "STEP");
    assert!(finding.message.contains("it is the moon"), "{finding:?}");
    assert!(finding.observed.contains("moon"), "{finding:?}");
    let told = report.to_string();
    assert!(told.contains("tests/main/face.rs:"), "{told}");
    assert!(told.contains("this test, with the seed 1"), "{told}");
}

#[test]
fn what_is_wrong_with_a_scenario_in_rust_is_told_with_its_line_and_all_at_once() {
    let scenario = Scenario::new("wrong", "It is wrong")
        .keys("tgs: [slow]")
        .steps("- do: lanch")
        .check("nothing", async |_| {});
    let wrong = Suite::shipped().unwrap().with(scenario).unwrap_err();
    let told = wrong.to_string();
    for part in [
        "did you mean `tags`?",
        "did you mean `launch`?",
        "tests/main/face.rs",
    ] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
    let twice = Suite::shipped().unwrap().with(signed_in("sign-in"));
    assert!(
        twice
            .unwrap_err()
            .to_string()
            .contains("two scenarios `sign-in`")
    );
}

#[test]
fn names_that_nobody_knows_and_urls_that_lead_nowhere_are_refused_before_anything_is_played() {
    let suite = Suite::shipped().unwrap();
    let refused = |plan: Plan| plan.perform().unwrap_err().to_string();
    let plan = || Plan::of(&suite);
    assert!(refused(plan().scenario("sing-in")).contains("no scenario `sing-in`"));
    assert!(refused(plan().tag("none")).contains("no scenario with the tag `none`"));
    assert!(refused(plan().quirk("polite")).contains("no quirk `polite`"));
    let target = Target::elsewhere().service("moon", "not a url");
    let told = refused(plan().target(target));
    for part in [
        "no service `moon`",
        "`not a url` is no URL",
        "has no URL for the service",
    ] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
}
