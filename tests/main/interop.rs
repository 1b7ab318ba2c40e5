//! rehearsal's Socket.IO client against the real npm `socket.io` server, and the real
//! `socket.io-client` against the mock, in real time over TCP.
//!
//! The mock speaks the same protocol machine as the app, so it could share a misreading with it.
//! These peers cannot. Needs Node 20 and `npm ci --prefix tests/interop`, hence the feature
//! `interop`. Nothing here sleeps: each step waits for what it is about.

mod client;
mod contract;
mod script;
mod server;
mod witness;

mod admission;
mod compression;
mod console;
mod differential;
mod events;
mod loss;
mod page;
mod stock;
mod transports;
mod web;

use rehearsal::internals::domain::contract::TransportName;
use rehearsal::internals::protocol::client::{
    ConnectError, DisconnectReason, Emit, Event, Input, Options, Reconnection, Transport,
};
use rehearsal::internals::protocol::packet::Args;
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
    /// WebSocket, and polling when it cannot be opened.
    AllTransports,
    /// As the default, but a session begins where the one before it got to.
    Remembering,
}

impl Setup {
    fn options(self) -> Options {
        let defaults = Options::default();
        let mut reconnection = Reconnection::default();
        // Waiting a second or more for each reconnect would show nothing more.
        reconnection.backoff.min = std::time::Duration::from_millis(20);
        Options {
            transports: match self {
                Self::Default | Self::Remembering => defaults.transports,
                Self::WebSocketOnly => vec![Transport::WebSocket],
                Self::PollingOnly => vec![Transport::Polling],
                Self::AllTransports => vec![Transport::WebSocket, Transport::Polling],
            },
            try_all_transports: self == Self::AllTransports,
            remember_upgrade: self == Self::Remembering,
            reconnection,
            connect_timeout: None,
            seed: 7,
            ..Options::default()
        }
    }

    /// The transport that a session settles on.
    fn transport(self) -> Transport {
        match self {
            Self::PollingOnly => Transport::Polling,
            _ => Transport::WebSocket,
        }
    }

    /// The same for `socket.io-client`.
    fn stock(self) -> serde_json::Value {
        let options = self.options();
        let transports = options.transports.iter();
        let names: Vec<_> = transports.map(|transport| transport.name()).collect();
        json!({
            "transports": names,
            "tryAllTransports": options.try_all_transports,
            "rememberUpgrade": options.remember_upgrade,
            "reconnectionDelay": 20,
        })
    }

    /// Whether a first session moves from polling to WebSocket.
    fn upgrades(self) -> bool {
        matches!(self, Self::Default | Self::Remembering)
    }

    /// The transport that a session begins on, as the gateway calls it.
    fn begins(self) -> TransportName {
        match self {
            Self::WebSocketOnly | Self::AllTransports => TransportName::Websocket,
            Self::Default | Self::PollingOnly | Self::Remembering => TransportName::Polling,
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
    if setup.upgrades() {
        peer.ever("the upgrade", upgraded).await;
    }
    assert_eq!(peer.socket.transport(), Some(setup.transport()));
    let said = node.says("connected").await;
    assert_eq!(said, json!({"sid": sid, "token": "good-1"}));
    (node, peer, sid)
}

/// A server for which no time matters: nothing that it says or gives up on falls into a test,
/// however long the machine stalls.
fn quiet() -> serde_json::Value {
    let hour = 3_600_000;
    json!({"pingInterval": hour, "connectTimeout": hour, "upgradeTimeout": hour})
}

/// A heartbeat that a test can wait for, and that a busy machine can keep.
fn heartbeat() -> serde_json::Value {
    json!({"pingInterval": 500, "pingTimeout": 5000})
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

/// A suite with the shipped contract and world, and one scenario.
fn one_scenario() -> tempfile::TempDir {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("scenarios/contract.yaml", "contract.yaml"),
        ("fixtures/world.yaml", "world.yaml"),
        ("scenarios/sign-in/sign-in.yaml", "sign-in.yaml"),
    ] {
        std::fs::copy(root.join(from), suite.path().join(to)).unwrap();
    }
    suite
}
