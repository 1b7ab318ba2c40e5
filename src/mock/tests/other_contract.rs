//! The same code serves a contract that shares no path, field, header or shape with the first one.

use std::time::Duration;

use serde_json::json;

use super::contracts::{farm, farm_world};
use super::stage::{Answer, Stage};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn sign_in(stage: &Stage) -> (String, String, Answer) {
    let body = "grant_type=password&who=daisy&key=moo+%26+more";
    let answer = stage
        .send("POST barn /oauth/token", &[FORM], Some(body))
        .await
        .unwrap();
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    (answer.header("x-session").to_owned(), cookie, answer)
}

#[tokio::test(start_paused = true)]
async fn tokens_travel_in_headers_and_cookies() {
    let stage = Stage::with(farm(), farm_world(), &[]);
    let (session, cookie, answer) = sign_in(&stage).await;
    assert_eq!(answer.status, 200);
    assert!(session.len() >= 32 && cookie.starts_with("renewal="));
    let until = stage.clock.unix().as_secs() + 900;
    assert_eq!(answer.header("x-session-until"), until.to_string());
    assert!(!answer.header("trace").is_empty());

    let renew = async |cookie: &str| {
        let headers = [FORM, ("cookie", cookie)];
        let body = Some("grant_type=refresh_token");
        stage
            .send("POST barn /oauth/token", &headers, body)
            .await
            .unwrap()
    };
    let renewed = renew(&format!("theme=dark; {cookie}")).await;
    assert_eq!(renewed.status, 200);
    assert_ne!(renewed.header("x-session"), session);
    assert_eq!(renew(&cookie).await.status, 403);
    let wrong = stage
        .send(
            "POST barn /oauth/token",
            &[FORM],
            Some("grant_type=password&who=daisy&key=no"),
        )
        .await
        .unwrap();
    assert_eq!(wrong.status, 418);
}

#[tokio::test(start_paused = true)]
async fn pages_are_numbered() {
    let stage = Stage::with(farm(), farm_world(), &[]);
    let (session, ..) = sign_in(&stage).await;
    let mut tags = Vec::new();
    for page in 1..=4 {
        let request = format!("GET barn /herd/animals?page={page}");
        let body = stage
            .call(&request, &[("x-session", &session)], None)
            .await
            .json();
        let list = body["payload"]["list"].as_array().unwrap().clone();
        tags.extend(list.iter().map(|animal| animal["tag"].as_u64().unwrap()));
    }
    assert_eq!(tags, [1, 2, 3, 4, 5]);
    let answer = stage
        .call(
            "GET barn /herd/animals?page=0",
            &[("x-session", &session)],
            None,
        )
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test(start_paused = true)]
async fn the_switch_and_the_sign_out_are_the_contracts_own() {
    let stage = Stage::with(farm(), farm_world(), &[]);
    let (session, ..) = sign_in(&stage).await;
    assert_eq!(
        stage.call("POST barn /gate", &[], None).await.json(),
        json!("open")
    );
    stage.mock.set_maintenance(true).unwrap();
    let gate = stage.call("POST barn /gate", &[], None).await;
    assert_eq!((gate.status, gate.json()), (530, json!("shut")));
    stage.mock.set_maintenance(false).unwrap();
    let auth = [("x-session", session.as_str())];
    let answer = stage.call("DELETE barn /oauth/token", &auth, None).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        stage.call("GET barn /weather", &auth, None).await.status,
        401
    );
    assert!(stage.mock.alter("close-trade").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_header_opens_the_feed() {
    let stage = Stage::with(farm(), farm_world(), &[]);
    let (session, ..) = sign_in(&stage).await;
    let mut socket = stage
        .socket("barn", "/farm/v2/stable/", &[("x-session", &session)])
        .await;
    assert!(socket.text().await.unwrap().starts_with('0'));
    socket.say("40").await;
    assert!(socket.text().await.unwrap().starts_with("40{"));
    let (name, payload) = socket.event().await.unwrap();
    assert_eq!(name, "wind");
    assert_ne!(payload["wind"]["speed"], "4.5");
    assert!(payload["wind"]["speed"].is_string());
    assert_eq!(stage.clock.elapsed(), Duration::from_secs(60));
    let mut stranger = stage.socket("barn", "/farm/v2/stable", &[]).await;
    stranger.text().await.unwrap();
    stranger.say("40").await;
    assert!(stranger.text().await.unwrap().starts_with("44{"));
}
