//! Which transport a session begins on, and what takes its place.

use rehearsal::internals::protocol::client::{ConnectError, Event, Transport};
use rehearsal::internals::protocol::packet::Args;
use rstest::rstest;
use serde_json::json;

use super::client::Peer;
use super::server::Node;
use super::{Route, Setup, TRADING, connected, disconnected, emit, quiet, received, upgraded};

fn failed(transport: Transport) -> impl Fn(&Event) -> Option<()> {
    move |event| match event {
        Event::ConnectError {
            error: ConnectError::Transport(own),
            ..
        } if *own == transport => Some(()),
        _ => None,
    }
}

async fn blocked(node: &mut Node, blocked: bool) {
    node.tell(json!({"do": "block-upgrades", "blocked": blocked}));
    node.says("done").await;
}

async fn echo(peer: &mut Peer) {
    peer.handle(emit("echo", Args::none().and("to and fro")));
    peer.until("an echo", received("echoed")).await;
}

/// The server breaks the connection, and the client comes back.
async fn lose(node: &mut Node, peer: &mut Peer) {
    node.tell(json!({"do": "cut"}));
    peer.until("the loss", disconnected).await;
    peer.until("the reconnect", Peer::connects(TRADING)).await;
}

#[rstest]
#[tokio::test]
async fn who_tries_all_transports_polls_while_websocket_is_refused_and_only_then(
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let mut node = Node::start(&quiet()).await;
    blocked(&mut node, true).await;
    let mut peer = Peer::of(&node, route, Setup::AllTransports.options());
    peer.join(TRADING).await;
    echo(&mut peer).await;
    assert_eq!(peer.socket.transport(), Some(Transport::Polling));
    blocked(&mut node, false).await;
    echo(&mut peer).await;
    // What it gave up it does not upgrade to.
    assert_eq!(peer.socket.transport(), Some(Transport::Polling));
    let probed = |event: &Event| matches!(event, Event::UpgradeFailed | Event::Upgraded { .. });
    assert!(!peer.heard.iter().any(probed));
    lose(&mut node, &mut peer).await;
    assert_eq!(peer.socket.transport(), Some(Transport::WebSocket));
    if peer.is_watched() {
        let begun = [Setup::PollingOnly.begins(), Setup::WebSocketOnly.begins()];
        assert_eq!(peer.sessions(), begun);
    }
}

#[rstest]
#[tokio::test]
async fn who_does_not_waits_for_websocket_although_it_knows_polling(
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let mut node = Node::start(&quiet()).await;
    blocked(&mut node, true).await;
    let mut options = Setup::AllTransports.options();
    options.try_all_transports = false;
    let mut peer = Peer::of(&node, route, options);
    peer.handle(rehearsal::internals::protocol::client::Input::Connect {
        namespace: TRADING.into(),
    });
    for _ in 0..3 {
        peer.until("a failure", failed(Transport::WebSocket)).await;
    }
    peer.meanwhile(blocked(&mut node, false)).await;
    peer.until("the connect", Peer::connects(TRADING)).await;
    assert_eq!(peer.socket.transport(), Some(Transport::WebSocket));
    if peer.is_watched() {
        assert_eq!(peer.sessions(), [Setup::WebSocketOnly.begins()]);
    }
}

#[rstest]
#[tokio::test]
async fn an_upgrade_is_remembered_until_websocket_fails(
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, _) = connected(Setup::Remembering, route, quiet()).await;
    lose(&mut node, &mut peer).await;
    assert_eq!(peer.socket.transport(), Some(Transport::WebSocket));
    blocked(&mut node, true).await;
    lose(&mut node, &mut peer).await;
    assert_eq!(peer.socket.transport(), Some(Transport::Polling));
    let refused = |event: &Event| matches!(event, Event::UpgradeFailed);
    peer.ever("the refused upgrade", refused).await;
    peer.meanwhile(blocked(&mut node, false)).await;
    lose(&mut node, &mut peer).await;
    // What was refused is forgotten: it polls first, and moves.
    let moved = |heard: &[Event]| heard.iter().filter(|event| upgraded(event)).count();
    while moved(&peer.heard) < 2 {
        peer.more_than(peer.heard.len(), "the second upgrade").await;
    }
    echo(&mut peer).await;
    if peer.is_watched() {
        let polling = Setup::PollingOnly.begins();
        let websocket = Setup::WebSocketOnly.begins();
        assert_eq!(peer.sessions(), [polling, websocket, polling, polling]);
    }
}
