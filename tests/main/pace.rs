//! How fast and how much a deployment is asked.

use std::fs;

use crate::local::{BY_HTTP, Mock, PASSWORD, config, impatient_suite, run};

/// Plays at a target of which the configuration says this, and returns what came of it.
fn played(limits: &str, more: &[&str]) -> (Option<i32>, String, String, String) {
    let suite = tempfile::tempdir().unwrap();
    impatient_suite(suite.path());
    let mock = Mock::start(suite.path());
    let limits = format!("[targets.local]\n{limits}\n");
    let config = limits + &config(&mock, BY_HTTP);
    let journals = ["--journal", "journals"];
    let more = [&journals[..], more].concat();
    let (code, out, err) = run(suite.path(), &config, PASSWORD, &more);
    let journal = fs::read_to_string(suite.path().join("journals/sign-in.jsonl"));
    (code, out, err, journal.unwrap_or_default())
}

#[test]
fn a_budget_that_is_spent_ends_the_run_and_what_was_not_played_is_told() {
    let more = ["--scenario", "sign-in", "--scenario", "degraded-backend"];
    let (code, out, err, journal) = played("budget = 9", &more);
    assert_eq!(code, Some(6), "{out}\n{err}");
    let spent = "the target's budget of 9 requests was spent";
    let all: String = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in ["cut short: ", "not played: "] {
        assert!(all.contains(&format!("{told}{spent}")), "{out}");
    }
    assert!(err.contains("local was asked 9 times of 9"), "{err}");
    // What the run asked before the scenario is part of it.
    let answered = journal.matches("\"by\":\"backend\"").count();
    assert!(answered < 9, "{answered}\n{journal}");
}

#[test]
fn a_rate_makes_requests_wait_and_nobody_is_blamed_for_it() {
    let (code, out, err, journal) = played("rate = 3", &["--scenario", "sign-in"]);
    // What it waited may leave something open; it fails nobody.
    assert!(matches!(code, Some(0 | 6)), "{out}\n{err}");
    assert!(err.contains("at most 3 a second, for which"), "{err}");
    assert!(!err.contains("waited 0ms"), "{err}");
    assert!(journal.contains("lagged"), "{journal}");
}
