//! What the parser of HTTP refuses is journalled all the same.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::domain::journal::{Spoken, Unreadable};

/// What stands in the journal of bytes that no request begins with, and how they were answered.
async fn sent(bytes: &[u8]) -> (Vec<Unreadable>, String) {
    let room = Room::new().await;
    let mut stream = room.connect("trading").await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    settle().await;
    let found = room.facts().into_iter().filter_map(|fact| match fact {
        Fact::Unreadable(unreadable) => Some(unreadable),
        _ => None,
    });
    assert_eq!(room.backend.lines(), Vec::<String>::new());
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (found.collect(), answer)
}

#[tokio::test(start_paused = true)]
async fn a_request_with_two_lengths_stands_in_the_journal_without_its_secrets() {
    let raw = "POST /api/trade?token=qwertyuiop HTTP/1.1\r\nHost: gateway-trading\r\nAuthorization: Bearer abcdefghijkl\r\n\
        Content-Length: 3\r\nContent-Length: 4\r\n\r\npassword=mnopqrstuv";
    let (found, answer) = sent(raw.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let [unreadable] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(unreadable.speaks, Spoken::Http);
    assert_eq!(unreadable.why, "it has 2 content-length headers");
    assert!(
        unreadable
            .beginning
            .starts_with("POST /api/trade?… ⏎ Host: gateway-trading"),
        "{unreadable:?}"
    );
    for secret in ["qwertyuiop", "abcdefghijkl", "mnopqrstuv"] {
        assert!(!unreadable.beginning.contains(secret), "{unreadable:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folded_header_and_a_head_without_end_are_named() {
    let folded =
        "GET /api/positions HTTP/1.1\r\nHost: gateway-trading\r\nX-A: 1\r\n secret\r\n\r\n";
    let (found, _) = sent(folded.as_bytes()).await;
    assert_eq!(found[0].why, "a header is folded over several lines");
    assert!(!found[0].beginning.contains("secret"), "{found:?}");

    let mut long = "GET /api/positions HTTP/1.1\r\nHost: gateway-trading\r\n".to_owned();
    for number in 0..3_000 {
        long.push_str(&format!("x-{number}: 1\r\n"));
    }
    let (found, answer) = sent(format!("{long}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(found[0].why.contains("more headers"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn more_headers_than_real_apps_send_pass() {
    let room = Room::new().await;
    let mut request = room.request("GET", "trading", "/api/positions", "");
    for number in 0..500 {
        let name: http::HeaderName = format!("x-{number}").parse().unwrap();
        request.headers_mut().insert(name, "1".parse().unwrap());
    }
    room.send("trading", request).await.unwrap();
    assert_eq!(room.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_protocols_are_told_from_requests_that_are_malformed() {
    let (tls, _) = sent(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03").await;
    assert_eq!(tls[0].speaks, Spoken::Tls);
    let (newer, _) = sent(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(newer[0].speaks, Spoken::Http2);
    let room = Room::new().await;
    drop(room.connect("trading").await.unwrap());
    settle().await;
    assert_eq!(room.facts(), [], "whoever only knocks sends nothing");
}

#[tokio::test(start_paused = true)]
async fn after_a_good_request_the_bad_one_alone_is_shown() {
    let room = Room::new().await;
    let mut stream = room.connect("trading").await.unwrap();
    let good = "GET /api/positions HTTP/1.1\r\nHost: gateway-trading\r\n\r\n";
    stream.write_all(good.as_bytes()).await.unwrap();
    let mut piece = [0; 4096];
    let _ = stream.read(&mut piece).await.unwrap();
    stream.write_all(b"B@D / HTTP/1.1\r\n\r\n").await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    settle().await;
    let last = room.facts().pop();
    let Some(Fact::Unreadable(unreadable)) = last else {
        panic!("{last:?}")
    };
    assert_eq!(unreadable.beginning, "B@D / HTTP/1.1");
}
