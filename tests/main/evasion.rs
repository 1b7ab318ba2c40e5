//! The evasion corpus before real routers: whatever one of them takes for a forbidden endpoint must
//! never be judged to pass.
//!
//! The routers are Express, Express behind proxies that decode, nginx by its locations, nginx before
//! Express with and without a path of its own, and the mock's. Every case goes to each of them as
//! raw bytes. Needs Node, `npm ci --prefix tests/interop`, and nginx.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rehearsal::domain::contract::Contract;
use rehearsal::domain::journal::{Class, Judgement};
use rehearsal::domain::scope::{RequestView, judge};
use rehearsal::suite::{Source, read_contract};
use serde::Deserialize;

mod disguise;
mod routers;

use routers::{Parsers, Router, routers};

const AUTHORITY: &str = "trading.test";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/evasion")
        .join(name)
}

fn contract() -> Arc<Contract> {
    let Ok(source) = Source::read(&fixture("contract.yaml"), "contract") else {
        panic!("the corpus' contract cannot be read");
    };
    let Ok(contract) = read_contract(&source) else {
        panic!("the corpus' contract is not valid");
    };
    Arc::new(contract)
}

/// One request of the corpus.
#[derive(Debug, Clone, Deserialize)]
struct Case {
    why: String,
    #[serde(default = "trading")]
    service: String,
    #[serde(default)]
    base_path: String,
    method: String,
    target: String,
    #[serde(default = "host")]
    host: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    class: Class,
    non_canonical: bool,
}

fn trading() -> String {
    "trading".to_owned()
}

fn host() -> String {
    AUTHORITY.to_owned()
}

impl Case {
    fn judge(&self, contract: &Contract) -> Judgement {
        let request = RequestView {
            service: &self.service,
            base_path: &self.base_path,
            method: &self.method,
            target: &self.target,
            host: &self.host,
            expected_authority: AUTHORITY,
            headers: &self.headers,
            body: Some(self.body.as_deref().unwrap_or_default().as_bytes()),
        };
        judge(contract, &request).judgement
    }

    /// The request as it stands on the wire.
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.method, self.target, self.host
        );
        let body = self.body.as_deref().unwrap_or_default();
        for (name, value) in &self.headers {
            // This would end the connection before anything is routed.
            if name != "connection" {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let framed = |name: &str| self.headers.iter().any(|(own, _)| own == name);
        if !body.is_empty() && !framed("content-length") && !framed("transfer-encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        format!("{head}\r\n{body}").into_bytes()
    }
}

fn corpus() -> Vec<Case> {
    let text = std::fs::read_to_string(fixture("requests.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Sends each case to each router. Whatever reaches a forbidden endpoint must have been judged not to
/// pass; every router must be reached by something, or it shows nothing.
fn hold_against(
    cases: &[Case],
    routers: &[Router],
    contract: &Contract,
) -> BTreeMap<String, usize> {
    let mut wrong = Vec::new();
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        let judgement = case.judge(contract);
        for router in routers {
            let Some(pattern) = router.reaches(&case.bytes()) else {
                continue;
            };
            *reached.entry(router.name.clone()).or_default() += 1;
            if judgement.class.passes() {
                wrong.push(format!(
                    "{} takes {} {} for {pattern}, which is judged {:?} ({}): {}",
                    router.name,
                    case.method,
                    case.target,
                    judgement.class,
                    judgement.reason,
                    case.why
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for router in routers {
        assert!(
            reached.contains_key(&router.name),
            "nothing reached {}",
            router.name
        );
    }
    reached
}

#[test]
fn the_contract_as_a_file_judges_the_corpus_as_it_says() {
    let contract = contract();
    let wrong: Vec<String> = corpus()
        .iter()
        .filter_map(|case| {
            let judgement = case.judge(&contract);
            let found = (judgement.class, judgement.non_canonical.is_some());
            (found != (case.class, case.non_canonical)).then(|| {
                format!(
                    "{} {}: {judgement:?}: {}",
                    case.method, case.target, case.why
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_real_router_takes_for_a_forbidden_endpoint_is_never_judged_to_pass() {
    let contract = contract();
    let routers = routers(&contract);
    // Only the trading service has forbidden endpoints.
    let cases: Vec<Case> = corpus()
        .into_iter()
        .filter(|case| case.service == "trading")
        .collect();
    let reached = hold_against(&cases, &routers.all, &contract);
    assert!(reached.values().all(|count| *count >= 10), "{reached:?}");
}

#[test]
fn a_thousand_disguises_reach_real_routers_and_none_is_judged_to_pass() {
    let contract = contract();
    let routers = routers(&contract);
    let mut dice = fastrand::Rng::with_seed(20);
    let cases: Vec<Case> = (0..1_000)
        .map(|_| disguise::case(&contract, &mut dice))
        .collect();
    let reached = hold_against(&cases, &routers.all, &contract);
    assert!(reached.values().all(|count| *count >= 50), "{reached:?}");
}

#[derive(Deserialize)]
struct Frames {
    why: String,
    body: String,
}

#[test]
fn what_the_real_parsers_find_in_a_polling_body_is_never_judged_to_pass_when_forbidden() {
    let contract = contract();
    let text = std::fs::read_to_string(fixture("frames.json")).unwrap();
    let cases: Vec<Frames> = serde_json::from_str(&text).unwrap();
    let mut parsers = Parsers::start(&contract);
    let (mut wrong, mut found) = (Vec::new(), 0);
    for case in cases {
        let read = parsers.read(&case.body);
        let emits = &contract.scope.forbid_emits;
        let namespaces = &contract.scope.forbid_namespaces;
        let forbidden = read.events.iter().any(|(_, name)| emits.contains(name))
            || read.joins.iter().any(|name| namespaces.contains(name));
        found += usize::from(forbidden);
        let request = Case {
            why: case.why,
            service: trading(),
            base_path: String::new(),
            method: "POST".to_owned(),
            target: "/socket.io/?EIO=4&transport=polling&sid=S".to_owned(),
            host: host(),
            headers: Vec::new(),
            body: Some(case.body),
            class: Class::Forbidden,
            non_canonical: false,
        };
        let judgement = request.judge(&contract);
        if forbidden && judgement.class.passes() {
            wrong.push(format!("{judgement:?}: {}", request.why));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        found >= 10,
        "the real parsers found only {found} forbidden packets"
    );
}
