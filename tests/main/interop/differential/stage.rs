//! One client, ours or the stock one, behind a gateway, in front of the real server. Both are told
//! the same and are waited for in the same way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::internals::domain::journal::{Direction, Fact, Frame};
use rehearsal::internals::gateway::Gateway;
use rehearsal::internals::net::{Clock, Recorder};
use rehearsal::internals::protocol::client::{AckRequest, Emit, Event, Input};
use rehearsal::internals::protocol::packet::Args;
use serde_json::{Value, json};

use super::record::{Record, ours, stock};
use crate::interop::client::{Peer, gateway};
use crate::interop::contract::SERVICE;
use crate::interop::script::Script;
use crate::interop::server::Node;
use crate::interop::{Route, Setup};

/// Which client plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Stock,
}

enum Actor {
    Ours(Box<Peer>),
    Stock {
        script: Box<Script>,
        url: String,
        first: Option<&'static str>,
        gateway: Gateway,
        recorder: Recorder,
    },
}

/// A client between its user and the server.
pub(super) struct Stage {
    pub(super) node: Node,
    setup: Setup,
    actor: Actor,
    taken: usize,
}

impl Stage {
    pub(super) async fn of(kind: Kind, setup: Setup, server: &Value) -> Self {
        let node = Node::start(server).await;
        let actor = match kind {
            Kind::Ours => {
                let mut peer = Peer::of(&node, Route::Gateway, setup.options());
                peer.token = |_| "good-1".to_owned();
                Actor::Ours(Box::new(peer))
            }
            Kind::Stock => {
                let recorder = Recorder::new(Clock::real_time());
                let gateway = gateway(&format!("127.0.0.1:{}", node.port), &recorder);
                let mut script = Box::new(Script::start("client.mjs", &Value::Null));
                script.says("ready").await;
                Actor::Stock {
                    script,
                    url: gateway.address(SERVICE).unwrap().url.to_string(),
                    first: None,
                    gateway,
                    recorder,
                }
            }
        };
        Self {
            node,
            setup,
            actor,
            taken: 0,
        }
    }

    /// Connects a namespace, for the first time or again.
    pub(super) fn connect(&mut self, namespace: &'static str) {
        let setup = self.setup;
        match &mut self.actor {
            Actor::Ours(peer) => peer.handle(Input::Connect {
                namespace: namespace.to_owned(),
            }),
            Actor::Stock {
                script, url, first, ..
            } => {
                let known = |line: &Value| line["asked"]["name"] == namespace;
                if script.lines().iter().any(known) {
                    return script.tell(json!({"do": "connect", "name": namespace}));
                }
                let mut options = setup.stock();
                options["timeout"] = false.into();
                script.tell(json!({
                    "do": "open",
                    "name": namespace,
                    "namespace": namespace,
                    "url": url,
                    "beside": first,
                    "options": options,
                    "auth": {"token": "good-1"},
                }));
                first.get_or_insert(namespace);
            }
        }
    }

    /// Connects a namespace and waits until it is, and until the transport is settled.
    pub(super) async fn join(&mut self, namespace: &'static str) {
        self.connect(namespace);
        self.until(&format!("connect {namespace}")).await;
        if self.setup.upgrades() {
            self.upgraded(1).await;
        }
    }

    /// Waits until the connection is lost and, by itself, there again.
    pub(super) async fn returned(&mut self) {
        self.until("disconnect").await;
        self.until("connect").await;
    }

    pub(super) fn leave(&mut self, namespace: &str) {
        match &mut self.actor {
            Actor::Ours(peer) => peer.handle(Input::Disconnect {
                namespace: namespace.to_owned(),
            }),
            Actor::Stock { script, .. } => {
                script.tell(json!({"do": "disconnect", "name": namespace}));
            }
        }
    }

    /// Emits `echo` as often as this in one breath. `{"$binary": …}` stands for bytes.
    pub(super) fn echo(&mut self, namespace: &str, args: &Value, times: u64) {
        self.emit(namespace, args, times, false);
    }

    /// Emits `echo` with an acknowledgement asked for.
    pub(super) fn ask(&mut self, namespace: &str, args: &Value) {
        self.emit(namespace, args, 1, true);
    }

    /// A round trip.
    pub(super) async fn talk(&mut self) {
        self.ask("/trading", &json!(["to and fro"]));
        self.until("acked").await;
    }

    fn emit(&mut self, namespace: &str, args: &Value, times: u64, ack: bool) {
        match &mut self.actor {
            Actor::Ours(peer) => {
                for _ in 0..times {
                    let emit = Emit::new("echo", inward(args)).unwrap();
                    let request = AckRequest {
                        token: 1,
                        timeout: None,
                    };
                    let emit = if ack {
                        emit.acknowledged(request)
                    } else {
                        emit
                    };
                    peer.handle(Input::Emit {
                        namespace: namespace.to_owned(),
                        emit,
                    });
                }
            }
            Actor::Stock { script, .. } => script.tell(json!({
                "do": "emit",
                "name": namespace,
                "event": "echo",
                "args": args,
                "ack": ack,
                "times": times,
            })),
        }
    }

    /// Answers the last question.
    pub(super) fn answer(&mut self, namespace: &str, args: &Value) {
        match &mut self.actor {
            Actor::Ours(peer) => {
                let asked = peer.heard.iter().rev().find_map(|event| match event {
                    Event::Received { ack, .. } => *ack,
                    _ => None,
                });
                peer.handle(Input::Answer {
                    namespace: namespace.to_owned(),
                    id: asked.unwrap(),
                    args: inward(args),
                });
            }
            Actor::Stock { script, .. } => {
                script.tell(json!({"do": "answer", "name": namespace, "args": args}));
            }
        }
    }

    /// Lets WebSockets pass, or not.
    pub(super) fn set_websocket(&self, on: bool) {
        match &self.actor {
            Actor::Ours(peer) => peer.gateway.as_ref().unwrap().set_websocket(on),
            Actor::Stock { gateway, .. } => gateway.set_websocket(on),
        }
    }

    /// Waits until the server says this, while the client goes on.
    pub(super) async fn served(&mut self, key: &str) -> Value {
        match &mut self.actor {
            Actor::Ours(peer) => peer.meanwhile(self.node.says(key)).await,
            Actor::Stock { .. } => self.node.says(key).await,
        }
    }

    /// Waits until the client hears what begins like this, after what was waited for before.
    pub(super) async fn until(&mut self, what: &str) -> String {
        loop {
            let heard = self.heard();
            while self.taken < heard.len() {
                self.taken += 1;
                if heard[self.taken - 1].starts_with(what) {
                    return heard[self.taken - 1].clone();
                }
            }
            self.listen(what).await;
        }
    }

    /// Waits until the client has heard it at any time.
    pub(super) async fn ever(&mut self, what: &str) {
        while !self.heard().iter().any(|line| line.starts_with(what)) {
            self.listen(what).await;
        }
    }

    /// Waits until as many sessions as this have moved to WebSocket.
    pub(super) async fn upgraded(&mut self, sessions: usize) {
        let count = |heard: Vec<String>| {
            let upgrades = heard
                .into_iter()
                .filter(|line| line == "upgraded websocket");
            upgrades.count()
        };
        while count(self.heard()) < sessions {
            self.listen("an upgrade").await;
        }
    }

    /// Waits until the session after the first has upgraded as well, if that is what it does.
    pub(super) async fn upgraded_again(&mut self) {
        if self.setup == Setup::Default {
            self.upgraded(2).await;
        }
    }

    /// Waits until a packet like this has crossed the gateway on its way up.
    pub(super) async fn sent(&mut self, like: impl Fn(&Frame) -> bool) {
        let recorder = match &self.actor {
            Actor::Ours(peer) => peer.recorder.clone(),
            Actor::Stock { recorder, .. } => recorder.clone(),
        };
        loop {
            let grown = recorder.grown();
            let there = recorder.journal().entries().any(|entry| {
                matches!(&entry.fact, Fact::Frame { direction: Direction::Up, packet, .. } if like(packet))
            });
            if there {
                return;
            }
            match &mut self.actor {
                Actor::Ours(peer) => peer.meanwhile(grown).await,
                Actor::Stock { .. } => grown.await,
            }
        }
    }

    async fn listen(&mut self, what: &str) {
        match &mut self.actor {
            Actor::Ours(peer) => {
                let before = peer.heard.len();
                peer.more_than(before, what).await;
            }
            Actor::Stock { script, .. } => script.hear(what).await,
        }
    }

    fn heard(&self) -> Vec<String> {
        match &self.actor {
            Actor::Ours(peer) => peer.heard.iter().filter_map(ours).collect(),
            Actor::Stock { script, .. } => script.lines().iter().filter_map(stock).collect(),
        }
    }

    /// What is compared.
    pub(super) fn record(&self) -> Record {
        let recorder = match &self.actor {
            Actor::Ours(peer) => &peer.recorder,
            Actor::Stock { recorder, .. } => recorder,
        };
        Record::of(self.heard(), &recorder.journal())
    }
}

fn inward(args: &Value) -> Args {
    let values = args.as_array().unwrap().iter();
    values.fold(Args::none(), |args, value| {
        match value["$binary"].as_str() {
            Some(text) => {
                let bytes = STANDARD.decode(text);
                args.and_binary(bytes.unwrap())
            }
            None => args.and(value.clone()),
        }
    })
}
