//! What parts of a fleet come to together.

use super::*;
use crate::domain::figures::Quantile;

fn part(seed: u64, millis: impl Iterator<Item = u64>, second: u64) -> Fleet {
    let mut counts = Counts::default();
    for own in millis {
        counts.time_to_live.record(Duration::from_millis(own));
        *counts.connects.entry(second + own % 3).or_default() += 1;
    }
    let requests = counts.requests.entry("sign-in".to_owned()).or_default();
    requests.succeeded = 3;
    requests.server_errors = 1;
    let apps = counts.time_to_live.count();
    Fleet {
        version: VERSION,
        contract: "A".to_owned(),
        target: "local".to_owned(),
        seeds: vec![seed],
        virtual_time: false,
        apps,
        accounts: 2,
        memory: Memory {
            before: 1_000,
            held: 11_000,
        },
        stages: vec![Stage {
            name: "ramp".to_owned(),
            apps,
            live: apps,
            lasted: Duration::from_secs(seed),
            processor: Duration::from_secs(1),
            counts,
        }],
        scope: Scope::default(),
        interrupted: false,
    }
}

#[test]
fn merged_percentiles_and_peaks_are_those_of_all_apps_together() {
    let whole = part(9, (0..3_000).map(|own| own * own % 7_919), 100);
    let mut merged = part(1, (0..1_100).map(|own| own * own % 7_919), 100);
    for other in [1_100..1_900, 1_900..3_000] {
        let part = part(2, other.map(|own| own * own % 7_919), 100);
        merged.add(&part).unwrap();
    }
    let (merged, whole) = (&merged.stages[0].counts, &whole.stages[0].counts);
    assert_eq!(merged.time_to_live, whole.time_to_live);
    for (_, quantile) in Quantile::ALL {
        let at = |own: &Counts| own.time_to_live.at(quantile);
        assert_eq!(at(merged), at(whole));
    }
    assert_eq!(merged.connects, whole.connects);
    assert_eq!(merged.peak_second(), whole.peak_second());
    assert_eq!(merged.requests["sign-in"].all(), 12);
}

#[test]
fn a_report_is_read_as_it_was_written() {
    let mut fleet = part(1, 0..100, 50);
    fleet.scope.deny(Denied {
        at: Duration::from_secs(3),
        app: 7,
        what: "POST trading /api/orders".to_owned(),
        class: Class::Forbidden,
        reason: "it must never be called".to_owned(),
    });
    let text = serde_json::to_string(&fleet).unwrap();
    assert_eq!(serde_json::from_str::<Fleet>(&text).unwrap(), fleet);
}

#[test]
fn parts_of_different_fleets_do_not_add_up() {
    let mut one = part(1, 0..10, 0);
    let mut other = part(2, 0..10, 0);
    other.target = "staging".to_owned();
    let why = one.add(&other).unwrap_err().to_string();
    assert!(why.contains("local") && why.contains("staging"), "{why}");
}

#[test]
fn of_many_findings_the_first_are_kept_and_all_are_counted() {
    let denied = |class| Denied {
        at: Duration::ZERO,
        app: 0,
        what: String::new(),
        class,
        reason: String::new(),
    };
    let mut scope = Scope::default();
    for _ in 0..EVIDENCE * 2 {
        scope.deny(denied(Class::Forbidden));
    }
    scope.deny(denied(Class::NotJudgeable));
    let mut all = scope.clone();
    all.add(&scope);
    assert_eq!(all.evidence.len(), EVIDENCE);
    assert_eq!(all.forbidden_writes, 4 * EVIDENCE as u64);
    assert_eq!(all.denied, all.forbidden_writes + 2);
}
