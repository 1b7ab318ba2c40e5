//! What the harness did is an excuse for what it can have caused, and for nothing else.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Play, harbour};
use crate::domain::contract::{AfterChange, Contract, Emit};
use crate::domain::selector::Template;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn changed(change: Value) -> Value {
    json!({"harness": {"changed": {"change": change, "how": "http"}}})
}

fn ships() -> Value {
    json!({"status": 200, "body": {"json": {"value": {"ships": [], "at": 1}, "bytes": 9}}})
}

/// The harbour, one of whose events follows a change of the backend's own.
fn with_landings() -> Contract {
    let mut contract = harbour();
    let feed = contract.realtime.as_mut().unwrap();
    feed.events[0].promise.after = vec![AfterChange {
        lever: "landing".to_owned(),
        within: seconds(5),
    }];
    contract
}

/// A backend that fails three times, each time soon after this change.
fn fails_after(change: Value) -> Vec<String> {
    let mut play = Play::of(with_landings());
    play.signs_in("client", "ada", json!("sailor-7"));
    for _ in 0..3 {
        play.after(seconds(20))
            .fact(changed(change.clone()))
            .after(seconds(2))
            .asks("client", "ada", "ships", json!({"status": 500}))
            .after(seconds(20))
            .asks("client", "ada", "ships", ships());
    }
    play.found("NET-14")
}

#[test]
fn a_lever_that_breaks_nothing_is_no_reason_for_errors() {
    for change in [
        json!({"push": {"event": "ship_moved"}}),
        json!("expire-tokens"),
        json!({"own": "landing"}),
    ] {
        assert_eq!(fails_after(change.clone()).len(), 1, "{change}");
    }
    for change in [
        json!("drop-sockets"),
        json!({"own": "failover"}),
        json!({"backend": {"running": true}}),
    ] {
        assert_eq!(fails_after(change.clone()), [""; 0], "{change}");
    }
}

/// A kill-switch that is off again, and a backend of two services of which one goes on refusing.
fn lingers(refused: u16, again: bool) -> Vec<String> {
    let mut play = Play::of(harbour());
    let status = |word: &str| json!({"status": 200, "body": {"json": {"value": {"harbour": word}, "bytes": 9}}});
    let asks = |play: &mut Play, word: &str| {
        let request =
            json!({"service": "gate", "method": "GET", "target": "/beacon", "role": "status"});
        play.exchange("client", request, None, status(word));
    };
    asks(&mut play, "open");
    play.signs_in("client", "ada", json!("sailor-7"))
        .fact(changed(json!({"maintenance": true})));
    asks(&mut play, "closed");
    play.after(seconds(5))
        .fact(changed(json!({"maintenance": false})));
    asks(&mut play, "open");
    for _ in 0..4 {
        let at_gate = json!({"service": "gate", "method": "GET", "target": "/sailor", "path": "/sailor",
            "role": {"resource": "sailor"}, "authorization": "Bearer ‹client ada›"});
        play.after(seconds(3))
            .exchange("client", at_gate, None, json!({"status": 200}));
        play.asks("client", "ada", "ships", json!({"status": refused}));
        if again {
            play.fact(changed(json!({"maintenance": false})));
        }
    }
    play.found("KILL-7")
}

#[test]
fn a_service_that_goes_on_refusing_is_found_beside_one_that_does_not() {
    let refusal = harbour().kill_switch.unwrap().data_refusal.unwrap();
    assert_eq!(lingers(refusal, false).len(), 1);
    assert_eq!(lingers(200, false), [""; 0]);
    // To say again that it is off is no news.
    assert_eq!(lingers(refusal, true).len(), 1);
}

/// What of SCOPE-8 is found where a client emits these arguments.
fn emits(args: Value) -> Vec<String> {
    let mut contract = harbour();
    let watch = |zone: &str| Emit {
        event: "watch".to_owned(),
        args: vec![Template(
            json!({"zones": [zone], "as": "{username}", "depth": 2}),
        )],
        ack: false,
    };
    let feed = contract.realtime.as_mut().unwrap();
    feed.subscribe = vec![watch("inner"), watch("outer")];
    let mut play = Play::of(contract);
    play.signs_in("client", "ada", json!("sailor-7"))
        .fact(json!({"socket-opened": {"socket": 1, "service": "deck", "transport": "websocket"}}))
        .fact(json!({"frame": {"socket": 1, "direction": "up", "transport": "websocket", "bytes": 9,
            "packet": {"event": {"namespace": "/tide", "name": "watch", "args": {"json": {"value": args, "bytes": 9}}}}}}));
    said(&play, "SCOPE-8")
}

/// What of a rule was found, in words.
fn said(play: &Play, rule: &str) -> Vec<String> {
    let found = play.judged().findings.into_iter();
    let own = found.filter(|finding| finding.rule == rule);
    own.map(|finding| finding.message).collect()
}

#[test]
fn a_subscription_says_what_the_contract_fixes_for_it() {
    for zone in ["inner", "outer"] {
        let args = json!([{"zones": [zone], "as": "somebody", "depth": 2}]);
        assert_eq!(emits(args), [""; 0], "{zone}");
    }
    for zones in [
        json!(["far"]),
        json!(["inner", "far"]),
        json!([]),
        Value::Null,
    ] {
        let found = emits(json!([{"zones": zones, "as": "somebody", "depth": 2}]));
        assert_eq!(found.len(), 1, "{zones}: {found:?}");
        assert!(
            found[0].contains("in the emit `watch`, the argument `/0/zones`"),
            "{found:?}"
        );
    }
}

#[test]
fn an_account_of_the_target_is_known_before_it_has_signed_in() {
    let names = |accounts: Value| {
        let mut play = Play::of(harbour());
        play.fact(json!({"harness": {"began": {"scenario": "play", "seed": 1, "target": "quay", "epoch": 1_767_603_600,
                "virtual_time": true, "accounts": accounts}}}))
            .signs_in("client", "ada", json!("sailor-7"))
            .exchange(
                "client",
                json!({"service": "deck", "method": "GET", "target": "/v2/ships?of=bob@port.example", "path": "/v2/ships",
                    "role": {"resource": "ships"}, "authorization": "Bearer ‹client ada›"}),
                None,
                ships(),
            );
        said(&play, "SCOPE-7")
    };
    let both = json!(["ada@port.example", "bob@port.example"]);
    assert_eq!(
        names(both),
        ["a read names the account `bob@port.example` in its query key `of`"]
    );
    let own = json!(["ada@port.example"]);
    assert_eq!(
        names(own),
        ["a read has the query key `of`, which is not declared"]
    );
}

/// What KILL-7 says of a backend that refuses data with 429 while its switch is on, and perhaps before.
fn limits(before: bool, times: usize) -> usize {
    let mut play = Play::of(harbour());
    let asks = |play: &mut Play, word: &str| {
        let request =
            json!({"service": "gate", "method": "GET", "target": "/beacon", "role": "status"});
        let answer =
            json!({"status": 200, "body": {"json": {"value": {"harbour": word}, "bytes": 9}}});
        play.exchange("client", request, None, answer);
    };
    asks(&mut play, "open");
    play.signs_in("client", "ada", json!("sailor-7"));
    if before {
        play.asks("client", "ada", "ships", json!({"status": 429}));
    }
    play.asks("client", "ada", "ships", ships())
        .fact(changed(json!({"maintenance": true})));
    asks(&mut play, "closed");
    play.after(seconds(3));
    for _ in 0..times {
        play.after(seconds(3))
            .asks("client", "ada", "ships", json!({"status": 429}));
    }
    play.found("KILL-7").len()
}

#[test]
fn a_limit_is_an_excuse_where_there_is_one() {
    assert_eq!(limits(false, 4), 1);
    assert_eq!(limits(false, 2), 0);
    assert_eq!(limits(true, 4), 0);
}

/// What SYNC-11 says of numbers that are left out every other time, each time soon after this change.
fn leaves_out(change: &Value) -> usize {
    let mut play = Play::of(with_landings());
    play.signs_in("client", "ada", json!("sailor-7"))
        .joins(1, "ada");
    let mut number = 7;
    for round in 0..12 {
        play.after(seconds(3))
            .fact(changed(change.clone()))
            .after(seconds(3))
            .event(1, "ship_moved", json!({"imo": 1, "count": number}));
        number += 1 + round % 2;
    }
    play.found("SYNC-11").len()
}

#[test]
fn numbers_are_left_out_by_nobody_but_whoever_emits_the_event() {
    assert_eq!(leaves_out(&json!({"own": "landing"})), 1);
    assert_eq!(leaves_out(&json!({"push": {"event": "another"}})), 1);
    assert_eq!(leaves_out(&json!({"push": {"event": "ship_moved"}})), 0);
}
