//! What the API rules find in what journals of the harbour do not hold.

use serde_json::{Value, json};

use crate::domain::contract::{Condition, Contract, ErrorForm, TokenChecked};
use crate::domain::selector::Selector;
use crate::rules::tests::{Play, harbour};

/// What of API-11 is found where the log's next page stands in its body, behind a path.
fn behind_a_path(next: &str) -> Vec<String> {
    let mut play = Play::of(harbour());
    let request = json!({"service": "deck", "method": "GET", "target": "/edge/v2/log", "path": "/v2/log",
        "role": {"resource": "log"}, "authorization": "Bearer ‹client ada›"});
    let body = json!({"entries": [], "total": 0, "next": next});
    play.signs_in("client", "ada", json!("sailor-7")).exchange(
        "client",
        request,
        None,
        json!({"status": 200, "body": {"json": {"value": body, "bytes": 9}}}),
    );
    play.found("API-11")
}

#[test]
fn a_link_in_a_body_leads_below_the_path_of_its_service() {
    for past in ["/v2/log?after=2", "https://x.example/v2/log?after=2"] {
        assert_eq!(behind_a_path(past).len(), 1, "{past}");
    }
    for right in [
        "/edge/v2/log?after=2",
        "?after=2",
        "b2Zmc2V0OjI=",
        "https://other.example/v2/log",
        "/another/service",
    ] {
        assert_eq!(behind_a_path(right), [""; 0], "{right}");
    }
}

#[test]
fn a_feed_that_is_checked_at_the_handshake_may_outlive_its_token() {
    let mut contract = harbour();
    contract.realtime.as_mut().unwrap().token_checked = TokenChecked::Handshake;
    let mut play = Play::of(contract);
    play.signs_in("client", "ada", json!("sailor-7"))
        .joins(1, "ada")
        .after(std::time::Duration::from_secs(7200))
        .event(1, "ship_moved", json!({"imo": 1, "count": 1}));
    assert_eq!(play.found("SESSION-12"), [""; 0]);
    let judged = play.judged().not_judged;
    let mut own = judged.iter().filter(|(rule, _)| rule == "SESSION-12");
    assert!(own.next().unwrap().1.contains("handshake only"));
}

/// What of SESSION-3 is found where CONNECT with one token is refused again and again.
fn refused(contract: Contract, payload: &Value) -> (Vec<String>, bool) {
    let mut play = Play::of(contract);
    play.signs_in("client", "ada", json!("sailor-7"));
    for socket in 1..8 {
        let frame = |direction: &str, packet: Value| json!({"frame": {"socket": socket, "direction": direction, "transport": "websocket", "bytes": 9, "packet": packet}});
        let own = json!({"namespace": "/tide", "payload": {"json": {"value": {"pass": "‹client ada›"}, "bytes": 9}}});
        let refusal =
            json!({"namespace": "/tide", "payload": {"json": {"value": payload, "bytes": 9}}});
        play.fact(json!({"socket-opened": {"socket": socket, "service": "deck", "transport": "websocket"}}))
            .fact(frame("up", json!({"connect": own})))
            .fact(frame("down", json!({"connect-error": refusal})))
            .after(std::time::Duration::from_secs(9));
    }
    let unclear = play.judged().not_judged;
    let unclear = unclear.iter().any(|(rule, _)| rule == "SESSION-3");
    (play.found("SESSION-3"), unclear)
}

#[test]
fn only_a_refusal_for_the_token_is_held_against_an_app_that_sends_it_again() {
    let found = |message: &str| {
        let (found, unclear) = refused(harbour(), &json!({"message": message}));
        (!found.is_empty(), unclear)
    };
    assert_eq!(found("jwt expired"), (true, false));
    assert_eq!(found("Unauthorized"), (true, false));
    assert_eq!(found("Invalid namespace"), (false, false));
    assert_eq!(found("no"), (false, true));
    let mut contract = harbour();
    let at = Selector::parse("/data/code").unwrap();
    contract.realtime.as_mut().unwrap().refused_by =
        Some(Condition::OneOf(at, vec![json!("E_PASS")]));
    let by_code = |code: &str| {
        let payload = json!({"message": "no", "data": {"code": code}});
        let (found, unclear) = refused(contract.clone(), &payload);
        (!found.is_empty(), unclear)
    };
    assert_eq!(by_code("E_PASS"), (true, false));
    assert_eq!(by_code("E_BUSY"), (false, false));
}

#[test]
fn an_event_that_the_harness_has_sent_may_lack_anything() {
    let found = |pushed: bool| {
        let mut play = Play::of(harbour());
        play.signs_in("client", "ada", json!("sailor-7"))
            .joins(1, "ada")
            .event(1, "ship_moved", json!({"imo": 1, "count": 1}));
        if pushed {
            play.fact(json!({"harness": {"changed": {"change": {"push": {"event": "ship_moved"}}, "how": "mock"}}}));
        }
        play.event(1, "ship_moved", json!({"imo": 1}))
            .after(std::time::Duration::from_secs(20))
            .event(1, "ship_moved", json!({"imo": 1, "count": 2}));
        play.found("API-12").len()
    };
    assert_eq!(found(true), 0);
    assert_eq!(found(false), 1);
}

#[test]
fn an_error_that_nobody_can_read_has_no_form_to_be_judged() {
    let mut contract = harbour();
    contract.promises.errors = Some(ErrorForm {
        schema: json!({"type": "object", "required": ["code"]}),
        except: Vec::new(),
    });
    let mut play = Play::of(contract);
    let body = json!({"unread": {"why": "it is packed", "bytes": 9, "sha256": "00"}});
    play.signs_in("client", "ada", json!("sailor-7")).asks(
        "client",
        "ada",
        "ships",
        json!({"status": 404, "body": body}),
    );
    assert_eq!(play.found("API-5"), [""; 0]);
    let judged = play.judged().not_judged;
    assert!(
        judged
            .iter()
            .any(|(rule, why)| rule == "API-5" && why.contains("packed"))
    );
}

#[test]
fn errors_of_the_backends_own_say_nothing_of_a_token_that_is_over_unless_there_is_nothing_else() {
    let judged = |statuses: &[u16]| {
        let mut play = Play::of(harbour());
        play.signs_in("probe", "ada", json!("sailor-7")).reads(
            "probe",
            "ada",
            "ships",
            json!({"ships": [], "count": 1}),
        );
        for status in statuses {
            play.fact(
                json!({"harness": {"probe": {"question": {"bad-token": {"flaw": "expired"}}}}}),
            )
            .asks("probe", "ada", "ships", json!({"status": status}));
        }
        let judged = play.judged().not_judged;
        let not_judged = judged.iter().any(|(rule, _)| rule == "API-9");
        (play.found("API-9").len(), not_judged)
    };
    assert_eq!(judged(&[401]), (0, false));
    assert_eq!(judged(&[500]), (0, true));
    assert_eq!(judged(&[500, 401, 500]).0, 0);
    assert_eq!(judged(&[500, 500]), (1, false));
    assert_eq!(judged(&[404]), (1, false));
}

#[test]
fn a_service_that_is_as_well_as_it_was_is_well() {
    let mut play = Play::of(harbour());
    let health =
        || json!({"service": "gate", "method": "GET", "target": "/pulse", "role": "health"});
    play.exchange("probe", health(), None, json!({"status": 304}));
    assert_eq!(play.found("API-1"), [""; 0]);
}
