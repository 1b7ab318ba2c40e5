//! The evasion corpus before real routers: whatever one of them takes for a forbidden endpoint must
//! never be judged to pass.
//!
//! The routers are Express, Express behind proxies that decode, nginx by its locations, nginx before
//! Express with and without a path of its own, and the mock's. Every case goes to each of them as
//! raw bytes. Needs Node, `npm ci --prefix tests/interop`, and nginx.

use std::collections::BTreeMap;

use rehearsal::internals::domain::contract::Contract;

mod disguise;
mod routers;

use crate::corpus::{Case, contract, frames, requests};
use routers::{Parsers, Router, routers};

impl Case {
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
fn what_a_real_router_takes_for_a_forbidden_endpoint_is_never_judged_to_pass() {
    let contract = contract();
    let routers = routers(&contract);
    // Only the trading service has forbidden endpoints.
    let cases: Vec<Case> = requests()
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

#[test]
fn what_the_real_parsers_find_in_a_polling_body_is_never_judged_to_pass_when_forbidden() {
    let contract = contract();
    let mut parsers = Parsers::start(&contract);
    let (mut wrong, mut found) = (Vec::new(), 0);
    for case in frames() {
        let read = parsers.read(&case.body);
        let emits = &contract.scope.forbid_emits;
        let namespaces = &contract.scope.forbid_namespaces;
        let forbidden = read.events.iter().any(|(_, name)| emits.contains(name))
            || read.joins.iter().any(|name| namespaces.contains(name));
        found += usize::from(forbidden);
        let judgement = case.judge(&contract);
        if forbidden && judgement.class.passes() {
            wrong.push(format!("{judgement:?}: {}", case.why));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        found >= 10,
        "the real parsers found only {found} forbidden packets"
    );
}
