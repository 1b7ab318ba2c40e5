//! What past runs tell, as text and as a document that its schema knows.

use super::*;
use crate::history::{Thing, Told};
use crate::report::samples;

const DAY: u64 = 24 * 60 * 60;
const FIRST: u64 = 1_795_921_200;

fn thing(kind: Kind, name: &str, signs: &[(usize, Sign)], note: Option<&str>) -> Thing {
    let told = |(place, sign): &(usize, Sign)| {
        let told = Told {
            sign: *sign,
            class: note.filter(|_| sign.is_bad()).map(|_| "product".to_owned()),
            note: note.filter(|_| !sign.is_good()).map(str::to_owned),
            value: Some(40_000 + 1_000 * *place as u64 * *place as u64),
        };
        (*place, told)
    };
    Thing {
        kind,
        name: name.to_owned(),
        title: String::new(),
        told: signs.iter().map(told).collect(),
    }
}

fn nights() -> Series {
    let run = |(at, verdict): (u64, &str)| PastRun {
        id: format!("{at:016}"),
        started: FIRST + at * DAY,
        verdict: verdict.to_owned(),
        ..PastRun::default()
    };
    use Sign::{Failed, Flaky, Measured, Open, Passed};
    let verdicts = ["passed", "failed", "inconclusive", "failed", "failed"];
    let why = Some("SYNC-12: a page brought an item twice");
    Series {
        target: "staging".to_owned(),
        contract: "Harbour".to_owned(),
        runs: (0..).zip(verdicts).map(run).collect(),
        shown: 0,
        things: vec![
            thing(
                Kind::Scenario,
                "paging",
                &[
                    (0, Passed),
                    (1, Failed),
                    (2, Open),
                    (3, Failed),
                    (4, Failed),
                ],
                why,
            ),
            thing(
                Kind::Scenario,
                "sign-in",
                &[(0, Passed), (3, Passed), (4, Passed)],
                None,
            ),
            thing(Kind::Scenario, "start", &[(0, Flaky), (1, Passed)], why),
            thing(Kind::Rule, "SYNC-12", &[(1, Failed), (4, Passed)], why),
            thing(
                Kind::Figure,
                "latency.list",
                &[(0, Measured), (4, Measured)],
                None,
            ),
        ],
    }
}

fn database() -> Database {
    Database {
        path: ".rehearsal/history.db".to_owned(),
        size: 123_456,
    }
}

fn told(everything: bool) -> String {
    let mut out = Vec::new();
    let look = Look {
        everything,
        width: 100,
    };
    tell(&mut out, &database(), &[nights()], look).unwrap();
    anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
}

#[test]
fn what_needs_a_word_has_one_and_the_rest_is_counted() {
    insta::assert_snapshot!(told(false));
}

#[test]
fn everything_is_shown_to_whoever_asks() {
    let told = told(true);
    assert!(
        told.contains("sign-in") && !told.contains("never needed"),
        "{told}"
    );
}

#[test]
fn the_published_schema_knows_every_key_that_is_written() {
    let schema = include_str!("../../../docs/schemas/history.json");
    let schema = samples::closed(serde_json::from_str(schema).unwrap());
    let document = render(&database(), &[nights()]);
    let document = serde_json::from_slice(&document).unwrap();
    samples::assert_valid(&schema, &document);
}
