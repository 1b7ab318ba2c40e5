//! What is told of a journal, and what is in force at the moment that decides.

use std::time::Duration;

use super::*;
use crate::domain::change::{Fault, RequestMatch};
use crate::domain::journal::LeverHow;

fn entry(id: u64, fact: Fact) -> Arc<Entry> {
    Arc::new(Entry {
        id: EntryId(id),
        at: Duration::from_millis(id),
        device: None,
        fact,
    })
}

fn changed(id: u64, change: Change) -> Arc<Entry> {
    let how = LeverHow::Gateway;
    entry(
        id,
        Fact::Harness(HarnessFact::Changed(Changed { change, how })),
    )
}

fn citing(evidence: &[u64]) -> Finding {
    Finding {
        rule: "NET-1".to_owned(),
        subject: Subject::App,
        message: String::new(),
        expected: String::new(),
        observed: String::new(),
        evidence: evidence.iter().copied().map(EntryId).collect(),
        request_ids: Vec::new(),
        severity: Severity::Violation,
    }
}

fn told(findings: &[Finding], entries: &[Arc<Entry>]) -> Story {
    let mut teller = Teller::new(findings, &[]);
    for entry in entries {
        if !teller.hear(entry) {
            break;
        }
    }
    teller.told()
}

#[test]
fn what_was_switched_off_again_is_in_force_no_more_and_what_comes_later_is_not_told() {
    let fault = |fault| Change::Fault {
        on: RequestMatch::Data,
        fault,
    };
    let stopped = |running| Change::Backend {
        service: Some("orders".to_owned()),
        running,
    };
    let act = |id, account: &str| {
        let account = account.to_owned();
        entry(id, Fact::Act(Act::SignIn { account }))
    };
    let entries = [
        act(1, "tester-a"),
        changed(2, Change::Maintenance(true)),
        changed(3, fault(Some(Fault::Reset))),
        changed(4, stopped(false)),
        changed(5, Change::Maintenance(false)),
        changed(6, stopped(true)),
        changed(7, Change::Network(false)),
        act(8, "tester-b"),
    ];
    let story = told(&[citing(&[7])], &entries);
    let ids: Vec<u64> = story.switched.iter().map(|own| own.id.0).collect();
    assert_eq!(ids, [3, 7]);
    assert_eq!(story.accounts, ["tester-a"]);
    assert_eq!(story.moments.len(), 7);
}

#[test]
fn of_many_moments_the_cited_ones_and_those_just_before_are_kept() {
    let mut entries: Vec<Arc<Entry>> = (1..500)
        .map(|id| entry(id, Fact::Act(Act::Refresh)))
        .collect();
    entries.push(entry(500, Fact::SocketUpgraded { socket: 1 }));
    let story = told(&[citing(&[300, 500])], &entries);
    assert!(
        story.moments.len() <= 2 * MOST + 2,
        "{}",
        story.moments.len()
    );
    for cited in [300, 500] {
        assert!(story.moments.iter().any(|own| own.id.0 == cited), "{cited}");
    }
    assert_eq!(story.left_out + story.moments.len(), 500);
}
