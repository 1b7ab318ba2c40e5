//! What a run does with what fails.

use std::cell::RefCell;
use std::time::Duration;

use super::*;
use crate::domain::verdict::{Finding, Subject};
use crate::run::summary::unplayed;
use crate::suite::Suite;

/// A result in which these rules are broken; without any it passed, and `doubt` stands for its doubt.
fn result(rules: &[&str]) -> ScenarioResult {
    let suite = Suite::shipped().unwrap();
    let verdict = match rules {
        [] => Verdict::Passed,
        ["doubt"] => Verdict::Inconclusive("who knows".to_owned()),
        _ => Verdict::Failed,
    };
    let mut result = unplayed(&suite.scenarios[0], verdict, Duration::ZERO);
    let rules = rules.iter().filter(|rule| **rule != "doubt");
    let findings = rules.map(|rule| Finding {
        rule: (*rule).to_owned(),
        subject: Subject::App,
        message: String::new(),
        expected: String::new(),
        observed: String::new(),
        evidence: Vec::new(),
        request_ids: Vec::new(),
        severity: Severity::Violation,
    });
    result.outcome.findings = findings.collect();
    result
}

/// No journal is kept.
fn nowhere() -> Journals<'static> {
    Journals {
        folder: None,
        run_file: None,
    }
}

/// What attempts come to that end one after the other as these: the verdict, and how many there were.
fn comes_to(retries: u32, all: &[&[&str]]) -> (&'static str, usize) {
    let mut left: Vec<ScenarioResult> = all.iter().rev().map(|rules| result(rules)).collect();
    let first = left.pop().unwrap();
    let left = RefCell::new(left);
    let came = again(retries, first, nowhere(), || left.borrow_mut().pop());
    (came.outcome.verdict.name(), came.attempts.len())
}

#[test]
fn what_passes_alone_was_flaky_and_what_fails_again_has_failed() {
    let (net, ok): (&[&str], &[&str]) = (&["NET-1"], &[]);
    assert_eq!(comes_to(0, &[net]), ("failed", 0));
    assert_eq!(comes_to(2, &[ok]), ("passed", 0));
    assert_eq!(comes_to(1, &[net, ok]), ("flaky", 2));
    assert_eq!(comes_to(2, &[net, net, ok]), ("flaky", 3));
    assert_eq!(comes_to(1, &[net, net, ok]), ("failed", 2));
}

#[test]
fn a_doubt_that_is_gone_alone_leaves_nothing_and_a_failure_is_not_lost_in_a_doubt() {
    assert_eq!(comes_to(1, &[&["doubt"], &[]]), ("passed", 2));
    assert_eq!(comes_to(2, &[&["NET-1"], &["doubt"], &[]]), ("failed", 2));
    // The run was over before it could be tried again.
    assert_eq!(comes_to(2, &[&["NET-1"]]), ("failed", 0));
}

#[test]
fn writes_foreign_data_and_tokens_are_never_retried_away() {
    for rule in [
        "SCOPE-1",
        "TENANT-2",
        "PROOF",
        "SESSION-1",
        "SESSION-6",
        "API-9",
    ] {
        assert_eq!(comes_to(3, &[&[rule], &[]]), ("failed", 0), "{rule}");
        let later = comes_to(3, &[&["NET-1"], &["NET-1", rule], &[]]);
        assert_eq!(later, ("failed", 2), "{rule}");
    }
}

#[test]
fn the_journal_of_the_attempt_that_decides_stands_where_it_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let journals = Journals {
        folder: Some(folder.path()),
        run_file: None,
    };
    let first = result(&["NET-1"]);
    let id = first.id.clone();
    let write = |text: &str| std::fs::write(path(&format!("{id}.jsonl")), text).unwrap();
    let read = |name: String| std::fs::read_to_string(path(&name)).unwrap();
    write("first");
    again(1, first, journals, || {
        write("second");
        Some(result(&[]))
    });
    assert_eq!(read(format!("{id}.jsonl")), "second");
    assert_eq!(read(format!("{id}.attempt-1.jsonl")), "first");
    write("first");
    again(1, result(&["NET-1"]), journals, || {
        write("second");
        Some(result(&["doubt"]))
    });
    assert_eq!(read(format!("{id}.jsonl")), "first");
    assert_eq!(read(format!("{id}.attempt-2.jsonl")), "second");
}
