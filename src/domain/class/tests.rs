//! Each class, and what is none.

use super::*;
use crate::domain::coverage::Coverage;
use crate::domain::figures::Route;
use crate::domain::journal::EntryId;
use crate::domain::runbook::Shown;
use crate::domain::verdict::{Outcome, STEP, ScopeTally};
use std::time::Duration;

fn finding(rule: &str, subject: Subject, at: u64) -> Finding {
    Finding {
        rule: rule.to_owned(),
        subject,
        message: format!("what {rule} saw"),
        expected: String::new(),
        observed: String::new(),
        evidence: vec![EntryId(at)],
        request_ids: Vec::new(),
        severity: Severity::Violation,
    }
}

fn result(verdict: Verdict, findings: Vec<Finding>) -> ScenarioResult {
    ScenarioResult {
        id: "one".to_owned(),
        name: String::new(),
        file: String::new(),
        runbook: Vec::new(),
        shown: Shown::default(),
        outcome: Outcome {
            verdict,
            findings,
            not_judged: Vec::new(),
            remarks: Vec::new(),
            scope: ScopeTally::default(),
            duration: Duration::ZERO,
        },
        duration_wall: Duration::ZERO,
        excerpt: Vec::new(),
        journal_entries: 0,
        levers: Vec::new(),
        figures: Figures::default(),
        coverage: Coverage::default(),
        attempts: Vec::new(),
        down: None,
    }
}

fn class(own: &ScenarioResult) -> Option<(Class, String)> {
    classify(own).map(|own| (own.class, own.evidence))
}

#[test]
fn every_verdict_that_is_a_failure_has_a_class_and_what_shows_it() {
    let why = || "why".to_owned();
    for (verdict, expected) in [
        (Verdict::Passed, None),
        (Verdict::Skipped(why()), None),
        (Verdict::Inconclusive(why()), None),
        (Verdict::Errored(why()), Some(Class::Harness)),
        (Verdict::Misconfigured(why()), Some(Class::Harness)),
        (Verdict::Flaky(why()), Some(Class::Flaky)),
        (Verdict::KnownFailure(why()), Some(Class::Known)),
        (Verdict::UnexpectedPass(why()), Some(Class::Known)),
    ] {
        let own = result(verdict.clone(), Vec::new());
        let expected = expected.map(|class| (class, why()));
        assert_eq!(class(&own), expected, "{verdict:?}");
    }
}

#[test]
fn a_failure_is_the_products_unless_all_its_causes_say_otherwise() {
    let (app, backend) = (Subject::App, Subject::Backend);
    for (findings, expected, evidence) in [
        (
            vec![finding("SYNC-12", backend, 1)],
            Class::Product,
            "SYNC-12 (backend): what SYNC-12 saw",
        ),
        (
            vec![
                finding("SYNC-13", backend, 1),
                finding("API-12", backend, 2),
            ],
            Class::Drift,
            "SYNC-13 (backend): what SYNC-13 saw, and 1 cause more",
        ),
        // What only follows from it changes nothing.
        (
            vec![finding("SYNC-13", backend, 1), finding(STEP, backend, 1)],
            Class::Drift,
            "SYNC-13 (backend): what SYNC-13 saw",
        ),
        (
            vec![finding("SYNC-13", backend, 1), finding("NET-1", app, 2)],
            Class::Product,
            "SYNC-13 (backend): what SYNC-13 saw, and 1 cause more",
        ),
        (
            vec![finding(STEP, Subject::Harness, 1)],
            Class::Harness,
            "STEP (harness): what STEP saw",
        ),
    ] {
        let own = result(Verdict::Failed, findings);
        assert_eq!(class(&own), Some((expected, evidence.to_owned())));
    }
}

fn lost(findings: Vec<Finding>, answered: u64) -> ScenarioResult {
    let mut own = result(Verdict::Failed, findings);
    let route = Route {
        answered,
        lost: 3,
        ..Route::default()
    };
    own.figures.routes.insert("sign-in".to_owned(), route);
    own
}

#[test]
fn a_target_that_answers_nothing_is_down_and_the_scenario_proves_nothing() {
    let mut own = lost(vec![finding("API-1", Subject::Backend, 1)], 0);
    forgive_if_down(&mut own);
    let why = "the target answered none of 3 requests".to_owned();
    assert_eq!(own.outcome.verdict, Verdict::Inconclusive(why.clone()));
    assert_eq!(class(&own), Some((Class::TargetDown, why)));
}

#[test]
fn one_answer_is_enough_to_be_up_and_what_the_app_did_wrong_stands() {
    for mut own in [
        lost(vec![finding("API-1", Subject::Backend, 1)], 1),
        lost(vec![finding("NET-1", Subject::App, 1)], 0),
    ] {
        forgive_if_down(&mut own);
        assert_eq!(own.outcome.verdict, Verdict::Failed);
        assert_eq!(class(&own).unwrap().0, Class::Product);
    }
}
