//! Suites on disk: what belongs together, and what is said when something is missing.

use std::fs;
use std::path::Path;

use super::super::*;
use super::{SHIPPED_SCENARIOS, folder};
use crate::domain::change::Change;
use crate::domain::scenario::StepKind;

const CONTRACT: &str = r#"
services: { api: {} }
session:
  sign-in:
    request: POST /oauth/token
    form: { grant_type: password, username: "{username}", password: "{password}" }
resources:
  ledger: { request: GET /v2/ledger, items: /rows, key: /uid, paging: { offset: { query: skip } } }
  balance: GET /v2/balance
screens: { money: [balance], past: [ledger] }
realtime: { service: api, events: { tick: balance } }
"#;

fn ids(suite: &Suite) -> Vec<&str> {
    let scenarios = suite.scenarios.iter();
    scenarios.map(|scenario| scenario.id.as_str()).collect()
}

fn load(path: &Path) -> Result<Suite, Problems> {
    Suite::load(&Choice {
        scenarios: Some(path.to_owned()),
        ..Choice::default()
    })
}

fn error(path: &Path) -> String {
    load(path).unwrap_err().to_string()
}

#[test]
fn the_shipped_scenarios_can_be_played_against_any_contract() {
    let folder = folder(&[("contract.yaml", CONTRACT)]);
    let suite = Suite::load(&Choice {
        contract: ContractChoice::File(folder.path().join("contract.yaml")),
        ..Choice::default()
    });
    let suite = suite.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(suite.scenarios.len(), SHIPPED_SCENARIOS);
    assert!(
        suite.world.is_none(),
        "the shipped world is of another contract"
    );
    let steps: Vec<_> = suite.scenarios.iter().map(|own| &own.steps).collect();
    let shown = format!("{steps:?}");
    assert!(
        shown.contains("Screen(Own(\"money\"))") && shown.contains("Updates(\"balance\")"),
        "{shown}"
    );
    assert!(shown.contains("service: Some(\"api\")"), "{shown}");
}

#[test]
fn a_folder_brings_its_scenarios_in_the_order_of_their_names_and_its_own_world() {
    let world =
        "users: { a: { username: u, password: p, data: { ledger: { rows: [] }, balance: {} } } }";
    let folder = folder(&[
        ("contract.yaml", CONTRACT),
        ("world.yaml", world),
        ("b.yaml", "name: B\nsteps: [{ do: launch }]"),
        ("a.yml", "name: A\nsteps: [{ do: { open: past } }]"),
        ("notes.txt", "not read"),
    ]);
    let suite = load(folder.path()).unwrap();
    assert_eq!(ids(&suite), ["a", "b"]);
    assert_eq!(suite.world.unwrap().users[0].username, "u");
}

#[test]
fn scenarios_stand_in_folders_and_are_played_in_the_order_of_their_paths() {
    let own = "name: X\nsteps: [{ do: launch }]";
    let folder = folder(&[
        ("contract.yaml", CONTRACT),
        ("z.yaml", own),
        ("sign-in/wrong.yaml", own),
        ("sign/deep/in.yaml", own),
        ("notes/readme.txt", "not read"),
        // None of these is the suite's own.
        (".drafts/one.yaml", "nam: X"),
        ("sign/.two.yaml", "nam: X"),
        ("node_modules/three.yaml", "nam: X"),
        ("other/contract.yaml", "not: read"),
        ("other/four.yaml", "nam: X"),
        ("other/five/six.yaml", "nam: X"),
    ]);
    let suite = load(folder.path()).unwrap();
    assert_eq!(ids(&suite), ["in", "wrong", "z"]);
    let file = &suite.scenarios[0].file;
    assert!(file.ends_with("sign/deep/in.yaml"), "{file}");
}

#[test]
fn two_scenarios_of_one_name_are_refused_with_both_places() {
    let own = "name: X\nsteps: [{ do: launch }]";
    let folder = folder(&[
        ("contract.yaml", CONTRACT),
        ("a/twice.yaml", own),
        ("b/twice.yml", own),
    ]);
    let problem = error(folder.path());
    for part in ["a/twice.yaml", "b/twice.yml", "another name"] {
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn a_group_of_a_suite_and_a_file_in_it_keep_its_contract_and_its_world() {
    let world =
        "users: { a: { username: u, password: p, data: { ledger: { rows: [] }, balance: {} } } }";
    let runbook = "name: Ours\nversion: 1\ngroups: { A: All }\nitems: { A-1: { title: X, group: A, scenarios: second } }";
    let folder = folder(&[
        ("contract.yaml", CONTRACT),
        ("world.yaml", world),
        ("runbook.yaml", runbook),
        (
            "group/first.yaml",
            "name: X\nsteps: [{ do: { open: past } }]",
        ),
        ("second.yaml", "name: X\nsteps: [{ do: launch }]"),
    ]);
    for path in ["group", "group/first.yaml", "group/../group"] {
        let suite = load(&folder.path().join(path)).unwrap();
        assert_eq!(ids(&suite), ["first"], "{path}");
        assert!(suite.contract.resource("ledger").is_some(), "{path}");
        assert!(suite.world.is_some(), "{path}");
        assert_eq!(suite.runbook.name, "Ours", "{path}");
    }
}

#[test]
fn a_world_is_found_beside_the_suite_then_beside_the_contract_then_in_fixtures() {
    let world = |name: &str| {
        format!(
            "users: {{ a: {{ username: {name}, password: p, data: {{ ledger: {{ rows: [] }}, balance: {{}} }} }} }}"
        )
    };
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let found = || {
        let choice = Choice {
            scenarios: Some(root.path().join("app/scenarios")),
            contract: ContractChoice::File(root.path().join("agreed/contract.yaml")),
            world: None,
        };
        let world = Suite::load(&choice).unwrap().world;
        world.map(|world| world.users[0].username.clone())
    };
    put("app/scenarios/x.yaml", "name: X\nsteps: [{ do: launch }]");
    put("agreed/contract.yaml", CONTRACT);
    assert_eq!(found(), None);
    // The nearer a place is, the later it is filled here.
    for (place, name) in [
        ("fixtures", "by-the-contract"),
        ("app/fixtures", "by-the-suite"),
        ("agreed", "with-the-contract"),
        ("app/scenarios", "with-the-suite"),
    ] {
        put(&format!("{place}/world.yaml"), &world(name));
        assert_eq!(found().as_deref(), Some(name));
    }
}

#[test]
fn the_repositorys_own_suite_can_be_played_by_its_path() {
    let suite = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")).unwrap();
    let names = |suite: &Suite| -> Vec<String> {
        let users = &suite.world.as_ref().unwrap().users;
        users.iter().map(|user| user.name.clone()).collect()
    };
    assert_eq!(names(&suite), names(&Suite::shipped().unwrap()));
}

#[test]
fn a_single_file_uses_the_contract_beside_it_or_else_the_shipped_one() {
    let alone = folder(&[("x.yaml", "name: X\nsteps: [{ do: { open: strategies } }]")]);
    let suite = load(&alone.path().join("x.yaml")).unwrap();
    assert_eq!((suite.scenarios.len(), suite.world.is_some()), (1, true));
    fs::write(alone.path().join("contract.yaml"), CONTRACT).unwrap();
    assert!(error(&alone.path().join("x.yaml")).contains("no screen `strategies`"));
}

#[test]
fn a_folder_without_a_contract_uses_the_shipped_one_only_when_told_to() {
    let folder = folder(&[("x.yaml", "name: X\nsteps: [{ do: launch }]")]);
    assert!(error(folder.path()).contains("--contract shipped"));
    let told = Suite::load(&Choice {
        scenarios: Some(folder.path().to_owned()),
        contract: ContractChoice::parse("shipped"),
        world: None,
    });
    assert!(told.unwrap().world.is_some());
}

#[test]
fn every_file_of_a_suite_is_told_what_is_wrong_with_it() {
    let folder = folder(&[
        ("contract.yaml", "services: {}"),
        ("a.yaml", "nam: A"),
        ("b.yaml", ""),
        ("d/c.yaml", "name: C\nsteps: [{ do: lanch }]"),
    ]);
    let text = error(folder.path());
    for part in [
        "contract.yaml:1:",
        "a.yaml:1:1",
        "b.yaml:1:1",
        "d/c.yaml:2:",
        "did you mean `launch`?",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn a_suite_that_is_not_there_or_has_no_scenarios_says_what_to_do() {
    let folder = folder(&[("contract.yaml", CONTRACT)]);
    assert!(error(folder.path()).contains("there are no scenarios in"));
    assert!(error(&folder.path().join("gone")).contains("the shipped suite is played"));
    let contract = Suite::load(&Choice {
        contract: ContractChoice::File(folder.path().join("gone.yaml")),
        ..Choice::default()
    });
    assert!(contract.unwrap_err().to_string().contains("no such file"));
}

#[test]
fn one_mistake_in_a_part_is_one_error_and_hides_no_key_of_that_part() {
    let switch = "kill-switch: { request: GET api /flags, blocked: { at: \"$.a[\", is: shut } }\n";
    let folder = folder(&[("contract.yaml", &format!("{CONTRACT}{switch}"))]);
    let problems = load(folder.path()).unwrap_err().to_string();
    assert!(problems.contains("not a JSONPath"), "{problems}");
    assert!(!problems.contains("has no key"), "{problems}");
}

#[test]
fn a_contract_is_no_suite() {
    let folder = folder(&[("contract.yaml", CONTRACT)]);
    let problem = error(&folder.path().join("contract.yaml"));
    assert!(problem.contains("holds no scenarios"), "{problem}");
    assert!(problem.contains("--contract"), "{problem}");
}

#[test]
fn a_change_that_the_world_names_can_be_set_by_its_name_and_no_other_can() {
    let scenario = |set: &str| {
        let text = format!("name: A change\nsteps:\n  - set: {set}\n");
        let folder = folder(&[("change.yaml", text.as_str())]);
        load(&folder.path().join("change.yaml"))
    };
    for set in ["{ change: close-trade }", "close-trade"] {
        let suite = scenario(set).unwrap();
        let [step] = &suite.scenarios[0].steps[..] else {
            panic!("{set}: one step");
        };
        let own = StepKind::Set(Change::Own("close-trade".to_owned()));
        assert_eq!(format!("{:?}", step.kind), format!("{own:?}"));
    }
    for set in ["{ change: close-trad }", "close-trad"] {
        let error = scenario(set).unwrap_err();
        let shown = error.render(Rendering::Plain);
        assert!(shown.contains("did you mean `close-trade`?"), "{shown}");
    }
}

#[test]
fn flows_are_no_scenarios_to_be_named() {
    let flow = "name: In\nsteps: [{ do: launch }]";
    let folder = folder(&[
        ("contract.yaml", CONTRACT),
        ("flows/in.yaml", flow),
        ("a.yaml", "name: A\nsteps: [{ use: in }]"),
    ]);
    for path in ["flows", "flows/in.yaml"] {
        let told = load(&folder.path().join(path)).unwrap_err().to_string();
        assert!(told.contains("holds flows, and no scenarios"), "{told}");
    }
    assert_eq!(ids(&load(folder.path()).unwrap()), ["a"]);
}
