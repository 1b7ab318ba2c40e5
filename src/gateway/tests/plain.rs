//! Plain exchanges: what is passed on, what is journalled, what is kept back.

use serde_json::json;

use super::*;
use crate::domain::contract::Role;
use crate::domain::journal::{Answerer, Class, Content, LossReason, Sender};

#[tokio::test(start_paused = true)]
async fn an_exchange_is_passed_on_and_journalled_with_role_and_request_id() {
    let room = Room::new().await;
    let got = room.get("trading", "/api/positions").await.unwrap();
    assert_eq!(
        (got.status.as_u16(), got.body.as_str()),
        (200, r#"{"echo":"/api/positions"}"#)
    );
    let [request] = &room.requests()[..] else {
        panic!()
    };
    assert_eq!(request.role, Some(Role::Resource("positions".to_owned())));
    assert_eq!(request.judgement.class, Class::Allowed);
    assert_eq!(request.judgement.non_canonical, None);
    assert_eq!(request.sender, Sender::Client);
    let [answer] = &room.answers()[..] else {
        panic!()
    };
    assert_eq!(answer.exchange, request.exchange);
    assert_eq!(answer.request_id.as_deref(), Some("r-1"));
    assert_eq!(answer.from, Answerer::Backend);
    assert_eq!(answer.body.json(), Some(&json!({"echo": "/api/positions"})));
    assert_eq!(room.recorder.clock().elapsed(), std::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn requests_reach_the_backend_under_its_own_name_and_without_hop_headers() {
    let room = Room::new().await;
    let mut request = room.request("GET", "trading", "/api//x/../positions?a=%2f", "");
    let headers = request.headers_mut();
    headers.insert("accept-encoding", "gzip, br".parse().unwrap());
    headers.insert("connection", "x-hop".parse().unwrap());
    headers.insert("x-hop", "1".parse().unwrap());
    headers.insert("x-kept", "1".parse().unwrap());
    room.send("trading", request).await.unwrap();
    let [seen] = &room.backend.seen()[..] else {
        panic!()
    };
    assert_eq!(seen.line, "GET /api//x/../positions?a=%2f");
    assert_eq!(seen.headers["host"], "backend.test");
    assert_eq!(seen.headers["accept-encoding"], "identity");
    assert!(seen.headers.contains_key("x-kept") && !seen.headers.contains_key("x-hop"));
    let [request] = &room.requests()[..] else {
        panic!()
    };
    assert_eq!(request.target, "/api//x/../positions?a=%2f");
    assert!(request.judgement.non_canonical.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_write_never_reaches_the_backend() {
    let room = Room::new().await;
    for target in ["/api/trade", "//api/Trade/", "/api/x/..%2ftrade"] {
        let got = room.post("trading", target, "{}").await.unwrap();
        assert_eq!(got.status, 403, "{target}");
        assert!(got.body.contains("blocked by rehearsal"));
    }
    let got = room.post("trading", "/api/orders", "{}").await.unwrap();
    assert_eq!(got.status, 403);
    assert_eq!(room.backend.lines(), Vec::<String>::new());
    assert!(
        room.answers()
            .iter()
            .all(|answer| answer.from == Answerer::Policy)
    );
}

#[tokio::test(start_paused = true)]
async fn without_enforcement_it_is_passed_on_but_a_canary_never_is() {
    let room = Room::with(Mode::Observing).await;
    room.post("trading", "/api/trade", "{}").await.unwrap();
    assert_eq!(room.backend.lines(), ["POST /api/trade"]);
    assert_eq!(room.requests()[0].judgement.class, Class::Forbidden);
    let mut canary = room.request("POST", "trading", "/api/trade", "");
    canary
        .headers_mut()
        .insert("x-rehearsal", "canary m4rk".parse().unwrap());
    assert_eq!(room.send("trading", canary).await.unwrap().status, 403);
    assert_eq!(room.backend.lines().len(), 1);
    let canary = &room.requests()[1];
    assert_eq!(canary.sender, Sender::Canary);
    assert!(!room.written().contains("m4rk"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_passes_and_a_forged_mark_does_not() {
    let room = Room::new().await;
    let mut probe = room.request("POST", "trading", "/api/trade", "");
    probe
        .headers_mut()
        .insert("x-rehearsal", "probe m4rk".parse().unwrap());
    assert_eq!(room.send("trading", probe).await.unwrap().status, 200);
    assert!(!room.backend.seen()[0].headers.contains_key("x-rehearsal"));
    let mut forged = room.request("POST", "trading", "/api/trade", "");
    forged
        .headers_mut()
        .insert("x-rehearsal", "probe guess".parse().unwrap());
    assert_eq!(room.send("trading", forged).await.unwrap().status, 403);
    assert_eq!(room.requests()[1].sender, Sender::Client);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_the_backends_own_origin_comes_back_through_the_gateway() {
    let room = Room::new().await;
    let got = room.get("trading", "/moved").await.unwrap();
    assert_eq!(
        got.headers["location"],
        "http://gateway-trading/api/positions"
    );
}

#[tokio::test(start_paused = true)]
async fn requests_on_one_connection_share_one_behind_it_and_keep_their_order() {
    let room = Room::new().await;
    let mut connection = Connection::open(&room, "trading").await.unwrap();
    for number in 1..=3 {
        let request = room.request("GET", "trading", &format!("/api/positions/{number}"), "");
        connection.send(request).await.unwrap();
    }
    let exchanges: Vec<u64> = room
        .answers()
        .iter()
        .map(|answer| answer.exchange)
        .collect();
    assert_eq!(exchanges, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_streams_through_and_only_its_beginning_is_kept() {
    let room = Room::new().await;
    let got = room.get("trading", "/big").await.unwrap();
    assert_eq!(got.body.len(), backend::BIG);
    let [answer] = &room.answers()[..] else {
        panic!()
    };
    let Content::Truncated {
        beginning,
        bytes,
        sha256,
    } = &answer.body
    else {
        panic!("{:?}", answer.body)
    };
    assert_eq!(*bytes, backend::BIG as u64);
    assert!(beginning.len() <= 4096 && sha256.len() == 64);
}

#[tokio::test(start_paused = true)]
async fn a_large_request_streams_through_too() {
    let room = Room::with(Mode::Observing).await;
    let body = "y".repeat(3 * 1024 * 1024);
    room.post("trading", "/api/push-tokens", &body)
        .await
        .unwrap();
    assert_eq!(room.backend.seen()[0].body.len(), body.len());
    let Content::Truncated { bytes, .. } = &room.requests()[0].body else {
        panic!()
    };
    assert_eq!(*bytes, body.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_up_makes_the_gateway_give_up() {
    let room = Room::new().await;
    let mut connection = Connection::open(&room, "trading").await.unwrap();
    let request = room.request("GET", "trading", "/hang", "");
    let waited = tokio::time::timeout(std::time::Duration::from_secs(5), connection.send(request));
    assert!(waited.await.is_err());
    assert_eq!(room.backend.given_up(), 0);
    drop(connection);
    settle().await;
    assert_eq!(room.backend.given_up(), 1);
    let lost = room.facts().pop();
    assert_eq!(
        lost,
        Some(Fact::Lost {
            exchange: 1,
            reason: LossReason::ClientGone
        })
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_backend_looks_like_a_broken_connection() {
    let room = Room::new().await;
    room.backend.stop();
    settle().await;
    assert!(room.get("trading", "/api/positions").await.is_err());
    let lost = room.facts().pop();
    assert!(
        matches!(
            &lost,
            Some(Fact::Lost {
                reason: LossReason::Upstream { .. },
                ..
            })
        ),
        "{lost:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secure_upstream_that_does_not_speak_tls_is_a_broken_connection() {
    let room = Room::of("https", Mode::Enforcing).await;
    assert!(room.get("trading", "/api/positions").await.is_err());
    assert_eq!(room.backend.lines(), Vec::<String>::new());
    let lost = room.facts().pop();
    let Some(Fact::Lost {
        reason: LossReason::Upstream { detail },
        ..
    }) = &lost
    else {
        panic!("{lost:?}")
    };
    assert!(!detail.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_length_beside_chunks_frames_nothing_behind_the_gateway() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let room = Room::with(Mode::Observing).await;
    let mut stream = room.connect("trading").await.unwrap();
    let request = "POST /api/push-tokens HTTP/1.1\r\nhost: gateway-trading\r\ncontent-length: 3\r\n\
        transfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    // The server may refuse such framing outright; what it lets in must arrive whole.
    let bodies: Vec<String> = room
        .backend
        .seen()
        .into_iter()
        .map(|seen| seen.body)
        .collect();
    if answer.starts_with("HTTP/1.1 200") {
        assert_eq!(bodies, ["hello"]);
    } else {
        assert_eq!(bodies, Vec::<String>::new());
    }
}
