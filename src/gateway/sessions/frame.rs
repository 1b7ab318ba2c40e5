//! Packets as the journal has them, and the answer to one that was kept back.

use serde_json::Value;

use crate::domain::journal::{Class, Content, Direction, Frame};
use crate::gateway::observe::{KEPT, shortened};
use crate::gateway::reply::blocked;
use crate::gateway::scribe::Scribe;
use crate::protocol::packet::{Args, Body, Packet, Refusal};

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

/// The arguments of an event, without the token that a connected client hands over in them.
fn handed_over(scribe: &Scribe, direction: Direction, name: &str, mut args: Value) -> Value {
    let feed = scribe.contract.realtime.as_ref();
    let renewal = feed.and_then(|feed| feed.renewal.as_ref());
    if let (Direction::Up, Some(renewal)) = (direction, renewal)
        && renewal.emit.event == name
    {
        for (template, arg) in renewal.emit.args.iter().zip(elements(&mut args)) {
            scribe.vault().redact_by_template(&template.0, arg);
        }
    }
    args
}

fn elements(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().into_iter().flatten()
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
            scribe.vault().conceal_value(&mut value);
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
            args: wash(handed_over(
                scribe,
                direction,
                &name,
                Value::Array(args.values),
            )),
            name: plain(name),
            ack: id,
            attachments,
        },
        Body::Ack { id, .. } => Frame::Ack {
            namespace,
            id: id.unwrap_or_default(),
        },
        Body::ConnectError(refusal) => Frame::ConnectError {
            namespace,
            payload: wash(refused(refusal)),
        },
    }
}

/// The payload of a refusal.
fn refused(refusal: Refusal) -> Value {
    let mut payload = serde_json::Map::new();
    payload.insert("message".to_owned(), refusal.message.into());
    if let Some(data) = refusal.data {
        payload.insert("data".to_owned(), data);
    }
    Value::Object(payload)
}
