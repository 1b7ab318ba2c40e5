//! Whose fault it is: what the backend makes an app do is not the app's, and what a backend does
//! wrong is found although no app suffers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Play, harbour};
use crate::domain::contract::{Contract, Queries};
use crate::domain::verdict::{Severity, Subject};

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// What was found, as rule and culprit, remarks left out.
fn found(play: &Play) -> Vec<(String, Subject)> {
    let findings = play.judged().findings.into_iter();
    findings
        .filter(|finding| finding.severity > Severity::Information)
        .map(|finding| (finding.rule, finding.subject))
        .collect()
}

fn blames_the_backend(play: &Play, rule: &str) {
    assert_eq!(found(play), [(rule.to_owned(), Subject::Backend)]);
}

fn ships(count: u64) -> Value {
    json!({"ships": [], "count": count})
}

/// An app on a joined socket that reads again whenever a number does not fit, as it should.
fn reading(numbers: impl Fn(u64) -> (u64, u64)) -> Play {
    reading_under(harbour(), numbers)
}

fn reading_under(contract: Contract, numbers: impl Fn(u64) -> (u64, u64)) -> Play {
    let mut play = Play::of(contract);
    play.signs_in("client", "ada", json!("sailor-7"))
        .joins(1, "ada")
        .after(seconds(30));
    for round in 0..8 {
        let (event, snapshot) = numbers(round);
        play.event(1, "ship_moved", json!({"imo": 1, "count": event}))
            .after(seconds(3))
            .reads("client", "ada", "ships", ships(snapshot))
            .after(seconds(9));
    }
    play
}

#[test]
fn an_app_that_reads_again_because_numbers_are_left_out_is_not_said_to_poll() {
    let skipped = reading(|round| (round * 3, round * 3));
    blames_the_backend(&skipped, "SYNC-11");
    let backwards = reading(|round| (100 - round * 2, 100));
    blames_the_backend(&backwards, "SYNC-11");
}

#[test]
fn snapshots_older_than_what_was_emitted_are_the_backends() {
    blames_the_backend(&reading(|round| (100 + round, 50 + round)), "SYNC-11");
}

#[test]
fn numbers_are_judged_where_no_polling_takes_the_feeds_place() {
    let without = || Contract {
        polling: None,
        ..harbour()
    };
    let skipped = reading_under(without(), |round| (round * 3, round * 3));
    blames_the_backend(&skipped, "SYNC-11");
    let sound = reading_under(without(), |round| (100 + round, 100 + round));
    assert_eq!(found(&sound), []);
}

#[test]
fn an_app_that_polls_beside_a_sound_feed_is_found_as_before() {
    let polling = reading(|round| (100 + round, 100 + round));
    assert_eq!(found(&polling), [("SYNC-3".to_owned(), Subject::App)]);
}

#[test]
fn an_app_that_reads_again_because_of_an_event_does_not_poll() {
    let mut play = Play::of(harbour());
    play.signs_in("client", "ada", json!("sailor-7"))
        .joins(1, "ada")
        .after(seconds(30));
    for round in 0..8 {
        play.event(1, "ship_moved", json!({"imo": 1, "count": round}))
            .after(seconds(1))
            .reads("client", "ada", "ships", ships(round))
            .after(seconds(13));
    }
    assert_eq!(found(&play), []);
    let findings = play.judged().findings;
    assert!(findings.iter().any(|own| own.rule == "SYNC-16"));
}

#[test]
fn a_profile_that_names_nobody_is_not_that_of_another() {
    let profile = |body: Value| {
        let mut play = Play::of(harbour());
        play.signs_in("client", "ada", json!("sailor-7"))
            .reads("client", "ada", "sailor", body);
        let judged = play.judged();
        let unable = judged.not_judged.iter();
        let unable = unable
            .filter(|(_, why)| why.contains("names nobody"))
            .count();
        let mut findings = judged.findings.iter();
        (findings.any(|own| own.rule == "SESSION-15"), unable)
    };
    assert_eq!(
        profile(json!({"id": "sailor-7", "mail": "ada@port.example"})),
        (false, 0)
    );
    assert_eq!(profile(json!({"id": "sailor-8", "mail": null})), (true, 0));
    assert_eq!(profile(json!({"id": null, "mail": null})), (false, 1));
    assert_eq!(profile(json!(null)), (false, 1));
}

#[test]
fn asking_again_after_an_answer_that_says_neither_is_not_asking_too_often() {
    let mut play = Play::of(harbour());
    for _ in 0..8 {
        play.exchange(
            "client",
            json!({"service": "gate", "method": "GET", "target": "/beacon", "role": "status"}),
            None,
            json!({"status": 200, "body": {"json": {"value": {"lights": "on"}, "bytes": 9}}}),
        )
        .after(seconds(3));
    }
    assert_eq!(found(&play), []);
    let unable = play.judged().not_judged;
    assert!(
        unable.iter().any(|(rule, _)| rule == "KILL-6"),
        "{unable:?}"
    );
}

/// The app reads its list and asks the kill-switch, again and again, far more often than agreed.
fn asks_after_each(answer: impl Fn() -> Value) -> Vec<(String, Subject)> {
    let mut play = Play::of(harbour());
    play.signs_in("client", "ada", json!("sailor-7"));
    for _ in 0..8 {
        play.asks("client", "ada", "ships", answer())
            .exchange(
                "client",
                json!({"service": "gate", "method": "GET", "target": "/beacon", "role": "status"}),
                None,
                json!({"status": 200, "body": {"json": {"value": {"harbour": "open"}, "bytes": 9}}}),
            )
            .after(seconds(2));
    }
    let found = found(&play).into_iter();
    found.filter(|(rule, _)| rule == "KILL-6").collect()
}

#[test]
fn asking_after_each_refusal_that_looks_like_maintenance_is_not_asking_too_often() {
    for status in [503, 502, 500] {
        assert_eq!(
            asks_after_each(|| json!({ "status": status })),
            [],
            "{status}"
        );
    }
    let same = asks_after_each(|| json!({"status": 304}));
    assert!(!same.is_empty() && same.iter().all(|own| own.1 == Subject::App));
}

/// A token with these claims and this end by the answer beside it, handed out to the client.
fn token(play: &mut Play, claims: Value, ends: Option<u64>) {
    let mut token = json!({"label": "‹client ada›", "kind": "access", "header": {"alg": "ES256"},
        "claims": claims, "signature": "verified", "seen_at": 1_767_603_600, "username": "ada@port.example"});
    if let Some(ends) = ends {
        token["ends"] = ends.into();
    }
    play.exchange(
        "client",
        json!({"service": "gate", "method": "POST", "target": "/board", "role": "sign-in"}),
        Some(token),
        json!({"status": 200, "body": {"json": {"value": {"pass": "‹client ada›", "stub": "‹client ada stub›"}, "bytes": 9}}}),
    );
}

fn claims(end: Option<i64>) -> Value {
    let mut claims = json!({"iss": "https://gate.example", "aud": ["deck"], "sub": "sailor-7", "watch": "port", "iat": 1_767_603_600});
    if let Some(end) = end {
        claims["exp"] = (1_767_603_600_i64 + end).into();
    }
    claims
}

#[test]
fn a_token_that_was_never_good_is_not_held_against_the_app_that_sends_it() {
    for end in [None, Some(-600)] {
        let mut play = Play::of(harbour());
        token(&mut play, claims(end), None);
        for socket in 1..8 {
            let frame = |direction: &str, packet: Value| json!({"frame": {"socket": socket, "direction": direction, "transport": "websocket", "bytes": 9, "packet": packet}});
            play.fact(json!({"socket-opened": {"socket": socket, "service": "deck", "transport": "websocket"}}))
                .fact(frame("up", json!({"connect": {"namespace": "/tide", "payload": {"json": {"value": {"pass": "‹client ada›"}, "bytes": 9}}}})))
                .fact(frame("down", json!({"connect-error": {"namespace": "/tide", "payload": {"json": {"value": {"message": "no"}, "bytes": 9}}}})))
                .after(seconds(9));
        }
        blames_the_backend(&play, "SESSION-15");
    }
}

#[test]
fn an_answer_that_lies_about_the_tokens_end_is_found_and_an_early_advice_is_not() {
    let judged = |said: u64, lives: i64| {
        let mut play = Play::of(harbour());
        token(&mut play, claims(Some(lives)), Some(1_767_603_600 + said));
        found(&play)
    };
    for (said, lives) in [(3600, 60), (60, 3600), (86_400, 900)] {
        assert_eq!(
            judged(said, lives),
            [("SESSION-15".to_owned(), Subject::Backend)]
        );
    }
    for (said, lives) in [(3600, 3600), (3540, 3600), (840, 900), (3601, 3600)] {
        assert_eq!(judged(said, lives), [], "{said} {lives}");
    }
}

/// A signed-in client that is answered with these headers.
fn answered(contract: Contract, headers: impl Fn(u64) -> Value) -> Play {
    let mut play = Play::of(contract);
    play.signs_in("client", "ada", json!("sailor-7"));
    for round in 0..6 {
        let answer = json!({"status": 200, "headers": headers(round), "request_id": headers(round)[1][1],
            "body": {"json": {"value": ships(round), "bytes": 9}}});
        play.after(seconds(60))
            .asks("client", "ada", "ships", answer);
    }
    play
}

#[test]
fn one_request_id_for_every_answer_finds_none_of_them() {
    let alike = answered(harbour(), |_| {
        json!([["content-type", "application/json"], ["x-trace", "t-1"]])
    });
    blames_the_backend(&alike, "NET-13");
    let own = answered(harbour(), |round| {
        json!([
            ["content-type", "application/json"],
            ["x-trace", format!("t-{}", round / 4)]
        ])
    });
    assert_eq!(found(&own), []);
}

#[test]
fn data_that_calls_itself_text_is_found_and_every_kind_of_json_is_not() {
    let kind = |kind: &'static str| {
        answered(harbour(), move |round| {
            json!([["content-type", kind], ["x-trace", format!("t-{round}")]])
        })
    };
    blames_the_backend(&kind("text/plain"), "SYNC-13");
    assert_eq!(found(&kind("application/vnd.port+json; charset=utf-8")), []);
}

/// The harness asks for data while the kill-switch is on.
fn in_maintenance(status: u16) -> Vec<(String, Subject)> {
    let mut play = Play::of(harbour());
    play.signs_in("probe", "bo", json!("sailor-9"))
        .fact(json!({"harness": {"changed": {"change": {"maintenance": true}, "how": "http"}}}))
        .after(seconds(5))
        .fact(json!({"harness": {"probe": {"question": "status-in-maintenance"}}}))
        .exchange(
            "probe",
            json!({"service": "gate", "method": "GET", "target": "/beacon", "role": "status"}),
            None,
            json!({"status": 200, "body": {"json": {"value": {"harbour": "closed"}, "bytes": 9}}}),
        )
        .fact(json!({"harness": {"probe": {"question": "data-in-maintenance"}}}))
        .asks("probe", "bo", "ships", json!({"status": status}));
    found(&play)
}

#[test]
fn data_that_is_refused_otherwise_than_agreed_is_found() {
    for status in [401, 403, 404, 500] {
        assert_eq!(
            in_maintenance(status),
            [("KILL-7".to_owned(), Subject::Backend)],
            "{status}"
        );
    }
    // Nobody had asked conditionally, which is another thing wrong.
    let unchanged = in_maintenance(304).into_iter().map(|(rule, _)| rule);
    assert_eq!(unchanged.collect::<Vec<_>>(), ["KILL-7", "API-13"]);
    for status in [503, 429, 502] {
        assert_eq!(in_maintenance(status), [], "{status}");
    }
}

#[test]
fn polling_is_judged_where_there_is_no_feed_at_all() {
    let polled = |gap: Duration| {
        let mut contract = harbour();
        contract.realtime = None;
        let mut play = Play::of(contract);
        play.signs_in("client", "ada", json!("sailor-7"))
            .after(seconds(30));
        for _ in 0..6 {
            play.reads("client", "ada", "ships", ships(1)).after(gap);
        }
        play
    };
    assert_eq!(
        found(&polled(seconds(3))),
        [("SYNC-4".to_owned(), Subject::App)]
    );
    let regular = polled(seconds(15));
    assert_eq!(found(&regular), []);
    assert!(!regular.judged().not_exercised.contains(&"SYNC-4"));
}

/// A sign-in and one read with this query.
fn reading_with(query: &str, queries: Queries) -> Play {
    let mut contract = harbour();
    contract.scope.queries = queries;
    let mut play = Play::of(contract);
    play.signs_in("client", "ada", json!("sailor-7")).exchange(
        "client",
        json!({"service": "deck", "method": "GET", "target": format!("/v2/ships?{query}"), "path": "/v2/ships",
            "role": {"resource": "ships"}, "authorization": "Bearer ‹client ada›"}),
        None,
        json!({"status": 200, "body": {"json": {"value": ships(1), "bytes": 9}}}),
    );
    play
}

#[test]
fn query_keys_that_nobody_declared_are_a_finding_where_the_contract_closes_them() {
    let closed = |query| found(&reading_with(query, Queries::Declared));
    assert_eq!(closed("near=1"), [("SCOPE-7".to_owned(), Subject::App)]);
    assert_eq!(closed(""), []);
    let open = reading_with("near=1", Queries::Any).judged();
    let remark = open.findings.iter().find(|own| own.rule == "SCOPE-7");
    assert_eq!(remark.map(|own| own.severity), Some(Severity::Information));
}

#[test]
fn a_key_to_which_the_backend_itself_led_is_not_the_apps() {
    let mut contract = harbour();
    contract.scope.queries = Queries::Declared;
    let mut play = Play::of(contract);
    let ask = |target: &str| {
        json!({"service": "deck", "method": "GET", "target": target, "path": "/v2/ships",
            "role": {"resource": "ships"}, "authorization": "Bearer ‹client ada›"})
    };
    play.signs_in("client", "ada", json!("sailor-7"))
        .exchange(
            "client",
            ask("/v2/ships"),
            None,
            json!({"status": 307, "headers": [["location", "/v2/ships?at=now"], ["x-trace", "t-r"]]}),
        )
        .exchange(
            "client",
            ask("/v2/ships?at=now"),
            None,
            json!({"status": 200, "body": {"json": {"value": ships(1), "bytes": 9}}}),
        );
    assert_eq!(found(&play), []);
}
