//! The document of a period with every kind of night, and of a clean one.

use jiff::civil::date;

use super::*;
use crate::domain::diagnosis;
use crate::domain::result::RunResult;
use crate::domain::signoff::{Cause, Gathered, Period, ReadFile, Unusable, sign_off};
use crate::report::samples;

fn night(result: &RunResult, day: i8) -> Night {
    let causes = diagnosis::of_run(result).into_iter().map(|own| Cause {
        rule: own.rule.to_owned(),
        subject: own.subject,
        scenarios: own.scenarios.iter().map(|id| (*id).to_owned()).collect(),
    });
    Night {
        run: format!("run-{day}"),
        day: date(2026, 11, day),
        started: samples::about().started.as_secs() + u64::from(day.unsigned_abs()) * 86_400,
        files: vec![ReadFile {
            name: format!("{day}.run.gz"),
            sha256: "b".repeat(64),
        }],
        hashes: samples::about().files,
        versions: vec![("harness", "rehearsal 1".to_owned())],
        verdict: result.verdict.clone(),
        partial: None,
        misbehaving: Vec::new(),
        answer: result.runbook.clone(),
        causes: causes.collect(),
        not_judged: vec![("API-9".to_owned(), "nobody asked".to_owned())],
    }
}

fn signed(nights: Vec<Night>, first: i8) -> SignOff {
    sign_off(Gathered {
        target: "staging".to_owned(),
        period: Period {
            first: date(2026, 11, first),
            last: date(2026, 11, 30),
        },
        nights,
        unusable: Vec::new(),
        passed_over: 0,
    })
}

fn valid(signed: &SignOff) -> Value {
    let statement: Value = serde_json::from_slice(&in_toto(signed)).unwrap();
    let schema = include_str!("../../../fixtures/schemas/in-toto-test-result.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    samples::assert_valid(&schema, &statement);
    statement
}

#[test]
fn a_period_with_a_failure_and_a_gap_says_first_what_it_lacks() {
    let mut last = night(&samples::passed(), 30);
    last.partial = Some("a person stopped it".to_owned());
    let mut gathered = signed(vec![night(&samples::mixed(), 28), last], 28).gathered;
    gathered.unusable.push(Unusable {
        name: "x.run.gz".to_owned(),
        why: "it is <b>empty</b>".to_owned(),
    });
    let signed = sign_off(gathered);
    let text = String::from_utf8(markdown(&signed)).unwrap();
    for part in [
        "> ⛔ **incomplete: staging from 2026-11-28 to 2026-11-30, for ",
        "- the rollback trigger R.1 Nobody stays signed in fired on 2026-11-28",
        "- violated in the period: S2.4",
        "- no run began on 2026-11-29",
        "- the night of 2026-11-30 is not whole: a person stopped it",
        "- x.run.gz cannot be used, and counts as missing: it is &lt;b&gt;empty&lt;/b&gt;",
        "| 2026-11-29 | ? missing |",
        "| `R.1` Nobody stays signed in | ✗ fired | – | ✓ quiet |",
        "| `S2.4` | What S2.4 asks for | ✗ violated: on 2026-11-28: ",
        " | ✗ violated | – | – |",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let page = String::from_utf8(html(&signed)).unwrap();
    assert!(page.contains("incomplete: staging") && !page.contains("<b>empty"));
    assert_eq!(valid(&signed)["predicate"]["result"], "FAILED");
}

#[test]
fn a_complete_period_says_so_in_every_form() {
    let nights = vec![night(&samples::passed(), 29), night(&samples::passed(), 30)];
    let signed = signed(nights, 29);
    assert!(signed.is_complete(), "{:?}", signed.lacks);
    assert!(headline(&signed).starts_with("complete: staging from 2026-11-29"));
    let statement = valid(&signed);
    assert_eq!(statement["predicate"]["result"], "PASSED");
    assert_eq!(statement["subject"].as_array().unwrap().len(), 2);
}

#[test]
fn a_period_without_any_run_is_still_a_document() {
    let signed = signed(Vec::new(), 29);
    let text = String::from_utf8(markdown(&signed)).unwrap();
    assert!(
        text.contains("no run began on 2026-11-29, 2026-11-30"),
        "{text}"
    );
    let statement: Value = serde_json::from_slice(&in_toto(&signed)).unwrap();
    assert_eq!(statement["predicate"]["result"], "WARNED");
}
