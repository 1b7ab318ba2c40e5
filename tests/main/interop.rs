//! rehearsal's Socket.IO client against the real npm `socket.io` server, in real time over TCP.
//!
//! The mock speaks the same protocol machine as the app, so it could share a misreading with it.
//! This server cannot. Needs Node 20 and `npm ci --prefix tests/interop`, hence the feature
//! `interop`. Nothing here sleeps: each step waits for what it is about.

mod client;
mod contract;
mod server;
mod witness;

use bytes::Bytes;
use rehearsal::domain::contract::TransportName;
use rehearsal::domain::journal::{Direction, Frame};
use rehearsal::protocol::client::{
    AckOutcome, AckRequest, ConnectError, DisconnectReason, Emit, Event, Input, Options,
    Reconnection, Transport,
};
use rehearsal::protocol::packet::Args;
use rstest::rstest;
use serde_json::json;

use client::Peer;
use server::Node;

const TRADING: &str = "/trading";

/// How the client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setup {
    /// Polling, then an upgrade.
    Default,
    WebSocketOnly,
    PollingOnly,
}

impl Setup {
    fn options(self) -> Options {
        let defaults = Options::default();
        let mut reconnection = Reconnection::default();
        // Waiting a second or more for each reconnect would show nothing more.
        reconnection.backoff.min = std::time::Duration::from_millis(20);
        Options {
            transports: match self {
                Self::Default => defaults.transports,
                Self::WebSocketOnly => vec![Transport::WebSocket],
                Self::PollingOnly => vec![Transport::Polling],
            },
            reconnection,
            seed: 7,
            ..Options::default()
        }
    }

    /// The transport that a session settles on.
    fn transport(self) -> Transport {
        match self {
            Self::Default | Self::WebSocketOnly => Transport::WebSocket,
            Self::PollingOnly => Transport::Polling,
        }
    }

    /// The transport that a session begins on, as the gateway calls it.
    fn begins(self) -> TransportName {
        match self {
            Self::WebSocketOnly => TransportName::Websocket,
            Self::Default | Self::PollingOnly => TransportName::Polling,
        }
    }

    /// How the end of a server looks from here.
    fn lost(self) -> DisconnectReason {
        match self.transport() {
            Transport::WebSocket => DisconnectReason::TransportClose,
            Transport::Polling => DisconnectReason::TransportError,
        }
    }
}

/// What stands between client and server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Direct,
    Gateway,
}

/// A server and a client that is connected to `/trading` and has settled on its transport.
async fn connected(setup: Setup, route: Route, server: serde_json::Value) -> (Node, Peer, String) {
    let mut node = Node::start(&server).await;
    let mut peer = Peer::of(&node, route, setup.options());
    let sid = peer.join(TRADING).await;
    if setup == Setup::Default {
        peer.ever("the upgrade", upgraded).await;
    }
    assert_eq!(peer.socket.transport(), Some(setup.transport()));
    let said = node.says("connected").await;
    assert_eq!(said, json!({"sid": sid, "token": "good-1"}));
    (node, peer, sid)
}

/// The server's own settings: no heartbeat falls into a test.
fn quiet() -> serde_json::Value {
    json!({})
}

/// A heartbeat that a test can wait for, and that a busy machine can keep.
fn heartbeat() -> serde_json::Value {
    json!({"pingInterval": 500, "pingTimeout": 2000})
}

fn emit(name: &str, args: Args) -> Input {
    Input::Emit {
        namespace: TRADING.into(),
        emit: Emit::new(name, args).unwrap(),
    }
}

fn received(name: &'static str) -> impl Fn(&Event) -> Option<(Args, Option<u64>)> {
    move |event| match event {
        Event::Received {
            name: own,
            args,
            ack,
            ..
        } if own == name => Some((args.clone(), *ack)),
        _ => None,
    }
}

fn refused(namespace: &'static str) -> impl Fn(&Event) -> Option<(String, serde_json::Value)> {
    move |event| match event {
        Event::ConnectError {
            namespace: own,
            error: ConnectError::Refused(refusal),
        } if own == namespace => Some((
            refusal.message.clone(),
            refusal.data.clone().unwrap_or_default(),
        )),
        _ => None,
    }
}

fn upgraded(event: &Event) -> bool {
    matches!(event, Event::Upgraded { .. })
}

fn disconnected(event: &Event) -> Option<DisconnectReason> {
    match event {
        Event::Disconnected { reason, .. } => Some(*reason),
        _ => None,
    }
}

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
