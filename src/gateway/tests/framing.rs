//! What two readers of one connection could read in two ways.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::domain::journal::{Answerer, SocketEnd};

/// Sends bytes as they are, and reads until an answer's head has come.
async fn sends(room: &Room, bytes: &[u8]) -> (Stream, String) {
    let mut stream = room.connect("trading").await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await;
        head.push(byte.expect("the answer has a head"));
    }
    (stream, String::from_utf8(head).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_request_names_exactly_one_host_or_goes_no_further() {
    for hosts in [
        "",
        "Host: gateway-trading\r\nHost: gateway-trading\r\n",
        "Host: gateway-trading\r\nHost: elsewhere.test\r\n",
    ] {
        for mode in [Mode::Enforcing, Mode::Observing] {
            let room = Room::with(mode).await;
            let request = format!("GET /api/positions HTTP/1.1\r\n{hosts}\r\n");
            let (_, head) = sends(&room, request.as_bytes()).await;
            assert!(head.starts_with("HTTP/1.1 400"), "{head}");
            settle().await;
            assert_eq!(room.backend.lines(), [""; 0], "{hosts}");
            let [request] = &room.requests()[..] else {
                panic!("{hosts}")
            };
            assert!(request.judgement.non_canonical.is_some(), "{request:?}");
            assert_eq!(room.answers()[0].from, Answerer::Policy);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_body_without_a_length_reaches_the_backend_whole_also_with_a_get() {
    const LONG: usize = 400 * 1024;
    for method in ["GET", "POST"] {
        let room = Room::with(Mode::Observing).await;
        let mut request = format!(
            "{method} /api/positions HTTP/1.1\r\nHost: gateway-trading\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        for _ in 0..LONG / 1024 {
            request.push_str(&format!("400\r\n{}\r\n", "x".repeat(1024)));
        }
        request.push_str("0\r\n\r\n");
        let (_, head) = sends(&room, request.as_bytes()).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let [seen] = &room.backend.seen()[..] else {
            panic!("{method}")
        };
        assert_eq!(seen.body.len(), LONG, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_websocket_after_the_switch_goes_nowhere_and_is_told() {
    let room = Room::new().await;
    let asks = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: gateway-trading\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let (mut stream, head) = sends(&room, asks.as_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let smuggled = "POST /api/trade HTTP/1.1\r\nHost: gateway-trading\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(smuggled.as_bytes()).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    settle().await;
    assert_eq!(room.backend.messages(), []);
    assert_eq!(room.backend.lines().len(), 1);
    let told = room.facts().into_iter().any(|fact| match fact {
        Fact::SocketClosed {
            end: SocketEnd::Network { detail },
            ..
        } => detail == "what the client sent is no WebSocket frame",
        _ => false,
    });
    assert!(told, "{:#?}", room.facts());
}
