//! Packets as the journal has them, and the answer to one that was kept back.

use serde_json::Value;

use crate::domain::journal::{Class, Content, Direction, Frame};
use crate::gateway::observe::{KEPT, shortened};
use crate::gateway::reply::blocked;
use crate::gateway::scribe::Scribe;
use crate::protocol::packet::{Args, Body, Packet};

/// The acknowledgement that the sender of a packet expects, saying that it was kept back.
pub(super) fn refusal(packet: &Packet) -> Option<Packet> {
    let Body::Event { id: Some(id), .. } = packet.body else {
        return None;
    };
    Some(Packet {
        namespace: packet.namespace.clone(),
        body: Body::Ack {
            id: Some(id),
            args: Args::none().and(blocked(Class::Forbidden, "")),
        },
    })
}

/// A packet as the journal has it. `clean` says that it is known to hold no secret.
pub(super) fn describe(
    scribe: &Scribe,
    direction: Direction,
    packet: Packet,
    attachments: usize,
    bytes: u64,
    clean: bool,
) -> Frame {
    let wash = |mut value: Value| {
        if !clean {
            scribe.vault().redact_value(&mut value);
        }
        if bytes > KEPT as u64 {
            let text = value.to_string();
            return shortened(&text, bytes);
        }
        Content::Json {
            value: value.into(),
            bytes,
        }
    };
    let plain = |text: String| {
        if clean { text } else { scribe.redact(&text) }
    };
    let namespace = plain(packet.namespace);
    match packet.body {
        Body::Connect(None) => Frame::Connect {
            namespace,
            payload: Content::Empty,
        },
        Body::Connect(Some(payload)) => {
            let mut payload = Value::Object(payload.0);
            if let (Direction::Up, Some(realtime)) = (direction, &scribe.contract.realtime) {
                scribe
                    .vault()
                    .redact_by_template(&realtime.auth.0, &mut payload);
            }
            Frame::Connect {
                namespace,
                payload: wash(payload),
            }
        }
        Body::Disconnect => Frame::Disconnect { namespace },
        Body::Event { id, name, args } => Frame::Event {
            namespace,
            name: plain(name),
            args: wash(Value::Array(args.values)),
            ack: id,
            attachments,
        },
        Body::Ack { id, .. } => Frame::Ack {
            namespace,
            id: id.unwrap_or_default(),
        },
        Body::ConnectError(refusal) => {
            let mut payload = serde_json::Map::new();
            payload.insert("message".to_owned(), refusal.message.into());
            if let Some(data) = refusal.data {
                payload.insert("data".to_owned(), data);
            }
            Frame::ConnectError {
                namespace,
                payload: wash(Value::Object(payload)),
            }
        }
    }
}
