//! Whole conversations compared line by line with what was measured between the Node peers.

use super::network::{Network, ms, polling_only, websocket_only};
use crate::protocol::client::Options;

const HELLO: &str = "\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}";

#[test]
fn default_transports_poll_connect_probe_and_upgrade() {
    let mut network = Network::trading(Options::default());
    network.run(ms(1000));
    let hello = format!("200 0{{sid=S0,{HELLO}");
    let expected = [
        "GET /socket.io/?EIO=4&transport=polling",
        &hello,
        // CONNECT goes out before the probe and the poll.
        r#"POST 40/trading,{"token":"good"}"#,
        "WS /socket.io/?EIO=4&transport=websocket&sid",
        "GET /socket.io/?EIO=4&transport=polling&sid",
        "200 ok",
        "200 40/trading,{sid=S1}",
        "ws> 2probe",
        "GET /socket.io/?EIO=4&transport=polling&sid",
        "ws< 3probe",
        // A tenth of a second later the server releases the parked poll.
        "200 6",
        "ws> 5",
    ];
    assert_eq!(network.log, expected);
    assert_eq!(
        network.events(),
        ["connected /trading polling", "upgraded websocket"]
    );
}

#[test]
fn websocket_only_has_no_http_request_at_all() {
    let mut network = Network::trading(websocket_only());
    network.run(ms(1000));
    let hello = "ws< 0{sid=S0,\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}";
    let expected = [
        "WS /socket.io/?EIO=4&transport=websocket",
        hello,
        r#"ws> 40/trading,{"token":"good"}"#,
        "ws< 40/trading,{sid=S1}",
    ];
    assert_eq!(network.log, expected);
    assert_eq!(network.events(), ["connected /trading websocket"]);
}

#[test]
fn leaving_on_polling_posts_41_then_1_and_releases_the_poll() {
    let mut network = Network::trading(polling_only());
    network.run(ms(1000));
    network.forget();
    network.disconnect("/trading");
    network.run(ms(1000));
    let expected = ["POST 41/trading,", "200 ok", "POST 1", "200 ok", "200 6"];
    assert_eq!(network.log, expected);
    assert_eq!(
        network.events(),
        ["disconnected /trading io client disconnect"]
    );
    assert_eq!(network.server.sessions(), 0);
}

#[test]
fn leaving_on_websocket_sends_41_and_closes() {
    let mut network = Network::trading(Options::default());
    network.run(ms(1000));
    network.forget();
    network.disconnect("/trading");
    network.run(ms(1000));
    assert_eq!(network.log, ["ws> 41/trading,", "ws> close"]);
}

#[test]
fn two_namespaces_share_one_session() {
    let mut network = Network::new(polling_only(), super::network::trading());
    network.connect("/trading");
    network.connect("/");
    network.run(ms(1000));
    let posts: Vec<_> = network
        .log
        .iter()
        .filter(|line| line.starts_with("POST"))
        .collect();
    // The second CONNECT waits for the first post to return.
    assert_eq!(
        posts,
        [
            r#"POST 40/trading,{"token":"good"}"#,
            r#"POST 40{"token":"good"}"#
        ]
    );
    assert_eq!(network.server.sessions(), 1);
    network.forget();
    network.disconnect("/");
    network.run(ms(1000));
    assert_eq!(
        network.log,
        ["POST 41", "200 ok"],
        "one leaving keeps the other"
    );
    assert!(network.client.is_connected("/trading"));
}

#[test]
fn the_heartbeat_is_a_ping_of_the_server_every_interval() {
    for options in [websocket_only(), polling_only()] {
        let mut network = Network::trading(options);
        network.run(ms(1000));
        network.forget();
        network.run(ms(3 * 3600 * 1000));
        let pings = network
            .log
            .iter()
            .filter(|line| matches!(line.as_str(), "ws< 2" | "200 2"))
            .count();
        let pongs = network
            .log
            .iter()
            .filter(|line| matches!(line.as_str(), "ws> 3" | "POST 3"))
            .count();
        assert_eq!(pings, pongs);
        // Each interval starts with the answer to the ping before, so the period is a round trip longer.
        assert!((425..=432).contains(&pings), "{pings}");
        assert_eq!(network.events(), Vec::<String>::new());
    }
}
