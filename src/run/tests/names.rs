//! Names that sound like what levers and faults do mean nothing to the rules.

use super::*;
use crate::app::Quirk;
use crate::domain::contract::renamed::Renaming;
use crate::domain::verdict::Severity;
use crate::suite::{Source, read_scenario};

/// The rules that an app with this quirk breaks where `trading` is called `service` and the socket is
/// blocked for a while after `change`.
fn broken(quirk: Quirk, service: &str, change: &str) -> Vec<String> {
    let text = format!(
        "
name: The feed is blocked for a while
steps:
  - do: launch
  - do: sign-in
    as: tester-a
  - expect: {{ screen: home, session: open, feed: live }}
    within: 10s
{change}
  - do: {{ wait: 20s }}
  - set: {{ socket: blocked }}
  - do: {{ wait: 1m }}
  - set: {{ socket: open }}
  - do: {{ wait: 1m }}
"
    );
    let mut plan = plan();
    let mut suite = Suite::shipped().unwrap();
    let renaming = Renaming {
        services: [("trading".to_owned(), service.to_owned())].into(),
        ..Renaming::default()
    };
    suite.contract = Arc::new(renaming.contract(&suite.contract));
    let source = Source::new("blocked.yaml", text);
    let scenario = Arc::new(read_scenario(&source, Some(&suite.contract)).unwrap());
    plan.suite = Arc::new(suite);
    plan.scenarios = vec![Arc::clone(&scenario)];
    plan.quirks.push(quirk);
    let result = play::play(&plan, &scenario, &Interrupt::new());
    // A socket that is refused for a minute is worth a remark.
    let findings = result.outcome.findings.into_iter();
    let broken = findings.filter(|finding| finding.severity >= Severity::Violation);
    broken.map(|finding| finding.rule).collect()
}

#[test]
fn a_slow_path_that_is_called_refused_hides_no_app_that_does_not_poll() {
    let slow = |path: &str| {
        format!("  - set: {{ fault: {{ on: GET trading /api/{path}-orders, delay: 1s }} }}")
    };
    for path in ["filled", "refused"] {
        let found = broken(Quirk::NoFallback, "trading", &slow(path));
        assert!(found.contains(&"SYNC-1".to_owned()), "{path}: {found:?}");
    }
}

#[test]
fn a_service_that_is_called_stop_loss_hides_no_app_that_stays_on_polling() {
    for service in ["stop-loss", "off"] {
        let change = format!(
            "  - set: {{ backend: {{ {service}: stopped }} }}\n  - set: {{ backend: {{ {service}: running }} }}"
        );
        let found = broken(Quirk::StaysOnPolling, service, &change);
        assert!(found.contains(&"SYNC-2".to_owned()), "{service}: {found:?}");
    }
}
