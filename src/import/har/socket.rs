//! Socket.IO in an archive: messages of WebSockets, and bodies of long-polling.

use serde_json::Value;

use crate::import::recording::{Exchange, Packet, Says};
use crate::protocol::packet::{Body, EnginePacket, Limits, Packet as Decoded, payload};

/// The packets of an entry, if it is one of Engine.IO.
pub(super) fn packets(entry: &Value, exchange: &Exchange, found: &mut Vec<Packet>) {
    if !is_engine(exchange) {
        return;
    }
    let messages = entry.get("_webSocketMessages").and_then(Value::as_array);
    for message in messages.into_iter().flatten() {
        let text = message
            .get("data")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let up = message.get("type").and_then(Value::as_str) == Some("send");
        let at = message
            .get("time")
            .and_then(Value::as_f64)
            .unwrap_or_default()
            * 1_000.0;
        if let Ok(packet) = EnginePacket::decode(text) {
            found.extend(packet_of(&packet, exchange, (at, up, false)));
        }
    }
    let is_polling = exchange
        .query
        .iter()
        .any(|(name, value)| name == "transport" && value == "polling");
    if !is_polling {
        return;
    }
    let text = |pointer: &str| {
        entry
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    for (pointer, up) in [
        ("/request/postData/text", true),
        ("/response/content/text", false),
    ] {
        let at = if up {
            exchange.at
        } else {
            exchange.at + exchange.took
        };
        for packet in payload::packets(text(pointer)).map_while(Result::ok) {
            found.extend(packet_of(&packet, exchange, (at, up, true)));
        }
    }
}

/// Whether a request is one of Engine.IO.
pub(super) fn is_engine(exchange: &Exchange) -> bool {
    let has = |wanted: &str| exchange.query.iter().any(|(name, _)| name == wanted);
    has("EIO") && has("transport")
}

fn packet_of(
    packet: &EnginePacket<'_>,
    exchange: &Exchange,
    (at, up, polling): (f64, bool, bool),
) -> Option<Packet> {
    let EnginePacket::Text(text) = packet else {
        return None;
    };
    let decoded = Decoded::decode(text, Limits::default()).ok()?.packet;
    let says = match decoded.body {
        Body::Connect(auth) => Says::Connect(auth.map(|own| Value::Object(own.0))),
        Body::Event { id, name, args } => Says::Event {
            name,
            args: args.values,
            ack: id.is_some(),
        },
        _ => Says::Other,
    };
    Some(Packet {
        at,
        origin: exchange.origin.clone(),
        path: exchange.path.clone(),
        polling,
        up,
        namespace: decoded.namespace,
        says,
    })
}
