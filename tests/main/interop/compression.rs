//! The gateway reads what passes: neither side gets the compression that both offer.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use rehearsal::internals::domain::journal::{Direction, Fact, Frame};
use rehearsal::internals::net::{Clock, Recorder};
use rstest::rstest;
use serde_json::{Value, json};

use super::client::gateway;
use super::contract::SERVICE;
use super::script::Script;
use super::server::Node;
use super::{Route, Setup, TRADING, quiet};

/// A server that compresses whatever it may, however short.
fn compressing() -> Value {
    let mut server = quiet();
    server["perMessageDeflate"] = json!({"threshold": 0});
    server["httpCompression"] = json!({"threshold": 0});
    server
}

#[rstest]
#[case(Route::Direct, "permessage-deflate")]
#[case(Route::Gateway, "")]
#[tokio::test]
async fn deflate_that_both_ends_offer_is_agreed_on_only_without_the_gateway(
    #[case] route: Route,
    #[case] agreed: &str,
    #[values(Setup::Default, Setup::WebSocketOnly)] setup: Setup,
) {
    let mut node = Node::start(&compressing()).await;
    let recorder = Recorder::new(Clock::real_time());
    let authority = format!("127.0.0.1:{}", node.port);
    let gateway = gateway(&authority, &recorder);
    let mut client = Script::start("client.mjs", &Value::Null);
    client.says("ready").await;
    let mut options = setup.stock();
    options["perMessageDeflate"] = json!({"threshold": 0});
    client.tell(json!({
        "do": "open",
        "name": "a",
        "namespace": TRADING,
        "url": match route {
            Route::Direct => format!("http://{authority}"),
            Route::Gateway => gateway.address(SERVICE).unwrap().url.to_string(),
        },
        "options": options,
        "auth": {"token": "good-1"},
    }));
    client.ever("connect", "a").await;
    if setup.upgrades() {
        client.ever("upgraded", "a").await;
    }
    let words = json!(["compressible ".repeat(50), {"$binary": "AAAAAAAAAAAAAAAAAAAAAAAA"}]);
    let echo = json!({"do": "emit", "name": "a", "event": "echo", "args": words});
    client.tell(echo);
    assert_eq!(client.says("event").await["args"], words);
    node.tell(json!({"do": "extensions"}));
    assert_eq!(node.says("extensions").await, json!([agreed]));
    if route == Route::Gateway {
        let journal = recorder.journal();
        let carried = |way| -> Vec<Value> {
            let facts = journal.entries().map(|entry| &entry.fact);
            let events = facts.filter_map(|fact| match fact {
                Fact::Frame {
                    direction,
                    packet: Frame::Event { args, .. },
                    ..
                } if *direction == way => args.json(),
                _ => None,
            });
            events.map(|args| args[0].clone()).collect()
        };
        assert_eq!(carried(Direction::Up), [words[0].clone()]);
        assert_eq!(carried(Direction::Down), [words[0].clone()]);
    }
}

#[tokio::test]
async fn polls_that_the_server_would_compress_are_plain_behind_the_gateway() {
    let node = Node::start(&compressing()).await;
    let recorder = Recorder::new(Clock::real_time());
    let authority = format!("127.0.0.1:{}", node.port);
    let gateway = gateway(&authority, &recorder);
    let asked = async |root: &str| {
        let url = format!("{root}/socket.io/?EIO=4&transport=polling");
        let client = reqwest::Client::new();
        let request = client.get(url).header(ACCEPT_ENCODING, "gzip, deflate");
        request.send().await.unwrap()
    };
    let direct = asked(&format!("http://{authority}")).await;
    assert_eq!(direct.headers()[CONTENT_ENCODING], "gzip");
    let url = gateway.address(SERVICE).unwrap().url;
    let passed = asked(url.as_str().trim_end_matches('/')).await;
    assert!(!passed.headers().contains_key(CONTENT_ENCODING));
    assert!(passed.text().await.unwrap().starts_with("0{"));
    let journal = recorder.journal();
    let opened = |fact: &Fact| {
        let open = |packet: &Frame| matches!(packet, Frame::Open { .. });
        matches!(fact, Fact::Frame { packet, .. } if open(packet))
    };
    assert!(journal.entries().any(|entry| opened(&entry.fact)));
}
