//! What the upstream projects ask of a client, as far as no other file does: limits, ids, namespaces that come and
//! go, what is volatile, what is sent again.

use super::network::{Network, Weather, ms, polling_only, trading, websocket_only};
use crate::protocol::client::{self, AckRequest, Emit, Options, RequestId, Transport};
use crate::protocol::packet::Args;
use crate::protocol::server;

fn every_setup() -> [Options; 3] {
    [Options::default(), websocket_only(), polling_only()]
}

fn connected(options: Options) -> Network {
    let mut network = Network::trading(options);
    network.run(ms(1000));
    assert!(network.client.is_connected("/trading"));
    network
}

#[test]
fn what_the_server_finds_too_large_ends_the_connection_and_is_not_sent_again() {
    for (options, reason) in [
        (websocket_only(), "transport close"),
        (Options::default(), "transport close"),
        (polling_only(), "transport error"),
    ] {
        let server = server::Options {
            max_payload: 1000,
            ..trading()
        };
        let mut network = Network::new(options, server);
        network.connect("/trading");
        network.run(ms(1000));
        network.forget();
        network.emit("echo", Args::none().and("x".repeat(2000)));
        network.emit("echo", Args::none().and("small"));
        network.run(ms(10_000));
        let events = network.events();
        assert_eq!(events[0], format!("disconnected /trading {reason}"));
        assert_eq!(events[1..4], ["scheduled 1", "attempt 1", "reconnected 1"]);
        assert!(events[4].starts_with("connected /trading"), "{events:?}");
        assert!(!events.iter().any(|event| event.contains("xx")));
    }
}

#[test]
fn an_upgrade_of_a_session_that_the_server_has_forgotten_fails_and_a_new_session_upgrades() {
    let mut network = Network::trading(Options::default());
    // The session is open, and neither its first post nor its probe has arrived.
    network.run(ms(10));
    assert!(network.log.iter().any(|line| line.starts_with("WS")));
    network.server = server::Server::new(server::Options {
        seed: 9,
        ..trading()
    });
    network.run(ms(10_000));
    let unknown = |line: &&String| line.contains("Session ID unknown");
    let on = |start| {
        let mut lines = network.log.iter().filter(unknown);
        lines.any(|line| line.starts_with(start))
    };
    assert!(on("ws 400") && on("400"), "{:?}", network.log);
    assert!(network.client.is_connected("/trading"));
    assert_eq!(network.client.transport(), Some(Transport::WebSocket));
}

#[test]
fn a_remembered_upgrade_is_forgotten_once_websocket_fails() {
    let mut network = connected(Options {
        remember_upgrade: true,
        ..Options::default()
    });
    network.forget();
    network.weather = Weather::NoWebSocket;
    network.restart();
    network.run(ms(20_000));
    let tries: Vec<_> = network
        .log
        .iter()
        .filter(|line| line.starts_with("WS") || line.starts_with("GET"))
        .take(2)
        .collect();
    assert_eq!(
        tries,
        [
            "WS /socket.io/?EIO=4&transport=websocket",
            "GET /socket.io/?EIO=4&transport=polling"
        ]
    );
    assert!(network.client.is_connected("/trading"));
}

#[test]
fn every_connect_has_an_id_of_its_own() {
    for options in every_setup() {
        let mut network = connected(options);
        network.connect("/admin");
        network.run(ms(1000));
        network.restart();
        network.run(ms(10_000));
        let mut ids = network.ids();
        assert_eq!(ids.len(), 4);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4, "two namespaces, twice");
    }
}

#[test]
fn a_namespace_that_is_added_later_shares_the_session_and_asks_for_auth() {
    for options in every_setup() {
        let mut network = connected(options);
        network.connect("/admin");
        network.run(ms(1000));
        assert!(network.client.is_connected("/admin"));
        assert_eq!(network.auths, 2);
        assert_eq!(network.server.sessions(), 1);
    }
}

#[test]
fn a_namespace_that_is_added_while_the_connection_is_lost_waits_for_it() {
    let mut network = connected(websocket_only());
    network.restart();
    network.run(ms(10));
    network.forget();
    network.connect("/admin");
    network.run(ms(400));
    assert_eq!(network.log, Vec::<String>::new(), "the delay is not over");
    network.run(ms(10_000));
    assert!(network.client.is_connected("/trading") && network.client.is_connected("/admin"));
    assert_eq!(network.server.sessions(), 1);
}

#[test]
fn a_namespace_that_was_left_can_be_connected_again_beside_the_other() {
    for options in every_setup() {
        let mut network = connected(options);
        network.connect("/admin");
        network.run(ms(1000));
        network.disconnect("/trading");
        network.run(ms(1000));
        assert!(!network.client.is_connected("/trading"));
        assert!(network.client.is_connected("/admin"));
        network.connect("/trading");
        network.run(ms(1000));
        assert!(network.client.is_connected("/trading"));
        assert_eq!(network.server.sessions(), 1);
        let ids = network.ids();
        assert_ne!(ids[0], ids[2]);
    }
}

#[test]
fn a_deliberate_close_of_a_healthy_connection_is_not_followed_by_a_reconnect() {
    for options in every_setup() {
        let mut network = connected(options);
        network.forget();
        network.tell_client(client::Input::Close);
        network.run(ms(600_000));
        assert_eq!(network.events(), ["disconnected /trading forced close"]);
        assert_eq!(network.client.deadline(), None);
        assert_eq!(network.server.sessions(), 0);
    }
}

#[test]
fn a_message_that_cannot_be_read_ends_a_polling_session_as_well() {
    let mut network = connected(polling_only());
    network.forget();
    // The handshake, the poll with the CONNECT's answer and its post came before the parked poll.
    let request = RequestId(3);
    let body = r#"42/trading,["price",1]"#.to_owned() + "\u{1e}4nonsense";
    network.tell_client(client::Input::HttpDone {
        request,
        status: 200,
        body,
    });
    network.run(ms(10_000));
    let events = network.events();
    assert_eq!(events[0], "disconnected /trading parse error");
    assert_eq!(events.last().unwrap(), "connected /trading polling");
}

#[test]
fn a_volatile_event_goes_out_when_nothing_is_in_its_way() {
    for options in every_setup() {
        let mut network = connected(options);
        network.forget();
        network.emit_as(Emit::new("echo", Args::none().and(1)).unwrap().volatile());
        network.run(ms(100));
        assert_eq!(network.events(), ["echoed [1]"]);
    }
}

#[test]
fn with_retries_what_was_not_acknowledged_is_sent_again_after_the_next_connect() {
    for ack_timeout in [None, Some(ms(60_000))] {
        let mut network = connected(Options {
            retries: Some(3),
            ack_timeout,
            ..websocket_only()
        });
        network.forget();
        network.weather = Weather::BlackHole;
        let emit = Emit::new("ask", Args::none().and("once")).unwrap();
        network.emit_as(emit.acknowledged(AckRequest {
            token: 1,
            timeout: None,
        }));
        network.run(ms(100));
        network.weather = Weather::Fine;
        network.restart();
        network.run(ms(10_000));
        let acks: Vec<_> = network
            .events()
            .into_iter()
            .filter(|line| line.starts_with("ack"))
            .collect();
        assert_eq!(acks, [r#"ack 1 ["once"]"#]);
        let sent = network.log.iter();
        let sent = sent.filter(|line| line.starts_with("ws> 42")).count();
        assert_eq!(sent, 2, "once into the void, once after the reconnect");
    }
}
