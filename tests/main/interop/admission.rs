//! Who is let in, who is refused, and who is sent away.

use rehearsal::internals::domain::journal::{Direction, Frame};
use rehearsal::internals::protocol::client::{DisconnectReason, Input};
use rehearsal::internals::protocol::packet::Args;
use rstest::rstest;
use serde_json::json;

use super::client::Peer;
use super::server::Node;
use super::{Route, Setup, TRADING, connected, disconnected, emit, quiet, received, refused};

#[rstest]
#[tokio::test]
async fn a_refusal_brings_its_message_and_data_and_is_final(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let (mut node, mut peer, _) = connected(setup, route, quiet()).await;
    let admin = "/admin";
    peer.handle(Input::Connect {
        namespace: admin.into(),
    });
    let why = peer.until("the refusal", refused(admin)).await;
    let data = json!({"code": 403, "role": "tester"});
    assert_eq!(why, ("forbidden".into(), data));

    let unknown = "/nowhere";
    peer.handle(Input::Connect {
        namespace: unknown.into(),
    });
    let (why, _) = peer.until("the refusal", refused(unknown)).await;
    assert_eq!(why, "Invalid namespace");

    // The connection and the other namespace live on, and neither of the two is tried again after
    // the next reconnect, at which it would be.
    node.tell(json!({"do": "restart"}));
    let reason = peer.until("the loss", disconnected).await;
    assert_eq!(reason, setup.lost());
    peer.until("the next connect", Peer::connects(TRADING))
        .await;
    peer.handle(emit("echo", Args::none()));
    peer.until("an echo", received("echoed")).await;
    let tried = node.said("attempt").await;
    let to_admin = tried.iter().filter(|attempt| attempt["namespace"] == admin);
    assert_eq!(to_admin.count(), 1, "{tried:?}");
    assert_eq!(tried.len(), 3, "{tried:?}");
    if peer.is_watched() {
        let refusals = |packet: &Frame| matches!(packet, Frame::ConnectError { .. });
        assert_eq!(peer.packets(Direction::Down, refusals), 2);
    }
}

#[rstest]
#[tokio::test]
async fn a_refused_token_is_not_sent_again_and_a_fresh_one_is_taken(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
) {
    let mut node = Node::start(&quiet()).await;
    let mut peer = Peer::of(&node, route, setup.options());
    peer.token = |_| "stale".to_owned();
    let namespace = || TRADING.to_owned();
    peer.handle(Input::Connect {
        namespace: namespace(),
    });
    let why = peer.until("the refusal", refused(TRADING)).await;
    let data = json!({"code": 401, "token": "stale"});
    assert_eq!(why, ("unauthorized".into(), data));
    assert!(!peer.socket.is_connected(TRADING));

    peer.token = |count| format!("good-{count}");
    peer.join(TRADING).await;
    assert!(!peer.reconnected(), "{:?}", peer.heard);
    peer.meanwhile(node.says("connected")).await;
    let tokens: Vec<_> = node
        .said("attempt")
        .await
        .iter()
        .map(|attempt| attempt["token"].clone())
        .collect();
    assert_eq!(tokens, ["stale", "good-2"]);
}

#[rstest]
#[tokio::test]
async fn a_client_that_the_server_sends_away_stays_away_until_the_app_acts(
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
    #[values(Route::Direct, Route::Gateway)] route: Route,
    #[values(false, true)] connection_too: bool,
) {
    let (mut node, mut peer, first) = connected(setup, route, quiet()).await;
    node.tell(json!({"do": "disconnect", "close": connection_too}));
    let reason = peer.until("the disconnect", disconnected).await;
    assert_eq!(reason, DisconnectReason::IoServerDisconnect);
    let gone = peer.meanwhile(node.says("disconnected")).await;
    assert_eq!(gone["reason"], "server namespace disconnect");

    let second = peer.join(TRADING).await;
    assert_ne!(first, second);
    assert!(!peer.reconnected(), "{:?}", peer.heard);
    assert_eq!(peer.asked, 2);
    if peer.is_watched() {
        let goodbye = |packet: &Frame| matches!(packet, Frame::Disconnect { .. });
        assert_eq!(peer.packets(Direction::Down, goodbye), 1);
        assert_eq!(peer.packets(Direction::Up, goodbye), 0);
        assert_eq!(peer.sessions(), [setup.begins(); 2]);
    }
}
