//! The operator's own HTTP interface: the levers by their addresses, and what it refuses.

use http::Request;
use serde_json::{Value, json};

use super::stage::{Answer, Client, Stage, answer, client};
use crate::net::Net;

pub(super) struct Operator {
    pub(super) stage: Stage,
    client: Client,
}

impl Operator {
    fn new() -> Self {
        Self::of(Stage::desk())
    }

    pub(super) fn of(stage: Stage) -> Self {
        let free = Net::Memory.bind("operator").unwrap();
        let endpoint = free.endpoint().clone();
        drop(free);
        let at = stage.mock.serve_operator(&endpoint).unwrap();
        Self {
            stage,
            client: client(&at),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let request = Request::get(format!("http://localhost{path}"));
        answer(&self.client, request, "").await.unwrap().json()
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(format!("http://localhost{path}"));
        let request = request.header("content-type", "application/json");
        answer(&self.client, request, body).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn the_directory_names_every_lever_and_every_url() {
    let operator = Operator::new();
    let directory = operator.get("/").await;
    assert_eq!(directory["services"]["desk"], "http://mock-desk/edge");
    let levers = directory["levers"].as_array().unwrap();
    for (_, lever) in crate::domain::scenario::Lever::ALL {
        let path = format!("/{lever}");
        assert!(levers.iter().any(|known| known["path"] == path), "{lever}");
    }
    let own = |known: &Value| known["path"] == "/change/close-trade";
    assert!(levers.iter().any(own), "a change that the world names");
}

#[tokio::test(start_paused = true)]
async fn every_lever_moves() {
    let operator = Operator::new();
    let stage = &operator.stage;
    let (access, _) = stage.sign_in("ann").await;
    let mut socket = stage.listen(&access).await;
    let pushed = operator
        .post("/push", r#"{"event": "closed", "payload": {"x": 1}}"#)
        .await;
    assert_eq!(pushed.json(), json!({"event": "closed", "sockets": 1}));
    assert_eq!(
        socket.event().await.unwrap(),
        ("closed".to_owned(), json!({"x": 1}))
    );
    for path in ["/close-trade", "/change/close-trade"] {
        assert_eq!(
            operator.post(path, "").await.json(),
            json!({"change": "close-trade", "users": 3}),
            "{path}"
        );
    }
    assert_eq!(operator.get("/state").await["sockets"], 1);
    assert_eq!(operator.post("/drop-sockets", "{}").await.status, 200);
    assert_eq!(operator.get("/state").await["sockets"], 0);
    assert_eq!(
        operator
            .post("/maintenance", r#"{"on": true}"#)
            .await
            .status,
        200
    );
    assert_eq!(stage.get("desk", "/me", &access).await.status, 503);
    assert_eq!(operator.get("/state").await["maintenance"], true);
    operator.post("/maintenance", r#"{"on": false}"#).await;
    assert_eq!(operator.post("/expire-tokens", "").await.status, 200);
    assert_eq!(stage.get("desk", "/me", &access).await.status, 401);
    let stopped = operator
        .post("/backend", r#"{"service": "desk", "running": false}"#)
        .await;
    assert_eq!(
        stopped.json(),
        json!({"running": {"desk": false, "id": true}})
    );
    assert!(stage.send("GET desk /me", &[], None).await.is_err());
    operator
        .post("/backend", r#"{"service": "*", "running": true}"#)
        .await;
    assert_eq!(stage.call("POST desk /trade", &[], None).await.status, 401);
    let state = operator.get("/state").await;
    assert_eq!(
        (state["forbidden_calls"].clone(), state["users"].clone()),
        (json!(1), json!(["ann", "bob", "root"]))
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_is_told_what_was_expected() {
    let operator = Operator::new();
    for (path, body, status, expected) in [
        (
            "/maintenance",
            r#"{"onn": true}"#,
            400,
            "unknown field `onn`",
        ),
        (
            "/maintenance",
            "",
            400,
            r#"POST /maintenance takes JSON like {"on": true}"#,
        ),
        (
            "/backend",
            r#"{"service": "no", "running": true}"#,
            404,
            "no service `no`",
        ),
        ("/push", r#"{"event": "no"}"#, 404, "no event `no`"),
        ("/state", "", 405, "GET"),
        ("/nowhere", "", 404, "GET /"),
    ] {
        let answer = operator.post(path, body).await;
        assert_eq!(answer.status, status, "{path} {body}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_sent_away_is_told_and_nobody_else_notices() {
    let operator = Operator::new();
    let (ann, _) = operator.stage.sign_in("ann").await;
    let (bob, _) = operator.stage.sign_in("bob").await;
    let mut anns = operator.stage.listen(&ann).await;
    let mut bobs = operator.stage.listen(&bob).await;
    let sent = operator.post("/send-away", r#"{"user": "ann"}"#).await;
    assert_eq!(sent.json(), json!({"sent_away": 1}));
    assert_eq!(anns.text().await.unwrap(), "41/desk,");
    assert_eq!(bobs.event().await.unwrap().0, "price");
    let sent = operator.post("/send-away", r#"{"connection": true}"#).await;
    assert_eq!(sent.json(), json!({"sent_away": 1}));
    assert_eq!(bobs.text().await.unwrap(), "41/desk,");
    assert_eq!(bobs.text().await, None, "the connection ends as well");
    let sent = operator.post("/send-away", r#"{"user": "nobody"}"#).await;
    assert_eq!(sent.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_question_brings_back_every_answer_or_the_lack_of_one() {
    let operator = Operator::new();
    let (ann, _) = operator.stage.sign_in("ann").await;
    let (bob, _) = operator.stage.sign_in("bob").await;
    let mut anns = operator.stage.listen(&ann).await;
    let _bobs = operator.stage.listen(&bob).await;
    let asking = operator.post("/ask", r#"{"event": "there", "args": [1]}"#);
    let answering = async {
        while anns.text().await.unwrap() != r#"42/desk,0["there",1]"# {}
        anns.say(r#"43/desk,0["yes"]"#).await;
    };
    let (answered, ()) = tokio::join!(asking, answering);
    let answers = json!([{"user": "ann", "args": ["yes"]}, {"user": "bob", "args": null}]);
    assert_eq!(
        answered.json(),
        json!({"event": "there", "answers": answers})
    );
    let bad = r#"{"event": "there", "args": [{"$binary": "%"}]}"#;
    assert_eq!(operator.post("/ask", bad).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn the_description_names_what_is_served_and_what_is_refused_is_as_it_says() {
    let operator = Operator::new();
    let document = operator.get("/openapi.json").await;
    let schema = &document["components"]["schemas"]["Problem"];
    let problem = jsonschema::validator_for(schema).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths {
        if item.get("get").is_some() {
            operator.get(path).await;
            continue;
        }
        let answer = operator.post(path, r#"{"unheard-of": 1}"#).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(problem.is_valid(&answer.json()), "{path}: {answer:?}");
    }
    let directory = operator.get("/").await;
    for lever in directory["levers"].as_array().unwrap() {
        let path = lever["path"].as_str().unwrap();
        assert!(paths.contains_key(path), "{path} is not described");
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_told_once_and_in_order() {
    let operator = Operator::new();
    let (access, _) = operator.stage.sign_in("ann").await;
    let _socket = operator.stage.listen(&access).await;
    operator.stage.get("desk", "/me?token=x", &access).await;
    operator.post("/push", r#"{"event": "closed"}"#).await;
    let told = operator
        .get("/journal?since=0&kind=request,socket,operator")
        .await;
    let entries = told["entries"].as_array().unwrap();
    let request = |at: usize| entries[at]["request"]["path"].as_str();
    assert_eq!((request(0), request(2)), (Some("/login"), Some("/me")));
    assert_eq!(entries[1]["socket"], json!({"user": "ann", "open": true}));
    assert_eq!(entries[2]["request"]["user"], "ann");
    assert_eq!(entries[3]["operator"]["done"]["sockets"], 1);
    assert_eq!(entries.len(), 4, "{told}");
    let next = told["next"].as_u64().unwrap();
    let again = operator
        .get(&format!("/journal?since={next}&kind=request"))
        .await;
    assert_eq!(again["entries"], json!([]));
    let refused = operator.get("/journal?wait=900").await;
    assert_eq!(refused["error"], "bad-query");
}

#[tokio::test(start_paused = true)]
async fn requests_are_told_in_full_and_no_secret_is_in_them() {
    let operator = Operator::new();
    let (access, refresh) = operator.stage.sign_in("ann").await;
    let path = format!("/me?token={access}&word=ann-secret");
    operator.stage.get("desk", &path, &access).await;
    operator.stage.refresh(&refresh).await;
    let told = operator.get("/journal?since=0&kind=request").await;
    let entries = told["entries"].as_array().unwrap();
    let me = &entries[1]["request"];
    assert!(me["answer"]["body"]["json"]["value"].is_object(), "{me}");
    assert!(me["role"].is_object(), "{me}");
    let headers = me["headers"].as_array().unwrap();
    assert!(headers.iter().any(|pair| pair[0] == "authorization"));
    assert!(entries[0]["request"]["body"]["unread"].is_object());
    let text = told.to_string();
    for secret in [access.as_str(), &refresh, "ann-secret"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
