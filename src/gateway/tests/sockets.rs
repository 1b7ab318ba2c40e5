//! The live feed on both transports.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Class, Content, Direction, Frame, Judgement, SocketEnd};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

pub(super) type Socket = WebSocketStream<Stream>;

pub(super) async fn websocket(room: &Room, query: &str) -> Result<Socket, String> {
    let stream = room.connect("trading").await.map_err(|it| it.to_string())?;
    let url = format!("ws://gateway-trading/socket.io/?EIO=4&transport=websocket{query}");
    let (socket, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .map_err(|error| error.to_string())?;
    Ok(socket)
}

/// A WebSocket that has read its handshake.
pub(super) async fn opened(room: &Room) -> Socket {
    let mut socket = websocket(room, "").await.unwrap();
    assert!(
        socket
            .next()
            .await
            .unwrap()
            .unwrap()
            .to_text()
            .unwrap()
            .starts_with("0{")
    );
    socket
}

fn frames(room: &Room) -> Vec<(Direction, TransportName, Frame, Option<Judgement>)> {
    room.facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Frame {
                direction,
                transport,
                packet,
                judgement,
                ..
            } => Some((direction, transport, packet, judgement)),
            _ => None,
        })
        .collect()
}

fn ends(room: &Room) -> Vec<SocketEnd> {
    room.facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::SocketClosed { end, .. } => Some(end),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn polling_is_decoded_in_both_directions_and_ends_with_the_clients_word() {
    let room = Room::new().await;
    room.get("trading", POLLING).await.unwrap();
    let with_sid = format!("{POLLING}&sid=S1");
    room.post(
        "trading",
        &with_sid,
        "40/trading,{\"token\":\"t\"}\u{1e}42/trading,0[\"subscribe\"]",
    )
    .await
    .unwrap();
    room.backend.release();
    let got = room.get("trading", &with_sid).await.unwrap();
    assert!(got.body.ends_with("\u{1e}2"));
    room.post("trading", &with_sid, "1").await.unwrap();
    let seen = frames(&room);
    let kinds: Vec<&Frame> = seen.iter().map(|(_, _, frame, _)| frame).collect();
    assert_eq!(
        *kinds[0],
        Frame::Open {
            ping_interval: 25_000,
            ping_timeout: 20_000
        }
    );
    assert!(matches!(kinds[1], Frame::Connect { .. }));
    let Frame::Event { name, ack, .. } = kinds[2] else {
        panic!()
    };
    assert_eq!((name.as_str(), *ack), ("subscribe", Some(0)));
    let Frame::Event { args, .. } = kinds[3] else {
        panic!()
    };
    assert_eq!(args.json(), Some(&serde_json::json!([{"seq": 1}])));
    assert_eq!(*kinds[4], Frame::Ping { probe: false });
    assert_eq!(*kinds[5], Frame::Close);
    assert!(
        seen.iter()
            .all(|(_, transport, ..)| *transport == TransportName::Polling)
    );
    assert_eq!(seen[2].3.as_ref().unwrap().class, Class::Allowed);
    assert_eq!(seen[3].3, None);
    assert_eq!(ends(&room), [SocketEnd::Client]);
    let opened = room
        .facts()
        .iter()
        .filter(|it| matches!(it, Fact::SocketOpened { .. }))
        .count();
    assert_eq!(opened, 1);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_packet_of_a_post_goes_nowhere_and_the_others_pass() {
    let room = Room::new().await;
    room.get("trading", POLLING).await.unwrap();
    let target = format!("{POLLING}&sid=S1");
    let body = "42/trading,[\"subscribe\"]\u{1e}42/trading,5[\"close_position\",1]\u{1e}3";
    let got = room.post("trading", &target, body).await.unwrap();
    assert_eq!((got.status.as_u16(), got.body.as_str()), (200, "ok"));
    let seen = room.backend.seen();
    assert_eq!(seen[1].body, "42/trading,[\"subscribe\"]\u{1e}3");
    let classes: Vec<_> = frames(&room)
        .into_iter()
        .filter_map(|it| Some(it.3?.class))
        .collect();
    assert_eq!(classes, [Class::Allowed, Class::Forbidden]);
    assert_eq!(ends(&room), []);

    // The acknowledgement that the client waits for comes with the next poll.
    room.backend.release();
    let poll = room.get("trading", &target).await.unwrap();
    let (first, rest) = poll.body.split_once('\u{1e}').unwrap();
    assert!(
        first.starts_with("43/trading,5[{\"error\":\"blocked"),
        "{first}"
    );
    assert!(
        rest.starts_with("42/trading,[\"positions_update\""),
        "{rest}"
    );
    let acks = frames(&room)
        .into_iter()
        .filter(|it| matches!(it.2, Frame::Ack { id: 5, .. }));
    assert_eq!(acks.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_binary_packet_takes_its_attachments_of_later_posts_with_it() {
    let room = Room::new().await;
    room.get("trading", POLLING).await.unwrap();
    let target = format!("{POLLING}&sid=S1");
    let header = "451-/trading,[\"close_position\",{\"_placeholder\":true,\"num\":0}]";
    for body in [header, "bAAAA"] {
        let got = room.post("trading", &target, body).await.unwrap();
        assert_eq!((got.status.as_u16(), got.body.as_str()), (200, "ok"));
    }
    assert_eq!(room.backend.lines().len(), 1);
    let next = "bAAAA\u{1e}42/trading,[\"subscribe\"]";
    assert_eq!(
        room.post("trading", &target, next).await.unwrap().status,
        200
    );
    assert_eq!(room.backend.seen()[1].body, "42/trading,[\"subscribe\"]");
}

#[tokio::test(start_paused = true)]
async fn a_websocket_passes_and_every_message_is_journalled_before_it_arrives() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    socket.send(Message::text("40/trading,")).await.unwrap();
    settle().await;
    assert_eq!(room.backend.messages(), [Message::text("40/trading,")]);
    room.backend.push(Message::text(
        "451-/trading,[\"positions_update\",{\"_placeholder\":true,\"num\":0}]",
    ));
    room.backend
        .push(Message::Binary(Bytes::from_static(&[1, 2, 3])));
    assert!(socket.next().await.unwrap().unwrap().is_text());
    let Some((
        Direction::Down,
        _,
        Frame::Event {
            attachments, name, ..
        },
        None,
    )) = frames(&room).pop()
    else {
        panic!()
    };
    assert_eq!((attachments, name.as_str()), (1, "positions_update"));
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::Binary(Bytes::from_static(&[1, 2, 3]))
    );
    socket.close(None).await.unwrap();
    settle().await;
    assert_eq!(ends(&room), [SocketEnd::Client]);
    assert!(room.backend.messages().last().unwrap().is_close());
    assert!(
        !room.backend.seen()[0]
            .headers
            .contains_key("sec-websocket-extensions")
    );
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_emit_is_dropped_with_its_attachments_and_its_ack_is_answered() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    for text in [
        "40/trading,",
        "451-/trading,7[\"close_position\",{\"_placeholder\":true,\"num\":0}]",
    ] {
        socket.send(Message::text(text)).await.unwrap();
    }
    socket
        .send(Message::Binary(Bytes::from_static(b"x")))
        .await
        .unwrap();
    socket
        .send(Message::text("42/trading,[\"subscribe\"]"))
        .await
        .unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert!(
        answer
            .to_text()
            .unwrap()
            .starts_with("43/trading,7[{\"error\":\"blocked")
    );
    settle().await;
    let arrived = [
        Message::text("40/trading,"),
        Message::text("42/trading,[\"subscribe\"]"),
    ];
    assert_eq!(room.backend.messages(), arrived);
    let judged: Vec<_> = frames(&room)
        .into_iter()
        .filter_map(|it| Some(it.3?.class))
        .collect();
    assert_eq!(judged, [Class::Allowed, Class::Forbidden, Class::Allowed]);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_emit_in_fragments_is_read_as_one() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame as Fragment;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    for (text, data, last) in [
        ("42/trading,[\"close_", Data::Text, false),
        ("position\",1]", Data::Continue, true),
    ] {
        let fragment = Fragment::message(text, OpCode::Data(data), last);
        socket.send(Message::Frame(fragment)).await.unwrap();
    }
    settle().await;
    assert_eq!(room.backend.messages(), []);
    let (_, _, _, judgement) = frames(&room).pop().unwrap();
    assert_eq!(judgement.unwrap().class, Class::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_nobody_declared_is_kept_back_or_passes_unread() {
    let room = Room::new().await;
    let upgrade = async |room: &Room| {
        let stream = room.connect("trading").await.unwrap();
        tokio_tungstenite::client_async("ws://gateway-trading/other", stream).await
    };
    assert!(
        upgrade(&room)
            .await
            .unwrap_err()
            .to_string()
            .contains("403")
    );
    let open = Room::with(Mode::Observing).await;
    let (mut socket, _) = upgrade(&open).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_text());
    socket.send(Message::text("hello")).await.unwrap();
    settle().await;
    assert_eq!(open.backend.messages(), [Message::text("hello")]);
    assert_eq!(open.requests()[0].judgement.class, Class::UndeclaredWrite);
    assert_eq!(frames(&open), []);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_moves_the_session_to_its_new_transport() {
    let room = Room::new().await;
    room.get("trading", POLLING).await.unwrap();
    let mut socket = websocket(&room, "&sid=S1").await.unwrap();
    socket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::text("3probe")
    );
    socket.send(Message::text("5")).await.unwrap();
    settle().await;
    let facts = room.facts();
    assert!(facts.contains(&Fact::SocketUpgraded { socket: 1 }));
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(ends(&room), []);
    drop(socket);
    settle().await;
    assert!(matches!(ends(&room)[..], [SocketEnd::Network { .. }]));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_leaves_the_session_on_polling() {
    let room = Room::new().await;
    room.get("trading", POLLING).await.unwrap();
    let mut socket = websocket(&room, "&sid=S1").await.unwrap();
    socket.send(Message::text("2probe")).await.unwrap();
    drop(socket);
    settle().await;
    assert_eq!(ends(&room), []);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(matches!(ends(&room)[..], [SocketEnd::Network { .. }]));
}

#[tokio::test(start_paused = true)]
async fn the_close_code_of_the_backend_reaches_the_client() {
    use tokio_tungstenite::tungstenite::protocol::CloseFrame;
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let frame = CloseFrame {
        code: 1009.into(),
        reason: "too big".into(),
    };
    room.backend.push(Message::Close(Some(frame.clone())));
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::Close(Some(frame))
    );
    settle().await;
    assert_eq!(ends(&room), [SocketEnd::Backend]);
}

#[tokio::test(start_paused = true)]
async fn thousands_of_events_cost_no_virtual_time_and_keep_their_order() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    for number in 0..2_000 {
        room.backend.push(Message::text(format!(
            "42/trading,[\"positions_update\",{{\"seq\":{number}}}]"
        )));
    }
    for number in 0..2_000 {
        let message = socket.next().await.unwrap().unwrap();
        assert!(
            message
                .to_text()
                .unwrap()
                .ends_with(&format!("{{\"seq\":{number}}}]"))
        );
    }
    assert_eq!(room.recorder.clock().elapsed(), std::time::Duration::ZERO);
    let Some((
        ..,
        Frame::Event {
            args: Content::Json { value, .. },
            ..
        },
        _,
    )) = frames(&room).pop()
    else {
        panic!()
    };
    assert_eq!(value.pointer("/0/seq").unwrap().as_ref(), &1_999);
}

#[tokio::test(start_paused = true)]
async fn binary_data_is_joined_per_direction_however_polls_and_posts_cut_it() {
    let room = Room::with(Mode::Observing).await;
    room.get("trading", POLLING).await.unwrap();
    let target = format!("{POLLING}&sid=S1");
    let header = "452-/trading,[\"subscribe\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]";
    for body in [header, "bAQ==", "bAg==\u{1e}42/trading,[\"ping_feed\"]"] {
        room.post("trading", &target, body).await.unwrap();
    }
    let events: Vec<_> = frames(&room)
        .into_iter()
        .filter_map(|it| match it.2 {
            Frame::Event {
                name, attachments, ..
            } => Some((name, attachments)),
            _ => None,
        })
        .collect();
    let expected = [("subscribe".to_owned(), 2), ("ping_feed".to_owned(), 0)];
    assert_eq!(events, expected);
}
