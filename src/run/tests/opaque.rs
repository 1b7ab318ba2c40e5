//! SESSION-10 where tokens are opaque: they are forged by behaviour, not by what the contract calls them.

use super::*;
use crate::domain::contract::Token;
use crate::domain::result::ScenarioResult;
use crate::mock::Defect;

/// The first scenario, with a backend whose tokens nobody can read.
fn played(defect: Option<Defect>) -> ScenarioResult {
    let mut plan = plan();
    let mut suite = Suite::shipped().unwrap();
    Arc::make_mut(&mut suite.contract).session.token = Token::Opaque;
    plan.suite = Arc::new(suite);
    plan.defects.extend(defect);
    play::play(&plan, &plan.scenarios[0], &Interrupt::new())
}

#[test]
fn a_backend_that_refuses_forged_opaque_tokens_is_judged_and_not_found() {
    let outcome = played(None).outcome;
    assert_eq!(outcome.findings, []);
    let unjudged = outcome
        .not_judged
        .iter()
        .find(|(rule, _)| rule == "SESSION-10");
    assert_eq!(unjudged, None);
}

#[test]
fn a_backend_that_takes_an_opaque_refresh_token_for_an_access_token_is_found() {
    let outcome = played(Some(Defect::RefreshTokenAsAccess)).outcome;
    let rules: Vec<&str> = outcome
        .findings
        .iter()
        .map(|own| own.rule.as_str())
        .collect();
    assert_eq!(rules, ["SESSION-10"]);
}
