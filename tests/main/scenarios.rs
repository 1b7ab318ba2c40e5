//! The shipped scenarios, each file a test: in virtual time against the mock.

use std::path::PathBuf;
use std::sync::Arc;

use rehearsal::domain::verdict::Verdict;
use rehearsal::run::{Interrupt, Plan, Target, perform};
use rehearsal::suite::{Choice, ContractChoice, Suite};
use rstest::rstest;

#[rstest]
fn a_shipped_scenario_passes(
    #[files("scenarios/*.yaml")]
    #[exclude("contract\\.yaml$")]
    scenario: PathBuf,
) {
    let suite = Suite::load(&Choice {
        scenarios: Some(scenario),
        contract: ContractChoice::Shipped,
        world: None,
    })
    .unwrap();
    let plan = Plan {
        scenarios: suite.scenarios.clone(),
        suite: Arc::new(suite),
        target: Target::Mock,
        real_time: false,
        seed: 1,
        quirks: Vec::new(),
        defects: Vec::new(),
        jobs: 1,
        journal_dir: None,
    };
    let result = perform(&plan, &Interrupt::new(), &mut |_| {}).unwrap();
    assert_eq!(result.scenarios.len(), 1);
    let outcome = &result.scenarios[0].outcome;
    assert_eq!(outcome.verdict, Verdict::Passed, "{:#?}", outcome.findings);
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
    assert_eq!(outcome.scope.canaries_caught, outcome.scope.canaries_sent);
    assert!(outcome.scope.canaries_sent > 0);
}
