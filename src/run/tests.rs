//! What becomes of a scenario that does not come to its end.

use std::sync::Arc;

use super::known_accounts::KnownAccounts;
use super::{Interrupt, Plan, Target, play};
use crate::domain::contract::RequestPattern;
use crate::domain::verdict::Verdict;
use crate::suite::Suite;

mod bodies;
mod devices;
mod fail_modes;
mod fleet;
mod names;
mod opaque;
mod policy;

fn plan() -> Plan {
    Plan::of(Suite::shipped().unwrap(), Target::Mock, 1)
}

#[test]
fn an_interrupted_scenario_is_in_doubt_for_that_reason_alone() {
    let plan = plan();
    let interrupt = Interrupt::new();
    interrupt.trigger();
    let result = play::play(&plan, &plan.scenarios[0], &interrupt);
    assert_eq!(
        result.outcome.verdict,
        Verdict::Inconclusive("the run was interrupted".to_owned())
    );
}
