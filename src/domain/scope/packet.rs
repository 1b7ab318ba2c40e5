//! What the scope says about Socket.IO packets on their way up.

use super::fold;
use crate::domain::contract::{Contract, Realtime};
use crate::domain::journal::{Class, Judgement};
use crate::protocol::packet::{
    Body, DecodeError, EnginePacket, Limits, Packet, Progress, Reassembler, payload,
};

/// Judges a packet that the client sends; `None` for one that asks for nothing.
///
/// `attachments` counts the binary parts, also those that are still under way.
#[must_use]
pub fn judge_packet(contract: &Contract, packet: &Packet, attachments: usize) -> Option<Judgement> {
    let (class, reason) = classify(contract, packet, attachments)?;
    Some(Judgement {
        class,
        reason,
        non_canonical: None,
        unknown_name: false,
    })
}

/// Judges text that the codec cannot read: a server that reads more may find a forbidden event in it.
#[must_use]
pub fn judge_unreadable(contract: &Contract, text: &str, error: &DecodeError) -> Judgement {
    let (class, reason) = match named_in(text, &contract.scope.forbid_emits) {
        Some(name) => (
            Class::Forbidden,
            format!("unreadable ({error}), and it names `{name}`"),
        ),
        None => (Class::NotJudgeable, error.to_string()),
    };
    Judgement {
        class,
        reason,
        non_canonical: None,
        unknown_name: false,
    }
}

/// How much of a text is folded at once, in bytes: some are megabytes long.
const PIECE: usize = 64 * 1024;

/// The first of these names that stands in a text, in whatever letters.
fn named_in<'n>(text: &str, names: &'n [String]) -> Option<&'n String> {
    let folded: Vec<String> = names.iter().map(|name| fold(name)).collect();
    // A letter takes four bytes at most, so no name that begins in a piece ends after this.
    let beyond = 4 * folded.iter().map(String::len).max()?;
    let mut from = 0;
    let mut found = names.len();
    while from < text.len() {
        let next = text.floor_char_boundary(from + PIECE);
        let piece = fold(&text[from..text.ceil_char_boundary(next + beyond)]);
        let here = folded.iter().position(|name| piece.contains(name));
        found = found.min(here.unwrap_or(found));
        from = next;
    }
    names.get(found)
}

fn classify(contract: &Contract, packet: &Packet, attachments: usize) -> Option<(Class, String)> {
    let namespace = packet.namespace.as_str();
    match &packet.body {
        Body::Connect(_) => Some(join(contract, namespace)),
        Body::Event { name, .. } => Some(emit(contract, namespace, name, attachments)),
        Body::ConnectError(_) => {
            let why = "only a server refuses a namespace".to_owned();
            Some((Class::NotJudgeable, why))
        }
        Body::Ack { .. } | Body::Disconnect => None,
    }
}

fn join(contract: &Contract, namespace: &str) -> (Class, String) {
    if let Some(own) = forbidden_namespace(contract, namespace) {
        let why = format!("the namespace `{own}` must never be joined");
        return (Class::Forbidden, why);
    }
    if is_declared(contract, namespace) {
        (Class::Allowed, format!("declared namespace `{namespace}`"))
    } else {
        let why = format!("the namespace `{namespace}` is not declared");
        (Class::UndeclaredWrite, why)
    }
}

fn emit(contract: &Contract, namespace: &str, name: &str, attachments: usize) -> (Class, String) {
    let scope = &contract.scope;
    let folded = fold(name.trim());
    if let Some(own) = scope.forbid_emits.iter().find(|own| fold(own) == folded) {
        return (Class::Forbidden, format!("`{own}` must never be emitted"));
    }
    if let Some(own) = forbidden_namespace(contract, namespace) {
        let why = format!("nothing may be emitted to the namespace `{own}`");
        return (Class::Forbidden, why);
    }
    if !is_declared(contract, namespace) {
        let why = format!("the namespace `{namespace}` is not declared");
        return (Class::UndeclaredWrite, why);
    }
    if attachments > 0 {
        let why = format!("`{name}` carries binary data, which is not declared");
        return (Class::UndeclaredWrite, why);
    }
    let subscribed = contract
        .realtime
        .iter()
        .flat_map(Realtime::emits)
        .any(|emit| emit.event == name);
    if subscribed || scope.allow_emits.iter().any(|own| own == name) {
        (Class::Allowed, format!("declared emit `{name}`"))
    } else {
        let why = format!("the emit `{name}` is not declared");
        (Class::UndeclaredWrite, why)
    }
}

fn is_declared(contract: &Contract, namespace: &str) -> bool {
    contract
        .realtime
        .as_ref()
        .is_some_and(|realtime| realtime.namespace == namespace)
}

/// The forbidden namespace that this one is, or may be taken for.
fn forbidden_namespace<'c>(contract: &'c Contract, namespace: &str) -> Option<&'c String> {
    let decoded = percent_encoding::percent_decode_str(namespace).decode_utf8_lossy();
    let bare = decoded.split(['?', '#']).next().unwrap_or_default();
    let folded = fold(bare.trim());
    let folded = folded.trim_matches('/');
    contract
        .scope
        .forbid_namespaces
        .iter()
        .find(|own| fold(own).trim_matches('/') == folded)
}

/// Judges a polling body by the worst of its packets. Whoever follows the session's reassembly
/// judges the packets one by one; this is the answer for a body on its own.
pub(super) fn judge_payload(contract: &Contract, body: Option<&[u8]>) -> (Class, String) {
    let unread = |why: &str| (Class::NotJudgeable, why.to_owned());
    let Some(body) = body else {
        return unread("the packets of this body were not read");
    };
    let Ok(text) = std::str::from_utf8(body) else {
        return unread("the body is not text");
    };
    let mut whole = Reassembler::new(Limits::default());
    let mut worst = (Class::Allowed, "its packets are declared".to_owned());
    for piece in text.split(payload::SEPARATOR) {
        let judged = judge_piece(contract, piece, &mut whole);
        if let Some((class, reason)) = judged
            && super::severity(class) > super::severity(worst.0)
        {
            worst = (class, reason);
        }
    }
    worst
}

/// Judges the text of one WebSocket frame on its own; `None` for one that asks for nothing.
#[must_use]
pub fn judge_frame(contract: &Contract, text: &str) -> Option<Judgement> {
    let (class, reason) = judge_piece(contract, text, &mut Reassembler::new(Limits::default()))?;
    Some(Judgement {
        class,
        reason,
        non_canonical: None,
        unknown_name: false,
    })
}

fn judge_piece(
    contract: &Contract,
    piece: &str,
    whole: &mut Reassembler,
) -> Option<(Class, String)> {
    let unreadable = |error: &DecodeError| {
        let judgement = judge_unreadable(contract, piece, error);
        Some((judgement.class, judgement.reason))
    };
    match EnginePacket::decode(piece) {
        Err(error) => unreadable(&error),
        Ok(EnginePacket::Text(text)) => match whole.text(text) {
            Err(error) => unreadable(&error),
            Ok(Progress::Complete(packet)) => classify(contract, &packet, 0),
            Ok(Progress::Pending { packet, missing }) => classify(contract, packet, missing),
        },
        // A lone attachment may belong to a packet of an earlier body.
        Ok(EnginePacket::Binary(bytes)) => {
            let _ = whole.binary(bytes);
            None
        }
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_wherever_it_stands_in_a_long_text() {
        let names = ["place_order", "close"].map(str::to_owned);
        // Each letter of four bytes, so that pieces end within them.
        let long = "\u{1f680}".repeat(PIECE / 4 * 3);
        assert_eq!(named_in(&long, &names), None);
        for place in (PIECE - 80..PIECE + 8).step_by(4).chain([0, long.len()]) {
            let (before, after) = long.split_at(place);
            for written in ["PLACE_ORDER", "\u{ff50}lace_order"] {
                let text = format!("{before}{written}{after}close");
                assert_eq!(named_in(&text, &names), Some(&names[0]), "{place}");
            }
        }
        assert_eq!(named_in("please cLoSe", &names), Some(&names[1]));
        assert_eq!(named_in("anything", &[]), None);
    }
}
