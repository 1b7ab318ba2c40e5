//! Shipped scenarios that differ: under contracts that find pages in other ways, and for a shorter time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rehearsal::internals::domain::result::ScenarioResult;
use rehearsal::internals::domain::verdict::Verdict;
use rehearsal::internals::mock::Defect;
use rehearsal::internals::run::{Interrupt, Plan, Target, perform};
use rehearsal::internals::suite::{Choice, ContractChoice, Suite};
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
        defects,
        ..Plan::of(suite, Target::Mock, 1)
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
    let shipped = fs::read_to_string("scenarios/contract.yaml").unwrap();
    assert!(shipped.contains(CURSOR), "the shipped contract has changed");
    let contract = folder.path().join("contract.yaml");
    fs::write(&contract, shipped.replace(CURSOR, way)).unwrap();
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

/// What is played for a week when it is asked for is played for a day in the tests.
#[test]
fn a_day_of_the_soak_passes() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("scenarios");
    fs::create_dir_all(suite.join("flows")).unwrap();
    fs::create_dir(folder.path().join("fixtures")).unwrap();
    let copies = ["fixtures/world.yaml", "scenarios/contract.yaml"].map(PathBuf::from);
    let flows = fs::read_dir("scenarios/flows").unwrap();
    for file in copies
        .into_iter()
        .chain(flows.map(|own| own.unwrap().path()))
    {
        fs::copy(&file, folder.path().join(&file)).unwrap();
    }
    let week = fs::read_to_string("scenarios/live/soak.yaml").unwrap();
    assert!(week.contains("repeat: 7"), "the soak is no week any more");
    let soak = suite.join("soak.yaml");
    fs::write(&soak, week.replace("repeat: 7", "repeat: 1")).unwrap();
    let result = play(&soak, ContractChoice::OfSuite, Vec::new());
    assert_passed(&result);
    assert!(result.outcome.duration > Duration::from_secs(20 * 60 * 60));
}
