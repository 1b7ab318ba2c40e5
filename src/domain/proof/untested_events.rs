//! Events that a contract declares and that nothing would miss if they never came.

use std::fmt;
use std::sync::Arc;

use crate::domain::change::Change;
use crate::domain::contract::{Contract, EventRule};
use crate::domain::scenario::{Expectation, Scenario, StepKind};

/// A declared event that nothing tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntestedEvent {
    event: String,
    /// The levers after which it is promised, of which no scenario moves any.
    levers: Vec<String>,
}

impl fmt::Display for UntestedEvent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = &self.event;
        write!(
            out,
            "nothing would miss the event `{event}` if it never came: "
        )?;
        if self.levers.is_empty() {
            return out.write_str(
                "promise it (`at-least-every`, or `after` a lever), or expect or push it in a scenario",
            );
        }
        let levers: Vec<String> = self.levers.iter().map(|own| format!("`{own}`")).collect();
        write!(
            out,
            "it is promised after {}, and no scenario sets that",
            levers.join(" and ")
        )
    }
}

/// Every declared event that is neither promised nor asked for by a scenario.
#[must_use]
pub fn untested_events(contract: &Contract, scenarios: &[Arc<Scenario>]) -> Vec<UntestedEvent> {
    let is_untested = |event: &&EventRule| {
        let mut scenarios = scenarios.iter();
        event.promise.at_least_every.is_none()
            && !scenarios.any(|scenario| asks_for(scenario, event))
    };
    let untested = contract.events().filter(is_untested);
    untested
        .map(|event| UntestedEvent {
            event: event.name.clone(),
            levers: event
                .promise
                .after
                .iter()
                .map(|after| after.lever.clone())
                .collect(),
        })
        .collect()
}

/// Whether a scenario expects an event, has it sent, or moves the lever after which it is promised.
fn asks_for(scenario: &Scenario, event: &EventRule) -> bool {
    scenario.steps.iter().any(|step| match &step.kind {
        StepKind::Set(Change::Push { event: pushed, .. }) => *pushed == event.name,
        StepKind::Set(Change::Own(lever)) => event
            .promise
            .after
            .iter()
            .any(|after| after.lever == *lever),
        StepKind::Set(_) | StepKind::Do(_) | StepKind::Own(_) => false,
        StepKind::Expect { all, .. } => all
            .iter()
            .any(|one| matches!(one, Expectation::Event(own) if *own == event.name)),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::contract::AfterChange;
    use crate::domain::contract::harbour::harbour;
    use crate::domain::scenario::Step;

    fn scenario(kind: StepKind) -> Arc<Scenario> {
        Arc::new(Scenario {
            id: "one".to_owned(),
            name: String::new(),
            file: String::new(),
            runbook: Vec::new(),
            labels: Vec::new(),
            tags: Vec::new(),
            needs: Vec::new(),
            lacks: None,
            waivers: Vec::new(),
            known_failure: None,
            devices: Vec::new(),
            steps: vec![Step {
                number: 1,
                place: "line 1".to_owned(),
                on: 0,
                text: String::new(),
                kind,
            }],
            finally: Vec::new(),
        })
    }

    #[test]
    fn an_event_that_nobody_would_miss_is_told_with_what_to_do() {
        let mut contract = harbour();
        let told = |contract: &Contract, kind| -> Vec<String> {
            let untested = untested_events(contract, &[scenario(kind)]);
            untested.iter().map(ToString::to_string).collect()
        };
        let landing = || StepKind::Set(Change::Own("landing".to_owned()));
        let said = told(&contract, landing());
        assert!(
            said[0].contains("`ship_moved`") && said[0].contains("promise it"),
            "{said:?}"
        );
        let pushed = Change::Push {
            event: "ship_moved".to_owned(),
            payload: None,
        };
        assert_eq!(told(&contract, StepKind::Set(pushed)), Vec::<String>::new());

        let promise = &mut contract.realtime.as_mut().unwrap().events[0].promise;
        promise.after = vec![AfterChange {
            lever: "landing".to_owned(),
            within: Duration::from_secs(8),
        }];
        assert_eq!(told(&contract, landing()), Vec::<String>::new());
        let said = told(&contract, StepKind::Set(Change::DropSockets));
        assert!(said[0].contains("no scenario sets"), "{said:?}");
    }
}
