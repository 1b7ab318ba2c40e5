//! The formats' documents keep what they promise: their examples are read.

use std::fs;
use std::path::Path;

use super::super::*;
use crate::suite::config::Config;
use crate::suite::schema::{Kind, schema};

/// The fenced blocks of a document that begin with `opening`.
fn examples(document: &str, language: &str, opening: &str) -> Vec<Arc<Source>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(document);
    let text = fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    let blocks: Vec<Arc<Source>> = text
        .split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|block| block.starts_with(opening))
        .map(|block| Source::new(document, block))
        .collect();
    assert!(!blocks.is_empty(), "{document} has no example");
    blocks
}

#[test]
fn the_two_files_of_your_own_backend_play_the_shipped_suite() {
    let folder = tempfile::tempdir().unwrap();
    for contract in examples("CONTRACT.md", "yaml", "# contract.yaml") {
        fs::write(folder.path().join("contract.yaml"), contract.text()).unwrap();
    }
    for source in examples("CONTRACT.md", "toml", "# rehearsal.toml") {
        let config = Config::from_source(&source, folder.path(), &[]).unwrap_or_else(|problems| {
            panic!("{}", problems.render(Rendering::Plain));
        });
        let target = config
            .target("staging", &|_| Some("set".to_owned()))
            .unwrap();
        let suite = Suite::load(&Choice {
            contract: target.contract.unwrap(),
            ..Choice::default()
        });
        let suite = suite.unwrap_or_else(|problems| {
            panic!("{}", problems.render(Rendering::Plain));
        });
        assert_eq!(suite.scenarios.len(), super::SHIPPED_SCENARIOS);
        config.check_services("staging", &suite.contract).unwrap();
    }
}

#[test]
fn the_example_scenario_and_configuration_are_right() {
    let contract = Suite::shipped().unwrap().contract;
    for scenario in examples("SCENARIOS.md", "yaml", "name:") {
        if let Err(problems) = read_scenario(&scenario, Some(&contract)) {
            panic!("{}", problems.render(Rendering::Plain));
        }
    }
    for flow in examples("SCENARIOS.md", "yaml", "# flows/") {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("flows")).unwrap();
        fs::write(folder.path().join("flows/signed-in.yaml"), flow.text()).unwrap();
        let text = "name: X\nsteps: [{ use: signed-in, with: { account: tester-a } }]";
        fs::write(folder.path().join("x.yaml"), text).unwrap();
        let suite = Suite::load(&Choice {
            scenarios: Some(folder.path().join("x.yaml")),
            ..Choice::default()
        });
        assert!(suite.is_ok(), "{suite:?}");
    }
    for source in examples("CONFIG.md", "toml", "# rehearsal.toml") {
        if let Err(problems) = Config::from_source(&source, Path::new(""), &[]) {
            panic!("{}", problems.render(Rendering::Plain));
        }
    }
}

/// Every key of maps and every word below a value.
fn said(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                into.insert(key.clone());
                said(value, into);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| said(item, into)),
        serde_json::Value::String(word) => {
            into.insert(word.clone());
        }
        _ => {}
    }
}

/// Every key that a schema knows, and every word that a step can be.
fn known(schema: &serde_json::Value, key: &str, into: &mut std::collections::BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                if let ("properties", Some(keys)) = (name.as_str(), value.as_object()) {
                    into.extend(keys.keys().cloned());
                    keys.iter().for_each(|(key, value)| known(value, key, into));
                } else if let ("enum", "do" | "set", Some(words)) =
                    (name.as_str(), key, value.as_array())
                {
                    into.extend(
                        words
                            .iter()
                            .filter_map(|word| word.as_str())
                            .map(str::to_owned),
                    );
                } else {
                    known(value, key, into);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| known(item, key, into)),
        _ => {}
    }
}

#[test]
fn every_step_expectation_lever_and_fault_stands_in_an_example_of_the_document() {
    let (mut shown, mut there) = Default::default();
    for example in examples("SCENARIOS.md", "yaml", "name:") {
        said(&yaml::parse(&example).unwrap().to_json(), &mut shown);
    }
    known(&schema(Kind::Scenario).unwrap(), "", &mut there);
    assert!(there.len() > 60, "{there:?}");
    let missing: Vec<&String> = there.difference(&shown).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} stands in no example of docs/SCENARIOS.md"
    );
}

#[test]
fn the_example_runbook_is_right_but_for_the_hash_that_it_makes_up() {
    for source in examples("RUNBOOK.md", "yaml", "# runbook.yaml") {
        let problems = read_runbook(&source).unwrap_err();
        let [only] = problems.all() else {
            panic!("{}", problems.render(Rendering::Plain));
        };
        assert!(only.message.contains("have changed"), "{only}");
    }
}

/// Every way to write a part that the documents offer.
#[test]
fn every_form_that_the_documents_offer_is_read() {
    let forms = r#"
services: { api: {}, id: { base-path: /x/ } }
request-id: X-Rid
health: GET id /up
session:
  sign-in:
    request: POST id /in
    json: { u: "{username}", p: "{password}" }
    answer: { access-token: cookie:sid, refresh-token: header:x-refresh, expires-at: $.session.until }
  refresh: { request: POST id /again, headers: { cookie: "rt={refresh-token}" } }
  authorize: { cookie: "sid={access-token}" }
  token: jwt
kill-switch:
  request: GET api /state
  blocked: { at: /mode, is-not: [open, slow] }
  answers: { off: { mode: open }, on: { mode: shut }, status: 203 }
  fail-mode: closed
resources:
  one: { request: GET api /one, authorized: off, query: { v: 2 } }
  two: { request: GET api /two, items: "", key: /k, sequence: header:x-seq, paging: { offset: { query: o } } }
screens: { home: one, other: [two] }
realtime:
  service: api
  client: { preset: polling-only, delay: 2s, jitter: 0.1 }
  subscribe: [a, { event: b, args: ["{access-token}", 1], ack: on }]
  events: { n: , r: two, m: { updates: two, apply: merge, sequence: /s }, g: { updates: two, removed: "" }, i: { updates: one, into: /wallet }, k: { updates: two, apply: merge, key: /order/k } }
polling: { resources: two }
"#;
    let contract = read_contract(&Source::new("forms.yaml", forms)).unwrap_or_else(|problems| {
        panic!("{}", problems.render(Rendering::Plain));
    });
    assert_eq!(contract.services[1].base_path, "/x");
    assert_eq!(contract.request_id.as_deref(), Some("x-rid"));
    assert_eq!(
        contract.kill_switch.as_ref().map(|switch| switch.status_on),
        Some(203)
    );
    let steps = r#"
name: Every form
needs: drop-sockets
waive: { NET-1: as the client does }
known-failure: not yet
tags: long
steps:
  - do: { storage: lost }
  - do: { load-all: [two] }
  - set: drop-sockets
  - set: { backend: { id: stopped } }
  - set: { backend: running }
  - set: { push: { event: r, payload: [1] } }
  - set: { fault: { on: "POST id /**", respond: { status: 429, headers: { retry-after: 3 }, body: {} } } }
  - set: { fault: { on: watched, respond: 500 } }
  - set: { fault: { on: realtime, black-hole: yes } }
  - set: { fault: { on: data, off: on } }
  - expect:
      value: [{ resource: one, pointer: /a, equals: null }]
      request: [status, "GET * /**"]
      times: { at-least: 2 }
    within: 1s
  - expect: { no-event: [m, n], screen: home, complete: each }
    since: start
finally:
  - do: foreground
"#;
    let scenario = read_scenario(&Source::new("x/every-form.yaml", steps), Some(&contract));
    let scenario = scenario.unwrap_or_else(|problems| {
        panic!("{}", problems.render(Rendering::Plain));
    });
    assert_eq!(scenario.id, "every-form");
    assert_eq!(scenario.steps.len() + scenario.finally.len(), 13);
    assert_eq!(scenario.finally[0].number, 13);
    let needs: Vec<&str> = scenario.needs.iter().map(|lever| lever.name()).collect();
    assert_eq!(needs, ["backend", "push", "drop-sockets"]);
}

#[test]
fn every_preset_of_a_client_is_what_the_documents_say() {
    use crate::domain::contract::TransportName::{Polling, Websocket};
    let second = std::time::Duration::from_secs;
    let client = |written: &str| {
        let text = format!(
            "services: {{ api: {{}} }}\nsession: {{ sign-in: {{ request: POST api /in, answer: {{ access-token: /t }} }} }}\nresources: {{ one: GET api /one }}\n\
             screens: {{ home: one }}\nrealtime: {{ service: api, client: {written} }}\n"
        );
        let contract = read_contract(&Source::new("preset.yaml", text.as_str()));
        let contract = contract.unwrap_or_else(|problems| {
            panic!("{}", problems.render(Rendering::Plain));
        });
        let client = contract.realtime.clone().unwrap().client;
        (
            client.transports,
            client.upgrade,
            client.try_all_transports,
            client.recovery,
        )
    };
    let stock = (vec![Polling, Websocket], true, false, None);
    let trying = (vec![Websocket, Polling], true, true, None);
    assert_eq!(client("default"), stock);
    assert_eq!(
        client("websocket-only"),
        (vec![Websocket], false, false, None)
    );
    assert_eq!(client("polling-only"), (vec![Polling], false, false, None));
    assert_eq!(client("try-all-transports"), trying);
    let recovering = |span| (stock.0.clone(), true, false, span);
    assert_eq!(client("recovery"), recovering(Some(second(120))));
    assert_eq!(client("{ recovery: 5s }"), recovering(Some(second(5))));
    assert_eq!(
        client("{ preset: recovery, recovery: off }"),
        recovering(None)
    );
}
