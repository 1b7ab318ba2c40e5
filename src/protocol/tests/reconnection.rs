//! How a connection is lost and how it comes back.

use std::time::Duration;

use super::network::{Network, Weather, ms, polling_only, trading, websocket_only};
use crate::protocol::client::{self, Backoff, Event, Options, Reconnection, SentAway, Transport};
use crate::protocol::packet::Args;
use crate::protocol::server::{self, Scope};

fn delays(network: &Network) -> Vec<u64> {
    let delay = |event: &Event| match event {
        Event::ReconnectScheduled { delay, .. } => Some(delay.as_millis() as u64),
        _ => None,
    };
    network
        .heard
        .iter()
        .filter_map(|(_, event)| delay(event))
        .collect()
}

fn connected(options: Options) -> Network {
    let mut network = Network::trading(options);
    network.run(ms(1000));
    assert!(network.client.is_connected("/trading"));
    network.forget();
    network
}

#[test]
fn a_server_restart_is_survived_with_a_fresh_handshake_and_fresh_auth() {
    for (options, reason) in [
        (websocket_only(), "transport close"),
        (Options::default(), "transport close"),
        (polling_only(), "transport error"),
    ] {
        let mut network = connected(options);
        network.restart();
        network.run(ms(10_000));
        let events = network.events();
        assert_eq!(events[0], format!("disconnected /trading {reason}"));
        assert_eq!(events[1..4], ["scheduled 1", "attempt 1", "reconnected 1"]);
        assert!(events[4].starts_with("connected /trading"), "{events:?}");
        assert_eq!(network.auths, 2);
    }
}

#[test]
fn an_unknown_session_is_recovered_from() {
    let mut network = connected(polling_only());
    // The server forgets everybody, yet the parked poll is simply never answered; the next post meets code 1.
    network.server = server::Server::new(server::Options {
        seed: 9,
        ..trading()
    });
    network.emit("echo", Args::none().and("lost"));
    network.run(ms(10_000));
    assert!(
        network
            .log
            .iter()
            .any(|line| line == r#"400 {"code":1,"message":"Session ID unknown"}"#)
    );
    let events = network.events();
    assert_eq!(events[0], "disconnected /trading transport error");
    assert_eq!(events.last().unwrap(), "connected /trading polling");
}

#[test]
fn a_cut_polling_session_says_goodbye_although_nobody_listens() {
    let mut network = connected(polling_only());
    network.restart();
    network.run(ms(10));
    assert_eq!(network.log[0], "POST 1");
}

#[test]
fn delays_grow_with_jitter_up_to_a_cap_without_jitter() {
    let mut network = connected(websocket_only());
    network.weather = Weather::Refused;
    network.restart();
    network.run(ms(60_000));
    let delays = delays(&network);
    for (delay, expected) in delays.iter().zip([1000, 2000, 4000]) {
        assert!(
            (expected / 2..=expected * 3 / 2).contains(delay),
            "{delays:?}"
        );
    }
    assert!(
        delays.len() > 8 && delays[4..].iter().all(|delay| *delay == 5000),
        "{delays:?}"
    );
    assert_eq!(
        network.auths, 1,
        "auth is evaluated on connect, not on each attempt"
    );
    network.weather = Weather::Fine;
    network.run(ms(6000));
    assert!(network.client.is_connected("/trading"));
    network.forget();
    network.restart();
    network.run(ms(10));
    assert!(
        super::reconnection::delays(&network)[0] <= 1500,
        "a success starts the row anew"
    );
}

#[test]
fn jitter_is_spread_over_both_sides_and_seeded() {
    let backoff = Backoff::default();
    let draw = |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..1000)
            .map(|_| backoff.delay(0, &mut rng).as_millis())
            .collect::<Vec<_>>()
    };
    let delays = draw(1);
    assert_eq!(delays, draw(1));
    assert!(delays.iter().all(|delay| (500..=1500).contains(delay)));
    assert!(delays.iter().any(|delay| *delay < 600) && delays.iter().any(|delay| *delay > 1400));
}

#[test]
fn a_hammering_client_neither_grows_nor_jitters() {
    let mut network = connected(Options {
        reconnection: Reconnection {
            backoff: Backoff::hammering(),
            ..Reconnection::default()
        },
        ..websocket_only()
    });
    network.weather = Weather::Refused;
    network.restart();
    network.run(ms(2000));
    let delays = delays(&network);
    assert!(
        delays.len() > 15 && delays.iter().all(|delay| *delay == 100),
        "{delays:?}"
    );
}

#[test]
fn attempts_may_run_out() {
    let mut network = connected(Options {
        reconnection: Reconnection {
            attempts: Some(2),
            ..Reconnection::default()
        },
        ..websocket_only()
    });
    network.weather = Weather::Refused;
    network.restart();
    network.run(ms(60_000));
    let error = "connect_error /trading Transport(WebSocket)";
    let expected = [
        "disconnected /trading transport close",
        "scheduled 1",
        "attempt 1",
        error,
        "scheduled 2",
        "attempt 2",
        error,
        "reconnect failed",
    ];
    assert_eq!(network.events(), expected);
    assert_eq!(network.client.deadline(), None);
}

#[test]
fn without_reconnection_the_application_connects_again_by_itself() {
    let mut network = connected(Options {
        reconnection: Reconnection {
            attempts: Some(0),
            ..Reconnection::default()
        },
        ..websocket_only()
    });
    network.restart();
    network.run(ms(60_000));
    assert_eq!(network.events(), ["disconnected /trading transport close"]);
    network.connect("/trading");
    network.run(ms(100));
    assert!(network.client.is_connected("/trading"));
}

#[test]
fn an_offline_start_keeps_trying_until_the_network_is_there() {
    let mut network = Network::new(Options::default(), trading());
    network.weather = Weather::Refused;
    network.connect("/trading");
    network.run(ms(20_000));
    assert_eq!(
        network.events()[0],
        "connect_error /trading Transport(Polling)"
    );
    network.weather = Weather::Fine;
    network.run(ms(10_000));
    assert!(network.client.is_connected("/trading"));
}

#[test]
fn an_opening_that_is_swallowed_is_given_up_after_twenty_seconds() {
    for options in [Options::default(), websocket_only()] {
        let mut network = Network::new(options, trading());
        network.weather = Weather::BlackHole;
        network.connect("/trading");
        network.run(ms(19_999));
        assert_eq!(network.events(), Vec::<String>::new());
        network.run(ms(1));
        assert_eq!(
            network.events(),
            ["connect_error /trading Timeout", "scheduled 1"]
        );
    }
}

#[test]
fn a_silent_connection_is_noticed_after_interval_and_timeout() {
    for options in [websocket_only(), polling_only()] {
        let mut network = connected(options);
        network.weather = Weather::BlackHole;
        network.run(ms(44_000));
        assert_eq!(network.events(), Vec::<String>::new());
        network.run(ms(20));
        assert_eq!(
            network.events(),
            ["disconnected /trading ping timeout", "scheduled 1"]
        );
        assert!(matches!(
            network.served.last().unwrap().1,
            server::Event::SessionClosed {
                reason: server::CloseReason::PingTimeout,
                ..
            }
        ));
    }
}

#[test]
fn a_frame_that_waited_while_the_phone_slept_does_not_keep_the_dead_connection_alive() {
    let mut network = connected(websocket_only());
    network.now += Duration::from_secs(3600);
    let ping = client::Input::WsFrame {
        socket: client::SocketId(0),
        frame: crate::protocol::packet::Frame::Text("2".to_owned()),
    };
    network.tell_client(ping);
    assert_eq!(
        network.events(),
        ["disconnected /trading ping timeout", "scheduled 1"]
    );
}

#[test]
fn who_is_sent_away_stays_away_unless_told_otherwise() {
    for (scope, reason) in [
        (Scope::Namespace, "io server disconnect"),
        (Scope::Connection, "io server disconnect"),
    ] {
        for options in [websocket_only(), polling_only()] {
            let mut network = connected(options);
            let peer = network.peers[0];
            network.tell_server(server::Input::Disconnect { peer, scope });
            network.run(ms(120_000));
            assert_eq!(
                network.events(),
                [format!("disconnected /trading {reason}")]
            );
            assert_eq!(network.server.sessions(), 0);
            network.connect("/trading");
            network.run(ms(1000));
            assert!(network.client.is_connected("/trading"));
        }
    }
}

#[test]
fn a_namespace_sent_away_leaves_the_others_alone() {
    let mut network = connected(websocket_only());
    network.connect("/admin");
    network.run(ms(100));
    network.forget();
    let peer = network.peers[0];
    network.tell_server(server::Input::Disconnect {
        peer,
        scope: Scope::Namespace,
    });
    network.run(ms(60_000));
    assert_eq!(
        network.events(),
        ["disconnected /trading io server disconnect"]
    );
    assert!(network.client.is_connected("/admin"));
}

#[test]
fn the_faulty_client_returns_after_being_sent_away_and_after_a_refusal() {
    let mut network = connected(Options {
        reconnection: Reconnection {
            when_sent_away: SentAway::Return { after: ms(1000) },
            ..Reconnection::default()
        },
        ..websocket_only()
    });
    let peer = network.peers[0];
    network.tell_server(server::Input::Disconnect {
        peer,
        scope: Scope::Connection,
    });
    network.run(ms(1500));
    assert_eq!(
        network.events().last().unwrap(),
        "connected /trading websocket"
    );
    network.token = Some("expired".to_owned());
    network.restart();
    network.run(ms(10_000));
    let refusals = network
        .events()
        .iter()
        .filter(|line| line.starts_with("refused"))
        .count();
    assert!(refusals > 5, "{refusals}");
}

#[test]
fn a_deliberate_close_ends_the_loop() {
    let mut network = connected(websocket_only());
    network.weather = Weather::Refused;
    network.restart();
    network.run(ms(3000));
    network.tell_client(client::Input::Close);
    network.forget();
    network.weather = Weather::Fine;
    network.run(ms(60_000));
    assert_eq!(network.events(), Vec::<String>::new());
    network.connect("/trading");
    network.run(ms(1000));
    assert!(
        network.client.is_connected("/trading"),
        "it can be opened again"
    );
}

#[test]
fn garbage_from_the_server_ends_the_connection_and_it_comes_back() {
    let mut network = connected(websocket_only());
    let frame = crate::protocol::packet::Frame::Text("4nonsense".to_owned());
    let socket = client::SocketId(0);
    network.tell_client(client::Input::WsFrame { socket, frame });
    network.run(ms(10_000));
    let events = network.events();
    assert_eq!(events[0], "disconnected /trading parse error");
    assert_eq!(events.last().unwrap(), "connected /trading websocket");
}

#[test]
fn a_captive_portal_is_an_error_and_not_a_session() {
    let mut network = Network::new(polling_only(), trading());
    network.weather = Weather::BlackHole;
    network.connect("/trading");
    let request = client::RequestId(0);
    let body = "<html>Welcome</html>".to_owned();
    network.tell_client(client::Input::HttpDone {
        request,
        status: 200,
        body,
    });
    assert_eq!(
        network.events(),
        ["connect_error /trading Transport(Polling)", "scheduled 1"]
    );
    assert_eq!(network.auths, 0);
}

#[test]
fn a_refused_upgrade_stays_on_polling() {
    let mut network = Network::new(Options::default(), trading());
    network.weather = Weather::NoWebSocket;
    network.connect("/trading");
    network.run(ms(1000));
    network.emit("echo", Args::none().and(1));
    network.run(ms(100_000));
    assert_eq!(
        network.events(),
        ["upgrade failed", "connected /trading polling", "echoed [1]"]
    );
    assert_eq!(network.client.transport(), Some(Transport::Polling));
    let probes = network
        .log
        .iter()
        .filter(|line| line.starts_with("WS"))
        .count();
    assert_eq!(probes, 1, "a session probes once");
}

#[test]
fn the_transports_are_tried_in_turn_only_if_asked_for() {
    let order = vec![Transport::WebSocket, Transport::Polling];
    for try_all_transports in [false, true] {
        let mut network = Network::new(
            Options {
                transports: order.clone(),
                try_all_transports,
                ..Options::default()
            },
            trading(),
        );
        network.weather = Weather::NoWebSocket;
        network.connect("/trading");
        network.run(ms(30_000));
        assert_eq!(network.client.is_connected("/trading"), try_all_transports);
        if try_all_transports {
            // What failed is not among the transports of this session any more, so nothing upgrades to it.
            let tries = network.log.iter().filter(|line| line.starts_with("WS"));
            assert_eq!(tries.count(), 1);
        }
    }
}

#[test]
fn a_remembered_upgrade_starts_on_websocket_next_time() {
    for remember_upgrade in [false, true] {
        let mut network = connected(Options {
            remember_upgrade,
            ..Options::default()
        });
        assert_eq!(network.client.transport(), Some(Transport::WebSocket));
        network.restart();
        network.run(ms(10_000));
        let polls = network.log.iter().any(|line| line.starts_with("GET"));
        assert_eq!(polls, !remember_upgrade);
    }
}

#[test]
fn a_restart_in_the_middle_of_an_upgrade_is_survived() {
    // Every moment of opening and upgrading, in steps shorter than the latency.
    for millis in (0..200).step_by(3) {
        let mut network = Network::trading(Options::default());
        network.run(ms(millis));
        network.restart();
        network.run(ms(60_000));
        assert!(
            network.client.is_connected("/trading"),
            "restart after {millis} ms"
        );
        assert_eq!(network.client.transport(), Some(Transport::WebSocket));
        assert_eq!(network.server.sessions(), 1);
    }
}

#[test]
fn leaving_at_any_moment_leaves_nothing_behind() {
    for millis in (0..200).step_by(3) {
        let mut network = Network::trading(Options::default());
        network.run(ms(millis));
        network.disconnect("/trading");
        network.run(ms(100_000));
        assert_eq!(network.server.sessions(), 0, "left after {millis} ms");
        assert_eq!(network.client.deadline(), None);
        network.connect("/trading");
        network.run(ms(1000));
        assert!(network.client.is_connected("/trading"));
    }
}
