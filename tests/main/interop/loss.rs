//! How connections end and come back.

use bytes::Bytes;
use rehearsal::internals::domain::journal::{Direction, Frame};
use rehearsal::internals::protocol::client::{DisconnectReason, Event, Input, Transport};
use rehearsal::internals::protocol::packet::Args;
use rstest::rstest;
use serde_json::json;

use super::client::Peer;
use super::server::Node;
use super::{
    Route, Setup, TRADING, connected, disconnected, emit, heartbeat, quiet, received, upgraded,
};

#[rstest]
#[tokio::test]
async fn a_restarted_server_is_found_again_with_a_fresh_session_and_fresh_auth(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, first) = connected(setup, route, quiet()).await;
    node.tell(json!({"do": "restart"}));
    let reason = peer.until("the loss", disconnected).await;
    assert_eq!(reason, setup.lost());
    let second = peer.until("the reconnect", Peer::connects(TRADING)).await;
    assert_ne!(first, second);
    assert!(peer.reconnected());
    let said = peer.meanwhile(node.says("connected")).await;
    assert_eq!(said, json!({"sid": second, "token": "good-2"}));
    peer.handle(emit("echo", Args::none().and(1)));
    peer.until("an echo", received("echoed")).await;
    if peer.is_watched() {
        let connect = |packet: &Frame| matches!(packet, Frame::Connect { .. });
        assert_eq!(peer.packets(Direction::Up, connect), 2);
        assert_eq!(peer.packets(Direction::Down, connect), 2);
        assert_eq!(peer.sessions(), [setup.begins(); 2]);
    }
}

#[rstest]
#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_after_interval_and_timeout(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, first) = connected(setup, route, heartbeat()).await;
    node.tell(json!({"do": "silence"}));
    let silent = std::time::Instant::now();
    let reason = peer.until("the loss", disconnected).await;
    assert_eq!(reason, DisconnectReason::PingTimeout);
    // The last ping may have come a whole interval before, and a busy machine may be late.
    assert!(silent.elapsed() >= std::time::Duration::from_secs(1));
    let second = peer.until("the reconnect", Peer::connects(TRADING)).await;
    assert_ne!(first, second);
    if peer.is_watched() {
        assert_eq!(peer.sessions(), [setup.begins(); 2]);
        assert!(peer.was_readable());
    }
}

#[rstest]
#[tokio::test]
async fn a_client_that_leaves_says_so_and_a_killed_one_does_not(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, _) = connected(setup, route, heartbeat()).await;
    peer.handle(Input::Disconnect {
        namespace: TRADING.into(),
    });
    let gone = peer.meanwhile(node.says("disconnected")).await;
    assert_eq!(gone["reason"], "client namespace disconnect");

    if peer.is_watched() {
        let goodbye = |packet: &Frame| matches!(packet, Frame::Disconnect { .. });
        assert_eq!(peer.packets(Direction::Up, goodbye), 1);
    }

    peer.join(TRADING).await;
    peer.meanwhile(node.says("connected")).await;
    drop(peer);
    let gone = node.says("disconnected").await;
    let reason = gone["reason"].as_str().unwrap_or_default();
    // Without a poll that breaks, only the missing heartbeat tells.
    let unsaid = ["transport close", "transport error", "ping timeout"];
    assert!(unsaid.contains(&reason), "{reason}");
}

#[rstest]
#[tokio::test]
async fn a_refused_upgrade_leaves_the_session_on_polling(
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let mut node = Node::start(&quiet()).await;
    node.tell(json!({"do": "block-upgrades", "blocked": true}));
    node.says("done").await;
    let mut peer = Peer::of(&node, route, Setup::Default.options());
    peer.join(TRADING).await;
    let failed = |event: &Event| matches!(event, Event::UpgradeFailed);
    peer.ever("the failed upgrade", failed).await;
    peer.handle(emit(
        "echo",
        Args::none().and_binary(Bytes::from_static(b"x")),
    ));
    peer.until("an echo", received("echoed")).await;
    assert_eq!(peer.socket.transport(), Some(Transport::Polling));
    assert_eq!(peer.upgrades(), 0);

    node.tell(json!({"do": "block-upgrades", "blocked": false}));
    node.tell(json!({"do": "restart"}));
    peer.until("the loss", disconnected).await;
    peer.ever("the upgrade of the next session", upgraded).await;
}

#[rstest]
#[case(Setup::Default, DisconnectReason::TransportClose)]
#[case(Setup::WebSocketOnly, DisconnectReason::TransportClose)]
#[case(Setup::PollingOnly, DisconnectReason::TransportError)]
#[tokio::test]
async fn what_the_server_finds_too_large_ends_the_connection_and_is_not_sent_again(
    #[case] setup: Setup,
    #[case] expected: DisconnectReason,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let mut server = quiet();
    server["maxHttpBufferSize"] = json!(1000);
    let (mut node, mut peer, first) = connected(setup, route, server).await;
    peer.handle(emit("echo", Args::none().and("x".repeat(2000))));
    let reason = peer.until("the loss", disconnected).await;
    assert_eq!(reason, expected);
    let second = peer.until("the reconnect", Peer::connects(TRADING)).await;
    assert_ne!(first, second);
    peer.handle(emit("echo", Args::none().and("small")));
    let (args, _) = peer.until("an echo", received("echoed")).await;
    assert_eq!(args.values, [json!("small")]);
    peer.meanwhile(node.says("connected")).await;
}

#[rstest]
#[tokio::test]
async fn a_lost_connection_is_recovered_with_its_id_and_with_what_it_missed(
    #[values(Setup::Default, Setup::WebSocketOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let mut server = quiet();
    server["connectionStateRecovery"] = json!({});
    let (mut node, mut peer, first) = connected(setup, route, server).await;
    node.tell(json!({"do": "emit", "event": "price", "args": [1]}));
    peer.until("a price", received("price")).await;
    node.tell(json!({"do": "cut", "event": "missed"}));
    let reason = peer.until("the loss", disconnected).await;
    assert_eq!(reason, DisconnectReason::TransportClose);
    let back = |event: &Event| match event {
        Event::Connected { sid, recovered, .. } => Some((sid.clone(), *recovered)),
        _ => None,
    };
    let (args, _) = peer.until("what it missed", received("missed")).await;
    assert_eq!(args.values[0], "meanwhile");
    let (second, recovered) = peer.until("the reconnect", back).await;
    assert!(recovered);
    assert_eq!(first, second);
}
