//! Several devices in one scenario: one world, and each judged for itself.

use std::collections::BTreeSet;

use super::*;
use crate::domain::coverage::Kind;
use crate::domain::journal::Entry;
use crate::domain::journal::file::{FirstLine, first_line};
use crate::domain::verdict::{Finding, Severity};
use crate::mock::Defect;
use crate::run::{JudgedBy, judge};

fn two_devices(defects: Vec<Defect>, folder: &std::path::Path) -> Vec<Finding> {
    let mut plan = plan();
    plan.scenarios.retain(|own| own.id == "two-devices");
    plan.defects = defects;
    plan.journal_dir = Some(folder.to_owned());
    let result = play::play(&plan, &plan.scenarios[0], &Interrupt::new());
    let file = folder.join("two-devices.jsonl");
    let by = JudgedBy {
        contract: &plan.suite.contract,
        fingerprint: &plan.suite.fingerprint,
        runbook: &plan.suite.runbook,
    };
    let (again, remarks) = judge(&[file], by, &mut |_| {}).unwrap();
    assert_eq!(remarks, [""; 0]);
    assert_eq!(again.scenarios[0].outcome, result.outcome, "offline");
    let found = result.outcome.findings.into_iter();
    found
        .filter(|finding| finding.severity > Severity::Information)
        .collect()
}

#[test]
fn two_devices_behave_and_every_entry_of_theirs_says_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(two_devices(Vec::new(), folder.path()), []);
    let text = std::fs::read_to_string(folder.path().join("two-devices.jsonl")).unwrap();
    let mut lines = text.lines();
    let header = first_line(lines.next().unwrap().as_bytes()).unwrap();
    let FirstLine::Header(header) = header else {
        panic!("{header:?}");
    };
    assert_eq!(
        header.journal, 3,
        "an older reader would take both for one client"
    );
    assert_eq!(header.case.devices, ["phone", "tablet"]);
    let (mut devices, mut exchanges) = (BTreeSet::new(), BTreeSet::new());
    for line in lines {
        let entry: Entry = serde_json::from_str(line).unwrap();
        let is_of_the_harness = matches!(entry.fact, crate::domain::journal::Fact::Harness(_));
        assert!(is_of_the_harness || entry.device.is_some(), "{line}");
        if let crate::domain::journal::Fact::Request(request) = &entry.fact {
            assert!(exchanges.insert(request.exchange), "{line}");
        }
        devices.extend(entry.device);
    }
    assert_eq!(Vec::from_iter(devices), ["phone", "tablet"]);
}

#[test]
fn what_is_measured_is_measured_of_both_and_counted_once() {
    let mut plan = plan();
    plan.scenarios.retain(|own| own.id == "two-devices");
    let result = play::play(&plan, &plan.scenarios[0], &Interrupt::new());
    let played = result.outcome.duration;
    let watched = result.figures.watched;
    assert!(watched > played && watched <= 2 * played, "{watched:?}");
    assert_eq!(result.figures.sign_ins.succeeded, 2);
    let tested: BTreeSet<&str> = result
        .coverage
        .of(Kind::Rules)
        .filter(|(_, covered)| covered.is_tested())
        .map(|(rule, _)| rule)
        .collect();
    for rule in ["TENANT-1", "SESSION-15", "NET-13"] {
        assert!(tested.contains(rule), "{rule} is not among {tested:?}");
    }
}

#[test]
fn what_the_backend_emits_to_every_socket_is_found_where_two_users_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let found = two_devices(vec![Defect::EverySocket], folder.path());
    assert!(
        found.iter().any(|finding| finding.rule == "TENANT-1"),
        "{found:#?}"
    );
}

#[test]
fn what_one_device_does_wrong_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let found = two_devices(vec![Defect::NoRequestId], folder.path());
    let told: BTreeSet<&str> = found
        .iter()
        .filter(|finding| finding.rule == "NET-13")
        .filter_map(|finding| finding.message.split(": ").next())
        .collect();
    assert_eq!(Vec::from_iter(told), ["on phone", "on tablet"]);
}
