//! A world that is changed under a running mock, and one that outlives it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::contracts::{desk, desk_world, farm, farm_world};
use super::stage::Stage;
use crate::domain::world::World;
use crate::mock::{State, Unusable};

fn world(change: impl FnOnce(&mut World)) -> Arc<World> {
    let mut world = desk_world();
    change(&mut world);
    Arc::new(world)
}

fn rows(value: &Value) -> usize {
    value["rows"].as_array().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_new_world_is_served_at_once_and_who_was_signed_in_is_told_of_what_is_new() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let (bob, _) = stage.sign_in("bob").await;
    let mut socket = stage.listen(&ann).await;
    stage.mock.alter("close-trade").unwrap();
    for _ in 0..2 {
        socket.event().await.unwrap();
    }
    let before = stage.get("desk", "/positions", &ann).await.json();
    // Bob is gone, root comes first, and ann has one position; her history is said as it was.
    let new = world(|world| {
        world.users.remove(1);
        world.users.reverse();
        let ann = &mut world.users[1].data;
        ann.insert(
            "positions".to_owned(),
            json!({"seq": 1, "rows": [{"id": "p", "price": 2.5}]}),
        );
    });
    assert_eq!(stage.mock.reload(new).unwrap(), ["positions"]);
    let (event, told) = socket.event().await.unwrap();
    assert_eq!(
        (event.as_str(), rows(&json!({"rows": told["rows"]}))),
        ("positions", 1)
    );
    let after = stage.get("desk", "/positions", &ann).await.json();
    assert_eq!(rows(&after), 1);
    assert!(
        after["seq"].as_u64() > before["seq"].as_u64(),
        "{before} {after}"
    );
    let history = stage.get("desk", "/history?limit=9", &ann).await.json();
    assert_eq!(history["rows"][0]["id"], "closed-ann-position-0");
    assert_eq!(stage.get("desk", "/positions", &bob).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_world_that_does_not_fit_the_contract_changes_nothing() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    let lacking = world(|world| {
        world.users[0].data.remove("history");
    });
    let refused = stage.mock.reload(lacking).unwrap_err().to_string();
    assert!(refused.contains("`history`"), "{refused}");
    assert_eq!(stage.get("desk", "/history", &ann).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_mock_goes_on_where_another_one_has_ended() {
    let first = Stage::desk();
    let (ann, renewal) = first.sign_in("ann").await;
    first.mock.alter("close-trade").unwrap();
    first.mock.set_maintenance(true).unwrap();
    let (seen, state) = first.mock.state_since(0).unwrap();
    assert!(
        first.mock.state_since(seen).is_none(),
        "nothing was asked since"
    );
    let text = serde_json::to_vec(&state).unwrap();
    let second = Stage::desk();
    second.mock.resume(State::read(&text).unwrap()).unwrap();
    assert_eq!(second.get("desk", "/positions", &ann).await.status, 503);
    second.mock.set_maintenance(false).unwrap();
    let positions = second.get("desk", "/positions", &ann).await.json();
    assert_eq!(rows(&positions), 2);
    let (other, _) = second.sign_in("ann").await;
    assert_ne!(other, ann, "no token is handed out twice");
    assert_eq!(second.refresh(&renewal).await.status, 200);
    assert_eq!(second.refresh(&renewal).await.status, 400);
    // What the world says otherwise by now is right, and the rest is as it has become.
    let third = Stage::with(
        desk(),
        Arc::unwrap_or_clone(world(|world| {
            let ann = &mut world.users[0].data;
            ann.insert(
                "profile".to_owned(),
                json!({"id": "subject-ann", "age": 42}),
            );
        })),
        &[],
    );
    third.mock.resume(state).unwrap();
    third.mock.set_maintenance(false).unwrap();
    assert_eq!(third.get("desk", "/me", &ann).await.json()["age"], 42);
    let positions = third.get("desk", "/positions", &ann).await.json();
    assert_eq!(rows(&positions), 2);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_none_is_newer_or_another_contract_s_is_refused_in_words() {
    let stage = Stage::desk();
    let (_, state) = stage.mock.state_since(0).unwrap();
    let farm = Stage::with(farm(), farm_world(), &[]);
    let refused = farm.mock.resume(state.clone()).unwrap_err();
    assert!(matches!(refused, Unusable::Foreign(..)), "{refused}");
    let mut value = serde_json::to_value(&state).unwrap();
    value["world"]["users"]["ann"]["positions"]["answer"] = json!({"seq": 1});
    let unfit: State = serde_json::from_value(value.clone()).unwrap();
    let refused = stage.mock.resume(unfit).unwrap_err().to_string();
    assert!(refused.contains("`positions` has no list"), "{refused}");
    value["rehearsal-mock-state"] = 2.into();
    let refused = State::read(value.to_string().as_bytes()).unwrap_err();
    assert!(matches!(refused, Unusable::Newer(2)), "{refused}");
    for text in ["", "{}", "[1]", "{\"rehearsal-mock-state\": 1}"] {
        let refused = State::read(text.as_bytes()).unwrap_err();
        assert!(matches!(refused, Unusable::NoState(_)), "{text}: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_world_that_was_kept_under_a_name_is_had_again() {
    let stage = Stage::desk();
    let (ann, _) = stage.sign_in("ann").await;
    assert!(stage.mock.go_back("full").is_err() && stage.mock.keep("no name").is_err());
    assert_eq!(stage.mock.keep("full").unwrap(), ["full"]);
    let before = stage.get("desk", "/positions", &ann).await.json();
    stage.mock.alter("close-trade").unwrap();
    stage.mock.set_maintenance(true).unwrap();
    assert_eq!(stage.mock.go_back("full").unwrap(), 3);
    let after = stage.get("desk", "/positions", &ann).await.json();
    assert_eq!(after["rows"], before["rows"]);
    assert!(after["seq"].as_u64() > before["seq"].as_u64());
}
