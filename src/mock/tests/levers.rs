//! Levers, seen by a client: what changes when one is moved, and what comes back after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::contracts::{desk, desk_world, shared};
use super::stage::Stage;
use crate::mock::{Defects, Mock, Pages, Settings};
use crate::net::{Clock, Net};

#[tokio::test(start_paused = true)]
async fn maintenance_is_said_by_the_status_and_data_is_refused_until_it_ends() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let status = async || stage.call("GET id /status", &[], None).await.json();
    assert_eq!(status().await, json!({"blocked": false}));
    let mut socket = stage.listen(&access).await;
    stage.mock.set_maintenance(true).unwrap();
    assert_eq!(status().await, json!({"blocked": true}));
    assert_eq!(socket.texts(Duration::from_secs(9)).await, ["41/desk,"]);
    let answer = stage.get("desk", "/me", &access).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    let answer = stage
        .call("GET desk /live/?EIO=4&transport=polling", &[], None)
        .await;
    assert_eq!(answer.status, 503);
    assert_eq!(stage.call("GET desk /health", &[], None).await.status, 200);
    stage.mock.set_maintenance(false).unwrap();
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);
    stage.listen(&access).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_service_refuses_connections_and_a_started_one_remembers_its_sessions() {
    let stage = Stage::desk();
    let (access, refresh) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    stage.mock.set_running(Some("desk"), false).await.unwrap();
    assert_eq!(socket.text().await, None);
    let refused = stage.send("GET desk /me", &[], None).await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    assert_eq!(stage.call("GET id /status", &[], None).await.status, 200);
    stage.mock.set_running(None, false).await.unwrap();
    assert!(stage.send("GET id /status", &[], None).await.is_err());
    stage.mock.set_running(None, true).await.unwrap();
    assert_eq!(stage.get("desk", "/me", &access).await.status, 200);
    assert_eq!(stage.refresh(&refresh).await.status, 200);
    let mut socket = stage.listen(&access).await;
    assert_eq!(socket.event().await.unwrap().0, "price");
    assert!(stage.mock.set_running(Some("nobody"), true).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_parked_poll_is_cut_when_its_service_stops() {
    let stage = Stage::desk();
    let path = "GET desk /live/?EIO=4&transport=polling";
    let opened = stage.call(path, &[], None).await.text;
    let opened: serde_json::Value = serde_json::from_str(&opened[1..]).unwrap();
    let parked = format!("{path}&sid={}", opened["sid"].as_str().unwrap());
    let (cut, ()) = tokio::join!(stage.send(&parked, &[], None), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.mock.set_running(Some("desk"), false).await.unwrap();
    });
    assert!(cut.is_err());
}

#[tokio::test(start_paused = true)]
async fn expired_tokens_are_refused_and_fresh_ones_are_not() {
    let stage = Stage::desk();
    let (access, refresh) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    stage.mock.expire_tokens();
    assert_eq!(stage.get("desk", "/me", &access).await.status, 401);
    let (fresh, _) = super::stage::tokens(&stage.refresh(&refresh).await);
    assert_eq!(stage.get("desk", "/me", &fresh).await.status, 200);
    let said = socket.texts(Duration::from_secs(60)).await;
    assert_eq!(said.last().unwrap(), "41/desk,");
    assert!((29..=30).contains(&(said.len() - 1)), "{}", said.len());
}

#[tokio::test(start_paused = true)]
async fn a_closed_trade_moves_from_one_list_to_the_other_and_is_told() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    assert_eq!(stage.mock.alter("close-trade").unwrap(), 3);
    let (name, payload) = socket.event().await.unwrap();
    assert_eq!(
        (name.as_str(), payload["rows"].as_array().unwrap().len()),
        ("positions", 2)
    );
    assert_eq!(payload["seq"], 8);
    assert_eq!(
        socket.event().await.unwrap(),
        ("closed".to_owned(), json!({}))
    );
    let history = stage.get("desk", "/history", &access).await.json();
    assert_eq!(
        history["rows"][0],
        json!({"id": "closed-ann-position-0", "price": 100.5, "at": "2026-01-05T09:00:00Z"})
    );
    stage.mock.alter("close-trade").unwrap();
    stage.mock.alter("close-trade").unwrap();
    assert!(
        stage
            .mock
            .alter("close-trade")
            .unwrap_err()
            .to_string()
            .contains("positions")
    );
}

#[tokio::test(start_paused = true)]
async fn a_push_reaches_everybody_and_becomes_the_truth() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&ann).await;
    assert_eq!(stage.mock.last_emitted("positions"), None);
    let rows = json!([{"id": "x", "price": 1.5}]);
    assert_eq!(
        stage
            .mock
            .push("positions", Some(json!({ "rows": rows })))
            .unwrap(),
        1
    );
    let said = json!({"rows": rows, "seq": 8});
    assert_eq!(
        socket.event().await.unwrap(),
        ("positions".to_owned(), said)
    );
    assert_eq!(
        stage.mock.last_emitted("positions"),
        Some(stage.clock.elapsed())
    );
    let read = stage.get("desk", "/positions", &ann).await.json();
    assert_eq!(
        (read["rows"].clone(), read["seq"].clone()),
        (rows, json!(8))
    );
    assert!(stage.mock.push("nothing", None).is_err());
}

#[tokio::test(start_paused = true)]
async fn dropped_sockets_are_cut_and_may_come_back() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    stage.mock.drop_sockets();
    assert_eq!(socket.text().await, None);
    stage.listen(&access).await;
}

fn settings() -> Settings {
    Settings {
        contract: shared(desk()),
        world: desk_world().into(),
        clock: Clock::real_time(),
        net: Net::Real,
        listeners: BTreeMap::new(),
        pages: Pages::Ignored,
        secured: None,
        faults: None,
        seed: 1,
        defects: Defects::none(),
        live: false,
    }
}

#[tokio::test]
async fn over_tcp_a_stopped_service_comes_back_on_its_port() {
    let mock = Mock::start(settings()).unwrap();
    let at = mock.endpoint("desk").unwrap().clone();
    let url = format!("{}/health", mock.url("desk").unwrap());
    let client = super::stage::client(&at);
    let ask = async || super::stage::answer(&client, http::Request::get(&url), "").await;
    assert_eq!(ask().await.unwrap().status, 200);
    mock.set_running(None, false).await.unwrap();
    assert!(ask().await.unwrap_err().is_connect());
    mock.set_running(None, true).await.unwrap();
    assert_eq!(ask().await.unwrap().status, 200);
    assert_eq!(mock.endpoint("desk"), Some(&at));
}

#[tokio::test]
async fn a_world_without_the_contracts_data_does_not_start() {
    let mut settings = settings();
    let world = Arc::make_mut(&mut settings.world);
    world.users[1].data.remove("history");
    let Err(error) = Mock::start(settings) else {
        panic!("data is missing");
    };
    assert_eq!(
        error.to_string(),
        "the world has no data of resource `history` for bob"
    );
}
