//! What is said beside what was agreed: in bodies, in emits, and on paths that have no role.

use serde_json::{Value, json};

use super::{Play, agreed_in, harbour};

/// Two users of a device, and a refresh of the second one's with this body.
fn renews_with(body: Value) -> Play {
    let mut play = Play::of(harbour());
    play.signs_in("client", "adalie", json!("sailor-7"))
        .signs_in("client", "bertil", json!("sailor-8"));
    play.exchange(
        "client",
        json!({"service": "gate", "method": "POST", "target": "/renew", "role": "refresh",
            "authorization": "Bearer ‹client bertil›",
            "body": {"json": {"value": body, "bytes": 9}}}),
        None,
        json!({"status": 200, "body": {"json": {"value": {}, "bytes": 2}}}),
    );
    play
}

fn violations(play: &Play, rule: &str) -> Vec<String> {
    let found = play.judged().findings.into_iter();
    let own = found.filter(|finding| finding.rule == rule);
    own.map(|finding| format!("{:?} {}", finding.severity, finding.message))
        .collect()
}

#[test]
fn a_field_that_names_another_account_is_found_and_one_that_names_its_own_is_information() {
    let another = renews_with(json!({"stub": "‹s›", "of": {"mail": "adalie@port.example"}}));
    assert_eq!(
        violations(&another, "SCOPE-9"),
        [
            "Violation a request declared as refresh names the account `adalie@port.example` at `/of`"
        ]
    );
    let own = renews_with(json!({"stub": "‹s›", "of": {"mail": "bertil@port.example"}}));
    assert_eq!(
        violations(&own, "SCOPE-9"),
        ["Information a request declared as refresh carries `/of`, which is not declared"]
    );
}

#[test]
fn a_body_that_fits_no_declaration_has_no_role_and_no_rule_of_a_role_accuses_it() {
    let mut play = Play::of(agreed_in("X.keeps-declares.jsonl"));
    play.signs_in("client", "adalie", json!("sailor-7"));
    for body in [json!({"other": "undefined"}), json!([1]), json!("text")] {
        play.exchange(
            "client",
            json!({"service": "gate", "method": "POST", "target": "/renew",
                "authorization": "Bearer ‹client adalie›",
                "body": {"json": {"value": body, "bytes": 9}}}),
            None,
            json!({"status": 422, "body": {"json": {"value": {}, "bytes": 2}}}),
        );
    }
    let findings = play.judged().findings;
    let of_roles = ["SCOPE-7", "SCOPE-8", "SCOPE-9", "SESSION-17"];
    let accused = findings
        .iter()
        .filter(|finding| of_roles.contains(&&*finding.rule));
    assert_eq!(accused.count(), 0, "{findings:#?}");
}
