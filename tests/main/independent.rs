//! A backend that rehearsal did not write, beside the gateway's own proof: wiremock expects that
//! no forbidden endpoint is ever called, whatever the app does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rehearsal::internals::app::Quirk;
use rehearsal::internals::domain::result::RunResult;
use rehearsal::internals::domain::verdict::Verdict;
use rehearsal::internals::run::{Interrupt, Plan, Target, perform};
use rehearsal::internals::suite::config::{Config, Reading};
use rehearsal::internals::suite::{Choice, Suite};
use serde_json::json;
use wiremock::matchers::{any, body_json, header, method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A backend with one service, opaque tokens and no realtime: nothing of the shipped contract.
const CONTRACT: &str = r#"
name: Ledger
services: { api: {} }
session:
  sign-in:
    request: POST api /login
    json: { user: "{username}", secret: "{password}" }
    answer: { access-token: /bearer }
  sign-out: DELETE api /login
  authorize: { x-session: "{access-token}" }
resources:
  balances: { request: GET api /balances, items: /rows, key: /no }
  notes: { request: GET api /notes, items: "", key: /no }
screens:
  money: [balances]
  notes: [notes]
scope:
  forbid:
    - POST api /orders
    - "* api /admin/**"
  least-requests: 3
"#;

const SCENARIO: &str = "
name: Everything is read and nothing is written
steps:
  - do: launch
  - do: sign-in
    as: reader
  - expect: { screen: home, session: open }
    within: 10s
  - do: { open: each }
  - expect: { shows: each }
    within: 10s
  - do: sign-out
  - expect: { screen: signed-out, session: none }
    within: 10s
";

async fn backend() -> MockServer {
    let server = MockServer::start().await;
    let answers = |template: ResponseTemplate| template.insert_header("x-request-id", "w-1");
    Mock::given(method("POST"))
        .and(path("/login"))
        .and(body_json(
            json!({ "user": "reader", "secret": "a secret of the test" }),
        ))
        .respond_with(answers(
            ResponseTemplate::new(200)
                .set_body_json(json!({ "bearer": "opaque-0123456789abcdef" })),
        ))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(path("/login"))
        .respond_with(answers(ResponseTemplate::new(204)))
        .mount(&server)
        .await;
    for (at, body) in [
        (
            "/balances",
            json!({ "rows": [{ "no": 1, "amount": 12.5 }] }),
        ),
        ("/notes", json!([{ "no": 7, "text": "hello" }])),
    ] {
        Mock::given(method("GET"))
            .and(path(at))
            .and(header("x-session", "opaque-0123456789abcdef"))
            .respond_with(answers(ResponseTemplate::new(200).set_body_json(body)))
            .expect(1..)
            .mount(&server)
            .await;
    }
    // What must never be called, each by an expectation of its own.
    Mock::given(any())
        .and(path("/orders"))
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&server)
        .await;
    Mock::given(any())
        .and(path_regex("^/admin"))
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&server)
        .await;
    server
}

/// Plays the scenario against the backend; on a thread of its own, as `perform` has a runtime of
/// its own for each scenario.
async fn play(server: &MockServer, quirks: Vec<Quirk>) -> RunResult {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("contract.yaml"), CONTRACT).unwrap();
    fs::write(folder.path().join("reading.yaml"), SCENARIO).unwrap();
    fs::write(folder.path().join("rehearsal.toml"), config(&server.uri())).unwrap();
    let plan = plan(folder.path(), quirks);
    tokio::task::spawn_blocking(move || perform(&plan, &Interrupt::new(), &mut |_| {}).unwrap())
        .await
        .unwrap()
}

fn config(uri: &str) -> String {
    format!(
        "[targets.ledger.services]\napi = \"{uri}\"\n\
         [targets.ledger.accounts.reader]\nusername = \"reader\"\npassword-env = \"SECRET\"\n"
    )
}

fn plan(folder: &Path, quirks: Vec<Quirk>) -> Plan {
    let choice = Choice {
        scenarios: Some(folder.to_owned()),
        ..Choice::default()
    };
    let suite = Suite::load(&choice).unwrap();
    let variables = BTreeMap::from([("SECRET", "a secret of the test")]);
    let environment = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let target = Config::read(&folder.join("rehearsal.toml"), &[], Reading::Whole)
        .unwrap()
        .target("ledger", &environment)
        .unwrap();
    Plan {
        scenarios: suite.scenarios.clone(),
        quirks,
        ..Plan::of(suite, Target::Deployment(Box::new(target)), 1)
    }
}

#[tokio::test]
async fn a_good_app_reads_from_an_independent_backend_and_calls_nothing_forbidden() {
    let server = backend().await;
    let result = play(&server, Vec::new()).await;
    assert_eq!(result.verdict, Verdict::Passed, "{:#?}", result.scenarios);
    assert_eq!(result.scope.forbidden, 0);
    assert_eq!(result.scope.canaries_caught, result.scope.canaries_sent);
    server.verify().await;
}

#[tokio::test]
async fn a_forbidden_call_is_found_and_still_never_reaches_the_backend() {
    let server = backend().await;
    let result = play(&server, vec![Quirk::CallsForbidden]).await;
    assert_eq!(result.verdict, Verdict::Failed);
    assert!(result.scope.forbidden > 0);
    let rules: Vec<&str> = result.scenarios[0]
        .outcome
        .findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert!(rules.contains(&"SCOPE-1"), "{rules:?}");
    server.verify().await;
}
