//! The shipped files are right, and wrong files are told what is wrong with them.

mod documents;
mod figures;
mod flows;
mod loading;
mod scalars;
mod sharing;

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;

use super::load::{shipped_file, shipped_scenarios};
use super::*;
use crate::domain::scenario::{Action, Lever, StepKind};
use crate::domain::secrets::Vault;

#[test]
fn the_shipped_files_are_right_when_checked_thoroughly() {
    let contract = read_contract(&shipped_file("contract.yaml")).unwrap_or_else(|problems| {
        panic!("{}", problems.render(Rendering::Plain));
    });
    let world = Source::new("fixtures/world.yaml", SHIPPED_WORLD);
    if let Err(problems) = read_world(&world, &contract) {
        panic!("{}", problems.render(Rendering::Plain));
    }
    for source in shipped_scenarios() {
        if let Err(problems) = read_scenario(&source, Some(&contract)) {
            panic!("{}", problems.render(Rendering::Plain));
        }
    }
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// How many scenarios are part of the program: written down, so that none is lost unseen.
const SHIPPED_SCENARIOS: usize = 46;

#[test]
fn what_stands_in_a_contract_is_no_secret_whatever_it_is_called() {
    let text = shipped_file("contract.yaml").text().to_owned();
    let source = Source::new(
        "contract.yaml",
        format!("{text}\nsecret-names: harbour-seal\n"),
    );
    let contract = read_contract(&source).unwrap_or_else(|_| panic!("it is valid"));
    let mut vault = Vault::new();
    vault.agree(&contract.secrecy);
    let mut value = json!({"auth": "tradedesk", "otp": "LONG", "harbour-seal": "brine-7"});
    vault.conceal_value(&mut value);
    let wanted = json!({"auth": "tradedesk", "otp": "LONG", "harbour-seal": "«secret-1»"});
    assert_eq!(value, wanted);
}

#[test]
fn the_shipped_suite_moves_every_lever() {
    let suite = Suite::shipped().unwrap();
    assert_eq!(suite.scenarios.len(), SHIPPED_SCENARIOS);
    let moved: BTreeSet<&Lever> = suite.scenarios.iter().flat_map(|own| &own.needs).collect();
    let own = Lever::Own("close-trade".to_owned());
    let all: BTreeSet<&Lever> = Lever::ALL
        .iter()
        .map(|(lever, _)| lever)
        .chain([&own])
        .collect();
    assert_eq!(moved, all);
    let world = suite.world.unwrap();
    for account in suite
        .scenarios
        .iter()
        .flat_map(|scenario| scenario.accounts())
    {
        assert!(
            world.users.iter().any(|user| user.name == account),
            "{account}"
        );
    }
    for user in &world.users {
        let trades = user.data["history"]["trades"].as_array().unwrap().len();
        assert!(
            (41..=80).contains(&trades),
            "{} has {trades} trades",
            user.name
        );
    }
}

#[test]
fn each_becomes_as_many_steps_as_the_contract_has_names() {
    let suite = Suite::shipped().unwrap();
    let every_tab = suite
        .scenarios
        .iter()
        .find(|scenario| scenario.id == "every-tab");
    let opened: Vec<&str> = every_tab
        .unwrap()
        .steps
        .iter()
        .filter_map(|step| match &step.kind {
            StepKind::Do(Action::Open(screen)) => Some(screen.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        opened,
        [
            "overview",
            "positions",
            "history",
            "strategies",
            "settings",
            "overview"
        ]
    );
    let texts = every_tab.unwrap().steps.iter().map(|step| &*step.text);
    let text = "expect: { shows: each, session: open }, within: 15s, label: shows-every-screen";
    assert!(
        texts.clone().any(|own| own == text),
        "{:?}",
        texts.collect::<Vec<_>>()
    );
}

#[test]
fn a_step_with_if_is_there_only_where_the_contract_has_that_part() {
    let text = r#"
name: Parts
steps:
  - do: launch
  - expect: { request: refresh }
    if: refresh
  - expect: { feed: live }
    within: 5s
    if: realtime
"#;
    let source = Source::new("parts.yaml", text);
    let contract = |refresh: &str| {
        let text = format!(
            r#"
services: {{ api: {{}} }}
session:
  sign-in: {{ request: POST api /in, json: {{ u: "{{username}}", p: "{{password}}" }}, answer: {{ access-token: /a, refresh-token: /r }} }}
{refresh}
resources: {{ one: GET api /one }}
screens: {{ first: one }}
"#
        );
        read_contract(&Source::new("contract.yaml", text.as_str())).unwrap_or_else(|problems| {
            panic!("{}", problems.render(Rendering::Plain));
        })
    };
    let numbers = |contract: &Contract| -> Vec<usize> {
        let scenario = read_scenario(&source, Some(contract)).unwrap_or_else(|problems| {
            panic!("{}", problems.render(Rendering::Plain));
        });
        scenario.steps.iter().map(|step| step.number).collect()
    };
    assert_eq!(numbers(&contract("")), [1]);
    let refresh = r#"  refresh: { request: POST api /again, json: { r: "{refresh-token}" } }"#;
    assert_eq!(numbers(&contract(refresh)), [1, 2]);
}

#[test]
fn words_stand_for_what_the_contract_says_of_the_kill_switch_and_of_the_end_of_a_session() {
    let text = r#"
name: Words
steps:
  - do: launch
    if: [last-known, fail-open]
  - do: kill
    if: fail-closed
  - set: { fault: { on: refresh, respond: ended } }
  - expect: { shows: home }
    within: 5s
"#;
    let source = Source::new("words.yaml", text);
    let shipped = shipped_file("contract.yaml");
    let steps = |mode: &str| {
        let text = shipped.text();
        let text = text.replace("fail-mode: last-known", &format!("fail-mode: {mode}"));
        let text = text.replace("ended-by: [400, 401]", "ended-by: [410, 401]");
        let contract = read_contract(&Source::new("contract.yaml", text)).unwrap();
        let scenario = read_scenario(&source, Some(&contract)).unwrap();
        format!("{:?}", scenario.steps)
    };
    for mode in ["last-known", "open", "closed"] {
        let steps = steps(mode);
        assert_eq!(steps.contains("Launch"), mode != "closed", "{steps}");
        assert_eq!(steps.contains("Kill"), mode == "closed", "{steps}");
        assert!(steps.contains("status: 410"), "{steps}");
        assert!(steps.contains("Shows(\"profile\")"), "{steps}");
        assert!(!steps.contains("Shows(\"history\")"), "{steps}");
    }
}

/// Reads every file of a folder of bad inputs and keeps what is said about each.
fn check_bad_files(folder: &str, read: impl Fn(&Arc<Source>) -> Result<(), Problems>) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/files");
    let mut files: Vec<PathBuf> = fs::read_dir(root.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root.join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let shown = match Source::from_bytes(&name, &bytes).map_err(Problems::from) {
            Ok(source) => read(&source),
            Err(problems) => Err(problems),
        };
        let shown = shown.expect_err(&name).render(Rendering::Plain);
        assert!(shown.is_ascii() || !bytes.is_ascii(), "{shown}");
        settings.bind(|| insta::assert_snapshot!(format!("{folder}__{name}"), shown));
    }
}

#[test]
fn bad_contracts_are_told_everything_that_is_wrong() {
    check_bad_files("contracts", |source| read_contract(source).map(drop));
}

#[test]
fn bad_scenarios_are_told_everything_that_is_wrong() {
    let contract = Suite::shipped().unwrap().contract;
    check_bad_files("scenarios", |source| {
        read_scenario(source, Some(&contract)).map(drop)
    });
}

#[test]
fn bad_runbooks_are_told_everything_that_is_wrong() {
    check_bad_files("runbooks", |source| read_runbook(source).map(drop));
}

#[test]
fn bad_worlds_are_told_everything_that_is_wrong() {
    let contract = Suite::shipped().unwrap().contract;
    check_bad_files("worlds", |source| read_world(source, &contract).map(drop));
}

#[test]
fn bad_known_failures_are_told_everything_that_is_wrong() {
    check_bad_files("known-failures", |source| {
        known_failures::read_known_failures(source, &["sign-in", "sign-out"]).map(drop)
    });
}

#[test]
fn bad_configurations_are_told_everything_that_is_wrong() {
    check_bad_files("configs", |source| {
        config::Config::from_source(source, std::path::Path::new(""), &[]).map(drop)
    });
}

#[test]
fn no_damaged_contract_makes_the_reader_or_the_renderer_panic() {
    let text = shipped_file("contract.yaml").text().to_owned();
    let lines: Vec<&str> = text.lines().collect();
    let without = |gone: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != gone);
        kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\r\n")
    };
    let cut = |at: usize| text.chars().take(at).collect::<String>();
    let swapped = |at: usize| text.replacen(lines[at].trim(), "\u{1f980}: [\t", 1);
    let damaged = (0..lines.len())
        .step_by(3)
        .flat_map(|at| [without(at), cut(at * 29), swapped(at)]);
    for text in damaged {
        if let Err(problems) = read_contract(&Source::new("damaged.yaml", text)) {
            assert!(!problems.is_empty());
            let _ = problems.render(Rendering::Monochrome);
        }
    }
}

#[test]
fn a_change_of_the_world_emits_what_the_contract_promises_after_it() {
    let contract = Suite::shipped().unwrap().contract;
    let emits = "emits: [positions_update, trade_closed]";
    assert!(SHIPPED_WORLD.contains(emits));
    let silent = SHIPPED_WORLD.replace(emits, "emits: positions_update");
    let source = Source::new("world.yaml", silent.as_str());
    let problems = read_world(&source, &contract).unwrap_err();
    let said: Vec<String> = problems.all().iter().map(ToString::to_string).collect();
    assert!(
        matches!(&said[..], [only] if only.contains("`trade_closed` comes after this change")),
        "{said:?}"
    );
}
