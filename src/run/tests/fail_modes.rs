//! KILL-3 under agreements that the shipped contract does not make: `open` and `closed`.

use super::*;
use crate::app::Quirk;
use crate::domain::contract::FailMode;
use crate::domain::verdict::Severity;
use crate::suite::{Source, read_scenario};

/// A kill-switch that cannot be asked for three minutes, after it said `before`.
fn silent_after(before: &str) -> String {
    format!(
        "
name: The kill-switch falls silent
steps:
  - do: launch
  - do: sign-in
    as: tester-a
  - expect: {{ screen: home, session: open, feed: live }}
    within: 10s
  - set: {{ maintenance: {before} }}
  - do: refresh
  - do: {{ wait: 10s }}
  - set: {{ fault: {{ on: status, respond: 500 }} }}
  - do: {{ wait: 3m }}
  - set: {{ maintenance: off }}
  - set: {{ fault: {{ on: status, off: on }} }}
  - expect: {{ screen: home, session: open, feed: live }}
    within: 1m
"
    )
}

/// The rules that are broken when an app plays a silent switch under this agreement.
fn broken(mode: FailMode, before: &str, quirk: Option<Quirk>) -> Vec<String> {
    let mut plan = plan();
    let mut suite = Suite::shipped().unwrap();
    let contract = Arc::make_mut(&mut suite.contract);
    contract.kill_switch.as_mut().unwrap().fail_mode = mode;
    let source = Source::new("silent.yaml", silent_after(before));
    let scenario = Arc::new(read_scenario(&source, Some(&suite.contract)).unwrap());
    plan.suite = Arc::new(suite);
    plan.scenarios = vec![Arc::clone(&scenario)];
    plan.quirks.extend(quirk);
    let result = play::play(&plan, &scenario, &Interrupt::new());
    // A socket that is refused for minutes comes to the stock schedule's cap, which is worth a remark.
    let findings = result.outcome.findings.into_iter();
    let broken = findings.filter(|finding| finding.severity >= Severity::Violation);
    broken.map(|finding| finding.rule).collect()
}

#[test]
fn an_app_that_keeps_the_agreement_is_not_found_whatever_it_is() {
    for mode in [FailMode::LastKnown, FailMode::Open, FailMode::Closed] {
        for before in ["off", "on"] {
            let none: [String; 0] = [];
            assert_eq!(broken(mode, before, None), none, "{mode:?} after {before}");
        }
    }
}

#[test]
fn an_app_that_keeps_another_agreement_is_found() {
    for (mode, before, quirk) in [
        (FailMode::Closed, "off", Quirk::FailsOpen),
        (FailMode::Open, "off", Quirk::FailsClosed),
        (FailMode::Open, "on", Quirk::FailsClosed),
    ] {
        let broken = broken(mode, before, Some(quirk));
        assert!(
            broken.contains(&"KILL-3".to_owned()),
            "{mode:?} after {before}: {broken:?}"
        );
    }
}
