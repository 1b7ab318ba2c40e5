//! Policy mutation: every entry of the shipped forbid list is dropped once, at the gateway alone.

use super::*;
use crate::domain::proof::policy;

#[test]
fn without_an_entry_of_the_forbid_list_its_marked_call_is_missed_and_nothing_is_proven() {
    let plan = plan();
    let contract = &plan.suite.contract;
    assert_eq!(policy::untested(contract), Vec::<&RequestPattern>::new());
    for (at, entry) in contract.scope.forbid.iter().enumerate() {
        let policy = policy::without(contract, at);
        let scenario = &plan.scenarios[0];
        let result = play::play_with(
            &plan,
            scenario,
            &Interrupt::new(),
            &policy,
            &KnownAccounts::default(),
        );
        let Verdict::Inconclusive(why) = &result.outcome.verdict else {
            panic!("{entry}: {:?}", result.outcome.verdict)
        };
        let path = entry.path.example();
        assert!(
            why.contains(&path) && why.contains("was not caught"),
            "{entry}: {why}"
        );
    }
}

#[test]
fn with_the_whole_list_every_marked_call_is_caught() {
    let plan = plan();
    let contract = Arc::clone(&plan.suite.contract);
    let result = play::play_with(
        &plan,
        &plan.scenarios[0],
        &Interrupt::new(),
        &contract,
        &KnownAccounts::default(),
    );
    let scope = &result.outcome.scope;
    assert_eq!(scope.canaries_caught, scope.canaries_sent);
    assert!(scope.canaries_sent >= contract.scope.forbid.len() as u64);
}
