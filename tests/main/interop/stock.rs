//! The stock `socket.io-client` of npm against `rehearsal mock`, a process of its own.

use std::fs;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use super::Setup;
use super::script::Script;
use crate::local::Mock;

/// What the shipped world calls its users, with how they sign in.
const ADA: (&str, &str, &str) = (
    "tester-a",
    "ada.lindqvist@tradedesk.example",
    "mock-heron-41",
);
const BEN: (&str, &str, &str) = (
    "tester-b",
    "bram.okonkwo@tradedesk.example",
    "mock-otter-88",
);

/// A mock, and a Node process whose sockets are to connect to it.
struct Stage {
    mock: Mock,
    node: Script,
    http: reqwest::Client,
    _suite: tempfile::TempDir,
}

impl Stage {
    /// The shipped contract, with this as its `client`.
    async fn with(client: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let suite = tempfile::tempdir().unwrap();
        let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
        let shipped = read("scenarios/contract.yaml");
        let contract = shipped.replace("client: default", &format!("client: {client}"));
        assert!(contract.contains(&format!("client: {client}")));
        fs::write(suite.path().join("contract.yaml"), contract).unwrap();
        let world = read("fixtures/world.yaml");
        fs::write(suite.path().join("world.yaml"), world).unwrap();
        let scenario = "sign-in.yaml";
        let text = read(&format!("scenarios/sign-in/{scenario}"));
        fs::write(suite.path().join(scenario), text).unwrap();
        let mut node = Script::start("client.mjs", &Value::Null);
        node.says("ready").await;
        Self {
            mock: Mock::start(suite.path()),
            node,
            http: reqwest::Client::new(),
            _suite: suite,
        }
    }

    async fn new() -> Self {
        Self::with("default").await
    }

    async fn post(&self, url: String, body: Value) -> Value {
        let request = self.http.post(url).body(body.to_string());
        let request = request.header("content-type", "application/json");
        let request = request.header("content-type", "application/json");
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn operator(&self, lever: &str, body: Value) -> Value {
        let url = format!("{}/{lever}", self.mock.url("/operator"));
        self.post(url, body).await
    }

    /// A token of this user.
    async fn token(&self, (_, email, password): (&str, &str, &str)) -> String {
        let platform = self.mock.url("/services/platform");
        let url = format!("{platform}/api/v1/sessions");
        let body = json!({"email": email, "password": password, "product": "tradedesk"});
        let answer = self.post(url, body).await;
        answer["tokens"]["access"].as_str().unwrap().to_owned()
    }

    /// Opens a socket with this token.
    fn open(&mut self, name: &str, setup: Setup, namespace: &str, token: &str) {
        let mut options = setup.stock();
        let url = url::Url::parse(self.mock.url("/services/trading")).unwrap();
        let path = format!("{}/socket.io/", url.path().trim_end_matches('/'));
        options["path"] = path.into();
        self.node.tell(json!({
            "do": "open",
            "name": name,
            "url": url.origin().ascii_serialization(),
            "namespace": namespace,
            "options": options,
            "auth": {"token": token},
        }));
    }

    /// Opens a socket of this user and waits until it is connected and has settled.
    async fn joined(&mut self, name: &str, setup: Setup, user: (&str, &str, &str)) -> Value {
        let token = self.token(user).await;
        self.open(name, setup, super::TRADING, &token);
        let connect = self.heard(name, "connect").await;
        if setup == Setup::Default {
            self.node.ever("upgraded", name).await;
        }
        connect
    }

    /// The next news of this kind from this socket.
    async fn heard(&mut self, name: &str, kind: &str) -> Value {
        loop {
            let news = self.node.says(kind).await;
            if news["name"] == name {
                return news;
            }
        }
    }

    /// The next event of this name at this socket.
    async fn event(&mut self, name: &str, event: &str) -> Value {
        loop {
            let news = self.heard(name, "event").await;
            if news["event"] == event {
                return news;
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn who_has_no_good_token_is_refused_with_data_and_comes_in_with_one(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
) {
    let mut stage = Stage::new().await;
    stage.open("a", setup, super::TRADING, "made-up");
    let refused = stage.heard("a", "refused").await;
    assert_eq!(refused["message"], "unauthorized");
    assert_eq!(refused["data"]["code"], "unauthorized");
    let token = stage.token(ADA).await;
    stage
        .node
        .tell(json!({"do": "connect", "name": "a", "auth": {"token": token}}));
    let connect = stage.heard("a", "connect").await;
    assert_eq!(connect["recovered"], false);
    assert!(connect["sid"].is_string());
}

#[rstest]
#[tokio::test]
async fn namespaces_share_a_connection_and_each_decides_for_itself(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
) {
    let mut stage = Stage::new().await;
    stage.joined("a", setup, ADA).await;
    let token = stage.token(ADA).await;
    let beside = |name: &str, namespace: &str| {
        json!({
            "do": "open",
            "name": name,
            "beside": "a",
            "namespace": namespace,
            "auth": {"token": token},
        })
    };
    stage.node.tell(beside("admin", "/admin"));
    let refused = stage.heard("admin", "refused").await;
    assert_eq!(refused["message"], "forbidden");
    assert_eq!(refused["data"]["code"], "forbidden");
    stage.node.tell(beside("nowhere", "/nowhere"));
    let refused = stage.heard("nowhere", "refused").await;
    assert_eq!(refused["message"], "Invalid namespace");
    assert_eq!(refused["data"], Value::Null);
    stage.event("a", "price_update").await;
    assert_eq!(stage.node.said("disconnect").await, [Value::Null; 0]);
}

#[rstest]
#[tokio::test]
async fn what_is_for_one_user_reaches_that_user_alone(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
) {
    let mut stage = Stage::new().await;
    stage.joined("a", setup, ADA).await;
    stage.joined("b", setup, BEN).await;
    let pushed = stage
        .operator("push", json!({"event": "positions_update"}))
        .await;
    assert_eq!(pushed["sockets"], 2);
    let ids = |news: &Value| -> Vec<String> {
        let positions = news["args"][0]["positions"].as_array().unwrap();
        let ids = positions.iter().map(|position| position["id"].to_string());
        ids.collect()
    };
    // Whoever hears first, each gets their own.
    let (mut ada, mut ben) = (Vec::new(), Vec::new());
    while ada.is_empty() || ben.is_empty() {
        let news = stage.node.says("event").await;
        if news["event"] == "positions_update" {
            let own = if news["name"] == "a" {
                &mut ada
            } else {
                &mut ben
            };
            *own = ids(&news);
        }
    }
    assert!(ada.iter().all(|id| !ben.contains(id)), "{ada:?} {ben:?}");
}

#[rstest]
#[tokio::test]
async fn acknowledgements_and_bytes_go_both_ways(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
) {
    let mut stage = Stage::new().await;
    stage.joined("a", setup, ADA).await;
    for args in [json!([1]), json!([{"$binary": "AP8="}, "after"])] {
        stage.node.tell(
            json!({"do": "emit", "name": "a", "event": "subscribe", "args": args, "ack": true}),
        );
        let acked = stage.heard("a", "acked").await;
        assert_eq!(acked["answer"], json!([{"status": "ok"}]));
    }

    let question = json!({"event": "still-there", "args": ["?", {"$binary": "AQID"}]});
    let url = format!("{}/ask", stage.mock.url("/operator"));
    let asking = stage.http.post(url).body(question.to_string());
    let asking = asking.header("content-type", "application/json").send();
    let answering = async {
        let asked = loop {
            let news = stage.node.says("event").await;
            if news["asks"] == true {
                break news;
            }
        };
        let answer = json!({"do": "answer", "name": "a", "args": ["yes", {"$binary": "AP8="}]});
        stage.node.tell(answer);
        asked
    };
    let (answered, asked) = tokio::join!(asking, answering);
    assert_eq!(asked["event"], "still-there");
    assert_eq!(asked["args"], json!(["?", {"$binary": "AQID"}]));
    let answered: Value = serde_json::from_str(&answered.unwrap().text().await.unwrap()).unwrap();
    let args = json!(["yes", {"$binary": "AP8="}]);
    assert_eq!(
        answered["answers"],
        json!([{"user": "tester-a", "args": args}])
    );
}

#[rstest]
#[tokio::test]
async fn who_is_sent_away_stays_away_until_they_connect_again(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(false, true)] connection: bool,
) {
    let mut stage = Stage::new().await;
    let first = stage.joined("a", setup, ADA).await;
    stage.joined("b", setup, BEN).await;
    let body = json!({"user": ADA.0, "connection": connection});
    let sent = stage.operator("send-away", body).await;
    assert_eq!(sent, json!({"sent_away": 1}));
    let gone = stage.heard("a", "disconnect").await;
    assert_eq!(gone["reason"], "io server disconnect");
    stage.node.tell(json!({"do": "connect", "name": "a"}));
    let second = stage.heard("a", "connect").await;
    assert_ne!(first["sid"], second["sid"]);
    assert_eq!(stage.node.said("attempt").await, [Value::Null; 0]);
    assert_eq!(stage.node.said("disconnect").await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_service_that_is_restarted_is_found_again_with_a_fresh_session(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
) {
    let mut stage = Stage::new().await;
    let first = stage.joined("a", setup, ADA).await;
    let running = |running: bool| json!({"service": "trading", "running": running});
    stage.operator("backend", running(false)).await;
    let gone = stage.heard("a", "disconnect").await;
    assert_eq!(gone["reason"], setup.lost().as_str());
    stage.operator("backend", running(true)).await;
    let second = stage.heard("a", "connect").await;
    assert_ne!(first["sid"], second["sid"]);
    assert_eq!(second["recovered"], false);
    assert_eq!(stage.node.said("asked").await.len(), 2);
    stage.event("a", "price_update").await;
}

#[rstest]
#[tokio::test]
async fn a_lost_connection_gets_what_it_missed_if_the_contract_says_so(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(false, true)] recovery: bool,
) {
    let client = if recovery { "recovery" } else { "default" };
    let mut stage = Stage::with(client).await;
    let first = stage.joined("a", setup, ADA).await;
    // An event shows the client where in the stream it is.
    stage.event("a", "price_update").await;
    stage.node.tell(json!({"do": "stay", "name": "a"}));
    stage.node.tell(json!({"do": "cut", "name": "a"}));
    stage.heard("a", "disconnect").await;
    let state = format!("{}/state", stage.mock.url("/operator"));
    loop {
        let answer = stage.http.get(&state).send().await.unwrap();
        let state: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        if state["sockets"] == 0 {
            assert_eq!(state["away"], u64::from(recovery));
            break;
        }
    }
    stage
        .operator(
            "push",
            json!({"event": "trade_closed", "payload": "missed"}),
        )
        .await;
    stage.node.tell(json!({"do": "connect", "name": "a"}));
    if recovery {
        // The stock client hands it out before it says that it is connected.
        let missed = stage.event("a", "trade_closed").await;
        assert_eq!(missed["args"][0], "missed");
    }
    let second = stage.heard("a", "connect").await;
    assert_eq!(second["recovered"], recovery);
    assert_eq!(first["sid"] == second["sid"], recovery);
    stage
        .operator("push", json!({"event": "trade_closed", "payload": "seen"}))
        .await;
    let seen = stage.event("a", "trade_closed").await;
    assert_eq!(seen["args"][0], "seen");
}
