//! What findings say: names where there are names, reasons where nothing can be judged, and never a
//! secret.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Play, harbour};
use crate::rules::Ruling;

fn text(judged: &Ruling) -> String {
    format!("{:?} {:?}", judged.findings, judged.remarks)
}

#[test]
fn what_stands_in_a_query_and_is_no_key_is_shown_nowhere() {
    let asked = |query: &str| {
        let mut play = Play::of(harbour());
        play.signs_in("client", "ada", json!("sailor-7"));
        let target = format!("/v2/ships?{query}");
        let request = json!({"service": "deck", "method": "GET", "target": target,
            "role": {"resource": "ships"}, "authorization": "Bearer ‹client ada›"});
        let answer = json!({"status": 200, "body": {"json": {"value": {"ships": []}, "bytes": 9}}});
        play.exchange("client", request, None, answer);
        text(&play.judged())
    };
    for token in [
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl",
        "hZ2lnbmF0dXJlLW9mLWE3dG9rZW4=",
    ] {
        let said = asked(token);
        assert!(
            said.contains("something in its query that is no key"),
            "{said}"
        );
        assert!(!said.contains("XJl"), "{said}");
    }
    assert!(asked("fleet=north").contains("the query key `fleet`"));
}

#[test]
fn a_mutation_that_nobody_declared_is_named() {
    let sent = |body: Value| {
        let mut play = Play::of(harbour());
        let request = json!({"service": "deck", "method": "POST", "target": "/graph",
            "body": {"json": {"value": body, "bytes": 9}},
            "judgement": {"class": "undeclared-write", "reason": "no operation"}});
        play.exchange("client", request, None, json!({"status": 403}));
        text(&play.judged())
    };
    for body in [
        json!({"query": "mutation Scuttle($id: ID!) { scuttle(id: $id) }"}),
        json!({"query": "mutation { scuttle }", "operationName": "Scuttle"}),
    ] {
        let said = sent(body);
        assert!(
            said.contains("POST /graph (the mutation `Scuttle`)"),
            "{said}"
        );
    }
    assert!(!sent(json!({"query": "{ ships }"})).contains("mutation"));
}

#[test]
fn attempts_that_may_be_one_requests_or_a_users_are_not_judged() {
    let tried = |marked: bool| {
        let mut play = Play::of(harbour());
        if marked {
            play.fact(json!({"act": "launch"}));
        }
        play.signs_in("client", "ada", json!("sailor-7"))
            .after(Duration::from_secs(9));
        for gap in [500, 1500, 500, 2000, 500, 4000, 500, 20_000] {
            play.asks("client", "ada", "sailor", json!({"status": 503}))
                .after(Duration::from_millis(gap));
        }
        play.asks(
            "client",
            "ada",
            "ships",
            json!({"status": 200, "body": {"json": {"value": {"ships": []}, "bytes": 9}}}),
        );
        let judged = play.judged();
        let unable = judged.not_judged.iter();
        let doubtful = unable.filter(|(rule, why)| rule == "NET-2" && why.contains("two layers"));
        let found = judged.findings.iter().filter(|found| found.rule == "NET-2");
        (found.count(), doubtful.count())
    };
    assert_eq!(tried(true), (1, 0));
    assert_eq!(tried(false), (0, 1));
}
