//! A shipped scenario under contracts that differ from the shipped one in how pages are found.

use std::path::Path;
use std::sync::Arc;

use rehearsal::domain::result::ScenarioResult;
use rehearsal::domain::verdict::Verdict;
use rehearsal::mock::Defect;
use rehearsal::run::{Interrupt, Plan, Target, perform};
use rehearsal::suite::{Choice, ContractChoice, Suite};
use rstest::rstest;

const CURSOR: &str = "cursor: { query: cursor, from: /nextCursor, refused-by: 400 }";

fn play(scenario: &Path, contract: ContractChoice, defects: Vec<Defect>) -> ScenarioResult {
    let suite = Suite::load(&Choice {
        scenarios: Some(scenario.to_owned()),
        contract,
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
        defects,
        jobs: 1,
        journal_dir: None,
        run_file: None,
        lease: None,
    };
    let mut result = perform(&plan, &Interrupt::new(), &mut |_| {}).unwrap();
    assert_eq!(result.scenarios.len(), 1);
    result.scenarios.remove(0)
}

fn assert_passed(result: &ScenarioResult) {
    let outcome = &result.outcome;
    assert_eq!(outcome.verdict, Verdict::Passed, "{:#?}", outcome.findings);
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
    assert_eq!(outcome.scope.canaries_caught, outcome.scope.canaries_sent);
    assert!(outcome.scope.canaries_sent > 0);
}

#[rstest]
#[case::link("cursor: { query: after, from: \"header:link\", refused-by: 400 }")]
#[case::flag("cursor: { query: after, from: /page/last, more: /page/hasMore }")]
#[case::number("page: { query: page, first: 1 }")]
#[case::count("offset: { query: skip }")]
fn every_way_to_find_the_next_page_leads_to_the_end_of_the_list(#[case] way: &str) {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::fs::read_to_string("scenarios/contract.yaml").unwrap();
    assert!(shipped.contains(CURSOR), "the shipped contract has changed");
    let contract = folder.path().join("contract.yaml");
    std::fs::write(&contract, shipped.replace(CURSOR, way)).unwrap();
    let scenario = Path::new("scenarios/tabs/every-page.yaml");
    let contract = || ContractChoice::File(contract.clone());
    assert_passed(&play(scenario, contract(), Vec::new()));
    let wrong = play(scenario, contract(), vec![Defect::RepeatedPageItem]);
    let rules = wrong.outcome.findings.iter().map(|finding| &*finding.rule);
    assert!(
        rules.clone().any(|rule| rule == "SYNC-12"),
        "{:?}",
        rules.collect::<Vec<_>>()
    );
}
