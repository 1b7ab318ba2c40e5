//! Data as it is served: pages, cursors, whose items they are, and a world that goes on.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage::Stage;

/// Reads a list to its end: the ids of its items, and every cursor on the way.
pub(super) async fn walk(stage: &Stage, token: &str) -> (Vec<String>, Vec<String>) {
    let (mut ids, mut cursors) = (Vec::new(), Vec::new());
    let mut path = "/history".to_owned();
    while ids.len() < 50 {
        let answer = stage.get("desk", &path, token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        let rows = body["rows"].as_array().unwrap();
        ids.extend(
            rows.iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = body["next"].as_str() else {
            break;
        };
        path = format!("/history?cursor={cursor}");
        cursors.push(cursor.to_owned());
    }
    (ids, cursors)
}

pub(super) fn trades(name: &str) -> Vec<String> {
    (0..5).map(|at| format!("{name}-trade-{at}")).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_bring_every_item_once_and_end() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let (ids, cursors) = walk(&stage, &access).await;
    assert_eq!((ids, cursors.len()), (trades("ann"), 2));
    let answer = stage.get("desk", "/history?limit=5", &access).await;
    assert_eq!(answer.json()["rows"].as_array().unwrap().len(), 5);
    assert_eq!(answer.json()["next"], Value::Null);
    assert_eq!(
        stage.get("desk", "/history?limit=0", &access).await.status,
        400
    );
}

#[tokio::test(start_paused = true)]
async fn an_item_that_arrives_during_the_walk_shifts_nothing() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let first = stage.get("desk", "/history", &access).await.json();
    stage.mock.alter("close-trade").unwrap();
    let cursor = first["next"].as_str().unwrap();
    let second = stage
        .get("desk", &format!("/history?cursor={cursor}"), &access)
        .await
        .json();
    assert_eq!(second["rows"][0]["id"], "ann-trade-2");
}

#[tokio::test(start_paused = true)]
async fn foreign_damaged_and_old_cursors_are_refused() {
    let stage = Stage::desk();
    let (access, refresh) = stage.sign_in("ann").await;
    let (_, cursors) = walk(&stage, &access).await;
    let path = format!("/history?cursor={}", cursors[0]);
    let (bob, _) = stage.sign_in("bob").await;
    assert_eq!(stage.get("desk", &path, &bob).await.status, 400);
    assert_eq!(
        stage.get("desk", &format!("{path}A"), &access).await.status,
        400
    );
    assert_eq!(
        stage
            .get("desk", "/history?cursor=zzz", &access)
            .await
            .status,
        400
    );
    tokio::time::sleep(Duration::from_secs(3700)).await;
    let (access, _) = super::stage::tokens(&stage.refresh(&refresh).await);
    assert_eq!(stage.get("desk", &path, &access).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn everybody_has_data_of_their_own_and_some_is_shared() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let (bob, _) = stage.sign_in("bob").await;
    let read = async |path: &str, token: &str| stage.get("desk", path, token).await.json();
    assert_eq!(
        read("/positions", &ann).await["rows"][0]["id"],
        "ann-position-0"
    );
    assert_eq!(
        read("/positions", &bob).await["rows"][0]["id"],
        "bob-position-0"
    );
    assert_eq!(read("/flags", &ann).await, json!({"flags": {"live": true}}));
}

#[tokio::test(start_paused = true)]
async fn the_world_goes_on_for_those_who_only_poll() {
    let stage = Stage::desk();
    let (access, _) = stage.sign_in("ann").await;
    let first = stage.get("desk", "/positions", &access).await.json();
    assert_eq!(first, stage.get("desk", "/positions", &access).await.json());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let second = stage.get("desk", "/positions", &access).await.json();
    assert_ne!(first["rows"], second["rows"]);
    assert_eq!(
        (first["seq"].clone(), second["seq"].clone()),
        (json!(7), json!(8))
    );
}
