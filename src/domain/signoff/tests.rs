//! What is complete, and everything that is not.

use jiff::civil::date;

use super::*;
use crate::domain::runbook::{Answered, State, Status, Triggered};

fn item(id: &str, status: Status) -> Answered {
    Answered {
        id: id.to_owned(),
        title: format!("What {id} asks for"),
        group: "A".to_owned(),
        status,
        by: Vec::new(),
        reasons: match status {
            Status::Proven | Status::Attested => Vec::new(),
            _ => vec!["why".to_owned()],
        },
        attested: None,
    }
}

fn night(day: i8, items: &[(&str, Status)], state: State) -> Night {
    Night {
        run: format!("run-{day}"),
        day: date(2026, 11, day),
        started: u64::from(day.unsigned_abs()) * 86_400,
        files: Vec::new(),
        hashes: Vec::new(),
        versions: vec![("contract", "a".to_owned())],
        verdict: Verdict::Passed,
        partial: None,
        misbehaving: Vec::new(),
        answer: Answer {
            items: items.iter().map(|(id, status)| item(id, *status)).collect(),
            rollback: vec![Triggered {
                id: "R.1".to_owned(),
                title: "It leaks".to_owned(),
                actions: Vec::new(),
                state,
                by: Vec::new(),
                reasons: Vec::new(),
                evidence: Vec::new(),
            }],
            ..Answer::default()
        },
        causes: Vec::new(),
        not_judged: Vec::new(),
    }
}

fn good(day: i8) -> Night {
    night(
        day,
        &[
            ("A", Status::Proven),
            ("B", Status::Attested),
            ("C", Status::NotApplicable),
        ],
        State::Quiet,
    )
}

fn signed(nights: Vec<Night>, first: i8, last: i8) -> SignOff {
    sign_off(Gathered {
        target: "staging".to_owned(),
        period: Period {
            first: date(2026, 11, first),
            last: date(2026, 11, last),
        },
        nights,
        unusable: Vec::new(),
        passed_over: 0,
    })
}

fn lacks(signed: &SignOff) -> Vec<String> {
    signed.lacks.iter().map(ToString::to_string).collect()
}

#[test]
fn a_period_in_which_every_night_proved_everything_is_complete_in_any_order_of_its_runs() {
    let signed = signed(vec![good(30), good(28), good(29)], 28, 30);
    assert!(signed.is_complete(), "{:?}", signed.lacks);
    assert_eq!(signed.newest().unwrap().run, "run-30");
    assert_eq!(signed.items[2].standing, Standing::NotApplicable);
}

#[test]
fn a_night_that_is_missing_or_cut_off_or_down_keeps_it_from_being_complete() {
    let mut cut = good(27);
    cut.partial = Some("it was cut off".to_owned());
    let mut down = night(29, &[("A", Status::Inconclusive)], State::NotJudged);
    down.verdict = Verdict::Errored("refused".to_owned());
    let signed = signed(vec![cut, down, good(30)], 27, 30);
    let told = lacks(&signed);
    assert_eq!(
        told,
        [
            "not scored in every night, because the runbook changed: B, C",
            "no run began on 2026-11-28",
            "the night of 2026-11-27 is not whole: it was cut off",
            "the night of 2026-11-29 is not whole: errored: refused",
        ]
    );
}

#[test]
fn what_was_violated_once_or_is_proven_no_more_or_never_was_is_named_by_its_id() {
    let first = [
        ("A", Status::Violated),
        ("B", Status::Proven),
        ("C", Status::Inconclusive),
    ];
    let second = [
        ("A", Status::Proven),
        ("B", Status::Inconclusive),
        ("C", Status::Inconclusive),
    ];
    let signed = signed(
        vec![
            night(29, &first, State::Fired),
            night(30, &second, State::Quiet),
        ],
        29,
        30,
    );
    assert_eq!(
        lacks(&signed),
        [
            "the rollback trigger R.1 It leaks fired on 2026-11-29",
            "violated in the period: A",
            "proven before, and not in the last night: B",
            "proven in no night: C",
        ]
    );
    assert_eq!(signed.items[0].why.as_deref(), Some("on 2026-11-29: why"));
}

#[test]
fn another_version_and_an_item_that_came_later_are_named_with_the_day() {
    let mut later = good(30);
    later.versions[0].1 = "b".to_owned();
    later.answer.items.push(item("D", Status::Proven));
    let signed = signed(vec![good(29), later], 29, 30);
    assert_eq!(
        lacks(&signed),
        [
            "not scored in every night, because the runbook changed: D",
            "not all nights have the same contract: a from 2026-11-29, b from 2026-11-30",
        ]
    );
    assert_eq!(signed.items[3].days, [None, Some(Status::Proven)]);
}

#[test]
fn of_several_runs_of_a_day_a_violation_stays_and_a_second_run_fills_what_the_first_left_open() {
    let mut again = night(
        30,
        &[("A", Status::Violated), ("B", Status::Proven)],
        State::NotJudged,
    );
    again.run = "again".to_owned();
    again.misbehaving = vec!["deaf".to_owned()];
    let signed = signed(
        vec![
            night(
                30,
                &[("A", Status::Proven), ("B", Status::Inconclusive)],
                State::Quiet,
            ),
            again,
        ],
        30,
        30,
    );
    assert_eq!(signed.items[0].standing, Standing::Violated);
    assert_eq!(signed.items[1].standing, Standing::Holds);
    assert!(
        lacks(&signed)
            .iter()
            .any(|own| own.contains("misbehaved on purpose (deaf)"))
    );
}

#[test]
fn nothing_at_all_is_complete_in_no_way() {
    let signed = signed(Vec::new(), 29, 30);
    assert!(!signed.is_complete() && signed.newest().is_none());
}
