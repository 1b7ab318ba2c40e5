//! A client among hand-made answers: probing, pausing, merging posts, odd handshakes.

use super::network::ms;
use crate::protocol::client::{Client, Emit, Input, Options, Output, RequestId, SocketId};
use crate::protocol::packet::{Args, Frame};

const NOW: std::time::Duration = ms(0);

fn text(text: &str) -> Frame {
    Frame::Text(text.to_owned())
}

fn drain(client: &mut Client) -> Vec<Output> {
    let mut outputs = Vec::new();
    while let Some(output) = client.next_output() {
        if let Output::AuthWanted { namespace } = output {
            client.handle(
                Input::Auth {
                    namespace,
                    payload: None,
                },
                NOW,
            );
        } else if !matches!(output, Output::Event(_)) {
            outputs.push(output);
        }
    }
    outputs
}

fn tell(client: &mut Client, input: Input) -> Vec<Output> {
    client.handle(input, NOW);
    drain(client)
}

fn done(client: &mut Client, request: u64, body: &str) -> Vec<Output> {
    let (request, body) = (RequestId(request), body.to_owned());
    tell(
        client,
        Input::HttpDone {
            request,
            status: 200,
            body,
        },
    )
}

fn emit(client: &mut Client, size: usize) -> Vec<Output> {
    let namespace = "/".to_owned();
    let emit = Emit::new("e", Args::none().and("x".repeat(size))).unwrap();
    tell(client, Input::Emit { namespace, emit })
}

/// A client with an open polling session: request 1 posts its CONNECT, request 2 polls, socket 0 probes.
fn polling(max_payload: usize) -> Client {
    let mut client = Client::new(Options::default());
    tell(
        &mut client,
        Input::Connect {
            namespace: "/".to_owned(),
        },
    );
    let hello = format!(
        r#"0{{"sid":"S","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":{max_payload}}}"#
    );
    let outputs = done(&mut client, 0, &hello);
    assert!(
        matches!(
            &outputs[..],
            [
                Output::Post { request: RequestId(2), body, .. },
                Output::OpenWs { socket: SocketId(0), .. },
                Output::Poll { request: RequestId(1), .. },
            ] if body == "40"
        ),
        "{outputs:?}"
    );
    client
}

/// That client with its probe answered, while the poll is still under way.
fn upgrading() -> Client {
    let mut client = polling(1_000_000);
    done(&mut client, 2, "ok");
    let socket = SocketId(0);
    tell(&mut client, Input::WsOpened { socket });
    let frame = text("3probe");
    tell(&mut client, Input::WsFrame { socket, frame });
    client
}

fn post_body(outputs: &[Output]) -> &str {
    match outputs {
        [Output::Post { body, .. }] => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_upgrade_waits_for_the_poll_and_the_post_and_holds_back_what_is_emitted() {
    let mut client = polling(1_000_000);
    done(&mut client, 1, r#"40{"sid":"N"}"#);
    assert_eq!(
        tell(
            &mut client,
            Input::WsOpened {
                socket: SocketId(0)
            }
        ),
        [Output::SendWs {
            socket: SocketId(0),
            frame: text("2probe")
        }]
    );
    // A post is still allowed here, and is in flight when the probe is answered.
    done(&mut client, 2, "ok");
    assert!(post_body(&emit(&mut client, 1)).starts_with("42"));
    let frame = text("3probe");
    assert_eq!(
        tell(
            &mut client,
            Input::WsFrame {
                socket: SocketId(0),
                frame
            }
        ),
        []
    );
    assert_eq!(emit(&mut client, 2), []);
    assert_eq!(
        done(&mut client, 3, "6"),
        [],
        "the poll has returned, the post has not"
    );
    let outputs = done(&mut client, 4, "ok");
    assert_eq!(
        outputs[0],
        Output::SendWs {
            socket: SocketId(0),
            frame: text("5")
        }
    );
    assert_eq!(
        outputs[1],
        Output::SendWs {
            socket: SocketId(0),
            frame: text(r#"42["e","xx"]"#)
        }
    );
    assert_eq!(outputs.len(), 2);
}

#[test]
fn a_close_while_upgrading_waits_for_the_upgrade() {
    let mut client = upgrading();
    assert_eq!(tell(&mut client, Input::Close), []);
    let socket = SocketId(0);
    assert_eq!(
        done(&mut client, 1, "6"),
        [
            Output::SendWs {
                socket,
                frame: text("5")
            },
            Output::CloseWs { socket }
        ]
    );
}

#[test]
fn a_close_while_upgrading_does_not_wait_for_a_probe_that_dies() {
    let mut client = upgrading();
    tell(&mut client, Input::Close);
    tell(
        &mut client,
        Input::WsClosed {
            socket: SocketId(0),
        },
    );
    assert_eq!(done(&mut client, 1, "6"), [], "the session is over");
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_wrong_answer_to_the_probe_leaves_the_session_on_polling() {
    let mut client = polling(1_000_000);
    done(&mut client, 2, "ok");
    tell(
        &mut client,
        Input::WsOpened {
            socket: SocketId(0),
        },
    );
    let frame = text("3other");
    tell(
        &mut client,
        Input::WsFrame {
            socket: SocketId(0),
            frame,
        },
    );
    let outputs = done(&mut client, 1, r#"40{"sid":"N"}"#);
    assert!(matches!(outputs[..], [Output::Poll { .. }]));
}

#[test]
fn posts_are_merged_up_to_the_payload_limit_and_an_oversize_packet_goes_alone() {
    let mut client = polling(60);
    done(&mut client, 1, r#"40{"sid":"N"}"#);
    // Nothing is merged while the CONNECT is under way; afterwards as much as fits.
    for _ in 0..5 {
        assert_eq!(emit(&mut client, 10), []);
    }
    assert_eq!(emit(&mut client, 100), []);
    assert_eq!(emit(&mut client, 1), []);
    let sizes = |outputs: &[Output]| {
        post_body(outputs)
            .split('\u{1e}')
            .map(str::len)
            .collect::<Vec<_>>()
    };
    // Each small packet has 20 bytes, so two fit in 60 with their separators, and three do not.
    assert_eq!(sizes(&done(&mut client, 2, "ok")), [20, 20]);
    assert_eq!(sizes(&done(&mut client, 4, "ok")), [20, 20]);
    assert_eq!(sizes(&done(&mut client, 5, "ok")), [20]);
    assert_eq!(sizes(&done(&mut client, 6, "ok")), [110]);
    assert_eq!(sizes(&done(&mut client, 7, "ok")), [11]);
}

#[test]
fn odd_handshakes_never_make_a_session() {
    for body in [
        "",
        "0",
        "0{}",
        "0[]",
        "0null",
        r#"0{"sid":1}"#,
        r#"0{"sid":"S"}"#,
        "ok",
        "7",
        "\u{1e}",
    ] {
        let mut client = Client::new(Options::default());
        tell(
            &mut client,
            Input::Connect {
                namespace: "/".to_owned(),
            },
        );
        assert_eq!(done(&mut client, 0, body), [], "{body:?}");
        assert_eq!(client.transport(), None);
        assert!(client.deadline().is_some(), "it tries again: {body:?}");
    }
}

#[test]
fn late_answers_of_a_session_that_is_over_are_ignored() {
    let mut client = polling(1_000_000);
    tell(
        &mut client,
        Input::HttpFailed {
            request: RequestId(1),
        },
    );
    assert_eq!(done(&mut client, 2, "ok"), []);
    assert_eq!(done(&mut client, 1, r#"42["late"]"#), []);
    assert_eq!(
        tell(
            &mut client,
            Input::WsOpened {
                socket: SocketId(0)
            }
        ),
        []
    );
    assert_eq!(
        tell(
            &mut client,
            Input::WsClosed {
                socket: SocketId(0)
            }
        ),
        []
    );
}

#[test]
fn the_path_and_the_query_of_the_options_are_used_and_escaped() {
    let mut client = Client::new(Options {
        path: "/proxy/socket.io/".to_owned(),
        query: vec![("product id".to_owned(), "a&b=ü".to_owned())],
        ..Options::default()
    });
    let outputs = tell(
        &mut client,
        Input::Connect {
            namespace: "/".to_owned(),
        },
    );
    let [Output::Poll { target, .. }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    let start = "/proxy/socket.io/?product%20id=a%26b%3D%C3%BC&EIO=4&transport=polling&t=";
    assert!(target.starts_with(start), "{target}");
}
