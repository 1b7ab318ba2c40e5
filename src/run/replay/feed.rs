//! What the mock emits: one socket joins as the app does, and each event that was recorded is asked for once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::domain::bindings::{Bindings, escape};
use crate::domain::contract::{Contract, Realtime};
use crate::import::{Recording, Says};
use crate::mock::Mock;
use crate::protocol::packet::{Body, EnginePacket, Limits, Packet};

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
    // A socket that cannot be opened hears nothing, and that is told as what it is.
    let conversation = listen(contract, realtime, mock, bindings, &recorded, &mut heard);
    let _ = tokio::time::timeout(PATIENCE * 10, conversation).await;
    heard
}

async fn listen(
    contract: &Contract,
    realtime: &Realtime,
    mock: &Mock,
    bindings: &Bindings,
    recorded: &BTreeSet<&str>,
    heard: &mut BTreeMap<String, Vec<Value>>,
) -> Option<()> {
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
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.ok()?;
    let namespace = match realtime.namespace.as_str() {
        "/" => String::new(),
        name => format!("{name},"),
    };
    let auth = bindings.value(&realtime.auth);
    let mut waiting: Vec<&str> = recorded.iter().copied().collect();
    loop {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await;
        let Ok(Some(Ok(message))) = next else {
            // Nothing more comes by itself: the next one is asked for.
            let name = waiting.pop()?;
            let is_known = realtime.events.iter().any(|event| event.name == name);
            if is_known && !heard.contains_key(name) {
                let _ = mock.push(name, None);
            }
            continue;
        };
        let Message::Text(text) = message else {
            continue;
        };
        let reply = match EnginePacket::decode(text.as_str()) {
            Ok(EnginePacket::Open(_)) => format!("40{namespace}{auth}"),
            Ok(EnginePacket::Ping(rest)) => format!("3{rest}"),
            Ok(EnginePacket::Text(text)) => match note(text, heard) {
                true => {
                    for emit in &realtime.subscribe {
                        let args = emit.args.iter().map(|own| bindings.value(own));
                        let event: Value = std::iter::once(Value::from(emit.event.as_str()))
                            .chain(args)
                            .collect();
                        socket
                            .send(Message::text(format!("42{namespace}{event}")))
                            .await
                            .ok()?;
                    }
                    if let Some(name) = waiting.pop()
                        && realtime.events.iter().any(|event| event.name == name)
                    {
                        let _ = mock.push(name, None);
                    }
                    continue;
                }
                false => continue,
            },
            _ => continue,
        };
        socket.send(Message::text(reply)).await.ok()?;
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
