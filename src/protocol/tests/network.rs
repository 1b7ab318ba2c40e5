//! A network in memory between one client and one server, with virtual time and the faults a network has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::protocol::client::{self, Client};
use crate::protocol::packet::{Args, Frame, Refusal};
use crate::protocol::server::{self, Delivery, PeerId, Server};

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How the network treats what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    Fine,
    /// WebSocket handshakes are refused, as some proxies do.
    NoWebSocket,
    /// Nothing listens: requests fail at once.
    Refused,
    /// Everything is swallowed.
    BlackHole,
}

enum Parcel {
    ToClient(client::Input),
    ToServer(server::Input),
}

pub(super) struct Network {
    pub(super) now: Duration,
    pub(super) client: Client,
    pub(super) server: Server,
    pub(super) weather: Weather,
    /// What was carried, one line each, ids replaced by letters.
    pub(super) log: Vec<String>,
    pub(super) heard: Vec<(Duration, client::Event)>,
    pub(super) served: Vec<(Duration, server::Event)>,
    /// The token the client sends; `None`: no auth payload.
    pub(super) token: Option<String>,
    pub(super) auths: u32,
    /// Peers in the order in which they were accepted.
    pub(super) peers: Vec<PeerId>,
    options: server::Options,
    parcels: BTreeMap<(Duration, u64), Parcel>,
    sent: u64,
    open_requests: BTreeSet<u64>,
    open_sockets: BTreeSet<u64>,
    names: BTreeMap<String, String>,
}

const LATENCY: Duration = ms(5);

impl Network {
    pub(super) fn new(client: client::Options, server: server::Options) -> Self {
        Self {
            now: Duration::ZERO,
            client: Client::new(client),
            server: Server::new(server.clone()),
            weather: Weather::Fine,
            log: Vec::new(),
            heard: Vec::new(),
            served: Vec::new(),
            token: Some("good".to_owned()),
            auths: 0,
            peers: Vec::new(),
            options: server,
            parcels: BTreeMap::new(),
            sent: 0,
            open_requests: BTreeSet::new(),
            open_sockets: BTreeSet::new(),
            names: BTreeMap::new(),
        }
    }

    /// A client with these options against a server with `/trading`, connected to it.
    pub(super) fn trading(client: client::Options) -> Self {
        let mut network = Self::new(client, trading());
        network.connect("/trading");
        network
    }

    pub(super) fn connect(&mut self, namespace: &str) {
        let namespace = namespace.to_owned();
        self.tell_client(client::Input::Connect { namespace });
    }

    pub(super) fn disconnect(&mut self, namespace: &str) {
        let namespace = namespace.to_owned();
        self.tell_client(client::Input::Disconnect { namespace });
    }

    pub(super) fn emit(&mut self, name: &str, args: Args) {
        self.emit_as(client::Emit::new(name, args).unwrap());
    }

    pub(super) fn emit_as(&mut self, emit: client::Emit) {
        let namespace = "/trading".to_owned();
        self.tell_client(client::Input::Emit { namespace, emit });
    }

    pub(super) fn tell_client(&mut self, input: client::Input) {
        self.client.handle(input, self.now);
        self.carry();
    }

    pub(super) fn tell_server(&mut self, input: server::Input) {
        self.server.handle(input, self.now);
        self.carry();
    }

    /// Sends an event to the peer accepted last.
    pub(super) fn push(&mut self, name: &str, args: Args, ack: Option<u64>) {
        let peer = *self.peers.last().unwrap();
        let emit = server::Emit {
            name: name.to_owned(),
            args,
            ack,
            delivery: Delivery::Buffered,
        };
        self.tell_server(server::Input::Emit { peer, emit });
    }

    /// Lets time pass, with everything that is due in it.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let parcel = self.parcels.first_key_value().map(|((at, _), _)| *at);
            let (client, server) = (self.client.deadline(), self.server.deadline());
            let next = [parcel, client, server].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if parcel == Some(next) {
                match self.parcels.pop_first().unwrap().1 {
                    Parcel::ToClient(input) => self.tell_client(input),
                    Parcel::ToServer(input) => self.tell_server(input),
                }
            } else if client == Some(next) {
                self.tell_client(client::Input::Tick);
            } else {
                self.tell_server(server::Input::Tick);
            }
        }
        self.now = end;
    }

    /// Freezes the client, as a phone does in the background; the server goes on. What arrives is there when the client
    /// wakes, as soon as it gets to do anything.
    pub(super) fn freeze(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(next) = self.server.deadline().filter(|next| *next <= end) {
            self.now = next;
            self.tell_server(server::Input::Tick);
        }
        self.now = end;
    }

    /// Replaces the server by a fresh one: every connection breaks.
    pub(super) fn restart(&mut self) {
        self.options.seed += 1;
        self.server = Server::new(self.options.clone());
        self.peers.clear();
        self.parcels
            .retain(|_, parcel| matches!(parcel, Parcel::ToClient(_)));
        self.cut();
    }

    /// Breaks every connection that is open.
    pub(super) fn cut(&mut self) {
        for request in std::mem::take(&mut self.open_requests) {
            let request = client::RequestId(request);
            self.post(Parcel::ToClient(client::Input::HttpFailed { request }));
        }
        for socket in std::mem::take(&mut self.open_sockets) {
            let socket = client::SocketId(socket);
            self.post(Parcel::ToClient(client::Input::WsClosed { socket }));
        }
    }

    pub(super) fn events(&self) -> Vec<String> {
        self.heard.iter().map(|(_, event)| summary(event)).collect()
    }

    /// The ids of the namespaces in the order in which they were connected.
    pub(super) fn ids(&self) -> Vec<String> {
        let id = |event: &client::Event| match event {
            client::Event::Connected { sid, .. } => Some(sid.clone()),
            _ => None,
        };
        let heard = self.heard.iter();
        heard.filter_map(|(_, event)| id(event)).collect()
    }

    pub(super) fn forget(&mut self) {
        self.heard.clear();
        self.served.clear();
        self.log.clear();
    }

    fn post(&mut self, parcel: Parcel) {
        self.sent += 1;
        self.parcels.insert((self.now + LATENCY, self.sent), parcel);
    }

    fn carry(&mut self) {
        loop {
            if let Some(output) = self.client.next_output() {
                self.perform_client(output);
            } else if let Some(output) = self.server.next_output() {
                self.perform_server(output);
            } else {
                break;
            }
        }
    }

    fn perform_client(&mut self, output: client::Output) {
        use client::Output;
        match output {
            Output::Event(event) => self.heard.push((self.now, event)),
            Output::AuthWanted { namespace } => {
                self.auths += 1;
                let payload = self
                    .token
                    .as_ref()
                    .map(|token| object(json!({ "token": token })).into());
                self.tell_client(client::Input::Auth { namespace, payload });
            }
            Output::Poll { request, target } => {
                self.note(format!("GET {}", shape(&target)));
                self.request(request, "GET", &target, String::new());
            }
            Output::Post {
                request,
                target,
                body,
            } => {
                self.note(format!("POST {body}"));
                self.request(request, "POST", &target, body);
            }
            Output::OpenWs { socket, target } => {
                self.note(format!("WS {}", shape(&target)));
                match self.weather {
                    Weather::BlackHole => {}
                    Weather::Fine => {
                        let query = query_of(&target);
                        let socket = server::SocketId(socket.0);
                        self.post(Parcel::ToServer(server::Input::Upgrade { socket, query }));
                    }
                    _ => self.post(Parcel::ToClient(client::Input::WsFailed { socket })),
                }
            }
            Output::SendWs { socket, frame } => {
                self.note(format!("ws> {}", text(&frame)));
                let socket = server::SocketId(socket.0);
                if self.weather != Weather::BlackHole {
                    self.post(Parcel::ToServer(server::Input::WsFrame { socket, frame }));
                }
            }
            Output::CloseWs { socket } => {
                self.note("ws> close".to_owned());
                self.open_sockets.remove(&socket.0);
                let socket = server::SocketId(socket.0);
                if self.weather != Weather::BlackHole {
                    self.post(Parcel::ToServer(server::Input::WsClosed { socket }));
                }
            }
        }
    }

    fn request(&mut self, request: client::RequestId, method: &str, target: &str, body: String) {
        match self.weather {
            Weather::BlackHole => {}
            Weather::Refused => self.post(Parcel::ToClient(client::Input::HttpFailed { request })),
            Weather::Fine | Weather::NoWebSocket => {
                self.open_requests.insert(request.0);
                let exchange = server::ExchangeId(request.0);
                let request = server::Request {
                    method: method.to_owned(),
                    query: query_of(target),
                    content_type: Some(client::POST_CONTENT_TYPE.to_owned()),
                    body,
                };
                self.post(Parcel::ToServer(server::Input::Request {
                    exchange,
                    request,
                }));
            }
        }
    }

    fn perform_server(&mut self, output: server::Output) {
        use server::Output;
        let swallowed = self.weather == Weather::BlackHole;
        match output {
            Output::Event(event) => self.serve(event),
            Output::Respond { exchange, response } => {
                self.note(format!("{} {}", response.status, response.body));
                let request = client::RequestId(exchange.0);
                if !swallowed && self.open_requests.remove(&exchange.0) {
                    let server::Response { status, body, .. } = response;
                    self.post(Parcel::ToClient(client::Input::HttpDone {
                        request,
                        status,
                        body,
                    }));
                }
            }
            Output::AcceptWs { socket } => {
                self.open_sockets.insert(socket.0);
                let socket = client::SocketId(socket.0);
                self.post(Parcel::ToClient(client::Input::WsOpened { socket }));
            }
            Output::RejectWs { socket, response } => {
                self.note(format!("ws {} {}", response.status, response.body));
                let socket = client::SocketId(socket.0);
                self.post(Parcel::ToClient(client::Input::WsFailed { socket }));
            }
            Output::SendWs { socket, frame } => {
                self.note(format!("ws< {}", text(&frame)));
                if !swallowed && self.open_sockets.contains(&socket.0) {
                    let socket = client::SocketId(socket.0);
                    self.post(Parcel::ToClient(client::Input::WsFrame { socket, frame }));
                }
            }
            Output::CloseWs { socket, .. } => {
                self.note("ws< close".to_owned());
                if !swallowed && self.open_sockets.remove(&socket.0) {
                    let socket = client::SocketId(socket.0);
                    self.post(Parcel::ToClient(client::Input::WsClosed { socket }));
                }
            }
        }
    }

    /// The application behind the server: it wants the token `good`, echoes `echo` and acknowledges what asks for it.
    fn serve(&mut self, event: server::Event) {
        match &event {
            server::Event::Connect { peer, auth, .. } => {
                let peer = *peer;
                let token = auth.as_ref().and_then(|auth| auth.get("token"));
                if token.is_none() || token == Some(&json!("good")) {
                    self.peers.push(peer);
                    self.tell_server(server::Input::Accept { peer });
                } else {
                    let refusal = Refusal {
                        message: "unauthorized".to_owned(),
                        data: Some(json!({ "code": "token_expired" })),
                    };
                    self.tell_server(server::Input::Refuse { peer, refusal });
                }
            }
            server::Event::Received {
                peer,
                name,
                args,
                ack,
            } => {
                let (peer, args, ack) = (*peer, args.clone(), *ack);
                if let Some(id) = ack {
                    self.tell_server(server::Input::Answer { peer, id, args });
                } else if name == "echo" {
                    let emit = server::Emit {
                        name: "echoed".to_owned(),
                        args,
                        ack: None,
                        delivery: Delivery::Buffered,
                    };
                    self.tell_server(server::Input::Emit { peer, emit });
                }
            }
            _ => {}
        }
        self.served.push((self.now, event));
    }

    /// Notes a line, with every session id replaced by a short name that stays the same.
    fn note(&mut self, mut line: String) {
        while let Some(at) = line.find("\"sid\":\"").map(|at| at + 7) {
            let sid = line[at..at + 20].to_owned();
            let next = format!("S{}", self.names.len());
            let name = self.names.entry(sid.clone()).or_insert(next).clone();
            line = line.replace(&format!("\"sid\":\"{sid}\""), &format!("\"sid\"={name}"));
        }
        self.log.push(line.replace("\"sid\"=", "sid="));
    }
}

pub(super) fn trading() -> server::Options {
    server::Options {
        namespaces: vec!["/trading".to_owned(), "/admin".to_owned()],
        ..server::Options::default()
    }
}

pub(super) fn websocket_only() -> client::Options {
    client::Options {
        transports: vec![client::Transport::WebSocket],
        ..client::Options::default()
    }
}

pub(super) fn polling_only() -> client::Options {
    client::Options {
        transports: vec![client::Transport::Polling],
        ..client::Options::default()
    }
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// One event in a few words.
pub(super) fn summary(event: &client::Event) -> String {
    use client::{AckOutcome, ConnectError, Event};
    match event {
        Event::Connected {
            namespace,
            recovered,
            transport,
            ..
        } => {
            let again = if *recovered { " recovered" } else { "" };
            format!("connected {namespace} {}{again}", transport.name())
        }
        Event::Upgraded { transport } => format!("upgraded {}", transport.name()),
        Event::UpgradeFailed => "upgrade failed".to_owned(),
        Event::Received {
            name, args, ack, ..
        } => {
            let values = Value::from(args.values.clone());
            match ack {
                Some(id) => format!("{name} {values} ack {id}"),
                None => format!("{name} {values}"),
            }
        }
        Event::Ack { token, outcome, .. } => match outcome {
            AckOutcome::Answered(args) => {
                format!("ack {token} {}", Value::from(args.values.clone()))
            }
            other => format!("ack {token} {other:?}"),
        },
        Event::ConnectError { namespace, error } => match error {
            ConnectError::Refused(refusal) => format!("refused {namespace} {}", refusal.message),
            other => format!("connect_error {namespace} {other:?}"),
        },
        Event::Disconnected { namespace, reason } => {
            format!("disconnected {namespace} {}", reason.as_str())
        }
        Event::ReconnectScheduled { attempt, .. } => format!("scheduled {attempt}"),
        Event::ReconnectAttempt { attempt } => format!("attempt {attempt}"),
        Event::Reconnected { attempt } => format!("reconnected {attempt}"),
        Event::ReconnectFailed => "reconnect failed".to_owned(),
    }
}

fn query_of(target: &str) -> String {
    target.split_once('?').unwrap().1.to_owned()
}

/// The target without its random parameter, and whether it names a session.
fn shape(target: &str) -> String {
    let kept = target.split('&').filter(|pair| !pair.starts_with("t="));
    let kept = kept.map(|pair| {
        if pair.starts_with("sid=") {
            "sid"
        } else {
            pair
        }
    });
    kept.collect::<Vec<_>>().join("&")
}

fn text(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => text.clone(),
        Frame::Binary(bytes) => format!("{bytes:?}"),
    }
}
