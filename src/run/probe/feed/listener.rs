//! One socket of the harness's own in the live feed: it joins as the app does, and listens until an
//! event changes data.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::ControlFlow;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::domain::bindings::Bindings;
use crate::domain::contract::{Apply, Realtime};
use crate::domain::journal::Heard;

pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Joins, subscribes and listens until an event changes data, or the server ends it.
pub(super) async fn listen(
    mut socket: Socket,
    realtime: &Realtime,
    bindings: &Bindings,
    heard: &mut Heard,
) {
    let mut listener = Listener::new(realtime, bindings);
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let ControlFlow::Continue(replies) = listener.hear(text.as_str(), heard) else {
            return;
        };
        for reply in replies {
            if socket.send(Message::text(reply)).await.is_err() {
                break;
            }
        }
    }
    // Whoever hangs up has not let anybody in.
    let how = if heard.joined {
        "joined and cut off"
    } else {
        "cut off"
    };
    heard.joined = false;
    how.clone_into(&mut heard.how);
}

/// What the socket knows while it listens.
pub(super) struct Listener<'a> {
    realtime: &'a Realtime,
    bindings: &'a Bindings,
    /// The namespace as packets begin with it; nothing for the main one.
    namespace: String,
    joined: Instant,
}

/// What is said to a message, unless there is no more to hear.
type Reaction = ControlFlow<(), Vec<String>>;

impl<'a> Listener<'a> {
    pub(super) fn new(realtime: &'a Realtime, bindings: &'a Bindings) -> Self {
        Self {
            realtime,
            bindings,
            namespace: match realtime.namespace.as_str() {
                "/" => String::new(),
                name => format!("{name},"),
            },
            joined: Instant::now(),
        }
    }

    /// Hears an Engine.IO message.
    pub(super) fn hear(&mut self, message: &str, heard: &mut Heard) -> Reaction {
        let replies = match message.split_at_checked(1) {
            Some(("0", _)) => vec![self.connect()],
            Some(("2", rest)) => vec![format!("3{rest}")],
            Some(("4", packet)) => match self.own(packet) {
                Some((kind, rest)) => return self.packet(kind, rest, heard),
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        Reaction::Continue(replies)
    }

    /// The kind of a Socket.IO packet and what follows its namespace, if that is the feed's.
    fn own<'p>(&self, packet: &'p str) -> Option<(&'p str, &'p str)> {
        let (kind, rest) = packet.split_at_checked(1).unwrap_or_default();
        let attachments = rest.split_once('-').filter(|_| matches!(kind, "5" | "6"));
        let rest = attachments.map_or(rest, |(_, rest)| rest);
        let rest = rest.strip_prefix(self.namespace.as_str()).or_else(|| {
            rest.strip_prefix(self.namespace.trim_end_matches(','))
                .filter(|_| !self.namespace.is_empty())
        })?;
        Some((kind, rest))
    }

    /// Hears a packet of the feed's namespace.
    fn packet(&mut self, kind: &str, rest: &str, heard: &mut Heard) -> Reaction {
        match kind {
            "0" => {
                heard.joined = true;
                "joined".clone_into(&mut heard.how);
                self.joined = Instant::now();
                return Reaction::Continue(self.subscribe());
            }
            "1" | "4" => {
                let how = match (kind, heard.joined) {
                    ("4", _) => "refused",
                    (_, true) => "joined and sent away",
                    (_, false) => "sent away",
                };
                heard.joined = false;
                how.clone_into(&mut heard.how);
                return Reaction::Break(());
            }
            "2" | "5" => {
                let args: Option<Value> = serde_json::from_str(rest).ok();
                let name = args.as_ref().and_then(|args| args.get(0)?.as_str());
                if let Some(name) = name.filter(|name| changes_data(self.realtime, name)) {
                    heard.events.push(name.to_owned());
                    heard.after_ms = self.joined.elapsed().as_millis().try_into().ok();
                    return Reaction::Break(());
                }
            }
            "3" | "6" => heard.answers.push(digest(rest)),
            _ => {}
        }
        Reaction::Continue(Vec::new())
    }

    fn connect(&self) -> String {
        // Nobody's CONNECT has no payload at all.
        let payload = match self.bindings.access {
            Some(_) => {
                let payload = self.realtime.auth.fill(&|name| self.bindings.get(name));
                payload.to_string()
            }
            None => String::new(),
        };
        format!("40{}{payload}", self.namespace)
    }

    /// What the app emits once it has joined.
    pub(super) fn subscribe(&self) -> Vec<String> {
        let emits = self.realtime.subscribe.iter().enumerate();
        let packet = emits.map(|(id, emit)| {
            let id = if emit.ack {
                id.to_string()
            } else {
                String::new()
            };
            let args = emit.args.iter();
            let args = args.map(|arg| arg.fill(&|name| self.bindings.get(name)));
            let event: Value = std::iter::once(Value::from(emit.event.as_str()))
                .chain(args)
                .collect();
            format!("42{}{id}{event}", self.namespace)
        });
        packet.collect()
    }
}

fn changes_data(realtime: &Realtime, name: &str) -> bool {
    let mut rules = realtime.events.iter();
    rules.any(|rule| rule.name == name && rule.updates.is_some() && rule.apply != Apply::Ignore)
}

/// What tells acknowledgements apart and holds nothing of them.
fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
