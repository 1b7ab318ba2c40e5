//! Enforcing and observing: what becomes of traffic differs, what is said about it does not.

use futures_util::SinkExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::sockets::opened;
use super::*;
use crate::rules::{Judge, JudgeSettings, Ruling};

/// A forbidden write, a disguised one, an undeclared one, one that cannot be judged, and packets of
/// each kind over the WebSocket.
async fn misbehave(room: &Room) {
    for (target, body) in [
        ("/api/trade", "{}"),
        ("/api//%74rade", "{}"),
        ("/api/rename", "{}"),
        ("/api/positions/a%2fb", ""),
    ] {
        room.post("trading", target, body).await.unwrap();
    }
    let mut socket = opened(room).await;
    for text in [
        "40/trading,{\"token\":\"t\"}",
        "42/trading,[\"subscribe\"]",
        "42/trading,1[\"close_position\",{\"id\":7}]",
        "451-/trading,[\"rename\",{\"_placeholder\":true,\"num\":0}]",
        "40/admin,",
        "9",
    ] {
        socket.send(Message::text(text)).await.unwrap();
        if text.starts_with("451") {
            let bytes = Bytes::from_static(b"x");
            socket.send(Message::Binary(bytes)).await.unwrap();
        }
    }
    settle().await;
}

fn judged(room: &Room) -> Ruling {
    let mut judge = Judge::new(Arc::new(sample::contract()), JudgeSettings::default());
    for entry in room.recorder.journal().entries() {
        judge.observe(entry);
    }
    judge.finish()
}

#[tokio::test(start_paused = true)]
async fn the_findings_are_the_same_whether_the_gateway_enforces_or_only_observes() {
    let (enforcing, observing) = (Room::new().await, Room::with(Mode::Observing).await);
    misbehave(&enforcing).await;
    misbehave(&observing).await;
    let said = |room: &Room| -> Vec<(String, String, String)> {
        let findings = judged(room).findings.into_iter();
        findings
            .filter(|finding| finding.rule.starts_with("SCOPE-"))
            .map(|finding| (finding.rule, finding.message, finding.observed))
            .collect()
    };
    assert_eq!(said(&enforcing), said(&observing));
    assert_eq!(judged(&enforcing).tally, judged(&observing).tally);
    assert!(said(&observing).len() >= 7, "{:#?}", said(&observing));

    let written = |room: &Room| {
        let lines = room.backend.lines().into_iter();
        lines.filter(|line| line.starts_with("POST")).count()
    };
    assert_eq!((written(&enforcing), written(&observing)), (0, 4));
    let emitted = |room: &Room| room.backend.messages().len();
    assert_eq!((emitted(&enforcing), emitted(&observing)), (2, 7));
}
