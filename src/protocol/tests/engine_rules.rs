//! What the Engine.IO protocol document asks of a server.

use bytes::Bytes;
use rstest::rstest;

use super::bench::{Bench, answer, closed_because, closes, sends};
use crate::protocol::packet::Frame;
use crate::protocol::server::{
    CloseReason, Event, ExchangeId, Input, Options, Output, Request, Server, SocketId,
};

#[rstest]
#[case("GET", "EIO=4", 0, "Transport unknown")]
#[case("GET", "EIO=4&transport=abc", 0, "Transport unknown")]
#[case("GET", "EIO=4&transport=polling&sid=abc", 1, "Session ID unknown")]
#[case("POST", "EIO=4&transport=polling&sid=abc", 1, "Session ID unknown")]
#[case("POST", "EIO=4&transport=polling", 2, "Bad handshake method")]
#[case("PUT", "EIO=4&transport=polling", 2, "Bad handshake method")]
#[case("GET", "EIO=4&transport=websocket", 3, "Bad request")]
#[case("GET", "transport=polling", 5, "Unsupported protocol version")]
#[case("GET", "EIO=3&transport=polling", 5, "Unsupported protocol version")]
#[case("GET", "EIO=abc&transport=polling", 5, "Unsupported protocol version")]
fn a_bad_request_gets_its_numeric_code(
    #[case] method: &str,
    #[case] query: &str,
    #[case] code: u8,
    #[case] message: &str,
) {
    let (status, body) = Bench::echo().ask(method, query, "");
    assert_eq!(
        (status, body),
        (400, format!(r#"{{"code":{code},"message":"{message}"}}"#))
    );
}

#[rstest]
#[case("transport=websocket", "Unsupported protocol version")]
#[case("EIO=4", "Transport unknown")]
#[case("EIO=4&transport=websocket&sid=abc", "Session ID unknown")]
fn a_bad_websocket_handshake_is_rejected(#[case] query: &str, #[case] message: &str) {
    let outputs = Bench::echo().websocket(1, query);
    let [Output::RejectWs { response, .. }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!((response.status, response.body.as_str()), (400, message));
}

#[rstest]
#[case("4hello")]
#[case("4test1\u{1e}4test2\u{1e}4test3")]
#[case("4hello\u{1e}bAQIDBA==")]
fn polling_bodies_come_back_in_one_answer(#[case] body: &str) {
    let mut bench = Bench::echo();
    let query = bench.session();
    assert_eq!(bench.ask("POST", &query, body), (200, "ok".to_owned()));
    assert_eq!(bench.ask("GET", &query, ""), (200, body.to_owned()));
}

#[test]
fn websocket_frames_come_back() {
    let mut bench = Bench::echo();
    bench.websocket(1, "EIO=4&transport=websocket");
    assert_eq!(sends(&bench.frame(1, "4hello")), ["4hello"]);
    let frame = Frame::Binary(Bytes::from_static(&[1, 2]));
    let socket = SocketId(1);
    let outputs = bench.tell(Input::WsFrame {
        socket,
        frame: frame.clone(),
    });
    assert_eq!(outputs, [Output::SendWs { socket, frame }]);
}

#[test]
fn an_invalid_packet_ends_the_session() {
    let mut bench = Bench::echo();
    let query = bench.session();
    assert_eq!(bench.ask("POST", &query, "abc").0, 400);
    assert_eq!(bench.ask("GET", &query, "").0, 400);
    bench.websocket(1, "EIO=4&transport=websocket");
    let outputs = bench.frame(1, "abc");
    assert!(closes(&outputs, 1));
    assert_eq!(closed_because(&outputs), Some(CloseReason::ParseError));
}

#[test]
fn a_second_poll_closes_the_session_and_both_learn_of_it() {
    let mut bench = Bench::echo();
    let query = bench.session();
    let (first, outputs) = bench.send("GET", &query, "");
    assert_eq!(answer(&outputs, first), None, "it is parked");
    let (second, outputs) = bench.send("GET", &query, "");
    assert_eq!(answer(&outputs, first), Some((200, "1".to_owned())));
    assert_eq!(answer(&outputs, second), Some((400, String::new())));
    assert_eq!(bench.ask("GET", &query, "").0, 400);
}

#[test]
fn a_poll_given_up_closes_the_session() {
    let mut bench = Bench::echo();
    let query = bench.session();
    let (exchange, _) = bench.send("GET", &query, "");
    let outputs = bench.tell(Input::RequestAborted { exchange });
    assert_eq!(closed_because(&outputs), Some(CloseReason::TransportError));
    assert_eq!(bench.server.sessions(), 0);
    // The end of a request that was answered means nothing.
    let query = bench.session();
    let (exchange, _) = bench.send("GET", &query, "");
    bench.ask("POST", &query, "4a");
    assert_eq!(bench.tell(Input::RequestAborted { exchange }), []);
}

#[test]
fn the_client_closes_on_polling_by_a_packet() {
    let mut bench = Bench::echo();
    let query = bench.session();
    let (poll, _) = bench.send("GET", &query, "");
    let (post, outputs) = bench.send("POST", &query, "1");
    assert_eq!(answer(&outputs, poll), Some((200, "6".to_owned())));
    assert_eq!(answer(&outputs, post), Some((200, "ok".to_owned())));
    assert_eq!(bench.ask("GET", &query, "").0, 400);
}

#[test]
fn the_first_ping_comes_after_one_interval_and_silence_ends_the_session() {
    let mut bench = Bench::echo();
    bench.websocket(1, "EIO=4&transport=websocket");
    assert_eq!(bench.pass(24_999), []);
    assert_eq!(sends(&bench.pass(1)), ["2"]);
    bench.frame(1, "3");
    assert_eq!(bench.pass(24_999), []);
    assert_eq!(sends(&bench.pass(1)), ["2"]);
    assert_eq!(bench.pass(19_999), []);
    let outputs = bench.pass(1);
    assert!(closes(&outputs, 1));
    assert_eq!(closed_because(&outputs), Some(CloseReason::PingTimeout));
}

#[test]
fn any_packet_buys_time_once_per_ping() {
    let mut bench = Bench::echo();
    bench.websocket(1, "EIO=4&transport=websocket");
    bench.pass(25_000);
    bench.pass(15_000);
    bench.frame(1, "4a");
    assert_eq!(bench.pass(15_000), []);
    bench.frame(1, "4b");
    assert_eq!(
        closed_because(&bench.pass(5000)),
        Some(CloseReason::PingTimeout)
    );
}

#[test]
fn only_the_server_may_ping() {
    let mut bench = Bench::echo();
    bench.websocket(1, "EIO=4&transport=websocket");
    assert_eq!(
        closed_because(&bench.frame(1, "2")),
        Some(CloseReason::TransportError)
    );
}

#[test]
fn an_upgrade_moves_the_session_and_leaves_polling_behind() {
    let mut bench = Bench::echo();
    let polling = bench.session();
    let websocket = polling.replace("polling", "websocket");
    bench.websocket(1, &websocket);
    assert_eq!(sends(&bench.frame(1, "2probe")), ["3probe"]);
    let (poll, _) = bench.send("GET", &polling, "");
    assert_eq!(answer(&bench.pass(100), poll), Some((200, "6".to_owned())));
    let outputs = bench.frame(1, "5");
    assert!(matches!(
        outputs[..],
        [Output::Event(Event::SessionUpgraded { .. })]
    ));
    assert_eq!(sends(&bench.frame(1, "4hello")), ["4hello"]);
    assert_eq!(
        bench.ask("GET", &polling, ""),
        (400, r#"{"code":3,"message":"Bad request"}"#.to_owned())
    );
    let outputs = bench.websocket(2, &websocket);
    assert!(matches!(
        outputs[..],
        [Output::AcceptWs { .. }, Output::CloseWs { .. }]
    ));
    assert_eq!(sends(&bench.frame(1, "4still here")), ["4still here"]);
}

#[test]
fn what_is_buffered_during_an_upgrade_follows_on_the_websocket() {
    let mut bench = Bench::echo();
    let polling = bench.session();
    bench.websocket(1, &polling.replace("polling", "websocket"));
    bench.frame(1, "2probe");
    bench.ask("POST", &polling, "4one\u{1e}4two");
    assert_eq!(sends(&bench.frame(1, "5")), ["4one", "4two"]);
}

#[test]
fn a_probe_that_dawdles_errs_or_dies_costs_nothing() {
    let mut bench = Bench::echo();
    let polling = bench.session();
    let websocket = polling.replace("polling", "websocket");
    bench.websocket(1, &websocket);
    assert!(
        closes(&bench.websocket(2, &websocket), 2),
        "one probe at a time"
    );
    assert!(closes(&bench.pass(10_000), 1));
    bench.websocket(3, &websocket);
    assert!(closes(&bench.frame(3, "4early"), 3));
    bench.websocket(4, &websocket);
    bench.tell(Input::WsClosed {
        socket: SocketId(4),
    });
    bench.websocket(5, &websocket);
    assert_eq!(sends(&bench.frame(5, "2probe")), ["3probe"]);
    assert_eq!(bench.server.sessions(), 1);
}

#[test]
fn what_is_too_large_is_refused_on_both_transports() {
    let options = Options {
        max_payload: 10,
        ..Options::default()
    };
    let mut bench = Bench::new(Server::echo(options));
    let query = bench.session();
    assert_eq!(
        bench.ask("POST", &query, "4234567890"),
        (200, "ok".to_owned())
    );
    assert_eq!(
        bench.ask("POST", &query, "42345678901"),
        (413, String::new())
    );
    assert_eq!(bench.server.sessions(), 1, "the session itself lives on");
    bench.websocket(1, "EIO=4&transport=websocket");
    let outputs = bench.frame(1, "42345678901");
    let socket = SocketId(1);
    assert_eq!(
        outputs[0],
        Output::CloseWs {
            socket,
            code: Some(1009)
        }
    );
    assert_eq!(closed_because(&outputs), Some(CloseReason::TransportError));
}

#[test]
fn a_raw_binary_post_is_bad_content() {
    let mut bench = Bench::echo();
    let query = bench.session();
    let exchange = ExchangeId(99);
    let request = Request {
        method: "POST".to_owned(),
        query,
        content_type: Some("application/octet-stream".to_owned()),
        body: "4a".to_owned(),
    };
    let outputs = bench.tell(Input::Request { exchange, request });
    assert_eq!(answer(&outputs, exchange), Some((400, String::new())));
    assert_eq!(bench.server.sessions(), 0);
}
