//! The shell against a tiny WebSocket server over a Unix-domain socket in virtual time. What the
//! client machine itself does is tested where it stands, and against the real server.

use futures_util::{SinkExt as _, StreamExt as _};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::device::http::Clients;
use crate::domain::journal::{AppFact, ClientOutcome, Fact};
use crate::net::{Listener, Net, Recorder, ServiceAddress};
use crate::protocol::client::{DisconnectReason, Transport};

const OPEN: &str =
    r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// What the server heard on one connection.
#[derive(Debug, PartialEq)]
enum Heard {
    Text(String),
    CloseFrame,
    /// The connection ended without a close frame.
    Cut,
}

/// Accepts one connection, opens a session and accepts its namespace.
fn serve(listener: Listener) -> JoinHandle<Vec<Heard>> {
    tokio::spawn(async move {
        let stream = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send(Message::text(OPEN)).await.unwrap();
        let mut heard = Vec::new();
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    if text.starts_with("40") {
                        let accept = r#"40{"sid":"n"}"#;
                        socket.send(Message::text(accept)).await.unwrap();
                    }
                    heard.push(Heard::Text(text.as_str().to_owned()));
                }
                Some(Ok(Message::Close(_))) => {
                    heard.push(Heard::CloseFrame);
                    return heard;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    heard.push(Heard::Cut);
                    return heard;
                }
            }
        }
    })
}

fn listening() -> (Listener, ServiceAddress) {
    let listener = Net::Memory.bind("trading").unwrap();
    let address = ServiceAddress {
        url: "http://trading".parse().unwrap(),
        via: Some(listener.endpoint().clone()),
        certificate: None,
    };
    (listener, address)
}

struct World {
    socket: Socket,
    traffic: Traffic,
    recorder: Recorder,
}

fn world(address: ServiceAddress) -> World {
    let services = BTreeMap::from([("trading".to_owned(), address)]);
    let recorder = Recorder::new(Clock::virtual_time());
    let traffic = Traffic::new(
        Clients::new(&services).unwrap(),
        Arc::new(recorder.clone()),
        true,
    );
    let socket = Socket::new(Settings {
        options: Options {
            transports: vec![Transport::WebSocket],
            ..Options::default()
        },
        service: "trading".to_owned(),
        traffic: traffic.clone(),
        clock: recorder.clock(),
    });
    World {
        socket,
        traffic,
        recorder,
    }
}

impl World {
    async fn event(&mut self) -> Event {
        loop {
            match self.socket.news() {
                Some(News::AuthWanted { namespace }) => {
                    let payload = None;
                    self.socket.handle(Input::Auth { namespace, payload });
                }
                Some(News::Event(event)) => return event,
                None => self.socket.arrive().await,
            }
        }
    }

    fn outcomes(&self) -> Vec<ClientOutcome> {
        let journal = self.recorder.journal();
        let outcomes = journal.entries().filter_map(|entry| match &entry.fact {
            Fact::App(AppFact::Exchange(exchange)) => Some(exchange.outcome.clone()),
            _ => None,
        });
        outcomes.collect()
    }
}

/// A client that is connected, and what its server will have heard.
async fn connected() -> (World, JoinHandle<Vec<Heard>>) {
    let (listener, address) = listening();
    let server = serve(listener);
    let mut world = world(address);
    let namespace = "/".to_owned();
    world.socket.handle(Input::Connect { namespace });
    let event = world.event().await;
    assert!(matches!(event, Event::Connected { .. }), "{event:?}");
    (world, server)
}

#[tokio::test(start_paused = true)]
async fn a_connect_costs_no_virtual_time_and_its_handshake_is_told() {
    let (world, _server) = connected().await;
    assert_eq!(world.recorder.clock().elapsed(), Duration::ZERO);
    assert_eq!(world.outcomes(), [ClientOutcome::Answered { status: 101 }]);
}

#[tokio::test(start_paused = true)]
async fn leaving_says_goodbye_and_closes_in_an_orderly_way() {
    let (mut world, server) = connected().await;
    let namespace = "/".to_owned();
    world.socket.handle(Input::Disconnect { namespace });
    let heard = server.await.unwrap();
    let text = |text: &str| Heard::Text(text.to_owned());
    assert_eq!(heard, [text("40"), text("41"), Heard::CloseFrame]);
    tokio::time::sleep(CLOSE_GRACE * 2).await;
    assert!(world.socket.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_socket_ends_without_a_word() {
    let (world, server) = connected().await;
    drop(world);
    let heard = server.await.unwrap();
    assert_eq!(heard, [Heard::Text("40".to_owned()), Heard::Cut]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_network_cuts_the_socket_and_lets_nothing_out() {
    let (mut world, server) = connected().await;
    world.traffic.set_network(false);
    world.socket.cut();
    let event = world.event().await;
    let Event::Disconnected { reason, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!(reason, DisconnectReason::TransportClose);
    assert_eq!(server.await.unwrap().last(), Some(&Heard::Cut));
    while !matches!(world.event().await, Event::ReconnectAttempt { .. }) {}
    let unsent = ClientOutcome::NotSent {
        why: "there is no network".to_owned(),
    };
    assert_eq!(world.outcomes()[1..], [unsent]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_know_the_key_is_no_websocket() {
    let (listener, address) = listening();
    let server = tokio::spawn(async move {
        let io = hyper_util::rt::TokioIo::new(listener.accept().await.unwrap());
        let service = hyper::service::service_fn(|_| async {
            http::Response::builder()
                .status(101)
                .header("connection", "Upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-accept", "bm9ib2R5")
                .body(http_body_util::Empty::<Bytes>::new())
        });
        let connection = hyper::server::conn::http1::Builder::new();
        let _ = connection
            .serve_connection(io, service)
            .with_upgrades()
            .await;
    });
    let mut world = world(address);
    let namespace = "/".to_owned();
    world.socket.handle(Input::Connect { namespace });
    let event = world.event().await;
    assert!(matches!(event, Event::ConnectError { .. }), "{event:?}");
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_the_other_side_ignores_ends_after_a_grace() {
    let (listener, address) = listening();
    let server = tokio::spawn(async move {
        let stream = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send(Message::text(OPEN)).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut world = world(address);
    let namespace = "/".to_owned();
    world.socket.handle(Input::Connect { namespace });
    while !matches!(world.socket.news(), Some(News::AuthWanted { .. })) {
        world.socket.arrive().await;
    }
    world.socket.handle(Input::Close);
    assert!(!world.socket.is_quiet());
    tokio::time::sleep(CLOSE_GRACE + Duration::from_millis(10)).await;
    assert!(world.socket.leaving.iter().all(AbortHandle::is_finished));
    assert_eq!(world.recorder.clock().elapsed().as_secs(), 5);
    drop(server);
}
