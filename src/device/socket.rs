//! The shell around the Socket.IO client machine: it carries requests and frames, and decides nothing.
//!
//! A WebSocket is a request that is answered with 101, so it takes the same way as any other: the
//! same sockets, the same TLS, the same record of what was sent. Dropping a [`Socket`] is what a
//! killed process does: every connection just ends.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::http::{Call, ExchangeId, Outcome, Purpose, Switched, Traffic};
use crate::app::Channel;
use crate::net::Clock;
use crate::protocol::client::{
    Client, Event, Input, Options, Output, POST_CONTENT_TYPE, RequestId, SocketId, Transport,
};
use crate::protocol::packet::Frame;

#[cfg(test)]
mod tests;
mod wire;

/// The time that a WebSocket which is being closed has for what was still to be sent and for the
/// other side's close frame.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// What a socket needs.
pub struct Settings {
    /// How the client connects.
    pub options: Options,
    /// The service that it connects to.
    pub service: String,
    /// The way there.
    pub traffic: Traffic,
    /// The time.
    pub clock: Clock,
}

/// What the shell has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A namespace is about to connect and wants its auth payload: answer with [`Input::Auth`]
    /// before anything else.
    AuthWanted {
        /// The namespace.
        namespace: String,
    },
    /// Something happened.
    Event(Event),
}

/// One Socket.IO client with its connections.
pub struct Socket {
    client: Client,
    service: String,
    traffic: Traffic,
    clock: Clock,
    rng: fastrand::Rng,
    requests: BTreeMap<RequestId, (Kind, ExchangeId)>,
    wires: BTreeMap<SocketId, Wire>,
    leaving: Vec<AbortHandle>,
    news: VecDeque<News>,
    arrivals: mpsc::UnboundedReceiver<Box<Arrival>>,
    arrived: mpsc::UnboundedSender<Box<Arrival>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Poll,
    Post,
}

/// One WebSocket of the client.
enum Wire {
    Handshake(ExchangeId),
    Open(wire::Handle),
}

/// What the connections have brought. In a box, because a channel keeps room for many.
enum Arrival {
    Answered {
        request: RequestId,
        outcome: Outcome,
    },
    Handshaken {
        socket: SocketId,
        key: String,
        outcome: Outcome,
    },
    Brought(Input),
}

impl Socket {
    /// A socket that has not connected anything yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        Self {
            rng: fastrand::Rng::with_seed(settings.options.seed ^ 0x5ec_3e7),
            client: Client::new(settings.options),
            service: settings.service,
            traffic: settings.traffic,
            clock: settings.clock,
            requests: BTreeMap::new(),
            wires: BTreeMap::new(),
            leaving: Vec::new(),
            news: VecDeque::new(),
            arrivals,
            arrived,
        }
    }

    /// Hands one input to the client and performs what it wants.
    pub fn handle(&mut self, input: Input) {
        self.client.handle(input, self.clock.elapsed());
        self.perform();
    }

    /// What there is to tell, in order, until `None`.
    ///
    /// The client's further wishes wait while [`News::AuthWanted`] is being answered.
    pub fn news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Waits until something arrives or time demands something, and hands it to the client. Afterwards there may be [`Socket::news`].
    ///
    /// Cancelling it loses nothing. Not calling it is what a suspended process does.
    pub async fn arrive(&mut self) {
        let deadline = self.client.deadline();
        let clock = self.clock;
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            arrival = self.arrivals.recv() => match arrival {
                Some(arrival) => self.take(*arrival),
                // This holds a sender itself, so the channel cannot end.
                None => std::future::pending().await,
            },
            () = due => self.handle(Input::Tick),
        }
    }

    /// Breaks every open WebSocket, because the network is gone. Requests break by themselves.
    pub fn cut(&mut self) {
        for (socket, wire) in &self.wires {
            if let Wire::Open(handle) = wire {
                handle.abort();
                let socket = *socket;
                let closed = Arrival::Brought(Input::WsClosed { socket });
                let _ = self.arrived.send(Box::new(closed));
            }
        }
    }

    /// Whether a client that was closed has nothing left to send.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.wires.is_empty()
            && self.client.deadline().is_none()
            && self.requests.values().all(|(kind, _)| *kind == Kind::Poll)
            && self.leaving.iter().all(AbortHandle::is_finished)
    }

    /// Whether a namespace is connected at this moment.
    #[must_use]
    pub fn is_connected(&self, namespace: &str) -> bool {
        self.client.is_connected(namespace)
    }

    /// The transport in use, if there is an open session.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.client.transport()
    }

    fn take(&mut self, arrival: Arrival) {
        let input = match arrival {
            Arrival::Answered { request, outcome } => {
                self.requests.remove(&request);
                match outcome {
                    Outcome::Answered(answer) => Input::HttpDone {
                        request,
                        status: answer.status,
                        body: String::from_utf8_lossy(&answer.body).into_owned(),
                    },
                    _ => Input::HttpFailed { request },
                }
            }
            Arrival::Handshaken {
                socket,
                key,
                outcome,
            } => match outcome {
                // A socket that was given up meanwhile is dropped here, and so is its connection.
                Outcome::Switched(switched)
                    if self.wires.contains_key(&socket) && is_accepted(&switched, &key) =>
                {
                    let handle = wire::open(switched.connection, socket, self.arrived.clone());
                    self.wires.insert(socket, Wire::Open(handle));
                    Input::WsOpened { socket }
                }
                _ => {
                    self.wires.remove(&socket);
                    Input::WsFailed { socket }
                }
            },
            Arrival::Brought(input) => {
                if let Input::WsClosed { socket } | Input::WsFailed { socket } = &input {
                    self.wires.remove(socket);
                }
                input
            }
        };
        self.handle(input);
    }

    fn perform(&mut self) {
        while let Some(output) = self.client.next_output() {
            match output {
                Output::Poll { request, target } => self.request(request, target, None),
                Output::Post {
                    request,
                    target,
                    body,
                } => self.request(request, target, Some(body.into())),
                Output::OpenWs { socket, target } => self.open(socket, target),
                Output::SendWs { socket, frame } => self.send(socket, frame),
                Output::CloseWs { socket } => self.close(socket),
                Output::AuthWanted { namespace } => {
                    self.news.push_back(News::AuthWanted { namespace });
                }
                Output::Event(event) => self.news.push_back(News::Event(event)),
            }
        }
    }

    fn send(&self, socket: SocketId, frame: Frame) {
        let witness = self.traffic.witness();
        if matches!(&frame, Frame::Text(text) if !witness.lets_frame(text)) {
            return;
        }
        if let Some(Wire::Open(handle)) = self.wires.get(&socket) {
            handle.send(frame);
        }
    }

    fn request(&mut self, request: RequestId, target: String, body: Option<Bytes>) {
        let kind = if body.is_some() {
            Kind::Post
        } else {
            Kind::Poll
        };
        let mut headers = vec![("accept".to_owned(), "*/*".to_owned())];
        if kind == Kind::Post {
            headers.push(("content-type".to_owned(), POST_CONTENT_TYPE.to_owned()));
        }
        let call = Call {
            service: self.service.clone(),
            method: match kind {
                Kind::Poll => "GET".to_owned(),
                Kind::Post => "POST".to_owned(),
            },
            target,
            headers,
            body,
            timeout: None,
            purpose: Purpose::Answer,
            channel: Channel::Verified,
        };
        let arrived = self.arrived.clone();
        let exchange = self.traffic.send(call, move |outcome| {
            let _ = arrived.send(Box::new(Arrival::Answered { request, outcome }));
        });
        self.requests.insert(request, (kind, exchange));
    }

    fn open(&mut self, socket: SocketId, target: String) {
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        let key = STANDARD.encode(nonce);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let call = Call {
            service: self.service.clone(),
            method: "GET".to_owned(),
            target,
            headers: vec![
                header("connection", "Upgrade"),
                header("upgrade", "websocket"),
                header("sec-websocket-version", "13"),
                header("sec-websocket-key", &key),
            ],
            body: None,
            timeout: None,
            purpose: Purpose::Switch,
            channel: Channel::Verified,
        };
        let arrived = self.arrived.clone();
        let exchange = self.traffic.send(call, move |outcome| {
            let _ = arrived.send(Box::new(Arrival::Handshaken {
                socket,
                key,
                outcome,
            }));
        });
        self.wires.insert(socket, Wire::Handshake(exchange));
    }

    fn close(&mut self, socket: SocketId) {
        match self.wires.remove(&socket) {
            Some(Wire::Handshake(exchange)) => self.traffic.abandon(exchange),
            Some(Wire::Open(handle)) => {
                self.leaving.retain(|task| !task.is_finished());
                self.leaving.push(handle.close());
            }
            None => {}
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        for (_, exchange) in self.requests.values() {
            self.traffic.abandon(*exchange);
        }
        for wire in self.wires.values() {
            match wire {
                Wire::Handshake(exchange) => self.traffic.abandon(*exchange),
                Wire::Open(handle) => handle.abort(),
            }
        }
        for task in &self.leaving {
            task.abort();
        }
    }
}

fn is_accepted(switched: &Switched, key: &str) -> bool {
    let accept = switched.headers.get("sec-websocket-accept");
    accept.is_some_and(|accept| accept.as_bytes() == derive_accept_key(key.as_bytes()).as_bytes())
}
