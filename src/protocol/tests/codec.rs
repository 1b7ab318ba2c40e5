//! The codec: tables of what the official parsers read and refuse, and random round trips.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::protocol::packet::{
    Args, Auth, Body, DecodeError, EnginePacket, Frame, Limits, Packet, Progress, Reassembler,
    Refusal, payload,
};

fn event(namespace: &str, id: Option<u64>, name: &str, args: Vec<Value>) -> Packet {
    Packet {
        namespace: namespace.to_owned(),
        body: Body::Event {
            id,
            name: name.to_owned(),
            args: args.into(),
        },
    }
}

fn decode(text: &str) -> Result<Packet, DecodeError> {
    Packet::decode(text, Limits::default()).map(|header| header.packet)
}

#[test]
fn packets_are_read_as_the_official_parser_reads_them() {
    let table = [
        (r#"2["a"]"#, event("/", None, "a", vec![])),
        (
            r#"2/trading,["a",1,{"b":[true]}]"#,
            event("/trading", None, "a", vec![json!(1), json!({"b":[true]})]),
        ),
        (r#"212["a"]"#, event("/", Some(12), "a", vec![])),
        (r#"2/x?y=1,0["a"]"#, event("/x?y=1", Some(0), "a", vec![])),
        // JavaScript takes a blank for the digit zero.
        (r#"2/x, ["a"]"#, event("/x", Some(0), "a", vec![])),
        (r#"2 7 ["a"]"#, event("/", Some(7), "a", vec![])),
        // A numeric name is a name, and half a surrogate pair does not spoil the rest.
        ("2[5,6]", event("/", None, "5", vec![json!(6)])),
        ("2[5.0]", event("/", None, "5", vec![])),
        (
            r#"2["a","\ud83d!","\\ud83d","\ud83d\ude00"]"#,
            event(
                "/",
                None,
                "a",
                vec![json!("\u{fffd}!"), json!("\\ud83d"), json!("😀")],
            ),
        ),
        ("2", event("/", None, "", vec![])),
    ];
    for (text, packet) in table {
        assert_eq!(decode(text), Ok(packet), "{text}");
    }
}

#[test]
fn what_the_official_parser_refuses_is_refused_with_a_reason() {
    let table = [
        ("", DecodeError::Empty),
        ("abc", DecodeError::SocketType('a')),
        ("7", DecodeError::SocketType('7')),
        ("é", DecodeError::SocketType('é')),
        ("2{}", DecodeError::Payload),
        ("2[]", DecodeError::Payload),
        ("2[{}]", DecodeError::Payload),
        ("2[null]", DecodeError::Payload),
        ("2[\"a\"", DecodeError::Payload),
        ("2[\"a\",NaN]", DecodeError::Payload),
        ("2abc[\"a\"]", DecodeError::Payload),
        (
            "2[\"disconnect\"]",
            DecodeError::Reserved("disconnect".to_owned()),
        ),
        ("1{}", DecodeError::Payload),
        ("0[]", DecodeError::Payload),
        ("3{}", DecodeError::Payload),
        ("4[]", DecodeError::Payload),
        ("5[\"a\"]", DecodeError::AttachmentCount),
        ("50-[\"a\"]", DecodeError::AttachmentCount),
        ("5-[\"a\"]", DecodeError::AttachmentCount),
        ("5x-[\"a\"]", DecodeError::AttachmentCount),
        ("511-[\"a\"]", DecodeError::TooManyAttachments(11)),
        (
            "599999999999999999999-[\"a\"]",
            DecodeError::TooManyAttachments(u64::MAX),
        ),
        ("21 2[\"a\"]", DecodeError::AckId),
        ("299999999999999999999999[\"a\"]", DecodeError::AckId),
    ];
    for (text, error) in table {
        assert_eq!(decode(text), Err(error), "{text}");
    }
    let deep = format!("2[\"a\",{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(decode(&deep), Err(DecodeError::Payload));
}

#[test]
fn a_binary_packet_is_joined_over_any_number_of_bodies() {
    let mut reassembler = Reassembler::default();
    let header = r#"52-/trading,7["pic",{"_placeholder":true,"num":1},{"deep":[{"_placeholder":true,"num":0}]}]"#;
    let Ok(Progress::Pending { packet, missing: 2 }) = reassembler.text(header) else {
        panic!("the header alone is not the packet");
    };
    assert!(matches!(&packet.body, Body::Event { name, .. } if name == "pic"));
    assert!(matches!(
        reassembler.binary(Bytes::from_static(b"zero")),
        Ok(Progress::Pending { missing: 1, .. })
    ));
    let Ok(Progress::Complete(packet)) = reassembler.binary(Bytes::from_static(b"one")) else {
        panic!("the last attachment completes the packet");
    };
    let Body::Event {
        id: Some(7), args, ..
    } = &packet.body
    else {
        panic!("{packet:?}");
    };
    assert_eq!(args.binary(&args.values[0]).unwrap(), "one");
    assert_eq!(args.binary(&args.values[1]["deep"][0]).unwrap(), "zero");
    assert_eq!(args.binary(&json!("no placeholder")), None);
    let frames = packet.encode();
    assert_eq!(frames[0], Frame::Text(format!("4{header}")));
    assert_eq!(frames.len(), 3);
}

#[test]
fn a_reassembler_refuses_what_does_not_belong_together() {
    let header = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    let mut reassembler = Reassembler::default();
    assert_eq!(
        reassembler.binary(Bytes::new()),
        Err(DecodeError::StrayAttachment)
    );
    assert!(reassembler.text(header).is_ok());
    assert_eq!(
        reassembler.text("2[\"b\"]"),
        Err(DecodeError::TextAmidAttachments)
    );
    assert_eq!(reassembler.missing(), 0, "an error leaves a clean state");
    for astray in ["1", "-1", "\"0\"", "null"] {
        let header = format!(r#"51-["a",{{"_placeholder":true,"num":{astray}}}]"#);
        assert!(reassembler.text(&header).is_ok());
        assert_eq!(
            reassembler.binary(Bytes::new()),
            Err(DecodeError::Placeholder),
            "{astray}"
        );
    }
    let mut small = Reassembler::new(Limits {
        bytes: 50,
        ..Limits::default()
    });
    assert!(small.text(header).is_ok());
    assert_eq!(
        small.binary(Bytes::from(vec![0; 20])),
        Err(DecodeError::TooLarge)
    );
    assert_eq!(
        small.text(&format!("2[\"{}\"]", "x".repeat(50))),
        Err(DecodeError::TooLarge)
    );
}

#[test]
fn refusals_keep_message_and_data() {
    let table = [
        (
            r#"4/t,{"message":"no","data":{"a":1}}"#,
            "no",
            Some(json!({"a":1})),
        ),
        (
            r#"4/t,{"message":"Invalid namespace"}"#,
            "Invalid namespace",
            None,
        ),
        (r#"4/t,"old""#, "old", None),
        ("4/t", "", None),
    ];
    for (text, message, data) in table {
        let refusal = Refusal {
            message: message.to_owned(),
            data,
        };
        let body = Body::ConnectError(refusal);
        let namespace = "/t".to_owned();
        assert_eq!(decode(text), Ok(Packet { namespace, body }), "{text}");
    }
}

#[test]
fn bodies_are_split_at_the_record_separator_and_read_up_to_the_first_error() {
    let read = |body| payload::packets(body).collect::<Vec<_>>();
    assert_eq!(
        read("4a\u{1e}bAQID\u{1e}6\u{1e}2probe"),
        [
            Ok(EnginePacket::Text("a")),
            Ok(EnginePacket::Binary(Bytes::from_static(&[1, 2, 3]))),
            Ok(EnginePacket::Noop),
            Ok(EnginePacket::Ping("probe")),
        ]
    );
    assert_eq!(read(""), [Err(DecodeError::Empty)]);
    assert_eq!(read("<html>\u{1e}4a"), [Err(DecodeError::EngineType('<'))]);
    assert_eq!(
        read("4a\u{1e}\u{1e}4b"),
        [Ok(EnginePacket::Text("a")), Err(DecodeError::Empty)]
    );
}

#[test]
fn base64_is_read_as_generously_as_node_does() {
    let table: [(&str, &[u8]); 7] = [
        ("bAQID", &[1, 2, 3]),
        ("bAQIDBA==", &[1, 2, 3, 4]),
        ("bAQIDBA", &[1, 2, 3, 4]),
        ("b-_8", &[0xfb, 0xff]),
        ("bAQ\nID", &[1, 2, 3]),
        ("bA", &[]),
        ("b", &[]),
    ];
    for (text, bytes) in table {
        assert_eq!(
            EnginePacket::decode(text),
            Ok(EnginePacket::Binary(Bytes::copy_from_slice(bytes))),
            "{text}"
        );
    }
}

#[test]
fn a_token_in_an_auth_payload_is_never_shown() {
    let auth = Auth(super::network::object(json!({ "token": "s3cret" })));
    let packet = Packet {
        namespace: "/trading".to_owned(),
        body: Body::Connect(Some(auth)),
    };
    let frames = packet.encode();
    let body = payload::join(&[frames[0].clone(), Frame::Text("2".to_owned())]);
    let request = crate::protocol::server::Request {
        method: "POST".to_owned(),
        query: String::new(),
        content_type: None,
        body: body.clone(),
    };
    let output = crate::protocol::client::Output::Post {
        request: crate::protocol::client::RequestId(0),
        target: String::new(),
        body,
    };
    assert_eq!(format!("{frames:?}"), r#"[Text("40/trading,{…}")]"#);
    for shown in [
        format!("{packet:?}"),
        format!("{request:?}"),
        format!("{output:?}"),
    ] {
        assert!(
            shown.contains("/trading") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[a-z\"\\\\]{0,4}", inner), 0..4)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn args() -> impl Strategy<Value = Args> {
    (vec(json_value(), 0..4), vec(vec(any::<u8>(), 0..20), 0..4)).prop_map(|(values, binaries)| {
        let args = Args::from(values);
        binaries
            .into_iter()
            .fold(args, |args, bytes| args.and_binary(bytes))
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    let namespace = prop_oneof![Just("/".to_owned()), "/[a-z0-9?=/-]{1,8}"];
    let name = ".{0,8}".prop_filter("reserved", |name| {
        !crate::protocol::packet::is_reserved(name)
    });
    let body = prop_oneof![
        Just(Body::Disconnect),
        proptest::option::of(vec((".{0,4}", json_value()), 0..3)).prop_map(|fields| Body::Connect(
            fields.map(|fields| Auth(fields.into_iter().collect()))
        )),
        (proptest::option::of(any::<u64>()), name, args())
            .prop_map(|(id, name, args)| Body::Event { id, name, args }),
        (any::<u64>(), args()).prop_map(|(id, args)| Body::Ack { id: Some(id), args }),
        (".{0,8}", proptest::option::of(json_value()))
            .prop_map(|(message, data)| Body::ConnectError(Refusal { message, data })),
    ];
    (namespace, body).prop_map(|(namespace, body)| Packet { namespace, body })
}

/// Reads frames as one session's direction and returns every whole packet.
fn read<'a>(packets: impl Iterator<Item = Result<EnginePacket<'a>, DecodeError>>) -> Vec<Packet> {
    let mut reassembler = Reassembler::default();
    let mut whole = Vec::new();
    for packet in packets {
        let progress = match packet.unwrap() {
            EnginePacket::Text(text) => reassembler.text(text).unwrap(),
            EnginePacket::Binary(bytes) => reassembler.binary(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        if let Progress::Complete(packet) = progress {
            whole.push(packet);
        }
    }
    whole
}

proptest! {
    #[test]
    fn every_packet_survives_both_transports(sent in vec(packet(), 1..5), split in any::<prop::sample::Index>()) {
        let frames: Vec<Frame> = sent.iter().flat_map(Packet::encode).collect();
        prop_assert_eq!(&read(frames.iter().map(EnginePacket::from_frame)), &sent);
        // Wherever the frames are cut into two bodies, the packets are the same.
        let (first, second) = frames.split_at(split.index(frames.len()));
        let bodies = [payload::join(first), payload::join(second)];
        let packets = bodies.iter().filter(|body| !body.is_empty()).flat_map(|body| payload::packets(body));
        prop_assert_eq!(&read(packets), &sent);
    }

    #[test]
    fn no_text_makes_the_decoders_panic(texts in vec("[0-6b]{0,2}[0-9/, {}\\[\\]\"a-z\\\\u\u{1e}é-]{0,24}", 0..6), noise in vec(any::<u8>(), 0..30)) {
        let mut reassembler = Reassembler::default();
        for text in &texts {
            for packet in payload::packets(text).flatten() {
                match packet {
                    EnginePacket::Text(text) => drop(reassembler.text(text)),
                    EnginePacket::Binary(bytes) => drop(reassembler.binary(bytes)),
                    _ => {}
                }
            }
        }
        let noise = String::from_utf8_lossy(&noise);
        let _ = EnginePacket::decode(&noise);
        let _ = decode(&noise);
    }
}

#[test]
fn the_beginning_of_a_packet_tells_what_the_whole_asks() {
    let beginning = |text| {
        let (header, args) = Packet::beginning(text, Limits::default())?;
        Ok((header.packet, args))
    };
    let named = |namespace, id, name| event(namespace, id, name, vec![]);
    let table = [
        (r#"2["a","bcd"#, named("/", None, "a"), r#""bcd"#),
        (r#"2/x,7[ "a\",b" ,1"#, named("/x", Some(7), "a\",b"), "1"),
        (r#"2/x, ["a",{"#, named("/x", Some(0), "a"), "{"),
        ("2[5.0,6", named("/", None, "5"), "6"),
    ];
    for (text, packet, args) in table {
        assert_eq!(beginning(text), Ok((packet, args)), "{text}");
    }
    let ack = Packet {
        namespace: "/x".to_owned(),
        body: Body::Ack {
            id: Some(3),
            args: Args::none(),
        },
    };
    assert_eq!(beginning(r#"3/x,3["abc"#), Ok((ack, r#""abc"#)));
    for text in [
        "",
        "2",
        "2/x",
        "2[",
        r#"2["a"#,
        r#"2["a""#,
        r#"2["a"]"#,
        r#"2[["a","b"#,
        r#"2[{"a":1,"#,
        r#"0{"token":"#,
        r#"51-["a""#,
    ] {
        assert_eq!(beginning(text), Err(DecodeError::TooLarge), "{text}");
    }
    let binary = Packet::beginning(r#"52-/x,["a",{"_placeholder""#, Limits::default());
    let (header, args) = binary.unwrap();
    assert_eq!((header.attachments, args), (2, r#"{"_placeholder""#));
    assert_eq!(header.packet, named("/x", None, "a"));
    let reserved = DecodeError::Reserved("connect".to_owned());
    assert_eq!(beginning(r#"2["connect",1"#), Err(reserved));
}

proptest! {
    #[test]
    fn wherever_an_event_is_cut_its_beginning_is_that_of_the_whole_or_says_nothing(
        name in "[a-z\",\\\\\\[ é]{1,8}",
        id in proptest::option::of(0_u64..1000),
        values in vec("[a-z\",\\]\\\\]{0,6}", 1..4),
        cut in any::<proptest::sample::Index>(),
    ) {
        let args = values.into_iter().map(Value::from).collect();
        let text = match &event("/n", id, &name, args).encode()[0] {
            Frame::Text(text) => text[1..].to_owned(),
            Frame::Binary(_) => unreachable!(),
        };
        let at = text.floor_char_boundary(cut.index(text.len()));
        let expected = event("/n", id, &name, vec![]);
        match Packet::beginning(&text[..at], Limits::default()) {
            Ok((header, args)) => {
                prop_assert_eq!(header.packet, expected);
                prop_assert!(text[..at].ends_with(args));
            }
            Err(error) => prop_assert_eq!(error, DecodeError::TooLarge),
        }
    }
}
