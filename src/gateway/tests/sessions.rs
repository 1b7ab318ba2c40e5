//! When sessions begin and when they are over: each that is opened is closed, once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::sockets::websocket;
use super::*;
use crate::domain::contract::{Role, TransportName};
use crate::domain::journal::{Class, Direction, Frame, SocketEnd};
use crate::domain::scenario::{Fault, RequestMatch};

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";
const POLL: &str = "/socket.io/?EIO=4&transport=polling&sid=S1";

/// The journal's sessions: how often each was opened and closed, and how it ended.
fn lives(facts: &[Fact]) -> BTreeMap<u64, (usize, Vec<SocketEnd>)> {
    let mut lives: BTreeMap<u64, (usize, Vec<SocketEnd>)> = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::SocketOpened { socket, .. } => lives.entry(*socket).or_default().0 += 1,
            Fact::SocketClosed { socket, end } => {
                let life = lives.entry(*socket).or_default();
                life.1.push(end.clone());
            }
            _ => {}
        }
    }
    lives
}

/// A client on polling whose upgrade is under way: nothing is left but its last word.
async fn probing(room: &Room) -> super::sockets::Socket {
    room.get("trading", HANDSHAKE).await.unwrap();
    let mut socket = websocket(room, "&sid=S1").await.unwrap();
    socket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::text("3probe")
    );
    socket
}

#[tokio::test(start_paused = true)]
async fn a_farewell_to_a_session_that_is_over_begins_no_other() {
    let room = Room::new().await;
    room.get("trading", HANDSHAKE).await.unwrap();
    let mut parked = Connection::open(&room, "trading").await.unwrap();
    let request = room.request("GET", "trading", POLL, "");
    let parked = tokio::spawn(async move { parked.send(request).await });
    settle().await;
    room.gateway.set_running(Some("trading"), false).unwrap();
    assert!(parked.await.unwrap().is_err());
    room.gateway.set_running(Some("trading"), true).unwrap();
    assert_eq!(room.post("trading", POLL, "1").await.unwrap().status, 200);
    let ends = BTreeMap::from([(1, (1, vec![SocketEnd::Gateway]))]);
    assert_eq!(lives(&room.facts()), ends);
}

#[tokio::test(start_paused = true)]
async fn what_is_posted_to_a_session_that_nobody_knows_is_judged_all_the_same() {
    let room = Room::new().await;
    let body = "42/trading,[\"subscribe\"]\u{1e}42/trading,[\"close_position\",1]";
    let got = room.post("trading", POLL, body).await.unwrap();
    assert_eq!(got.status, 403);
    assert_eq!(room.backend.lines().len(), 0);
    assert_eq!(room.requests()[0].judgement.class, Class::Forbidden);
    assert!(lives(&room.facts()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_websocket_for_a_session_that_nobody_knows_carries_nothing() {
    let room = Room::new().await;
    let mut socket = websocket(&room, "&sid=S1").await.unwrap();
    let _ = socket.send(Message::text("2probe")).await;
    assert!(!matches!(socket.next().await, Some(Ok(_))));
    assert_eq!(room.backend.messages(), []);
    assert!(lives(&room.facts()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_emitted_after_the_end_of_a_session_is_judged_and_goes_nowhere() {
    let room = Room::new().await;
    let mut socket = probing(&room).await;
    // The poll is given up, which ends the session while its WebSocket is there.
    let mut poll = Connection::open(&room, "trading").await.unwrap();
    let request = room.request("GET", "trading", POLL, "");
    let polling = tokio::spawn(async move { poll.send(request).await });
    settle().await;
    polling.abort();
    settle().await;
    let text = "42/trading,[\"close_position\",1]";
    socket.send(Message::text(text)).await.unwrap();
    settle().await;
    assert_eq!(room.backend.messages(), [Message::text("2probe")]);
    let life = &lives(&room.facts())[&1];
    assert_eq!((life.0, life.1.len()), (1, 1));
    let Some(Fact::Frame { judgement, .. }) = room.facts().pop() else {
        panic!("the attempt is not journalled");
    };
    assert_eq!(judgement.unwrap().class, Class::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_cut_between_its_transports_is_over_at_once() {
    let room = Room::new().await;
    let mut socket = probing(&room).await;
    room.gateway.set_socket(false);
    let _ = socket.send(Message::text("5")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ends = BTreeMap::from([(1, (1, vec![SocketEnd::Gateway]))]);
    assert_eq!(lives(&room.facts()), ends);
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_upgrade_is_cut_lives_on_while_it_is_polled() {
    let room = Room::new().await;
    let _socket = probing(&room).await;
    room.gateway.set_websocket(false);
    let mut poll = Connection::open(&room, "trading").await.unwrap();
    let request = room.request("GET", "trading", POLL, "");
    let polling = tokio::spawn(async move { poll.send(request).await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(lives(&room.facts()), BTreeMap::from([(1, (1, vec![]))]));
    room.backend.release();
    assert_eq!(polling.await.unwrap().unwrap().status, 200);
    room.post("trading", POLL, "1").await.unwrap();
    let ends = BTreeMap::from([(1, (1, vec![SocketEnd::Client]))]);
    assert_eq!(lives(&room.facts()), ends);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_polling_still_owes_comes_over_the_websocket_after_the_upgrade() {
    let room = Room::new().await;
    let mut socket = probing(&room).await;
    for id in [5, 6] {
        let body = format!("42/trading,{id}[\"close_position\",1]");
        assert_eq!(room.post("trading", POLL, &body).await.unwrap().body, "ok");
    }
    socket.send(Message::text("5")).await.unwrap();
    for id in [5, 6] {
        let answer = tokio::time::timeout(Duration::from_secs(1), socket.next()).await;
        let answer = answer.unwrap().unwrap().unwrap();
        let expected = format!("43/trading,{id}[{{\"error\":\"blocked");
        assert!(answer.to_text().unwrap().starts_with(&expected), "{answer}");
    }
    settle().await;
    let reached = ["2probe", "5"].map(Message::text);
    assert_eq!(room.backend.messages(), reached);
    assert_eq!(answers_over(&room, TransportName::Websocket), [5, 6]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_poll_carried_does_not_come_again_over_the_websocket() {
    let room = Room::new().await;
    let mut socket = probing(&room).await;
    let body = "42/trading,5[\"close_position\",1]";
    room.post("trading", POLL, body).await.unwrap();
    room.backend.release();
    let poll = room.get("trading", POLL).await.unwrap();
    assert!(poll.body.starts_with("43/trading,5["), "{}", poll.body);
    socket.send(Message::text("5")).await.unwrap();
    settle().await;
    room.backend.push(Message::text("42/trading,[\"next\"]"));
    let next = socket.next().await.unwrap().unwrap();
    assert_eq!(next, Message::text("42/trading,[\"next\"]"));
    assert_eq!(answers_over(&room, TransportName::Polling), [5]);
}

#[tokio::test(start_paused = true)]
async fn a_session_moves_to_websocket_only_by_that_websockets_own_word() {
    let room = Room::new().await;
    room.get("trading", HANDSHAKE).await.unwrap();
    room.post("trading", POLL, "5").await.unwrap();
    let moved = |fact: &Fact| matches!(fact, Fact::SocketUpgraded { .. });
    assert!(!room.facts().iter().any(moved));
    // It still lives on polling, and so ends with its word there.
    room.post("trading", POLL, "1").await.unwrap();
    let ends = BTreeMap::from([(1, (1, vec![SocketEnd::Client]))]);
    assert_eq!(lives(&room.facts()), ends);
}

/// The acknowledgements that went down over this transport.
fn answers_over(room: &Room, wanted: TransportName) -> Vec<u64> {
    let facts = room.facts().into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::Frame {
                direction: Direction::Down,
                transport,
                packet: Frame::Ack { id, .. },
                ..
            } if transport == wanted => Some(id),
            _ => None,
        })
        .collect()
}

/// What a client, its backend or an operator does next.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Request(&'static str, &'static str, &'static str),
    GiveUp,
    Upgrade(&'static str),
    Say(&'static str),
    Leave,
    Release,
    Push(&'static str),
    Websocket(bool),
    Socket(bool),
    Network(bool),
    Running(bool),
    Reset(bool),
    Drop,
}

fn deed() -> impl Strategy<Value = Deed> {
    use Deed::{
        Drop, GiveUp, Leave, Network, Push, Release, Request, Reset, Running, Say, Socket, Upgrade,
        Websocket,
    };
    let client = prop::sample::select(vec![
        Request("GET", HANDSHAKE, ""),
        Request("GET", HANDSHAKE, ""),
        Request("GET", POLL, ""),
        Request("GET", POLL, ""),
        Request("POST", POLL, "40/trading,"),
        Request("POST", POLL, "1"),
        GiveUp,
        Upgrade("&sid=S1"),
        Upgrade("&sid=S1"),
        Upgrade(""),
        Say("2probe"),
        Say("5"),
        Say("40/trading,"),
        Leave,
    ]);
    let other = prop::sample::select(vec![
        Release,
        Push("6"),
        Push("1"),
        Websocket(false),
        Websocket(true),
        Socket(false),
        Socket(true),
        Network(false),
        Network(true),
        Running(false),
        Running(true),
        Reset(true),
        Reset(false),
        Drop,
    ]);
    prop_oneof![2 => client, 1 => other]
}

/// How far everything comes before the next deed: some turns of the tasks, or some virtual time.
#[derive(Debug, Clone, Copy)]
enum Pause {
    Turns(usize),
    Millis(u64),
}

fn pause() -> impl Strategy<Value = Pause> {
    prop_oneof![
        (0_usize..12).prop_map(Pause::Turns),
        prop::sample::select(vec![1, 1, 100, 300, 30_000]).prop_map(Pause::Millis),
    ]
}

/// A client that does whatever it is told, sensible or not.
struct Client {
    endpoint: Endpoint,
    requests: JoinSet<()>,
    tunnels: JoinSet<()>,
    says: Option<mpsc::UnboundedSender<&'static str>>,
}

impl Client {
    fn request(&mut self, request: Request<Full<Bytes>>) {
        let endpoint = self.endpoint.clone();
        self.requests.spawn(async move {
            if let Ok(mut connection) = Connection::to(&endpoint).await {
                let _ = connection.send(request).await;
            }
        });
    }

    fn upgrade(&mut self, query: &str) {
        let endpoint = self.endpoint.clone();
        let url = format!("ws://gateway-trading/socket.io/?EIO=4&transport=websocket{query}");
        let (says, mut said) = mpsc::unbounded_channel::<&'static str>();
        self.says = Some(says);
        self.tunnels.spawn(async move {
            let Ok(stream) = endpoint.connect().await else {
                return;
            };
            let Ok((mut socket, _)) = tokio_tungstenite::client_async(url, stream).await else {
                return;
            };
            loop {
                tokio::select! {
                    Some(text) = said.recv() => {
                        if socket.send(Message::text(text)).await.is_err() {
                            return;
                        }
                    }
                    message = socket.next() => {
                        if !matches!(message, Some(Ok(_))) {
                            return;
                        }
                    }
                }
            }
        });
    }
}

async fn play(room: &Room, client: &mut Client, deeds: Vec<(Deed, Pause)>) {
    let realtime = || RequestMatch::Role(Role::Realtime);
    for (deed, pause) in deeds {
        match deed {
            Deed::Request(method, target, body) => {
                client.request(room.request(method, "trading", target, body));
            }
            Deed::GiveUp => client.requests.abort_all(),
            Deed::Upgrade(query) => client.upgrade(query),
            Deed::Say(text) => {
                let _ = client.says.as_ref().map(|says| says.send(text));
            }
            Deed::Leave => client.tunnels.abort_all(),
            Deed::Release => room.backend.release(),
            Deed::Push(text) => {
                room.backend.try_push(Message::text(text));
            }
            Deed::Websocket(on) => room.gateway.set_websocket(on),
            Deed::Socket(on) => room.gateway.set_socket(on),
            Deed::Network(on) => room.gateway.set_network(on).unwrap(),
            Deed::Running(on) => room.gateway.set_running(None, on).unwrap(),
            Deed::Reset(on) => {
                let fault = on.then_some(Fault::Reset);
                room.gateway.set_fault(realtime(), fault).unwrap();
            }
            Deed::Drop => room.gateway.drop_sockets(),
        }
        match pause {
            Pause::Turns(turns) => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }
            Pause::Millis(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }
}

/// What contradicts that each session is opened, carries what it carries and is closed.
fn contradiction(facts: &[Fact]) -> Option<String> {
    let mut open = Vec::new();
    let mut seen = Vec::new();
    for (at, fact) in facts.iter().enumerate() {
        let fits = match fact {
            Fact::SocketOpened { socket, .. } => {
                let fresh = !seen.contains(socket);
                seen.push(*socket);
                open.push(*socket);
                fresh
            }
            Fact::SocketClosed { socket, .. } => {
                let there = open.contains(socket);
                open.retain(|own| own != socket);
                there
            }
            // A client's word may come late.
            Fact::Frame {
                socket,
                direction: Direction::Up,
                ..
            } => seen.contains(socket),
            Fact::Frame { socket, .. } | Fact::SocketUpgraded { socket } => open.contains(socket),
            _ => true,
        };
        if !fits {
            return Some(format!("entry {at} does not fit: {fact:?}"));
        }
    }
    (!open.is_empty()).then(|| format!("sessions {open:?} are never closed"))
}

async fn contradiction_after(deeds: Vec<(Deed, Pause)>, drops: bool) -> Option<String> {
    let room = Room::new().await;
    let mut client = Client {
        endpoint: room.endpoint("trading"),
        requests: JoinSet::new(),
        tunnels: JoinSet::new(),
        says: None,
    };
    play(&room, &mut client, deeds).await;
    if drops {
        let Room {
            gateway,
            backend: _backend,
            recorder,
        } = room;
        drop(gateway);
        let facts = || -> Vec<Fact> {
            let journal = recorder.journal();
            journal.entries().map(|entry| entry.fact.clone()).collect()
        };
        let at_once = contradiction(&facts());
        tokio::time::sleep(Duration::from_secs(1)).await;
        at_once.or_else(|| contradiction(&facts()))
    } else {
        client.requests.shutdown().await;
        client.tunnels.shutdown().await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        contradiction(&room.facts())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_session_that_opens_closes_once_whatever_happens(
        deeds in prop::collection::vec((deed(), pause()), 1..24),
        drops in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let found = runtime.block_on(contradiction_after(deeds, drops));
        prop_assert!(found.is_none(), "{}", found.unwrap_or_default());
    }
}
