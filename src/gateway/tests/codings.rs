//! Bodies in content codings that nobody asked for, and behind byte order marks: read for the journal,
//! passed on as they came.

use serde_json::json;

use super::*;
use crate::domain::journal::Content;

/// The one answer of the journal, and the body that the client got, byte by byte.
async fn answered(target: &str) -> (Answer, Vec<u8>) {
    let room = Room::new().await;
    let stream = room.connect("trading").await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = room.request("GET", "trading", target, "");
    let got = sender.send_request(request).await.unwrap();
    let body = got.collect().await.unwrap().to_bytes();
    (room.answers().remove(0), body.to_vec())
}

#[tokio::test(start_paused = true)]
async fn a_packed_answer_is_journalled_as_what_it_says_and_passes_as_it_is() {
    let (answer, body) = answered("/packed").await;
    assert_eq!(answer.body.json(), Some(&json!({"uid": "u-1"})));
    assert_eq!(body, backend::gzip(br#"{"uid":"u-1"}"#));
    assert_eq!(answer.headers.get("content-encoding"), Some("gzip"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_an_unknown_coding_is_said_to_be_unread_with_the_name_of_the_coding() {
    let (answer, body) = answered("/odd").await;
    let why = answer.body.unread().unwrap();
    assert!(why.contains("`compress`"), "{why}");
    assert_eq!(body, b"\x1f\x9d\x90");
}

#[tokio::test(start_paused = true)]
async fn a_decompression_bomb_is_not_opened_and_passes() {
    let (answer, body) = answered("/bomb").await;
    let Content::Unread { why, bytes, .. } = &answer.body else {
        panic!("{:?}", answer.body)
    };
    assert!(why.contains("bomb"), "{why}");
    assert_eq!(*bytes, body.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn json_behind_a_byte_order_mark_is_read() {
    let (answer, body) = answered("/marked").await;
    assert_eq!(answer.body.json(), Some(&json!({"uid": 1})));
    assert!(body.starts_with(b"\xef\xbb\xbf"));
}
