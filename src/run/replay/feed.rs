//! What the mock emits: one socket joins as the app does, and each event that was recorded is asked for once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::domain::bindings::{Bindings, escape};
use crate::domain::contract::{Contract, Realtime};
use crate::import::{Recording, Says};
use crate::mock::Mock;
use crate::net::Stream;
use crate::protocol::packet::{Body, EnginePacket, Limits, Packet};

type Socket = WebSocketStream<Stream>;

/// How long something is waited for, in virtual time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was heard of each event.
pub(super) async fn heard(
    contract: &Contract,
    mock: &Mock,
    bindings: &Bindings,
    recording: &Recording,
) -> BTreeMap<String, Vec<Value>> {
    let mut heard = BTreeMap::new();
    let Some(realtime) = &contract.realtime else {
        return heard;
    };
    let recorded: BTreeSet<&str> = recording
        .packets
        .iter()
        .filter_map(|own| match &own.says {
            Says::Event { name, .. } if !own.up => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let names = |own: &&str| realtime.events.iter().any(|event| event.name == *own);
    let mut listener = Listener {
        realtime,
        mock,
        bindings,
        waiting: recorded.into_iter().filter(names).collect(),
        heard: &mut heard,
    };
    // A socket that cannot be opened hears nothing, and that is told as what it is.
    let conversation = async {
        let socket = open(contract, realtime, mock, bindings).await?;
        listener.listen(socket).await
    };
    let _ = tokio::time::timeout(PATIENCE * 10, conversation).await;
    heard
}

async fn open(
    contract: &Contract,
    realtime: &Realtime,
    mock: &Mock,
    bindings: &Bindings,
) -> Option<Socket> {
    let service = contract.service(&realtime.service)?;
    let endpoint = mock.endpoint(&service.name)?;
    let mut url = format!(
        "ws://{}{}{}?EIO=4&transport=websocket",
        endpoint.authority(),
        service.base_path,
        realtime.path
    );
    for (name, template) in &realtime.query {
        let value = escape(&bindings.text(template));
        url.push_str(&format!("&{}={value}", escape(name)));
    }
    let stream = endpoint.connect().await.ok()?;
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.ok()?;
    Some(socket)
}

/// Whoever listens, and asks for one event after the other.
struct Listener<'a> {
    realtime: &'a Realtime,
    mock: &'a Mock,
    bindings: &'a Bindings,
    /// Events that were not asked for yet.
    waiting: Vec<&'a str>,
    heard: &'a mut BTreeMap<String, Vec<Value>>,
}

impl Listener<'_> {
    async fn listen(&mut self, mut socket: Socket) -> Option<()> {
        loop {
            let next = tokio::time::timeout(PATIENCE, socket.next()).await;
            let replies = match next {
                Ok(Some(Ok(Message::Text(text)))) => self.replies(text.as_str()),
                Ok(Some(Ok(_))) => Vec::new(),
                // Nothing more comes by itself: the next one is asked for.
                _ => {
                    self.push()?;
                    Vec::new()
                }
            };
            for reply in replies {
                socket.send(Message::text(reply)).await.ok()?;
            }
        }
    }

    /// Has the mock emit the next event; nothing when all were asked for.
    fn push(&mut self) -> Option<()> {
        let name = self.waiting.pop()?;
        // One that cannot be pushed is not heard, and that is told.
        let _ = self.mock.push(name, None);
        Some(())
    }

    fn replies(&mut self, text: &str) -> Vec<String> {
        let namespace = match self.realtime.namespace.as_str() {
            "/" => String::new(),
            name => format!("{name},"),
        };
        match EnginePacket::decode(text) {
            Ok(EnginePacket::Open(_)) => {
                let auth = self.bindings.value(&self.realtime.auth);
                vec![format!("40{namespace}{auth}")]
            }
            Ok(EnginePacket::Ping(rest)) => vec![format!("3{rest}")],
            Ok(EnginePacket::Text(text)) => {
                let is_in = note(text, self.heard);
                // Whatever comes, something else may be asked for.
                let _ = self.push();
                match is_in {
                    true => self.subscribe(&namespace),
                    false => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    fn subscribe(&self, namespace: &str) -> Vec<String> {
        let emits = self.realtime.subscribe.iter().map(|emit| {
            let args = emit.args.iter().map(|own| self.bindings.value(own));
            let event: Value = std::iter::once(Value::from(emit.event.as_str()))
                .chain(args)
                .collect();
            format!("42{namespace}{event}")
        });
        emits.collect()
    }
}

/// Notes an event; says whether the packet let the socket in.
fn note(text: &str, heard: &mut BTreeMap<String, Vec<Value>>) -> bool {
    let Ok(decoded) = Packet::decode(text, Limits::default()) else {
        return false;
    };
    match decoded.packet.body {
        Body::Connect(_) => true,
        Body::Event { name, args, .. } => {
            let all = heard.entry(name).or_default();
            if all.len() < 100 {
                all.extend(args.values.into_iter().next());
            }
            false
        }
        _ => false,
    }
}
