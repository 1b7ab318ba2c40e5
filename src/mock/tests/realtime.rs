//! The event socket: what it brings to whom, who may come in, and what costs it nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::contracts::LIFETIME;
use super::stage::Stage;

#[tokio::test(start_paused = true)]
async fn the_feed_brings_each_user_their_own_numbers_in_sequence() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let (bob, _) = stage.sign_in("bob").await;
    let mut anns = stage.listen(&ann).await;
    let mut bobs = stage.listen(&bob).await;
    let mut prices = std::collections::BTreeMap::new();
    for second in 1..=5 {
        let (name, payload) = anns.event().await.unwrap();
        assert_eq!(
            (name.as_str(), payload["seq"].clone()),
            ("price", json!(7 + second))
        );
        assert_eq!(payload["rows"].as_array().unwrap().len(), 1);
        assert!(
            payload["rows"][0]["id"]
                .as_str()
                .unwrap()
                .starts_with("ann-")
        );
        let row = &payload["rows"][0];
        let before = prices.insert(row["id"].to_string(), row["price"].clone());
        assert_ne!(row["price"], before.unwrap_or(json!(100.5)));
        let (_, payload) = bobs.event().await.unwrap();
        assert!(
            payload["rows"][0]["id"]
                .as_str()
                .unwrap()
                .starts_with("bob-")
        );
        assert_eq!(stage.clock.elapsed(), Duration::from_secs(second));
    }
    let read = stage.get("desk", "/positions", &ann).await.json();
    assert_eq!(read["seq"], 12);
    for row in read["rows"].as_array().unwrap() {
        let told = prices.get(&row["id"].to_string());
        assert_eq!(&row["price"], told.unwrap_or(&json!(100.5)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_mock_holds_no_timer() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    drop(stage.listen(&access).await);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let due = stage.mock.inner.backend.core().sockets.due();
    assert_eq!(due, None);
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_in_without_a_good_token() {
    let stage = Stage::desk();
    for auth in [json!({}), json!({"token": "made-up"}), json!({"jwt": 1})] {
        let mut socket = stage.join("/desk", auth).await;
        let said = socket.text().await.unwrap();
        let refusal: Value = serde_json::from_str(said.strip_prefix("44/desk,").unwrap()).unwrap();
        assert_eq!(refusal["message"], "unauthorized");
        assert_eq!(refusal["data"]["code"], "unauthorized");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_namespace_is_for_admins_only() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let mut socket = stage.join("/admin", json!({ "token": ann })).await;
    assert!(
        socket
            .text()
            .await
            .unwrap()
            .starts_with("44/admin,{\"message\":\"forbidden\"")
    );
    assert_eq!(stage.mock.forbidden_calls(), 1);
    let (root, _) = stage.sign_in("root").await;
    let mut socket = stage.join("/admin", json!({ "token": root })).await;
    assert!(socket.text().await.unwrap().starts_with("40/admin,"));
    assert_eq!(socket.texts(Duration::from_secs(3)).await, [""; 0]);
    assert_eq!(stage.mock.forbidden_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_are_acknowledged_and_forbidden_emits_count() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&ann).await;
    socket.say("42/desk,0[\"watch\"]").await;
    assert_eq!(
        socket.text().await.unwrap(),
        "43/desk,0[{\"status\":\"ok\"}]"
    );
    socket.say("42/desk,1[\"trade\",{\"size\":1}]").await;
    assert_eq!(
        socket.text().await.unwrap(),
        "43/desk,1[{\"status\":\"accepted\"}]"
    );
    assert_eq!(stage.mock.forbidden_calls(), 1);
    socket.say("42/desk,2[\"whatever\"]").await;
    assert_eq!(socket.event().await.unwrap().0, "price");
}

#[tokio::test(start_paused = true)]
async fn a_socket_ends_when_its_token_has() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&ann).await;
    let said = socket.texts(LIFETIME * 2).await;
    assert_eq!(said.last().unwrap(), "41/desk,");
    assert!(said.len() - 1 <= (LIFETIME + Duration::from_secs(30)).as_secs() as usize);
}

#[tokio::test(start_paused = true)]
async fn long_polling_gets_events_and_moves_to_websocket() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let path = "desk /live/?EIO=4&transport=polling";
    let opened = stage.call(&format!("GET {path}"), &[], None).await.text;
    let opened: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(opened["upgrades"], json!(["websocket"]));
    let sid = opened["sid"].as_str().unwrap();
    let with_sid = format!("{path}&sid={sid}");
    let connect = format!("40/desk,{}", json!({ "token": ann }));
    let answer = stage
        .send(&format!("POST {with_sid}"), &[], Some(&connect))
        .await
        .unwrap();
    assert_eq!(answer.text, "ok");
    let poll = async || stage.call(&format!("GET {with_sid}"), &[], None).await.text;
    assert!(poll().await.starts_with("40/desk,"));
    let polled = poll().await;
    assert!(polled.starts_with("42/desk,[\"price\","), "{polled}");

    let stream = stage
        .mock
        .endpoint("desk")
        .unwrap()
        .connect()
        .await
        .unwrap();
    let url = format!("ws://mock/edge/live/?EIO=4&transport=websocket&sid={sid}");
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let mut socket = super::stage::Socket(socket);
    socket.say("2probe").await;
    assert_eq!(socket.text().await.unwrap(), "3probe");
    socket.say("5").await;
    assert_eq!(socket.event().await.unwrap().0, "price");
}

#[tokio::test(start_paused = true)]
async fn a_day_of_events_passes_without_a_late_or_lost_one() {
    let stage = Stage::desk();
    let mut world_ends = 0;
    let (ann, mut refresh) = stage.sign_in("ann").await;
    let mut token = ann;
    let mut seen = 0;
    while stage.clock.elapsed() < Duration::from_secs(7200) {
        let mut socket = stage.listen(&token).await;
        while let Some((name, _)) = socket.event().await {
            if name == "price" {
                seen += 1;
                assert_eq!(
                    stage.mock.last_emitted("price"),
                    Some(stage.clock.elapsed())
                );
            }
        }
        world_ends += 1;
        (token, refresh) = super::stage::tokens(&stage.refresh(&refresh).await);
    }
    assert!(world_ends >= 7);
    assert!(seen >= 7200 - world_ends - 1, "{seen} of 7200");
}
