//! Steps that stand for others: flows with their parameters, and repetitions.

use std::fs;
use std::path::Path;

use super::super::*;
use super::folder;
use crate::domain::scenario::{Action, StepKind};

fn load(path: &Path) -> Result<Suite, Problems> {
    Suite::load(&Choice {
        scenarios: Some(path.to_owned()),
        contract: ContractChoice::Shipped,
        world: None,
    })
}

const ENTER: &str = r#"
name: Somebody enters
parameters: { account: , screen: home, patience: 10s }
steps:
  - do: sign-in
    as: "{account}"
  - expect: { screen: "{screen}" }
    within: "{patience}"
    label: entered
"#;

fn only(suite: &Suite) -> &crate::domain::scenario::Scenario {
    assert_eq!(suite.scenarios.len(), 1, "a flow is no scenario");
    &suite.scenarios[0]
}

#[test]
fn bad_uses_are_told_everything_that_is_wrong_in_the_files_where_it_stands() {
    let problems = load(Path::new("fixtures/files/suites/flows")).unwrap_err();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/files/snapshots");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("suites__flows", problems.render(Rendering::Plain)));
}

#[test]
fn a_flow_is_read_in_the_place_of_the_step_that_uses_it() {
    let folder = folder(&[
        ("flows/enter.yaml", ENTER),
        (
            "x.yaml",
            "name: X\nsteps:\n  - do: launch\n  - use: enter\n    with: { account: tester-a, patience: 3s }\n  - do: refresh\n",
        ),
    ]);
    let suite = load(folder.path()).unwrap();
    let scenario = only(&suite);
    let told: Vec<(usize, &str)> = scenario
        .steps
        .iter()
        .map(|step| (step.number, step.text.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "do: launch"),
            (3, "do: sign-in, as: tester-a"),
            (4, "expect: { screen: home }, within: 3s, label: entered"),
            (5, "do: refresh"),
        ]
    );
    let place = &scenario.steps[1].place;
    assert!(
        place.starts_with("line 5 of ") && place.ends_with("enter.yaml, used in line 4"),
        "{place}"
    );
    assert_eq!(scenario.accounts(), ["tester-a"]);
}

#[test]
fn a_single_file_uses_the_flows_of_the_suite_that_it_belongs_to() {
    let text = "name: X\nsteps:\n  - use: enter\n    with: { account: tester-a }\n";
    let folder = folder(&[
        ("flows/enter.yaml", ENTER),
        ("contract.yaml", ""),
        ("group/x.yaml", text),
    ]);
    let file = folder.path().join("group/x.yaml");
    assert_eq!(load(&file).unwrap().scenarios[0].steps.len(), 2);
    let group = load(&folder.path().join("group"));
    assert_eq!(group.unwrap().scenarios[0].steps.len(), 2);
    // Those of a folder above the suite are not its own.
    fs::write(folder.path().join("group/contract.yaml"), "").unwrap();
    let problem = load(&file).unwrap_err().to_string();
    assert!(problem.contains("there is no flow `enter`"), "{problem}");
}

#[test]
fn the_labels_of_a_flow_that_is_used_twice_begin_with_those_of_its_uses() {
    let twice = "name: Twice\nparameters: { who: tester-b }\nsteps:\n  - use: enter\n    with: { account: tester-a }\n    label: first\n  - use: enter\n    with: { account: \"{who}\" }\n    label: then\n";
    let folder = folder(&[
        ("flows/enter.yaml", ENTER),
        ("flows/group/twice.yaml", twice),
        (
            "x.yaml",
            "name: X\nsteps:\n  - use: enter\n    with: { account: tester-a }\n  - use: group/twice\n    label: again\n  - use: enter\n    with: { account: tester-a }\n    label: never\n    if: polling\n",
        ),
    ]);
    let suite = load(folder.path()).unwrap();
    let labels: Vec<&str> = only(&suite)
        .labels
        .iter()
        .map(|own| own.label.as_str())
        .collect();
    assert_eq!(
        labels,
        [
            "entered",
            "again.first.entered",
            "again.then.entered",
            "never.entered"
        ]
    );
    assert_eq!(only(&suite).accounts(), ["tester-a", "tester-b"]);
}

#[test]
fn what_a_contract_has_no_part_for_is_left_out_with_all_that_it_stands_for() {
    let contract = r#"
services: { api: {} }
session: { sign-in: { request: POST /in, json: { u: "{username}", p: "{password}" } } }
resources: { one: GET /one }
screens: { main: [one] }
"#;
    let flow = "name: Events come\nsteps:\n  - expect: { event: of-another-contract }\n    within: 5s\n    label: came\n";
    let folder = folder(&[
        ("contract.yaml", contract),
        ("flows/events.yaml", flow),
        (
            "x.yaml",
            "name: X\nsteps:\n  - do: launch\n  - use: events\n    if: realtime\n    label: first\n  - repeat: 3\n    steps: [{ use: events }]\n    if: realtime\n",
        ),
    ]);
    let suite = Suite::load(&Choice {
        scenarios: Some(folder.path().to_owned()),
        ..Choice::default()
    });
    let suite = suite.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(only(&suite).steps.len(), 1);
    let labels: Vec<_> = only(&suite)
        .labels
        .iter()
        .map(|own| (own.label.as_str(), own.step))
        .collect();
    assert_eq!(labels, [("first.came", None), ("came", None)]);
}

#[test]
fn a_parameter_can_be_any_value_and_literal_braces_are_written_twice() {
    let flow = "name: A\nparameters: { wanted: , what: bad }\nsteps:\n  - expect: \"{wanted}\"\n  - set: { fault: { on: data, respond: { status: 500, body: \"{{{what}}}\" } } }\n";
    let folder = folder(&[
        ("flows/a.yaml", flow),
        (
            "x.yaml",
            "name: X\nsteps:\n  - use: a\n    with: { wanted: { screen: home, session: open }, what: worse }\n",
        ),
    ]);
    let suite = load(folder.path()).unwrap();
    let steps = &only(&suite).steps;
    assert_eq!(steps[0].text, "expect: { screen: home, session: open }");
    assert!(
        steps[1].text.contains("body: \"{worse}\""),
        "{}",
        steps[1].text
    );
}

#[test]
fn what_is_repeated_is_one_list_of_steps_that_keep_their_places() {
    let folder = folder(&[(
        "x.yaml",
        "name: X\nsteps:\n  - repeat: 2\n    steps:\n      - do: launch\n      - repeat: 2\n        steps: [{ do: refresh }]\n      - expect: { screen: home }\n        label: there\n",
    )]);
    let suite = load(folder.path()).unwrap();
    let scenario = only(&suite);
    let numbers: Vec<usize> = scenario.steps.iter().map(|step| step.number).collect();
    assert_eq!(numbers, [2, 4, 4, 5, 2, 4, 4, 5]);
    assert_eq!(scenario.labels[0].step, Some(5));
    assert!(matches!(
        scenario.steps[5].kind,
        StepKind::Do(Action::Refresh)
    ));
}

proptest::proptest! {
    // Each case reads a suite from disk.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]
    #[test]
    fn no_flow_makes_the_reader_panic(
        flow in "[\\-:{}\\[\\]\"# a\\nusetp,]{0,80}",
        with in "[a{}:,\" ]{0,20}",
    ) {
        let text = format!("name: X\nsteps:\n  - use: a\n    with: {with}\n");
        let folder = folder(&[("flows/a.yaml", flow.as_str()), ("x.yaml", text.as_str())]);
        let _ = load(folder.path()).map_err(|problems| problems.render(Rendering::Plain));
    }
}
