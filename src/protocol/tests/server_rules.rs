//! What the Socket.IO protocol document asks of a server, and how Node's does it where that is silent.

use rstest::rstest;

use super::bench::{Bench, answer, closed_because, closes, sends};
use super::network::{ms, trading};
use crate::protocol::packet::Args;
use crate::protocol::server::{
    CloseReason, Event, Input, Options, Output, Response, Scope, Server,
};

#[test]
fn a_session_without_a_namespace_is_closed_in_the_end() {
    let mut bench = Bench::new(Server::new(Options {
        connect_timeout: ms(1000),
        ..Options::default()
    }));
    bench.websocket(1, "EIO=4&transport=websocket");
    assert_eq!(bench.pass(999), []);
    assert!(closes(&bench.pass(1), 1));
}

#[rstest]
#[case("4abc")]
#[case("42{}")]
#[case("42abc[\"message-with-ack\",1]")]
#[case("42/admin,[\"not connected there\"]")]
#[case("40")]
#[case("44{}")]
#[case("bAQ==")]
fn a_client_that_breaks_the_rules_loses_its_connection(#[case] frame: &str) {
    let (mut bench, _) = Bench::connected();
    let outputs = bench.frame(1, frame);
    assert!(closes(&outputs, 1), "{outputs:?}");
    assert_eq!(closed_because(&outputs), Some(CloseReason::ForcedClose));
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Event(Event::Disconnected { .. })))
    );
    assert_eq!(bench.server.sessions(), 0);
}

#[test]
fn the_connect_payload_reaches_the_application_and_the_answer_the_client() {
    let mut bench = Bench::new(Server::new(trading()));
    bench.websocket(1, "EIO=4&transport=websocket");
    let outputs = bench.frame(1, r#"40/trading,{"token":"123"}"#);
    let [
        Output::Event(Event::Connect {
            peer,
            sid,
            namespace,
            auth,
            ..
        }),
    ] = &outputs[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(namespace, "/trading");
    assert_eq!(auth.as_ref().unwrap()["token"], "123");
    assert_eq!(
        sends(&bench.tell(Input::Accept { peer: *peer })),
        [format!(r#"40/trading,{{"sid":"{sid}"}}"#)]
    );
    assert_eq!(
        sends(&bench.frame(1, "40/random")),
        [r#"44/random,{"message":"Invalid namespace"}"#]
    );
}

#[test]
fn acknowledgement_ids_count_per_namespace_over_all_peers() {
    let (mut bench, first) = Bench::connected();
    bench.websocket(2, "EIO=4&transport=websocket");
    let outputs = bench.frame(2, "40");
    let [Output::Event(Event::Connect { peer: second, .. })] = outputs[..] else {
        panic!("{outputs:?}");
    };
    bench.tell(Input::Accept { peer: second });
    let mut ask = |peer, token| {
        let emit = crate::protocol::server::Emit {
            name: "q".to_owned(),
            args: Args::none(),
            ack: Some(token),
            delivery: Default::default(),
        };
        sends(&bench.tell(Input::Emit { peer, emit })).join(" ")
    };
    assert_eq!(ask(first, 100), r#"420["q"]"#);
    assert_eq!(ask(second, 200), r#"421["q"]"#);
    assert_eq!(bench.frame(1, "431[]"), [], "not its own");
    let outputs = bench.frame(2, r#"431["yes"]"#);
    assert!(matches!(
        outputs[..],
        [Output::Event(Event::Ack { token: 200, .. })]
    ));
}

#[test]
fn a_forced_disconnect_on_polling_is_told_in_order_and_closes_with_the_next_poll() {
    let mut bench = Bench::new(Server::new(trading()));
    let query = bench.session();
    let (_, outputs) = bench.send("POST", &query, "40");
    let peer = outputs.iter().find_map(|output| match output {
        Output::Event(Event::Connect { peer, .. }) => Some(*peer),
        _ => None,
    });
    let peer = peer.unwrap();
    bench.tell(Input::Accept { peer });
    bench.ask("GET", &query, "");
    let (poll, _) = bench.send("GET", &query, "");
    let scope = Scope::Connection;
    let outputs = bench.tell(Input::Disconnect { peer, scope });
    assert_eq!(answer(&outputs, poll), Some((200, "41".to_owned())));
    assert_eq!(bench.ask("GET", &query, ""), (200, "6\u{1e}1".to_owned()));
    assert_eq!(bench.server.sessions(), 0);
}

#[test]
fn a_namespace_left_by_the_client_keeps_the_session() {
    let (mut bench, peer) = Bench::connected();
    let outputs = bench.frame(1, "41");
    let reason = CloseReason::ClientNamespaceDisconnect;
    let recoverable = false;
    assert_eq!(
        outputs,
        [Output::Event(Event::Disconnected {
            peer,
            reason,
            recoverable
        })]
    );
    assert_eq!(sends(&bench.pass(25_000)), ["2"]);
}

#[test]
fn a_shutdown_ends_every_session() {
    let (mut bench, _) = Bench::connected();
    let query = bench.session();
    let (poll, _) = bench.send("GET", &query, "");
    let outputs = bench.tell(Input::Shutdown);
    assert!(closes(&outputs, 1));
    assert_eq!(answer(&outputs, poll), Some((200, "1".to_owned())));
    assert_eq!(bench.server.sessions(), 0);
    assert_eq!(bench.server.deadline(), None);
}

#[test]
fn the_same_seed_gives_the_same_ids_and_no_id_twice() {
    let ids = |seed| {
        let mut bench = Bench::new(Server::new(Options { seed, ..trading() }));
        (0..50)
            .map(|_| bench.session())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(1), ids(1));
    assert_eq!(ids(1).union(&ids(2)).count(), 100);
}

#[test]
fn answers_say_what_they_are() {
    let mut bench = Bench::echo();
    let (exchange, outputs) = bench.send("GET", "EIO=4&transport=polling", "");
    let types: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Respond {
                exchange: to,
                response: Response { content_type, .. },
            } if *to == exchange => *content_type,
            _ => None,
        })
        .collect();
    assert_eq!(types, ["text/plain; charset=UTF-8"]);
}
