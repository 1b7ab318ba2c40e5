//! Levers and faults.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::sockets::{opened, websocket};
use super::*;
use crate::domain::contract::{RequestPattern, Role};
use crate::domain::journal::{Answerer, LossReason, SocketEnd};
use crate::domain::scenario::{Fault, RequestMatch, Withheld};

const POLL: &str = "/socket.io/?EIO=4&transport=polling&sid=S1";

fn pattern(text: &str) -> RequestMatch {
    RequestMatch::Pattern(RequestPattern::parse(text).unwrap())
}

fn losses(room: &Room) -> Vec<LossReason> {
    room.facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Lost { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

fn closed(room: &Room) -> bool {
    room.facts().iter().any(|fact| {
        matches!(
            fact,
            Fact::SocketClosed {
                end: SocketEnd::Gateway,
                ..
            }
        )
    })
}

#[tokio::test(start_paused = true)]
async fn without_network_everything_is_cut_and_refused_and_it_comes_back_at_the_same_address() {
    let room = Room::new().await;
    let address = room.endpoint("trading");
    let mut socket = opened(&room).await;
    let mut parked = Connection::open(&room, "trading").await.unwrap();
    let request = room.request("GET", "trading", "/hang", "");
    let parked = tokio::spawn(async move { parked.send(request).await });
    settle().await;
    room.gateway.set_network(false).unwrap();
    assert!(!matches!(socket.next().await, Some(Ok(_))));
    assert!(parked.await.unwrap().is_err());
    assert!(
        room.get("trading", "/api/positions")
            .await
            .unwrap_err()
            .starts_with("refused")
    );
    settle().await;
    assert_eq!(losses(&room), [LossReason::Fault]);
    assert!(closed(&room));
    assert_eq!(room.backend.given_up(), 1);
    room.gateway.set_network(true).unwrap();
    assert_eq!(room.endpoint("trading"), address);
    assert_eq!(
        room.get("trading", "/api/positions").await.unwrap().status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_blocked_websocket_is_answered_while_polling_works() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    room.gateway.set_websocket(false);
    assert!(!matches!(socket.next().await, Some(Ok(_))));
    assert!(websocket(&room, "").await.unwrap_err().contains("403"));
    let polled = room
        .get("trading", "/socket.io/?EIO=4&transport=polling")
        .await
        .unwrap();
    assert_eq!(polled.status, 200);
    room.gateway.set_websocket(true);
    opened(&room).await;
    assert!(closed(&room));
}

#[tokio::test(start_paused = true)]
async fn a_blocked_socket_path_breaks_polls_and_requests_and_nothing_else() {
    let room = Room::new().await;
    room.get("trading", "/socket.io/?EIO=4&transport=polling")
        .await
        .unwrap();
    let mut parked = Connection::open(&room, "trading").await.unwrap();
    let request = room.request("GET", "trading", POLL, "");
    let parked = tokio::spawn(async move { parked.send(request).await });
    settle().await;
    room.gateway.set_socket(false);
    assert!(parked.await.unwrap().is_err());
    assert!(closed(&room));
    assert!(room.get("trading", POLL).await.is_err());
    assert!(websocket(&room, "").await.is_err());
    assert_eq!(
        room.get("trading", "/api/positions").await.unwrap().status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_sockets_are_cut_and_their_ids_are_unknown_afterwards() {
    let room = Room::new().await;
    room.get("trading", "/socket.io/?EIO=4&transport=polling")
        .await
        .unwrap();
    room.gateway.drop_sockets();
    let got = room.get("trading", POLL).await.unwrap();
    assert_eq!(
        (got.status.as_u16(), got.body.contains("\"code\":1")),
        (400, true)
    );
    let got = room.post("trading", POLL, "3").await.unwrap();
    assert_eq!(got.status, 400);
    assert!(closed(&room));
    assert_eq!(room.backend.lines().len(), 1);
    let mut socket = opened(&room).await;
    room.gateway.drop_sockets();
    assert!(!matches!(socket.next().await, Some(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_what_it_says_until_it_ends() {
    let room = Room::new().await;
    let positions = RequestMatch::Role(Role::Resource("positions".to_owned()));
    let get = || room.get("trading", "/api/positions");
    let set = |fault| room.gateway.set_fault(positions.clone(), fault).unwrap();

    set(Some(Fault::Delay(Duration::from_secs(3))));
    assert_eq!(get().await.unwrap().status, 200);
    assert_eq!(room.recorder.clock().elapsed().as_secs(), 3);

    set(Some(Fault::Respond {
        status: 502,
        headers: vec![("retry-after".to_owned(), "7".to_owned())],
        body: Some(json!("<html>")),
    }));
    let got = get().await.unwrap();
    assert_eq!((got.status.as_u16(), got.body.as_str()), (502, "<html>"));
    assert_eq!(got.headers["retry-after"], "7");
    assert_eq!(room.answers().last().unwrap().from, Answerer::Fault);

    set(Some(Fault::BlackHole));
    assert!(timeout(Duration::from_secs(60), get()).await.is_err());
    settle().await;
    assert_eq!(losses(&room), [LossReason::ClientGone]);

    for fault in [Fault::Reset, Fault::Refuse] {
        set(Some(fault));
        assert!(get().await.is_err());
        assert_eq!(losses(&room).last(), Some(&LossReason::Fault));
    }
    assert_eq!(
        room.get("trading", "/api/strategies").await.unwrap().status,
        200
    );
    set(None);
    assert_eq!(get().await.unwrap().status, 200);
    assert_eq!(room.backend.lines().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn refusing_all_of_a_service_closes_its_listener() {
    let room = Room::new().await;
    let all = pattern("* trading /**");
    room.gateway
        .set_fault(all.clone(), Some(Fault::Refuse))
        .unwrap();
    assert!(
        room.get("trading", "/x")
            .await
            .unwrap_err()
            .starts_with("refused")
    );
    assert_eq!(room.get("platform", "/status").await.unwrap().status, 200);
    room.gateway.set_fault(all, None).unwrap();
    assert_eq!(room.get("trading", "/x").await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_backend_is_imitated_service_by_service() {
    let room = Room::new().await;
    room.gateway.set_running(Some("trading"), false).unwrap();
    assert!(room.get("trading", "/x").await.is_err());
    assert!(room.get("platform", "/status").await.is_ok());
    room.gateway.set_running(None, false).unwrap();
    assert!(room.get("platform", "/status").await.is_err());
    room.gateway.set_running(None, true).unwrap();
    assert!(room.get("trading", "/x").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_imitated_kill_switch_answers_as_the_contract_says() {
    let room = Room::new().await;
    room.gateway.set_maintenance(true);
    let status = room.get("platform", "/status").await.unwrap();
    assert_eq!(status.body, r#"{"maintenance":true}"#);
    assert_eq!(
        room.get("trading", "/api/positions").await.unwrap().status,
        503
    );
    assert_eq!(room.backend.lines().len(), 0);
    room.gateway.set_maintenance(false);
    assert_eq!(
        room.get("trading", "/api/positions").await.unwrap().status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_leaves_a_websocket_half_open() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let realtime = RequestMatch::Role(Role::Realtime);
    room.gateway
        .set_fault(realtime.clone(), Some(Fault::BlackHole))
        .unwrap();
    room.backend.push(Message::text("2"));
    socket.send(Message::text("40/trading,")).await.unwrap();
    assert!(
        timeout(Duration::from_secs(60), socket.next())
            .await
            .is_err()
    );
    assert_eq!(room.backend.messages(), []);
    room.gateway.set_fault(realtime, None).unwrap();
    room.backend.push(Message::text("6"));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("6"));
}

#[tokio::test]
async fn over_tcp_a_closed_listener_comes_back_on_the_same_port() {
    let room = Room::on(Net::Real, "http", Mode::Enforcing).await;
    let address = room.gateway.address("trading").unwrap().url;
    let mut idle = Connection::open(&room, "trading").await.unwrap();
    let request = room.request("GET", "trading", "/api/positions", "");
    assert_eq!(idle.send(request).await.unwrap().status, 200);
    for _ in 0..3 {
        room.gateway.set_network(false).unwrap();
        assert!(
            room.get("trading", "/api/positions")
                .await
                .unwrap_err()
                .starts_with("refused")
        );
        room.gateway.set_network(true).unwrap();
        assert_eq!(
            room.get("trading", "/api/positions").await.unwrap().status,
            200
        );
    }
    assert_eq!(room.gateway.address("trading").unwrap().url, address);
    assert!(
        room.requests()
            .iter()
            .all(|it| it.judgement.non_canonical.is_none())
    );
    let mut local = room.request("GET", "trading", "/api/positions", "");
    let host = format!("localhost:{}", address.port().unwrap());
    local.headers_mut().insert("host", host.parse().unwrap());
    room.send("trading", local).await.unwrap();
    assert_eq!(
        room.requests().last().unwrap().judgement.non_canonical,
        None
    );
}

#[tokio::test(start_paused = true)]
async fn withheld_pings_never_reach_the_client_and_everything_else_does() {
    let room = Room::new().await;
    let mut socket = opened(&room).await;
    let realtime = RequestMatch::Role(Role::Realtime);
    let withhold = Fault::Withhold(Withheld::Ping);
    room.gateway
        .set_fault(realtime.clone(), Some(withhold))
        .unwrap();
    let event = Message::text("42/trading,[\"positions_update\",{\"seq\":1}]");
    for message in [Message::text("2"), event.clone()] {
        room.backend.push(message);
    }
    assert_eq!(socket.next().await.unwrap().unwrap(), event);
    room.gateway.set_fault(realtime, None).unwrap();
    room.backend.push(Message::text("2"));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("2"));
}

#[tokio::test(start_paused = true)]
async fn a_withheld_ping_becomes_a_noop_in_the_answer_to_a_poll() {
    let room = Room::new().await;
    room.get("trading", "/socket.io/?EIO=4&transport=polling")
        .await
        .unwrap();
    let realtime = RequestMatch::Role(Role::Realtime);
    let withhold = Fault::Withhold(Withheld::Ping);
    room.gateway.set_fault(realtime, Some(withhold)).unwrap();
    room.backend.release();
    let poll = room.get("trading", POLL).await.unwrap();
    assert_eq!(
        poll.body,
        "42/trading,[\"positions_update\",{\"seq\":1}]\u{1e}6"
    );
}

#[tokio::test(start_paused = true)]
async fn a_withheld_probe_leaves_the_client_without_its_answer() {
    let room = Room::new().await;
    room.get("trading", "/socket.io/?EIO=4&transport=polling")
        .await
        .unwrap();
    let realtime = RequestMatch::Role(Role::Realtime);
    let withhold = Fault::Withhold(Withheld::Probe);
    room.gateway.set_fault(realtime, Some(withhold)).unwrap();
    let mut socket = websocket(&room, "&sid=S1").await.unwrap();
    socket.send(Message::text("2probe")).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(30), socket.next()).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(room.backend.messages(), []);
}
