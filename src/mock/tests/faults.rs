//! What is between the mock and its clients, seen by them: faults, the network, and what is let through.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage::Stage;
use crate::domain::change::{Change, Fault, RequestMatch, Withheld};
use crate::domain::contract::{RequestPattern, Role};

async fn fault(stage: &Stage, on: RequestMatch, fault: Option<Fault>) {
    let change = Change::Fault { on, fault };
    stage.mock.disturb(&change).await.unwrap();
}

fn respond(status: u16, body: Option<Value>) -> Option<Fault> {
    Some(Fault::Respond {
        status,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body,
    })
}

const HEALTH: &str = "GET desk /health";

#[tokio::test(start_paused = true)]
async fn answers_come_late_or_from_nobody_or_are_made_up_for_those_requests_alone() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let before = stage.clock.elapsed();
    fault(
        &stage,
        RequestMatch::Data,
        Some(Fault::Delay(Duration::from_secs(2))),
    )
    .await;
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);
    assert!(stage.clock.elapsed() - before >= Duration::from_secs(2));
    fault(
        &stage,
        RequestMatch::Data,
        respond(418, Some(json!("<p>tea</p>"))),
    )
    .await;
    let answer = stage.get("desk", "/me", &access).await;
    assert_eq!((answer.status, answer.text.as_str()), (418, "<p>tea</p>"));
    assert_eq!(answer.header("content-type"), "text/html");
    assert_eq!(stage.call(HEALTH, &[], None).await.status, 200);
    fault(&stage, RequestMatch::Data, Some(Fault::Reset)).await;
    assert!(stage.send("GET desk /me", &[], None).await.is_err());
    fault(&stage, RequestMatch::Data, Some(Fault::BlackHole)).await;
    let asked = stage.send("GET desk /me", &[], None);
    let patience = Duration::from_secs(20);
    assert!(tokio::time::timeout(patience, asked).await.is_err());
    fault(&stage, RequestMatch::Data, None).await;
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nobody_is_reached_and_what_was_stopped_stays_so_after_it() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    stage.mock.disturb(&Change::Network(false)).await.unwrap();
    assert_eq!(socket.text().await, None);
    for request in [HEALTH, "GET id /status"] {
        assert!(
            stage
                .send(request, &[], None)
                .await
                .unwrap_err()
                .is_connect()
        );
    }
    stage.mock.set_running(Some("id"), false).await.unwrap();
    stage.mock.disturb(&Change::Network(true)).await.unwrap();
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);
    assert!(stage.send("GET id /status", &[], None).await.is_err());
    stage.mock.set_running(None, true).await.unwrap();
    let one = RequestPattern::parse("* desk /**").unwrap();
    fault(&stage, RequestMatch::Pattern(one), Some(Fault::Refuse)).await;
    assert!(
        stage
            .send(HEALTH, &[], None)
            .await
            .unwrap_err()
            .is_connect()
    );
    assert_eq!(stage.call("GET id /status", &[], None).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_cut_blocked_and_swallowed_without_the_rest_noticing() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    stage.mock.disturb(&Change::Websocket(false)).await.unwrap();
    assert_eq!(socket.text().await, None);
    let poll = "GET desk /live/?EIO=4&transport=polling";
    assert_eq!(stage.call(poll, &[], None).await.status, 200);
    let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
    let socket_path = "GET desk /live/?EIO=4&transport=websocket";
    assert_eq!(stage.call(socket_path, &upgrade, None).await.status, 403);
    stage.mock.disturb(&Change::Websocket(true)).await.unwrap();

    let mut socket = stage.listen(&access).await;
    let on = RequestMatch::Role(Role::Realtime);
    fault(&stage, on.clone(), Some(Fault::BlackHole)).await;
    let second = Duration::from_secs(1);
    let silence = tokio::time::timeout(second * 20, socket.text());
    assert!(
        silence.await.is_err(),
        "what the socket carries is swallowed"
    );
    fault(&stage, on.clone(), None).await;
    assert!(socket.text().await.is_some(), "and goes on after it");

    let mut socket = stage.listen(&access).await;
    stage.mock.disturb(&Change::Socket(false)).await.unwrap();
    while socket.text().await.is_some() {}
    assert!(stage.send(poll, &[], None).await.is_err());
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);
    let withheld = Change::Fault {
        on,
        fault: Some(Fault::Withhold(Withheld::Ping)),
    };
    let why = stage.mock.disturb(&withheld).await.unwrap_err().to_string();
    assert!(why.contains("the proxy"), "{why}");
}
