//! Events, acknowledgements, binary data, buffering, recovery: what two healthy peers say to one another.

use serde_json::json;

use super::network::{Network, Weather, ms, polling_only, trading, websocket_only};
use crate::protocol::client::{self, AckRequest, Emit, Options, ReservedName};
use crate::protocol::packet::Args;
use crate::protocol::server::{self, Delivery};

fn asking(name: &str, token: u64, timeout: Option<u64>) -> Emit {
    let ack = AckRequest {
        token,
        timeout: timeout.map(ms),
    };
    Emit::new(name, Args::none().and(token))
        .unwrap()
        .acknowledged(ack)
}

fn every_setup() -> [Options; 3] {
    [Options::default(), websocket_only(), polling_only()]
}

#[test]
fn events_and_acknowledgements_go_both_ways_on_every_transport() {
    for options in every_setup() {
        let mut network = Network::trading(options);
        network.run(ms(500));
        network.forget();
        network.emit(
            "echo",
            Args::none().and("✓ 😀").and(json!({"deep": [1, null]})),
        );
        network.run(ms(50));
        network.emit_as(asking("ask", 40, None));
        network.emit_as(asking("ask", 41, None));
        network.run(ms(50));
        network.push("tell", Args::none().and(1), Some(77));
        network.run(ms(50));
        let expected = [
            r#"echoed ["✓ 😀",{"deep":[1,null]}]"#,
            "ack 40 [40]",
            "ack 41 [41]",
            "tell [1] ack 0",
        ];
        assert_eq!(network.events(), expected);
        let namespace = "/trading".to_owned();
        let args = Args::none().and("got it");
        network.tell_client(client::Input::Answer {
            namespace,
            id: 0,
            args,
        });
        network.run(ms(50));
        let last = network.served.pop().unwrap().1;
        let server::Event::Ack {
            token: 77, args, ..
        } = last
        else {
            panic!("{last:?}");
        };
        assert_eq!(args.values, [json!("got it")]);
    }
}

#[test]
fn binary_data_comes_back_whole_and_in_order_even_over_several_posts() {
    for options in every_setup() {
        let mut network = Network::trading(options);
        network.run(ms(500));
        network.forget();
        let mut args = Args::none().and("text").and_binary(&b"first"[..]);
        let inner = args.attach(&b"second"[..]);
        let args = args.and(json!({ "inner": inner }));
        network.emit("echo", args.clone());
        network.emit("echo", Args::none().and("after"));
        network.run(ms(200));
        let received: Vec<_> = network.heard.iter().map(|(_, event)| event).collect();
        let [
            client::Event::Received { args: first, .. },
            client::Event::Received { args: second, .. },
        ] = received[..]
        else {
            panic!("{received:?}");
        };
        assert_eq!(first, &args);
        assert_eq!(second.values, [json!("after")]);
        if network.client.transport() == Some(client::Transport::Polling) {
            let posts: Vec<_> = network
                .log
                .iter()
                .filter(|line| line.starts_with("POST"))
                .collect();
            assert_eq!(
                posts.len(),
                2,
                "the header goes at once, the rest when its post has returned"
            );
            assert!(
                posts[1].starts_with("POST bZmlyc3Q=\u{1e}bc2Vjb25k\u{1e}42"),
                "{posts:?}"
            );
        }
    }
}

#[test]
fn what_is_emitted_too_early_is_sent_before_the_app_hears_of_the_connect() {
    let mut network = Network::new(websocket_only(), trading());
    network.emit("echo", Args::none().and("early"));
    network.emit_as(
        Emit::new("echo", Args::none().and("volatile"))
            .unwrap()
            .volatile(),
    );
    network.connect("/trading");
    network.emit("echo", Args::none().and("later"));
    network.run(ms(100));
    assert_eq!(
        network.events(),
        [
            "connected /trading websocket",
            r#"echoed ["early"]"#,
            r#"echoed ["later"]"#
        ]
    );
}

#[test]
fn reserved_names_cannot_be_emitted() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        assert_eq!(
            Emit::new(name, Args::none()),
            Err(ReservedName(name.to_owned()))
        );
    }
}

#[test]
fn an_acknowledgement_times_out_or_ends_with_the_connection() {
    let mut network = Network::trading(websocket_only());
    network.run(ms(100));
    network.weather = Weather::BlackHole;
    network.forget();
    network.emit_as(asking("ask", 1, Some(700)));
    network.emit_as(asking("ask", 2, None));
    network.run(ms(1000));
    assert_eq!(network.events(), ["ack 1 TimedOut"]);
    network.weather = Weather::Fine;
    network.restart();
    network.run(ms(10));
    assert_eq!(
        network.events()[1..],
        [
            "disconnected /trading transport close",
            "ack 2 Disconnected",
            "scheduled 1"
        ]
    );
}

#[test]
fn an_unsent_event_keeps_its_acknowledgement_over_a_disconnect_and_loses_it_by_timeout() {
    let mut network = Network::trading(websocket_only());
    network.run(ms(100));
    network.weather = Weather::Refused;
    network.restart();
    network.run(ms(10));
    network.emit_as(asking("ask", 1, None));
    network.emit_as(asking("ask", 2, Some(100)));
    network.run(ms(1000));
    network.weather = Weather::Fine;
    network.run(ms(10_000));
    let acks: Vec<_> = network
        .events()
        .into_iter()
        .filter(|line| line.starts_with("ack"))
        .collect();
    assert_eq!(acks, ["ack 2 TimedOut", "ack 1 [1]"]);
}

#[test]
fn with_retries_an_event_is_sent_again_until_it_is_acknowledged_and_in_order() {
    let mut network = Network::trading(Options {
        retries: Some(2),
        ack_timeout: Some(ms(1000)),
        ..websocket_only()
    });
    network.run(ms(100));
    network.forget();
    network.weather = Weather::BlackHole;
    network.emit_as(asking("ask", 1, None));
    network.emit_as(asking("ask", 2, None));
    network.run(ms(1500));
    network.weather = Weather::Fine;
    network.run(ms(5000));
    assert_eq!(network.events(), ["ack 1 [1]", "ack 2 [2]"]);
    let sent: Vec<_> = network
        .log
        .iter()
        .filter(|line| line.starts_with("ws> 42"))
        .collect();
    assert_eq!(
        sent.len(),
        4,
        "three tries for the first, one for the second: {sent:?}"
    );
    network.forget();
    network.weather = Weather::BlackHole;
    network.emit_as(asking("ask", 3, None));
    network.run(ms(3500));
    assert_eq!(
        network.events(),
        ["ack 3 TimedOut"],
        "one try and two retries"
    );
}

#[test]
fn volatile_events_are_dropped_while_a_post_is_under_way() {
    let mut network = Network::trading(polling_only());
    network.run(ms(500));
    network.forget();
    network.emit("echo", Args::none().and(1));
    network.emit_as(Emit::new("echo", Args::none().and(2)).unwrap().volatile());
    network.emit("echo", Args::none().and(3));
    network.run(ms(500));
    assert_eq!(network.events(), ["echoed [1]", "echoed [3]"]);
}

#[test]
fn a_refusal_carries_its_data_and_is_final() {
    let mut network = Network::new(Options::default(), trading());
    network.token = Some("expired".to_owned());
    network.connect("/trading");
    network.run(ms(600_000));
    assert_eq!(network.events()[..1], ["refused /trading unauthorized"]);
    let refused = network.heard.iter().find_map(|(_, event)| match event {
        client::Event::ConnectError { error, .. } => Some(error),
        _ => None,
    });
    let Some(client::ConnectError::Refused(refusal)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.data, Some(json!({ "code": "token_expired" })));
    assert_eq!(network.auths, 1);
    assert_eq!(
        network.server.sessions(),
        0,
        "the last namespace took the connection with it"
    );
}

#[test]
fn an_unknown_namespace_is_refused_while_another_stays() {
    let mut network = Network::trading(websocket_only());
    network.connect("/nowhere");
    network.run(ms(500));
    assert_eq!(
        network.events(),
        [
            "connected /trading websocket",
            "refused /nowhere Invalid namespace"
        ]
    );
    assert!(network.client.is_connected("/trading"));
}

#[test]
fn a_server_with_recovery_sends_what_was_missed_and_keeps_the_peer() {
    let options = server::Options {
        recovery: Some(ms(120_000)),
        ..trading()
    };
    let mut network = Network::new(websocket_only(), options);
    network.connect("/trading");
    network.run(ms(100));
    let sid = |network: &Network| match &network.heard.last().unwrap().1 {
        client::Event::Connected { sid, .. } => sid.clone(),
        other => panic!("{other:?}"),
    };
    let first_sid = sid(&network);
    network.push("price", Args::none().and(1), None);
    network.run(ms(100));
    network.cut();
    let peer = network.peers[0];
    network.tell_server(server::Input::WsClosed {
        socket: server::SocketId(0),
    });
    network.push("price", Args::none().and(2), None);
    network.forget();
    network.run(ms(10_000));
    let recovered = |event: &server::Event| matches!(event, server::Event::Recovered { peer: who, .. } if *who == peer);
    assert!(
        network.served.iter().any(|(_, event)| recovered(event)),
        "{:?}",
        network.served
    );
    let events = network.events();
    assert!(
        events[events.len() - 2].starts_with("price [2,"),
        "{events:?}"
    );
    assert_eq!(
        events[events.len() - 1],
        "connected /trading websocket recovered"
    );
    assert_eq!(sid(&network), first_sid);
}

#[test]
fn a_peer_that_stays_away_too_long_is_forgotten() {
    let options = server::Options {
        recovery: Some(ms(1000)),
        ..trading()
    };
    let mut network = Network::new(websocket_only(), options);
    network.connect("/trading");
    network.run(ms(100));
    network.push("price", Args::none().and(1), None);
    network.run(ms(100));
    network.weather = Weather::Refused;
    network.cut();
    network.tell_server(server::Input::WsClosed {
        socket: server::SocketId(0),
    });
    network.run(ms(20_000));
    network.weather = Weather::Fine;
    network.run(ms(20_000));
    let forgotten = |event: &server::Event| matches!(event, server::Event::Forgotten { .. });
    assert!(network.served.iter().any(|(_, event)| forgotten(event)));
    assert_eq!(
        network.events().last().unwrap(),
        "connected /trading websocket"
    );
}

#[test]
fn a_volatile_event_of_the_server_is_dropped_when_no_poll_is_parked() {
    let mut network = Network::trading(polling_only());
    network.run(ms(500));
    network.forget();
    let peer = network.peers[0];
    for (value, delivery) in [
        (1, Delivery::Volatile),
        (2, Delivery::Volatile),
        (3, Delivery::Buffered),
    ] {
        let emit = server::Emit {
            name: "price".to_owned(),
            args: Args::none().and(value),
            ack: None,
            delivery,
        };
        network.tell_server(server::Input::Emit { peer, emit });
    }
    network.run(ms(500));
    assert_eq!(network.events(), ["price [1]", "price [3]"]);
}
