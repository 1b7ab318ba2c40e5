//! Bodies and frames that are large, endless or of no known protocol, and peers that do not read.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::sockets::opened;
use super::*;
use crate::domain::journal::{Class, Content, Direction, Frame, LossReason};

/// More than the journal keeps of one body.
fn much() -> String {
    "y".repeat(3 * 1024 * 1024)
}

#[tokio::test(start_paused = true)]
async fn a_long_upload_streams_through_and_its_length_and_hash_are_written_when_it_has_passed() {
    let room = Room::new().await;
    let body = much();
    let mut request = room.request("POST", "trading", "/api/push-tokens", &body);
    let kind = http::HeaderValue::from_static("image/png");
    request.headers_mut().insert("content-type", kind);
    assert_eq!(room.send("trading", request).await.unwrap().status, 200);
    assert_eq!(room.backend.seen()[0].body.len(), body.len());
    let uploaded = room.facts().into_iter().find_map(|fact| match fact {
        Fact::Uploaded { bytes, sha256, .. } => Some((bytes, sha256)),
        _ => None,
    });
    let (bytes, sha256) = uploaded.unwrap();
    assert_eq!(bytes, body.len() as u64);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes());
    let hex: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    assert_eq!(sha256, hex.concat());
}

#[tokio::test(start_paused = true)]
async fn a_write_too_long_to_be_read_is_said_not_to_be_judgeable() {
    let (kept, passed) = (Room::new().await, Room::with(Mode::Observing).await);
    let ends_in_a_batch = format!("{{\"a\":\"{}\",\"requests\":[]}}", much());
    for (room, status, arrived) in [(&kept, 403, 0), (&passed, 200, 1)] {
        let got = room
            .post("trading", "/api/push-tokens", &ends_in_a_batch)
            .await
            .unwrap();
        assert_eq!(got.status, status);
        assert_eq!(room.backend.seen().len(), arrived);
        let judgement = &room.requests()[0].judgement;
        assert_eq!(judgement.class, Class::NotJudgeable, "{judgement:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_event_passes_whole_and_is_kept_as_beginning_length_and_hash() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let text = format!("42/trading,[\"positions_update\",\"{}\"]", much());
    room.backend.push(Message::text(text.clone()));
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::text(text.clone())
    );
    let kept = room.facts().into_iter().find_map(|fact| match fact {
        Fact::Frame {
            direction: Direction::Down,
            packet: Frame::Event { args, .. },
            ..
        } => Some(args),
        _ => None,
    });
    let Some(Content::Truncated {
        beginning,
        bytes,
        sha256,
    }) = kept
    else {
        panic!("{kept:?}")
    };
    assert_eq!(bytes, text.len() as u64);
    assert!(beginning.len() <= 4096 && sha256.len() == 64);
}

#[tokio::test(start_paused = true)]
async fn a_large_forbidden_emit_is_still_judged() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let text = format!("42/trading,3[\"close_position\",\"{}\"]", much());
    socket.send(Message::text(text)).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert!(answer.to_text().unwrap().starts_with("43/trading,3["));
    assert_eq!(room.backend.messages(), []);
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_passes_piece_by_piece_and_its_end_is_the_clients() {
    let room = Room::new().await;
    let mut stream = room.connect("trading").await.unwrap();
    let host = room.gateway.address("trading").unwrap();
    let request = format!(
        "GET /events HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\r\n",
        host.url.authority()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.contains("data: 2") {
        let mut piece = [0; 512];
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "the stream ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    assert!(heard.contains("text/event-stream"));
    drop(stream);
    settle().await;
    assert_eq!(room.requests()[0].judgement.class, Class::UndeclaredRead);
    let lost = room.facts().into_iter().any(|fact| {
        matches!(
            fact,
            Fact::Lost {
                reason: LossReason::ClientGone,
                ..
            }
        )
    });
    assert!(lost);
    assert_eq!(room.backend.given_up(), 1);
}

#[tokio::test(start_paused = true)]
async fn protocols_that_nobody_can_read_pass_where_nothing_is_enforced_and_are_not_judged() {
    let room = Room::with(Mode::Observing).await;
    let older = "/socket.io/?EIO=3&transport=polling&sid=old";
    assert_eq!(
        room.post("trading", older, "2:40").await.unwrap().status,
        200
    );
    let mut grpc = room.request("POST", "trading", "/feed.Feed/Follow", "\0\0\0\0\0");
    let kind = http::HeaderValue::from_static("application/grpc-web+proto");
    grpc.headers_mut().insert("content-type", kind);
    assert_eq!(room.send("trading", grpc).await.unwrap().status, 200);
    for (path, word) in [
        ("/socket.io/?EIO=3&transport=websocket", "2probe"),
        ("/feed", "hello"),
    ] {
        let stream = room.connect("trading").await.unwrap();
        let url = format!("ws://gateway-trading{path}");
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        socket.send(Message::text(word)).await.unwrap();
        settle().await;
        let arrived = room.backend.messages();
        assert!(
            arrived.contains(&Message::text(word)),
            "{path}: {arrived:?}"
        );
    }
    let classes: Vec<Class> = room
        .requests()
        .iter()
        .map(|it| it.judgement.class)
        .collect();
    let old = Class::NotJudgeable;
    let grpc = Class::UndeclaredWrite;
    assert_eq!(classes, [old, grpc, old, grpc]);
    // Nothing of what they carry is taken for packets of the live feed.
    let frames = room
        .facts()
        .into_iter()
        .filter(|fact| matches!(fact, Fact::Frame { .. }));
    assert_eq!(frames.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_emits_and_never_reads_is_not_read_from_for_ever() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let padding = "x".repeat(1024);
    let flood = async {
        for id in 0_u64..50_000 {
            let text = format!("42/trading,{id}[\"close_position\",\"{padding}\"]");
            if socket.send(Message::text(text)).await.is_err() {
                return id;
            }
        }
        50_000
    };
    // Nothing is sent any more once every buffer on the way is full.
    let stuck = tokio::time::timeout(std::time::Duration::from_secs(60), flood).await;
    assert!(stuck.is_err(), "{stuck:?}");
    let judged = room.recorder.journal().len();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(room.recorder.journal().len(), judged);
    assert!(judged < 20_000, "{judged}");
}
