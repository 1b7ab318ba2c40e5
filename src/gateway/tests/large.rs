//! Messages of the live feed that are longer than what the journal keeps: they pass as they come.

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as WireFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::sockets::{Socket, opened};
use super::*;
use crate::domain::journal::{Class, Content, Direction, Frame, Judgement};
use crate::gateway::observe::KEPT;

/// The latest packet that passed one way: its length, itself and what the scope says.
fn latest(room: &Room, way: Direction) -> (u64, Frame, Option<Judgement>) {
    let seen = room.facts().into_iter().filter_map(|fact| match fact {
        Fact::Frame {
            direction,
            bytes,
            packet,
            judgement,
            ..
        } if direction == way => Some((bytes, packet, judgement)),
        _ => None,
    });
    seen.last().unwrap()
}

fn hash(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let hex: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    hex.concat()
}

/// An event of exactly so many bytes.
fn event(name: &str, length: usize) -> String {
    let head = format!("42/trading,[\"{name}\",\"");
    let padding = "y".repeat(length - head.len() - 2);
    format!("{head}{padding}\"]")
}

fn fragment(text: &[u8], first: bool, last: bool) -> Message {
    let data = if first { Data::Text } else { Data::Continue };
    Message::Frame(WireFrame::message(text.to_vec(), OpCode::Data(data), last))
}

/// Sends a text in fragments of this length.
async fn send(socket: &mut Socket, text: &str, length: usize) {
    let last = (text.len() - 1) / length;
    for (at, part) in text.as_bytes().chunks(length).enumerate() {
        let frame = fragment(part, at == 0, at == last);
        socket.send(frame).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_every_size_and_chunking_pass_whole_in_both_directions() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    for length in [60, 125, 126, 4_096, 65_535, 65_536, KEPT, KEPT + 1, 3 << 20] {
        for chunk in [length, 100_000, length / 3 + 1] {
            let text = event("subscribe", length);
            send(&mut socket, &text, chunk).await;
            settle().await;
            let arrived = room.backend.messages().pop();
            assert!(arrived == Some(Message::text(&text)), "{length} in {chunk}");
            let (bytes, packet, judgement) = latest(&room, Direction::Up);
            assert_eq!(bytes, length as u64);
            assert!(matches!(packet, Frame::Event { name, .. } if name == "subscribe"));
            assert_eq!(judgement.unwrap().class, Class::Allowed);
        }
        let text = event("positions_update", length);
        room.backend.push(Message::text(&text));
        let heard = socket.next().await.unwrap().unwrap();
        assert!(heard == Message::text(&text), "{length}");
        assert_eq!(latest(&room, Direction::Down).0, length as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_event_is_journalled_by_its_name_beginning_length_and_hash() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let text = event("positions_update", 2 << 20);
    room.backend.push(Message::text(&text));
    socket.next().await.unwrap().unwrap();
    let (_, packet, _) = latest(&room, Direction::Down);
    let Frame::Event { name, args, .. } = packet else {
        panic!("{packet:?}")
    };
    let Content::Truncated {
        beginning,
        bytes,
        sha256,
    } = args
    else {
        panic!("{args:?}")
    };
    assert_eq!(name, "positions_update");
    assert!(beginning.starts_with("[\"yyy") && beginning.len() <= 4096);
    assert_eq!((bytes, sha256), (text.len() as u64, hash(&text)));
}

#[tokio::test(start_paused = true)]
async fn a_large_forbidden_emit_goes_nowhere_whatever_its_length() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    for length in [KEPT + 1, 20 << 20] {
        let text = event("close_position", length).replacen(",[", ",3[", 1);
        send(&mut socket, &text, 1 << 20).await;
        let answer = socket.next().await.unwrap().unwrap();
        assert!(answer.to_text().unwrap().starts_with("43/trading,3["));
        assert_eq!(room.backend.messages(), []);
        let frames = room.facts().into_iter().filter_map(|fact| match fact {
            Fact::Frame {
                direction: Direction::Up,
                bytes,
                judgement: Some(judgement),
                ..
            } => Some((bytes, judgement.class)),
            _ => None,
        });
        let expected = (text.len() as u64, Class::Forbidden);
        assert_eq!(frames.last(), Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_that_does_not_say_at_once_what_it_is_cannot_be_judged() {
    let (kept, passed) = (Room::new().await, Room::with(Mode::Observing).await);
    let text = format!("42/trading,[{}\"subscribe\"]", " ".repeat(1 << 20));
    for (room, arrives) in [(&kept, false), (&passed, true)] {
        let mut socket = opened(room).await;
        send(&mut socket, &text, 100_000).await;
        socket.send(Message::text("2")).await.unwrap();
        settle().await;
        let arrived = room.backend.messages();
        assert_eq!(arrived.contains(&Message::text(&text)), arrives);
        // What comes after it passes.
        assert_eq!(arrived.last(), Some(&Message::text("2")));
        let unreadable = room.facts().into_iter().find_map(|fact| match fact {
            Fact::Frame {
                packet: Frame::Unreadable { why },
                judgement,
                bytes,
                ..
            } => Some((why, judgement.unwrap().class, bytes)),
            _ => None,
        });
        let (why, class, bytes) = unreadable.unwrap();
        assert_eq!((class, bytes), (Class::NotJudgeable, text.len() as u64));
        assert!(why.contains(&hash(&text)), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_attachment_passes_with_the_event_that_announced_it() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let header = r#"451-/trading,["positions_update",{"_placeholder":true,"num":0}]"#;
    let data = Message::binary(vec![7; 1 << 20]);
    room.backend.push(Message::text(header));
    room.backend.push(data.clone());
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(header));
    assert!(socket.next().await.unwrap().unwrap() == data);
    let (bytes, packet, _) = latest(&room, Direction::Down);
    assert_eq!(bytes, (header.len() + (1 << 20)) as u64);
    assert!(
        matches!(packet, Frame::Event { attachments: 1, .. }),
        "{packet:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn large_attachments_of_a_packet_that_was_kept_back_go_nowhere_either() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let header = r#"451-/trading,["close_position",{"_placeholder":true,"num":0}]"#;
    socket.send(Message::text(header)).await.unwrap();
    socket
        .send(Message::binary(vec![7; 1 << 20]))
        .await
        .unwrap();
    socket.send(Message::text("2")).await.unwrap();
    settle().await;
    assert_eq!(room.backend.messages(), [Message::text("2")]);
}

#[tokio::test(start_paused = true)]
async fn a_ping_reaches_the_other_end_while_a_large_message_is_on_its_way() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let text = event("subscribe", 1 << 20);
    let (early, late) = text.as_bytes().split_at(700_000);
    socket.send(fragment(early, true, false)).await.unwrap();
    socket
        .send(Message::Ping("are you there".into()))
        .await
        .unwrap();
    let pong = socket.next().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("are you there".into()));
    assert_eq!(room.backend.messages().len(), 1);
    socket.send(fragment(late, false, true)).await.unwrap();
    settle().await;
    assert!(room.backend.messages().pop() == Some(Message::text(text)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_breaks_off_in_a_large_message_leaves_no_event() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let text = event("subscribe", 1 << 20);
    socket
        .send(fragment(&text.as_bytes()[..700_000], true, false))
        .await
        .unwrap();
    drop(socket);
    settle().await;
    assert_eq!(room.backend.messages(), []);
    let facts = room.facts();
    assert!(
        facts
            .iter()
            .any(|fact| matches!(fact, Fact::SocketClosed { .. }))
    );
    let up = facts.iter().any(|fact| {
        matches!(
            fact,
            Fact::Frame {
                direction: Direction::Up,
                ..
            }
        )
    });
    assert!(!up);
}

#[tokio::test(start_paused = true)]
async fn a_large_event_with_attachments_is_known_by_its_name_and_takes_them_along() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let text = |name| event(name, 1 << 20).replacen("42", "451-", 1);
    let data = Message::binary(vec![7; 100]);
    let down = text("positions_update");
    room.backend.push(Message::text(&down));
    room.backend.push(data.clone());
    assert!(socket.next().await.unwrap().unwrap() == Message::text(&down));
    assert_eq!(socket.next().await.unwrap().unwrap(), data);
    let (_, packet, _) = latest(&room, Direction::Down);
    let Frame::Event { attachments: 1, .. } = packet else {
        panic!("{packet:?}")
    };

    socket
        .send(Message::text(text("close_position")))
        .await
        .unwrap();
    socket.send(data).await.unwrap();
    socket.send(Message::text("2")).await.unwrap();
    settle().await;
    assert_eq!(room.backend.messages(), [Message::text("2")]);
    let classes = room.facts().into_iter().filter_map(|fact| match fact {
        Fact::Frame { judgement, .. } => Some(judgement?.class),
        _ => None,
    });
    assert_eq!(classes.collect::<Vec<_>>(), [Class::Forbidden]);
}

#[tokio::test(start_paused = true)]
async fn a_large_event_in_a_post_is_judged_and_journalled_as_on_a_websocket() {
    let room = Room::new().await;
    let polling = "/socket.io/?EIO=4&transport=polling";
    room.get("trading", polling).await.unwrap();
    for (name, class) in [
        ("subscribe", Class::Allowed),
        ("close_position", Class::Forbidden),
    ] {
        let text = event(name, 2 << 20);
        let body = format!("6\u{1e}{text}");
        let target = format!("{polling}&sid=S1");
        room.post("trading", &target, &body).await.unwrap();
        let (bytes, packet, judgement) = latest(&room, Direction::Up);
        assert_eq!(bytes, text.len() as u64);
        assert_eq!(judgement.unwrap().class, class);
        let Frame::Event {
            args: Content::Truncated { sha256, .. },
            ..
        } = packet
        else {
            panic!("{packet:?}")
        };
        assert_eq!(sha256, hash(&text));
        let arrived = room.backend.seen().pop().unwrap().body;
        let expected = if class == Class::Allowed { &*body } else { "6" };
        assert!(arrived == expected, "{name}: {}", arrived.len());
    }
}
