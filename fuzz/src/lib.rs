//! What must hold for any input: each function is one fuzz target, and panics when something does
//! not hold.
//!
//! `just fuzz codec` looks for input with which it does not, guided by coverage, and goes on from what
//! it found before; so with `payload`, `reassembler`, `canonical`, `scope`, `wire` and `files`. It wants a nightly
//! toolchain and `cargo install cargo-fuzz`. What it keeps is in `fuzz/corpus`; the part of that which
//! reaches something new belongs into `fuzz/seeds`, with which every test run begins:
//! `just fuzz-keep codec`.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rehearsal::internals::domain::contract::Contract;
use rehearsal::internals::domain::scope::{RequestView, canonical, judge};
use rehearsal::internals::protocol::packet::{
    EnginePacket, Frame, Limits, Packet, Progress, Reassembler, payload,
};
use rehearsal::internals::suite::config::Config;
use rehearsal::internals::suite::{
    Problems, Rendering, Source, read_contract, read_runbook, read_scenario, read_world,
};

mod wire;

/// Limits small enough for a fuzzer to reach.
const LIMITS: Limits = Limits {
    attachments: 3,
    bytes: 256,
};

/// A packet that can be read is written as something that is read as the same packet.
pub fn codec(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(packet) = EnginePacket::decode(text) {
        let frame = Frame::from(&packet);
        assert_eq!(EnginePacket::from_frame(&frame).as_ref(), Ok(&packet));
    }
    let Ok(header) = Packet::decode(text, Limits::default()) else {
        return;
    };
    assert!(header.attachments <= Limits::default().attachments);
    if header.attachments == 0 {
        let frames = header.packet.encode();
        let [Frame::Text(again)] = &frames[..] else {
            panic!("a packet without attachments is one text frame");
        };
        // The first character is Engine.IO's.
        let again = Packet::decode(&again[1..], Limits::default());
        assert_eq!(again.map(|again| again.packet), Ok(header.packet));
    }
}

/// A body falls into as many pieces as it has separators and one; joined again, they are the same
/// packets.
pub fn payload(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let packets: Vec<_> = payload::packets(text).collect();
    assert!(packets.len() <= text.matches(payload::SEPARATOR).count() + 1);
    assert!(packets.iter().rev().skip(1).all(Result::is_ok));
    let read: Vec<EnginePacket<'_>> = packets.into_iter().flatten().collect();
    let frames: Vec<Frame> = read.iter().map(Frame::from).collect();
    let joined = payload::join(&frames);
    let again: Vec<EnginePacket<'_>> = payload::packets(&joined).flatten().collect();
    if !frames.is_empty() {
        assert_eq!(again, read);
    }
}

/// Whatever comes in whatever order, no more is held than the limits allow, and a whole packet has
/// all its attachments.
pub fn reassembler(data: &[u8]) {
    let mut whole = Reassembler::new(LIMITS);
    let (mut held, mut due) = (0, 0);
    for piece in data.split(|byte| *byte == 0xff) {
        let text = std::str::from_utf8(piece)
            .ok()
            .filter(|text| !text.starts_with('b'));
        let progress = match text {
            Some(text) => {
                held = text.len();
                whole.text(text)
            }
            None => {
                held += piece.len();
                whole.binary(Bytes::copy_from_slice(piece))
            }
        };
        match progress {
            Ok(Progress::Complete(_)) | Err(_) => due = 0,
            Ok(Progress::Pending { missing, .. }) => {
                assert!(missing <= LIMITS.attachments);
                assert!(held <= LIMITS.bytes, "{held} bytes are held");
                assert!(due == 0 || missing == due - 1);
                due = missing;
            }
        }
        assert_eq!(whole.missing(), due);
    }
}

/// The canonical form is its own canonical form.
pub fn canonical_form(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let once = canonical(text);
    assert!(once.path.len() <= text.len() * 3 + 1);
    if text.starts_with('/') {
        let twice = canonical(&once.target());
        assert_eq!(once.target(), twice.target());
        assert!(twice.path.starts_with('/') && !twice.path.contains("//"));
    }
}

fn contract() -> &'static Arc<Contract> {
    static CONTRACT: OnceLock<Arc<Contract>> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let text = include_str!("../../fixtures/evasion/contract.yaml");
        let source: Arc<Source> = Source::new("contract.yaml", text);
        Arc::new(read_contract(&source).unwrap_or_else(|_| panic!("the corpus' contract is valid")))
    })
}

/// A client and a backend that send whatever they like, with a gateway between them: see `wire`.
pub fn wire(data: &[u8]) {
    wire::wire(contract(), data);
}

/// A file that people write is taken in, or refused with problems that can be shown. The first byte says what it is: a
/// contract, a scenario, a world, a runbook, or else the configuration.
pub fn files(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let source = Source::new("file", text);
    let show = |problems: Problems| {
        assert!(!problems.is_empty());
        assert!(!problems.render(Rendering::Plain).is_empty());
        assert!(!problems.on_one_line().is_empty());
    };
    match kind {
        b'c' => read_contract(&source).map(drop).unwrap_or_else(show),
        b's' => read_scenario(&source, Some(contract()))
            .map(drop)
            .unwrap_or_else(show),
        b'w' => read_world(&source, contract())
            .map(drop)
            .unwrap_or_else(show),
        b'r' => read_runbook(&source).map(drop).unwrap_or_else(show),
        _ => match Config::from_source(&source, Path::new("."), &[]) {
            Ok(config) => {
                for name in config.targets() {
                    config
                        .target(name, &|_| None)
                        .map(drop)
                        .unwrap_or_else(show);
                }
            }
            Err(problems) => show(problems),
        },
    }
}

/// A target that a plain server takes for a forbidden endpoint does not pass. The first line is the
/// target, the second the content type, the rest the body.
pub fn scope(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let target = lines.next().unwrap_or_default();
    let headers = [(
        "content-type".to_owned(),
        lines.next().unwrap_or_default().to_owned(),
    )];
    let body = lines.next().unwrap_or_default().as_bytes();
    let judged = judge(
        contract(),
        &RequestView {
            service: "trading",
            base_path: "",
            method: "POST",
            target,
            host: "h",
            expected_authority: "h",
            headers: &headers,
            body: Some(body),
        },
    );
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let mut kept = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let routed = kept.join("/").to_lowercase();
    if routed == "api/trade" || routed == "api/close" || routed.starts_with("internal/trading/") {
        assert!(!judged.judgement.class.passes(), "{target}: {judged:?}");
    }
}
