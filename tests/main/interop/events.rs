//! What is said over a connection: events, acknowledgements, bytes, in order and whole.

use bytes::Bytes;
use rehearsal::internals::domain::journal::{Direction, Frame};
use rehearsal::internals::protocol::client::{AckOutcome, AckRequest, Emit, Event, Input};
use rehearsal::internals::protocol::packet::Args;
use rstest::rstest;
use serde_json::json;

use super::client::Peer;
use super::server::Node;
use super::{Route, Setup, TRADING, connected, emit, quiet, received};

#[rstest]
#[tokio::test]
async fn events_arrive_in_the_order_in_which_they_were_emitted(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, _) = connected(setup, route, quiet()).await;
    node.tell(json!({"do": "burst", "event": "price", "count": 50}));
    for n in 0..50 {
        let (args, _) = peer.until("a price", received("price")).await;
        assert_eq!(args.values, [json!(n)]);
    }
    for n in 0..50 {
        peer.handle(emit("echo", Args::none().and(n).and("naïve 🔑")));
    }
    for n in 0..50 {
        let (args, _) = peer.until("an echo", received("echoed")).await;
        assert_eq!(args.values, [json!(n), json!("naïve 🔑")]);
    }

    if peer.is_watched() {
        let numbers = |way, event| -> Vec<_> {
            let passed = peer.passed(way, event);
            passed.iter().map(|seen| seen.args[0].clone()).collect()
        };
        let all: Vec<_> = (0..50).map(|n| json!(n)).collect();
        assert_eq!(numbers(Direction::Down, "price"), all);
        assert_eq!(numbers(Direction::Up, "echo"), all);
        assert_eq!(numbers(Direction::Down, "echoed"), all);
        assert_eq!(peer.sessions(), [setup.begins()]);
        assert_eq!(peer.upgrades(), usize::from(setup == Setup::Default));
        assert!(peer.was_readable());
    }
}

#[rstest]
#[tokio::test]
async fn events_that_are_emitted_while_connecting_are_not_lost_in_the_upgrade(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let node = Node::start(&quiet()).await;
    let mut peer = Peer::of(&node, route, setup.options());
    for n in 0..20 {
        peer.handle(emit("echo", Args::none().and(n)));
    }
    peer.join(TRADING).await;
    for n in 0..20 {
        peer.handle(emit("echo", Args::none().and(20 + n)));
        let (args, _) = peer.until("an echo", received("echoed")).await;
        assert_eq!(args.values, [json!(n)]);
    }
    for n in 20..40 {
        let (args, _) = peer.until("an echo", received("echoed")).await;
        assert_eq!(args.values, [json!(n)]);
    }
}

#[rstest]
#[tokio::test]
async fn acknowledgements_go_both_ways(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, _) = connected(setup, route, quiet()).await;
    for token in [11, 12] {
        let args = Args::none().and(json!({"n": token}));
        let ack = AckRequest {
            token,
            timeout: None,
        };
        peer.handle(Input::Emit {
            namespace: TRADING.into(),
            emit: Emit::new("echo", args.clone()).unwrap().acknowledged(ack),
        });
        let acknowledged = |event: &Event| match event {
            Event::Ack { token, outcome, .. } => Some((*token, outcome.clone())),
            _ => None,
        };
        let ack = peer.until("an acknowledgement", acknowledged).await;
        assert_eq!(ack, (token, AckOutcome::Answered(args)));
    }

    node.tell(json!({"do": "ask", "event": "still-there", "args": ["?"]}));
    let (args, id) = peer.until("a question", received("still-there")).await;
    assert_eq!(args.values, [json!("?")]);
    peer.handle(Input::Answer {
        namespace: TRADING.into(),
        id: id.unwrap(),
        args: Args::none()
            .and("yes")
            .and_binary(Bytes::from_static(&[0, 255])),
    });
    let answer = peer.meanwhile(node.says("answered")).await;
    assert_eq!(answer, json!(["yes", {"$binary": "AP8="}]));

    if peer.is_watched() {
        let ack = |packet: &Frame| matches!(packet, Frame::Ack { .. });
        assert_eq!(peer.packets(Direction::Down, ack), 2);
        assert_eq!(peer.packets(Direction::Up, ack), 1);
        assert!(peer.was_readable());
    }
}

#[rstest]
#[tokio::test]
async fn bytes_arrive_whole_and_in_their_place_both_ways(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, _) = connected(setup, route, quiet()).await;
    let chart = json!({"symbol": "X", "points": {"$binary": "AQID"}});
    node.tell(json!({"do": "emit", "event": "chart", "args": [chart, {"$binary": "/w=="}]}));
    node.tell(json!({"do": "emit", "event": "price", "args": [1]}));
    let (args, _) = peer.until("a chart", received("chart")).await;
    let bytes = |value: &serde_json::Value| args.binary(value).map(|bytes| bytes.to_vec());
    assert_eq!(bytes(&args.values[0]["points"]), Some(vec![1, 2, 3]));
    assert_eq!(bytes(&args.values[1]), Some(vec![255]));
    peer.until("a price", received("price")).await;

    let large = Bytes::from(vec![7; 200_000]);
    for bytes in [large, Bytes::new(), Bytes::from_static(b"end")] {
        peer.handle(emit(
            "echo",
            Args::none().and("a").and_binary(bytes.clone()),
        ));
        peer.handle(emit("echo", Args::none().and("plain")));
        let (args, _) = peer.until("the echo", received("echoed")).await;
        assert_eq!(args.binary(&args.values[1]), Some(&bytes));
        let (args, _) = peer.until("the plain echo", received("echoed")).await;
        assert_eq!(args.values, [json!("plain")]);
    }

    if peer.is_watched() {
        let attached = |way, event| -> Vec<_> {
            let passed = peer.passed(way, event);
            passed.iter().map(|seen| seen.attachments).collect()
        };
        assert_eq!(attached(Direction::Down, "chart"), [2]);
        assert_eq!(attached(Direction::Up, "echo"), [1, 0, 1, 0, 1, 0]);
        assert_eq!(attached(Direction::Down, "echoed"), [1, 0, 1, 0, 1, 0]);
        assert!(peer.was_readable());
    }
}
