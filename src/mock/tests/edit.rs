//! An operator reads and writes the world: rows by their keys, schemas kept, whoever listens told, steps undone.

use serde_json::{Value, json};

use super::contracts::{desk, desk_world};
use super::operator::Operator;
use super::stage::{Answer, Stage};
use crate::domain::contract::Contract;
use crate::domain::selector::Selector;

/// Positions with a schema: an id, and a price that is no less than zero.
fn strict() -> Contract {
    let mut contract = desk();
    let mut positions = contract.resources.iter_mut();
    let positions = positions.find(|own| own.name == "positions").unwrap();
    positions.schema = Some(json!({
        "type": "object",
        "required": ["rows"],
        "properties": { "rows": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["id", "price"],
                "properties": { "id": { "type": "string" }, "price": { "type": "number", "minimum": 0 } },
            },
        } },
    }));
    contract
}

fn started() -> Operator {
    Operator::of(Stage::with(strict(), desk_world(), &[]))
}

fn ids(answer: &Value) -> Vec<&str> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_there_is_is_said_and_rows_are_brought_a_part_at_a_time() {
    let operator = started();
    let world = operator.get("/world").await;
    assert_eq!(world["users"], json!(["ann", "bob", "root"]));
    let of = |name: &str| {
        let all = world["resources"].as_array().unwrap();
        all.iter().find(|own| own["name"] == name).unwrap().clone()
    };
    let positions = of("positions");
    assert_eq!(
        (&positions["list"], &positions["key"]),
        (&json!(true), &json!("/id"))
    );
    assert_eq!(
        (&of("flags")["everybody"], &of("flags")["users"]),
        (&json!(true), &json!([]))
    );
    let part = operator
        .get("/world?resource=positions&user=bob&from=1&limit=1")
        .await;
    assert_eq!(
        (ids(&part), &part["total"]),
        (vec!["bob-position-1"], &json!(3))
    );
    let flags = operator.get("/world?resource=flags").await;
    assert_eq!(flags["value"], json!({"flags": {"live": true}}));
    for (query, error) in [
        ("resource=positions", "whose"),
        ("resource=flags&user=ann", "whose"),
        ("resource=no", "unknown"),
        ("resource=positions&user=no", "unknown"),
        ("unheard=of", "bad-query"),
    ] {
        let refused = operator.get(&format!("/world?{query}")).await;
        assert_eq!(refused["error"], error, "{query}");
    }
    assert_eq!(operator.post("/world", "").await.status, 405);
}

#[tokio::test(start_paused = true)]
async fn a_row_is_written_for_one_account_and_told_by_the_event_that_brings_rows() {
    let operator = started();
    let stage = &operator.stage;
    let (ann, _) = stage.sign_in("ann").await;
    let (bob, _) = stage.sign_in("bob").await;
    let mut anns = stage.listen(&ann).await;
    let _bobs = stage.listen(&bob).await;
    let before = stage.get("desk", "/positions", &ann).await.json();
    let row = json!({"id": "ann-position-1", "price": 7.25, "note": "by hand"});
    let body =
        json!({"resource": "positions", "user": "ann", "row": "ann-position-1", "value": row});
    let done = operator.post("/world/put", &body.to_string()).await.json();
    assert_eq!(
        (&done["did"], &done["at"], &done["value"]),
        (&json!("put"), &json!(1), &row)
    );
    assert_eq!(
        (&done["events"], &done["sockets"]),
        (&json!(["price"]), &json!(1))
    );
    let (event, told) = anns.event().await.unwrap();
    assert_eq!((event.as_str(), &told["rows"]), ("price", &json!([row])));
    let after = stage.get("desk", "/positions", &ann).await.json();
    assert_eq!(after["rows"][1], row);
    assert_eq!(told["seq"], after["seq"]);
    assert!(after["seq"].as_u64() > before["seq"].as_u64());
    let bobs = stage.get("desk", "/positions", &bob).await.json();
    assert_eq!(bobs["rows"][1]["price"], 100.5, "it is nobody else's");
    let gone = json!({"resource": "positions", "user": "ann", "row": "ann-position-0"});
    let done = operator
        .post("/world/remove", &gone.to_string())
        .await
        .json();
    assert_eq!(
        done["events"],
        json!(["positions"]),
        "an event that brings what is left"
    );
    let (_, told) = anns.event().await.unwrap();
    assert_eq!(ids(&told), ["ann-position-1", "ann-position-2"]);
    let told = operator.get("/journal?since=0&kind=operator").await;
    let entries = told["entries"].as_array().unwrap();
    assert_eq!(entries[0]["operator"]["asked"], "put positions of ann");
    assert_eq!(entries[1]["operator"]["done"]["row"], "ann-position-0");
}

#[tokio::test(start_paused = true)]
async fn what_breaks_the_schema_is_refused_with_where_and_why_unless_it_is_meant() {
    let operator = started();
    let (ann, _) = operator.stage.sign_in("ann").await;
    let put = |value: Value, more: Value| {
        let mut body = json!({"resource": "positions", "user": "ann", "row": "ann-position-0", "value": value});
        let fields = body.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    let bad = json!({"id": "ann-position-0", "price": -1});
    let refused = operator
        .post("/world/put", &put(bad.clone(), json!({})))
        .await;
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (422, &json!("schema"))
    );
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("at `/price`: -1 is less than the minimum of 0"),
        "{detail}"
    );
    let looked = put(bad.clone(), json!({"check": true}));
    let looked = operator.post("/world/put", &looked).await.json();
    assert_eq!(looked["problems"][0]["at"], "/price");
    let is = operator.stage.get("desk", "/positions", &ann).await.json();
    assert_eq!(is["rows"][0]["price"], 100.5, "nothing was changed");
    let forced = operator
        .post("/world/put", &put(bad, json!({"force": true})))
        .await
        .json();
    assert_eq!(forced["forced"], true);
    // That another row is broken keeps nobody from writing this one.
    let other =
        json!({"resource": "positions", "user": "ann", "at": 1, "value": {"id": "x", "price": 1}});
    assert_eq!(
        operator.post("/world/put", &other.to_string()).await.status,
        200
    );
    let gone = r#"{"resource": "positions", "user": "ann", "at": 0}"#;
    assert_eq!(operator.post("/world/remove", gone).await.status, 200);
    let short = operator.post("/world/remove", gone).await;
    let why = short.json()["detail"].as_str().unwrap().to_owned();
    assert!(short.status == 422 && why.contains("`/rows`"), "{why}");
}

impl Operator {
    /// Writes into ann's positions.
    async fn write(&self, what: &str, more: &Value) -> Answer {
        let mut body = json!({"resource": "positions", "user": "ann"});
        let fields = body.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let path = format!("/world/{what}");
        self.post(&path, &body.to_string()).await
    }

    async fn ids(&self) -> Vec<String> {
        let world = self.get("/world?resource=positions&user=ann").await;
        ids(&world).into_iter().map(str::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn steps_are_undone_and_done_again_in_order() {
    let operator = started();
    let begun = operator.ids().await;
    let new = json!({"value": {"id": "new", "price": 1}});
    operator.write("add", &new).await;
    let newer = json!({"row": "new", "value": {"id": "newer", "price": 2}});
    operator.write("put", &newer).await;
    let gone = operator
        .write("remove", &json!({"row": "ann-position-1"}))
        .await;
    assert_eq!(
        gone.json()["edits"]["undo"],
        "remove positions ann-position-1 of ann"
    );
    let ended = operator.ids().await;
    assert_eq!(ended, ["newer", "ann-position-0", "ann-position-2"]);
    for _ in 0..3 {
        assert_eq!(operator.post("/world/undo", "").await.status, 200);
    }
    assert_eq!(operator.ids().await, begun);
    assert_eq!(operator.post("/world/undo", "").await.status, 409);
    for again in ["add positions new of ann", "put positions newer of ann"] {
        let done = operator.post("/world/redo", "").await.json();
        assert_eq!(done["redone"], again);
    }
    operator.post("/world/redo", "").await;
    assert_eq!(operator.ids().await, ended);
    let twice = json!({"value": {"id": "newer", "price": 1}});
    assert_eq!(operator.write("add", &twice).await.status, 409);
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_row_is_gone_is_left_out_and_a_new_world_begins_anew() {
    let operator = started();
    let put = json!({"row": "ann-position-0", "value": {"id": "ann-position-0", "price": 2}});
    operator.write("put", &put).await;
    // What undoing is about goes its own way.
    operator.post("/close-trade", "").await;
    let lost = operator.post("/world/undo", "").await;
    let why = lost.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        lost.status == 409 && why.contains("not there any more"),
        "{why}"
    );
    let put = json!({"row": "ann-position-1", "value": {"id": "ann-position-1", "price": 2}});
    operator.write("put", &put).await;
    let world = std::sync::Arc::new(desk_world());
    operator.stage.mock.reload(world).unwrap();
    let none = operator.post("/world/undo", "").await;
    assert!(
        none.status == 409 && none.text.contains("was read again"),
        "{none:?}"
    );
    assert_eq!(operator.get("/state").await["edits"]["undo"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn what_is_everybodys_and_no_list_is_put_as_a_whole_and_told_part_by_part() {
    let mut contract = desk();
    let realtime = contract.realtime.as_mut().unwrap();
    let mut switched = realtime.events[2].clone();
    switched.name = "switched".to_owned();
    switched.updates = Some("flags".to_owned());
    switched.apply = crate::domain::contract::Apply::Merge;
    switched.into = Some(Selector::Pointer("/flags".to_owned()));
    realtime.events.push(switched);
    let operator = Operator::of(Stage::with(contract, desk_world(), &[]));
    let (ann, _) = operator.stage.sign_in("ann").await;
    let mut anns = operator.stage.listen(&ann).await;
    let body = r#"{"resource": "flags", "value": {"flags": {"live": false}}}"#;
    let done = operator.post("/world/put", body).await.json();
    assert_eq!(done["events"], json!(["switched"]));
    assert_eq!(
        anns.event().await.unwrap(),
        ("switched".to_owned(), json!({"live": false}))
    );
    let flags = operator.stage.get("desk", "/flags", &ann).await.json();
    assert_eq!(flags, json!({"flags": {"live": false}}));
    let refused = operator
        .post("/world/remove", r#"{"resource": "flags"}"#)
        .await;
    assert_eq!(refused.status, 400, "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_label_that_is_sent_back_is_again_what_it_stood_for() {
    let mut world = desk_world();
    let key = "9f8b2c4d1e6a7035bc48d2e9f1a6b37c";
    world
        .shared
        .insert("flags".to_owned(), json!({"apiKey": key, "on": 1}));
    let operator = Operator::of(Stage::with(desk(), world, &[]));
    let (ann, _) = operator.stage.sign_in("ann").await;
    let mut shown = operator.get("/world?resource=flags").await["value"].clone();
    assert_ne!(shown["apiKey"], key);
    shown["on"] = json!(2);
    let body = json!({"resource": "flags", "value": shown}).to_string();
    let done = operator.post("/world/put", &body).await;
    assert!(done.status == 200 && !done.text.contains(key), "{done:?}");
    let flags = operator.stage.get("desk", "/flags", &ann).await.json();
    assert_eq!(flags, json!({"apiKey": key, "on": 2}));
}
