//! What the official suites for servers try and the other tests of the server do not: each case anew, from the protocol
//! documents.

use bytes::Bytes;
use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Bench, answer, closed_because, closes, sends};
use super::network::{ms, trading};
use crate::protocol::packet::{Args, Frame};
use crate::protocol::server::{
    CloseReason, Delivery, Emit, Event, Input, Options, Output, PeerId, Server, SocketId,
};

const WEBSOCKET: &str = "EIO=4&transport=websocket";

/// Both kinds of server: the engine's own cases hold for each. The one with namespaces does not mind waiting for CONNECT.
fn benches() -> [Bench; 2] {
    let patient = Options {
        connect_timeout: ms(1_000_000),
        ..trading()
    };
    [Bench::echo(), Bench::new(Server::new(patient))]
}

#[test]
fn a_session_whose_time_is_up_is_unknown_even_to_a_request_that_comes_before_the_tick() {
    for late in [0, 10] {
        for mut bench in benches() {
            let query = bench.session();
            bench.pass(25_000 + 19_999);
            bench.now += ms(1 + late);
            let (status, body) = bench.ask("GET", &query, "");
            assert_eq!(status, 400);
            assert!(body.contains("Session ID unknown"), "{body}");
            assert_eq!(bench.server.sessions(), 0);
        }
    }
}

fn emit(peer: PeerId, name: &str, args: Args) -> Input {
    let emit = Emit {
        name: name.to_owned(),
        args,
        ack: None,
        delivery: Delivery::Buffered,
    };
    Input::Emit { peer, emit }
}

/// A WebSocket session on socket 1 whose application lets everybody in and echoes.
struct Echo(Bench);

impl Echo {
    fn new() -> Self {
        let mut bench = Bench::new(Server::new(trading()));
        bench.websocket(1, WEBSOCKET);
        Self(bench)
    }

    fn joined() -> Self {
        let mut echo = Self::new();
        assert_eq!(echo.say("40").len(), 2);
        echo
    }

    /// Everything that comes back on the WebSocket.
    fn send(&mut self, frame: Frame) -> Vec<Frame> {
        let socket = SocketId(1);
        let mut todo = self.0.tell(Input::WsFrame { socket, frame });
        let mut back = Vec::new();
        while !todo.is_empty() {
            let mut next = Vec::new();
            for output in todo {
                match output {
                    Output::SendWs { frame, .. } => back.push(frame),
                    Output::Event(event) => next.extend(self.serve(event)),
                    _ => {}
                }
            }
            todo = next;
        }
        back
    }

    fn say(&mut self, text: &str) -> Vec<String> {
        let back = self.send(Frame::Text(text.to_owned()));
        back.into_iter().map(text_of).collect()
    }

    fn serve(&mut self, event: Event) -> Vec<Output> {
        match event {
            Event::Connect { peer, auth, .. } => {
                let auth = Value::Object(auth.map(|auth| auth.0).unwrap_or_default());
                let mut outputs = self.0.tell(Input::Accept { peer });
                outputs.extend(self.0.tell(emit(peer, "auth", Args::none().and(auth))));
                outputs
            }
            Event::Received {
                peer,
                args,
                ack: Some(id),
                ..
            } => self.0.tell(Input::Answer { peer, id, args }),
            Event::Received { peer, args, .. } => self.0.tell(emit(peer, "back", args)),
            _ => Vec::new(),
        }
    }
}

fn text_of(frame: Frame) -> String {
    match frame {
        Frame::Text(text) => text,
        Frame::Binary(bytes) => panic!("bytes came: {bytes:?}"),
    }
}

#[test]
fn a_session_opens_with_its_terms_on_both_transports() {
    let terms = |upgrades: Value, sid: &Value| json!({"sid": sid, "upgrades": upgrades, "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1_000_000});
    let read = |hello: &str| -> Value {
        let hello: Value = serde_json::from_str(hello.strip_prefix('0').unwrap()).unwrap();
        assert!(hello["sid"].is_string(), "{hello}");
        hello
    };
    for mut bench in benches() {
        let (status, hello) = bench.ask("GET", "EIO=4&transport=polling", "");
        let hello = read(&hello);
        assert_eq!(
            (status, &hello),
            (200, &terms(json!(["websocket"]), &hello["sid"]))
        );
        let outputs = bench.websocket(1, WEBSOCKET);
        let [hello] = sends(&outputs)[..] else {
            panic!("{outputs:?}");
        };
        let hello = read(hello);
        assert_eq!(hello, terms(json!([]), &hello["sid"]));
    }
}

#[rstest]
#[case("transport=websocket")]
#[case("EIO=abc&transport=websocket")]
#[case("EIO=4")]
#[case("EIO=4&transport=abc")]
fn a_websocket_with_a_wrong_query_never_opens(#[case] query: &str) {
    for mut bench in benches() {
        let outputs = bench.websocket(1, query);
        assert!(
            matches!(outputs[..], [Output::RejectWs { .. }]),
            "{outputs:?}"
        );
    }
}

#[test]
fn pings_come_by_polling_as_long_as_they_are_answered() {
    for mut bench in benches() {
        let query = bench.session();
        for _ in 0..3 {
            let (poll, _) = bench.send("GET", &query, "");
            let ping = answer(&bench.pass(25_000), poll);
            assert_eq!(ping, Some((200, "2".to_owned())));
            assert_eq!(bench.ask("POST", &query, "3"), (200, "ok".to_owned()));
        }
    }
}

#[test]
fn a_polling_session_ends_when_no_ping_is_answered() {
    for mut bench in benches() {
        let query = bench.session();
        let outputs = bench.pass(45_000);
        assert_eq!(closed_because(&outputs), Some(CloseReason::PingTimeout));
        assert_eq!(bench.ask("GET", &query, "").0, 400);
    }
}

#[test]
fn the_client_closes_on_websocket_by_closing_it_and_a_close_packet_alone_only_silences_it() {
    for mut bench in benches() {
        bench.websocket(1, WEBSOCKET);
        bench.frame(1, "1");
        assert!(closes(&bench.pass(45_000), 1));
        bench.websocket(2, WEBSOCKET);
        let socket = SocketId(2);
        bench.tell(Input::WsClosed { socket });
        assert_eq!(bench.server.sessions(), 0);
    }
}

#[test]
fn a_polling_session_of_namespaces_moves_to_websocket_and_leaves_polling_behind() {
    let mut bench = Bench::new(Server::new(trading()));
    let polling = bench.session();
    let websocket = polling.replace("polling", "websocket");
    bench.websocket(1, &websocket);
    assert_eq!(sends(&bench.frame(1, "2probe")), ["3probe"]);
    bench.frame(1, "5");
    assert_eq!(bench.ask("GET", &polling, "").0, 400);
    assert!(closes(&bench.websocket(2, &websocket), 2));
    let outputs = bench.frame(1, "40");
    let connect = |output: &Output| matches!(output, Output::Event(Event::Connect { .. }));
    assert!(outputs.iter().any(connect), "{outputs:?}");
}

#[rstest]
#[case("40", "", "{}")]
#[case("40{\"token\":\"123\"}", "", "{\"token\":\"123\"}")]
#[case("40/trading,", "/trading,", "{}")]
#[case("40/trading", "/trading,", "{}")]
#[case("40/trading,{\"token\":\"abc\"}", "/trading,", "{\"token\":\"abc\"}")]
fn whoever_connects_gets_an_id_and_the_application_their_payload(
    #[case] connect: &str,
    #[case] namespace: &str,
    #[case] payload: &str,
) {
    let said = Echo::new().say(connect);
    let [answer, auth] = &said[..] else {
        panic!("{said:?}");
    };
    let id = answer.strip_prefix(&format!("40{namespace}")).unwrap();
    let id: Value = serde_json::from_str(id).unwrap();
    assert!(id["sid"].is_string(), "{answer}");
    assert_eq!(id.as_object().unwrap().len(), 1, "{answer}");
    assert_eq!(auth, &format!("42{namespace}[\"auth\",{payload}]"));
}

#[test]
fn an_unknown_namespace_is_refused_and_nonsense_instead_of_connect_closes() {
    let mut echo = Echo::new();
    let refusal = r#"44/random,{"message":"Invalid namespace"}"#;
    assert_eq!(echo.say("40/random"), [refusal]);
    let mut bench = Bench::new(Server::new(trading()));
    bench.websocket(1, WEBSOCKET);
    assert!(closes(&bench.frame(1, "4abc"), 1));
}

#[test]
fn a_second_namespace_comes_and_goes_beside_the_first() {
    let mut echo = Echo::joined();
    assert_eq!(echo.say("40/trading").len(), 2);
    assert_eq!(echo.say("41/trading").len(), 0);
    let back = r#"42["back","to the main one"]"#;
    assert_eq!(echo.say(r#"42["message","to the main one"]"#), [back]);
}

#[test]
fn arguments_come_back_as_they_were_sent() {
    let mut echo = Echo::joined();
    let back = r#"42["back",1,"2",{"3":[true]}]"#;
    assert_eq!(echo.say(r#"42["message",1,"2",{"3":[true]}]"#), [back]);
    let answer = r#"43456[1,"2",{"3":[false]}]"#;
    assert_eq!(echo.say(r#"42456["ask",1,"2",{"3":[false]}]"#), [answer]);
}

#[rstest]
#[case("452-[\"message\",", "452-[\"back\",")]
#[case("452-789[\"ask\",", "462-789[")]
fn bytes_come_back_after_the_packet_that_announces_them(#[case] sent: &str, #[case] back: &str) {
    let mut echo = Echo::joined();
    let rest = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let parts = [
        Bytes::from_static(&[1, 2, 3]),
        Bytes::from_static(&[4, 5, 6]),
    ];
    assert_eq!(echo.send(Frame::Text(format!("{sent}{rest}"))), []);
    assert_eq!(echo.send(Frame::Binary(parts[0].clone())), []);
    let mut expected = vec![Frame::Text(format!("{back}{rest}"))];
    expected.extend(parts.iter().cloned().map(Frame::Binary));
    assert_eq!(echo.send(Frame::Binary(parts[1].clone())), expected);
}

#[test]
fn the_limits_of_a_server_are_told_to_its_clients() {
    let options = Options {
        ping_interval: ms(300),
        ping_timeout: ms(200),
        max_payload: 77,
        upgrades: false,
        ..Options::default()
    };
    let mut bench = Bench::new(Server::new(options));
    let (_, hello) = bench.ask("GET", "EIO=4&transport=polling", "");
    let rest = r#""upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":77}"#;
    assert!(hello.ends_with(rest), "{hello}");
}
