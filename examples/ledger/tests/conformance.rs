//! The ledger's client before its backend: files, a scenario in Rust, and a server of the test's own.

use std::path::PathBuf;

use ledger_client::cents;
use rehearsal::{Plan, Scenario, Suite, Target, assert_conforms};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Every file is a test of its own: its name says which scenario failed.
#[rstest]
fn every_scenario_holds(
    #[files("suite/**/*.yaml")]
    #[exclude("/flows/|contract.yaml|world.yaml")]
    file: PathBuf,
) {
    let suite = Suite::load(file).unwrap();
    assert_conforms(&Plan::of(&suite));
}

/// What no file can say: a sum over two resources.
fn balances_are_the_sums_of_entries() -> Scenario {
    Scenario::new("balances-add-up", "Each balance is the sum of its entries")
        .steps(
            "
            - use: opened
            - do: { open: entries }
            - do: { load-all: entries }
            - expect: { complete: entries }
              within: 10s
            ",
        )
        .check("every balance is the sum of its entries", async |moment| {
            let accounts = moment.shown("accounts").unwrap();
            let entries = moment.shown("entries").unwrap();
            let entries = entries["entries"].as_array().unwrap();
            for account in accounts["accounts"].as_array().unwrap() {
                let own = |entry: &&Value| entry["account"] == account["number"];
                let amounts = entries.iter().filter(own).map(|entry| money(&entry["amount"]));
                assert_eq!(amounts.sum::<i64>(), money(&account["balance"]), "{account}");
            }
        })
}

fn money(amount: &Value) -> i64 {
    cents(amount.as_str().unwrap()).unwrap()
}

#[test]
fn balances_add_up_in_the_world_of_the_suite() {
    let suite = Suite::load("suite").unwrap();
    let suite = suite.with(balances_are_the_sums_of_entries()).unwrap();
    assert_conforms(&Plan::of(&suite).scenario("balances-add-up"));
}

#[test]
fn a_balance_that_is_off_by_a_cent_is_noticed() {
    let world = json!({
        "shared": { "rates": { "base": "EUR", "quotes": {} } },
        "users": { "ines": {
            "username": "ines",
            "password": "opens-only-the-mock",
            "data": {
                "member": { "login": "ines" },
                "accounts": { "accounts": [{ "number": "A-9", "title": "Attic", "balance": "0.01" }] },
                "entries": { "entries": [] },
            },
        } },
    });
    let suite = Suite::load("suite").unwrap().with_world(&world).unwrap();
    let suite = suite.with(balances_are_the_sums_of_entries()).unwrap();
    let report = Plan::of(&suite).scenario("balances-add-up").perform().unwrap();
    let findings = report.findings();
    assert_eq!(report.verdict(), "failed", "{report}");
    assert!(findings[0].observed.contains("A-9"), "{report}");
}

/// A server that gives these answers, with the header that identifies a request in its logs.
async fn server(answers: &[(&str, &str, Value)]) -> MockServer {
    let server = MockServer::start().await;
    for (verb, place, answer) in answers {
        let answer = ResponseTemplate::new(200).set_body_json(answer);
        Mock::given(method(*verb))
            .and(path(*place))
            .respond_with(answer.insert_header("x-trace", "t-1"))
            .mount(&server)
            .await;
    }
    server
}

/// A server for the rates, which the mock of the books knows nothing about.
async fn rates(quotes: Value) -> MockServer {
    server(&[("GET", "/latest", json!({ "base": "EUR", "quotes": quotes }))]).await
}

fn shows_the_rate(rate: f64) -> Suite {
    let scenario = Scenario::new("foreign-rates", "The rates of another server are shown")
        .steps("- use: opened")
        .check("the app shows that server's rate", async move |moment| {
            assert_eq!(moment.shown("rates").unwrap()["quotes"]["SEK"], rate);
        });
    Suite::load("suite").unwrap().with(scenario).unwrap()
}

#[tokio::test]
async fn the_rates_may_come_from_another_server() {
    let server = rates(json!({ "SEK": 11.25 })).await;
    let plan = Plan::of(&shows_the_rate(11.25))
        .scenario("foreign-rates")
        .target(Target::mock().service("rates", server.uri()));
    plan.performed().await.unwrap().assert_conforms();
}

#[tokio::test]
async fn rates_in_another_shape_than_agreed_are_a_finding_of_the_backend() {
    let server = rates(json!({ "SEK": -1 })).await;
    let plan = Plan::of(&shows_the_rate(-1.0))
        .scenario("foreign-rates")
        .target(Target::mock().service("rates", server.uri()));
    let report = plan.performed().await.unwrap();
    let findings = report.findings();
    let blamed = findings.iter().find(|own| own.subject == "backend");
    assert!(blamed.is_some(), "{report}");
}

#[tokio::test]
async fn every_service_may_be_a_server_of_the_test() {
    let key = json!({ "key": "k-1", "spare-key": "s-1", "seconds": 900 });
    let account = json!({ "number": "A-1", "title": "Kitchen", "balance": "1.00" });
    let books = server(&[
        ("POST", "/auth/open", key),
        ("GET", "/notice", json!({ "closed": false })),
        ("GET", "/v3/member", json!({ "login": "ines@ledger.example" })),
        ("GET", "/v3/accounts", json!({ "accounts": [account] })),
    ])
    .await;
    let rates = rates(json!({ "SEK": 11.25 })).await;
    let target = Target::elsewhere()
        .service("books", books.uri())
        .service("rates", rates.uri())
        .account("ines", "ines@ledger.example", "opens-only-this-test");
    let plan = Plan::of(&shows_the_rate(11.25))
        .scenario("foreign-rates")
        .target(target);
    plan.performed().await.unwrap().assert_conforms();
}
