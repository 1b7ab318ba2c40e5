//! The device's socket shell, driven by hand.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use rehearsal::internals::device::http::{Clients, Traffic};
use rehearsal::internals::device::socket::{News, Settings, Socket};
use rehearsal::internals::gateway::{Gateway, Upstream};
use rehearsal::internals::net::{Clock, Net, Recorder, ServiceAddress};
use rehearsal::internals::protocol::client::{Event, Input, Options};
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use super::Route;
use super::contract::{SERVICE, contract};
use super::script::PATIENCE;
use super::server::Node;

/// A client without an app: it answers for its auth itself and remembers what it heard.
pub(super) struct Peer {
    pub(super) socket: Socket,
    /// The token for the n-th time that auth is asked for, from 1.
    pub(super) token: fn(u32) -> String,
    /// How often auth was asked for.
    pub(super) asked: u32,
    /// Everything heard so far.
    pub(super) heard: Vec<Event>,
    taken: usize,
    pub(super) recorder: Recorder,
    pub(super) gateway: Option<Gateway>,
}

/// A gateway that lets everything pass, so that the server itself refuses what it refuses.
pub(super) fn gateway(authority: &str, recorder: &Recorder) -> Gateway {
    let upstream = Upstream {
        scheme: "http".to_owned(),
        authority: authority.to_owned(),
        base_path: String::new(),
        via: None,
        access: std::sync::Arc::default(),
    };
    let settings = rehearsal::internals::gateway::Settings {
        contract: Arc::new(contract()),
        recorder: recorder.clone(),
        net: Net::Real,
        upstreams: BTreeMap::from([(SERVICE.to_owned(), upstream)]),
        mode: rehearsal::internals::gateway::Mode::Observing,
        accounts: Vec::new(),
        marker: "interop".to_owned(),
        pace: Default::default(),
    };
    Gateway::start(settings).unwrap()
}

impl Peer {
    /// A client of this server that has not connected yet.
    pub(super) fn of(node: &Node, route: Route, options: Options) -> Self {
        let recorder = Recorder::new(Clock::real_time());
        let authority = format!("127.0.0.1:{}", node.port);
        let gateway = (route == Route::Gateway).then(|| gateway(&authority, &recorder));
        let address = match &gateway {
            Some(gateway) => gateway.address(SERVICE).unwrap(),
            None => ServiceAddress {
                url: Url::parse(&format!("http://{authority}")).unwrap(),
                via: None,
                certificate: None,
            },
        };
        let services = BTreeMap::from([(SERVICE.to_owned(), address)]);
        let clients = Clients::new(&services).unwrap();
        Self {
            socket: Socket::new(Settings {
                options,
                service: SERVICE.to_owned(),
                traffic: Traffic::new(clients, Arc::new(recorder.clone()), true),
                clock: recorder.clock(),
            }),
            recorder,
            gateway,
            token: |count| format!("good-{count}"),
            asked: 0,
            heard: Vec::new(),
            taken: 0,
        }
    }

    /// Connects a namespace and returns its id.
    pub(super) async fn join(&mut self, namespace: &'static str) -> String {
        self.handle(Input::Connect {
            namespace: namespace.into(),
        });
        self.until("the connect", Self::connects(namespace)).await
    }

    pub(super) fn connects(namespace: &'static str) -> impl Fn(&Event) -> Option<String> {
        move |event| match event {
            Event::Connected {
                namespace: own,
                sid,
                ..
            } if own == namespace => Some(sid.clone()),
            _ => None,
        }
    }

    /// Whether it has ever tried to reconnect by itself.
    pub(super) fn reconnected(&self) -> bool {
        let by_itself = |event: &Event| matches!(event, Event::ReconnectScheduled { .. });
        self.heard.iter().any(by_itself)
    }

    pub(super) fn handle(&mut self, input: Input) {
        self.socket.handle(input);
        self.listen();
    }

    /// Waits for an event, after the last one that was waited for.
    pub(super) async fn until<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while self.taken < self.heard.len() {
                self.taken += 1;
                if let Some(found) = pick(&self.heard[self.taken - 1]) {
                    return found;
                }
            }
            let arrived = tokio::time::timeout_at(deadline, self.socket.arrive()).await;
            assert!(arrived.is_ok(), "{what} never came, but {:?}", self.heard);
            self.listen();
        }
    }

    /// Waits until an event has been heard at any time. An upgrade may come before or after the
    /// connect.
    pub(super) async fn ever(&mut self, what: &str, pick: impl Fn(&Event) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.heard.iter().any(&pick) {
            let arrived = tokio::time::timeout_at(deadline, self.socket.arrive()).await;
            assert!(arrived.is_ok(), "{what} never came, but {:?}", self.heard);
            self.listen();
        }
    }

    /// Waits until more than this many events have been heard.
    pub(super) async fn more_than(&mut self, count: usize, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.heard.len() <= count {
            let arrived = tokio::time::timeout_at(deadline, self.socket.arrive()).await;
            assert!(arrived.is_ok(), "{what} never came, but {:?}", self.heard);
            self.listen();
        }
    }

    /// Goes on while something else is waited for.
    pub(super) async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                biased;
                result = &mut other => return result,
                () = self.socket.arrive() => self.listen(),
            }
        }
    }

    fn listen(&mut self) {
        while let Some(news) = self.socket.news() {
            match news {
                News::AuthWanted { namespace } => {
                    self.asked += 1;
                    let token = Value::from((self.token)(self.asked));
                    let payload = Map::from_iter([("token".to_owned(), token)]);
                    let payload = Some(payload.into());
                    self.socket.handle(Input::Auth { namespace, payload });
                }
                News::Event(event) => self.heard.push(event),
            }
        }
    }
}
