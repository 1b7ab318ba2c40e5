//! What is excused, and what is noticed.

use std::time::Duration;

use super::*;
use crate::domain::coverage::Coverage;
use crate::domain::figures::Figures;
use crate::domain::runbook::Shown;
use crate::domain::verdict::{ScopeTally, Subject};

fn known(rule: &str, scenario: &str) -> KnownFailure {
    KnownFailure {
        rule: rule.to_owned(),
        scenario: scenario.to_owned(),
        target: None,
        reason: "the fix is on its way".to_owned(),
        owner: "ada".to_owned(),
        until: jiff::civil::date(2027, 3, 1),
        at_most: None,
    }
}

fn scenario(id: &str, rules: &[&str]) -> ScenarioResult {
    let findings = rules.iter().map(|rule| Finding {
        rule: (*rule).to_owned(),
        subject: Subject::App,
        message: String::new(),
        expected: String::new(),
        observed: String::new(),
        evidence: Vec::new(),
        request_ids: Vec::new(),
        severity: Severity::Violation,
    });
    ScenarioResult {
        id: id.to_owned(),
        name: String::new(),
        file: String::new(),
        runbook: Vec::new(),
        shown: Shown::default(),
        outcome: Outcome {
            verdict: match rules {
                [] => Verdict::Passed,
                _ => Verdict::Failed,
            },
            findings: findings.collect(),
            not_judged: Vec::new(),
            remarks: Vec::new(),
            scope: ScopeTally::default(),
            duration: Duration::ZERO,
        },
        duration_wall: Duration::ZERO,
        excerpt: Vec::new(),
        journal_entries: 1,
        levers: Vec::new(),
        figures: Figures::default(),
        coverage: Coverage::default(),
        attempts: Vec::new(),
        down: None,
    }
}

/// What a scenario in which these rules are broken comes to on a day.
fn comes_to(failures: &[KnownFailure], rules: &[&str], day: Date) -> &'static str {
    let all = Known {
        failures,
        target: "staging",
        today: day,
    };
    let mut scenario = scenario("feed", rules);
    all.excuse("feed", &mut scenario.outcome);
    all.notice(&mut scenario);
    scenario.outcome.verdict.name()
}

#[test]
fn what_is_known_is_excused_and_nothing_beside_it() {
    let day = jiff::civil::date(2027, 2, 1);
    let failures = [known("SYNC-3", "fe*")];
    for (rules, name) in [
        (&["SYNC-3"][..], "known-failure"),
        (&["SYNC-3", "SYNC-3"], "known-failure"),
        (&["SYNC-3", "NET-1"], "failed"),
        (&["SYNC-3", "SCOPE-1"], "failed"),
        (&["NET-1"], "failed"),
    ] {
        assert_eq!(comes_to(&failures, rules, day), name, "{rules:?}");
    }
    let elsewhere = [KnownFailure {
        target: Some("local".to_owned()),
        ..known("SYNC-3", "feed")
    }];
    assert_eq!(comes_to(&elsewhere, &["SYNC-3"], day), "failed");
    let capped = [KnownFailure {
        at_most: Some(1),
        ..known("SYNC-3", "feed")
    }];
    assert_eq!(comes_to(&capped, &["SYNC-3"], day), "known-failure");
    assert_eq!(comes_to(&capped, &["SYNC-3", "SYNC-3"], day), "failed");
}

#[test]
fn nothing_is_excused_any_more_when_its_time_is_over() {
    let failures = [known("SYNC-3", "feed")];
    let last = jiff::civil::date(2027, 3, 1);
    assert_eq!(comes_to(&failures, &["SYNC-3"], last), "known-failure");
    let after = last.tomorrow().unwrap();
    assert_eq!(comes_to(&failures, &["SYNC-3"], after), "failed");
    assert_eq!(comes_to(&failures, &[], after), "unexpected-pass");
}

#[test]
fn what_is_known_to_fail_and_does_not_is_noticed_where_it_fails_nowhere() {
    let today = jiff::civil::date(2027, 2, 1);
    let failures = [known("SYNC-3", "feed*")];
    let all = Known {
        failures: &failures,
        target: "staging",
        today,
    };
    let mut scenarios = [scenario("feed-1", &[]), scenario("feed-2", &["SYNC-3"])];
    all.notice_all(&mut scenarios);
    assert_eq!(scenarios[0].outcome.verdict, Verdict::Passed);
    let mut scenarios = [scenario("feed-1", &[]), scenario("other", &[])];
    all.notice_all(&mut scenarios);
    let names = scenarios.each_ref().map(|own| own.outcome.verdict.name());
    assert_eq!(names, ["unexpected-pass", "passed"]);
    let one = [known("SYNC-3", "feed")];
    assert_eq!(comes_to(&one, &[], today), "unexpected-pass");
}
