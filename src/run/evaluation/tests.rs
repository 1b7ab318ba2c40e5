//! What the record of the harness comes to.

use super::*;
use crate::domain::subject::Subject;

const SECOND: Duration = Duration::from_secs(1);

/// What is left of a step that began at 10 s and was unmet at 15 s, with a lag at 12 s.
fn left(overdue: bool, lost_ms: u64) -> (Severity, Option<StepPhase>, usize) {
    let unmet = UnmetStep {
        subject: Subject::App,
        message: String::new(),
        expected: String::new(),
        observed: String::new(),
        evidence: Vec::new(),
        request_ids: Vec::new(),
        overdue,
    };
    let step = |phase| HarnessFact::Step {
        step: 4,
        text: String::new(),
        phase,
    };
    let lagged = HarnessFact::Lagged {
        by_ms: lost_ms,
        over_ms: 1_000,
    };
    let facts = [
        (10, step(StepPhase::Began)),
        (12, lagged),
        (15, step(StepPhase::Unmet)),
        (15, HarnessFact::Unmet(unmet)),
    ];
    let mut record = HarnessRecord::default();
    for (at, fact) in facts {
        record.see(&Entry {
            id: EntryId(at),
            at: SECOND * u32::try_from(at).unwrap(),
            device: None,
            fact: Fact::Harness(fact),
        });
    }
    let doubts = record.forgive();
    let severity = record.unmet[0].finding.severity;
    (severity, record.steps.get(&4).copied(), doubts.len())
}

#[test]
fn what_has_not_come_in_time_while_the_harness_lagged_is_a_doubt_and_what_came_wrong_stands() {
    let unmet = Some(StepPhase::Unmet);
    assert_eq!(
        left(true, 3_000),
        (Severity::Information, Some(StepPhase::Failed), 1)
    );
    assert_eq!(left(true, 2_000), (Severity::Violation, unmet, 0));
    assert_eq!(left(false, 3_000), (Severity::Violation, unmet, 0));
}

#[test]
fn what_was_told_of_an_app_is_not_called_silence() {
    let (all, none): (Vec<&str>, [&str; 0]) =
        (rules::catalogue().map(|rule| rule.id).collect(), []);
    let of = |told, not_exercised: &[&str]| {
        let untold = untold(told, not_exercised, &[]);
        let mut own = untold.into_iter().filter(|(id, _)| id == "SESSION-13");
        own.next().map(|(_, why)| why)
    };
    assert!(of(false, &all).is_some_and(|why| why.contains("says nothing")));
    assert!(of(true, &all).is_some_and(|why| !why.contains("says nothing")));
    assert_eq!(of(true, &none), None);
}
