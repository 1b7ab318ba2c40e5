//! Framing survives whatever chunks it comes in, and nothing is held that has not ended.

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

use super::*;

/// A message in its fragments, or a control frame between two of them.
#[derive(Debug, Clone)]
enum Sent {
    Message(Kind, Vec<Vec<u8>>),
    Signal(Signal, Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let size = prop_oneof![
        0_usize..4,
        120_usize..131,
        65_530_usize..65_540,
        Just(200_000_usize)
    ];
    let bytes = size.prop_map(|size| (0..size).map(|at| (at * 31 % 251) as u8).collect());
    let kind = prop_oneof![Just(Kind::Text), Just(Kind::Binary)];
    let signal = prop_oneof![Just(Signal::Ping), Just(Signal::Pong), Just(Signal::Close)];
    prop_oneof![
        4 => (kind, prop::collection::vec(bytes, 1..4)).prop_map(|(kind, it)| Sent::Message(kind, it)),
        1 => (signal, prop::collection::vec(any::<u8>(), 0..126)).prop_map(|(signal, it)| Sent::Signal(signal, it)),
    ]
}

/// The frames, by the library that most peers of this kind use.
fn theirs(sent: &[Sent], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut put = |opcode, is_final, payload: &[u8]| {
        let header = FrameHeader {
            is_final,
            opcode,
            mask,
            ..FrameHeader::default()
        };
        let frame = Frame::from_payload(header, payload.to_vec().into());
        frame.format(&mut wire).unwrap();
    };
    for one in sent {
        match one {
            Sent::Message(kind, fragments) => {
                for (at, fragment) in fragments.iter().enumerate() {
                    let data = match (at, kind) {
                        (0, Kind::Text) => Data::Text,
                        (0, Kind::Binary) => Data::Binary,
                        _ => Data::Continue,
                    };
                    put(OpCode::Data(data), at + 1 == fragments.len(), fragment);
                }
            }
            Sent::Signal(signal, payload) => {
                let control = match signal {
                    Signal::Close => Control::Close,
                    Signal::Ping => Control::Ping,
                    Signal::Pong => Control::Pong,
                };
                put(OpCode::Control(control), true, payload);
            }
        }
    }
    wire
}

/// The same, by this module: one frame for each fragment.
fn ours(sent: &[Sent], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut wire = BytesMut::new();
    for one in sent {
        match one {
            Sent::Message(kind, fragments) => {
                let last = fragments.len() - 1;
                for (at, fragment) in fragments.iter().enumerate() {
                    put_data(&mut wire, *kind, fragment, at == 0, at == last, mask);
                }
            }
            Sent::Signal(signal, payload) => put_signal(&mut wire, *signal, payload, mask),
        }
    }
    wire.to_vec()
}

/// What comes out when the wire comes in chunks of these sizes, over and over; messages joined.
fn read(
    wire: &[u8],
    chunks: &[usize],
    masked: bool,
) -> Vec<(Option<Kind>, Option<Signal>, Vec<u8>)> {
    let mut deframer = Deframer::new(masked);
    let (mut input, mut rest) = (BytesMut::new(), wire);
    let (mut whole, mut out) = (Vec::new(), Vec::new());
    for chunk in chunks.iter().cycle() {
        while let Some(part) = deframer.next(&mut input).unwrap() {
            match part {
                Part::Signal(signal, payload) => out.push((None, Some(signal), payload.to_vec())),
                Part::Data { kind, bytes, ends } => {
                    whole.extend_from_slice(&bytes);
                    if ends {
                        out.push((Some(kind), None, std::mem::take(&mut whole)));
                    }
                }
            }
        }
        // At most a head or a control frame stays behind.
        assert!(input.len() < 14 + 125, "{} bytes are held", input.len());
        if rest.is_empty() {
            assert!(input.is_empty() && whole.is_empty());
            return out;
        }
        let (now, later) = rest.split_at(rest.len().min(*chunk));
        input.extend_from_slice(now);
        rest = later;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn framing_survives_any_chunking(
        sent in prop::collection::vec(sent(), 1..5),
        chunks in prop::collection::vec(prop_oneof![1_usize..9, 100_usize..5_000, Just(70_000_usize)], 1..4),
        mask in prop::option::of(any::<[u8; 4]>()),
    ) {
        let expected: Vec<_> = sent.iter().map(|one| match one {
            Sent::Message(kind, fragments) => (Some(*kind), None, fragments.concat()),
            Sent::Signal(signal, payload) => (None, Some(*signal), payload.clone()),
        }).collect();
        let wire = theirs(&sent, mask);
        prop_assert_eq!(&ours(&sent, mask), &wire);
        prop_assert_eq!(read(&wire, &chunks, mask.is_some()), expected);
    }

    #[test]
    fn no_bytes_make_it_panic_or_hold_more_than_they_are(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        masked in any::<bool>(),
    ) {
        let mut deframer = Deframer::new(masked);
        let mut input = BytesMut::from(&bytes[..]);
        let mut out = 0;
        while let Ok(Some(part)) = deframer.next(&mut input) {
            out += match part {
                Part::Signal(_, payload) => payload.len(),
                Part::Data { bytes, .. } => bytes.len(),
            };
        }
        prop_assert!(out <= bytes.len());
    }
}

#[test]
fn a_frame_of_any_announced_length_comes_out_as_it_arrives() {
    let mut deframer = Deframer::new(false);
    let mut input = BytesMut::from(&[0x82, 127, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 1, 2, 3][..]);
    let piece = deframer.next(&mut input);
    let bytes = Bytes::from_static(&[1, 2, 3]);
    let kind = Kind::Binary;
    assert_eq!(
        piece,
        Ok(Some(Part::Data {
            kind,
            bytes,
            ends: false
        }))
    );
    assert_eq!((deframer.next(&mut input), input.len()), (Ok(None), 0));
}

#[rstest::rstest]
#[case::a_reserved_bit(&[0xc1, 0])]
#[case::a_reserved_opcode(&[0x83, 0])]
#[case::a_control_frame_in_fragments(&[0x09, 0])]
#[case::a_control_frame_that_is_too_long(&[0x89, 126, 0, 126])]
#[case::a_continuation_of_nothing(&[0x80, 0])]
#[case::a_message_within_a_message(&[0x01, 1, b'x', 0x81, 0])]
#[case::a_mask_of_a_server(&[0x81, 0x80, 1, 2, 3, 4])]
#[case::an_impossible_length(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0])]
fn what_the_protocol_forbids_breaks_the_connection(#[case] wire: &[u8]) {
    let mut deframer = Deframer::new(false);
    let mut input = BytesMut::from(wire);
    let mut last = deframer.next(&mut input);
    while let Ok(Some(_)) = last {
        last = deframer.next(&mut input);
    }
    assert_eq!(last, Err(Broken));
}

#[test]
fn a_client_that_does_not_mask_breaks_the_connection() {
    let mut input = BytesMut::from(&[0x81, 0][..]);
    assert_eq!(Deframer::new(true).next(&mut input), Err(Broken));
}
