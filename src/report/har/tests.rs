//! What an archive holds, by the format's own schema.

use serde_json::Value;

use super::*;
use crate::domain::contract::TransportName;
use crate::domain::journal::file::{Case, ContractMark};
use crate::domain::journal::{
    Answerer, Class, Content, EntryId, Headers, Judgement, Sender, SocketEnd,
};
use crate::report::samples;

fn header(id: &str) -> Header {
    Header {
        journal: 2,
        rehearsal: "0.0.0".to_owned(),
        contract: ContractMark::default(),
        target: "mock".to_owned(),
        seed: 1,
        epoch: 1_767_603_600,
        virtual_time: true,
        enforced: true,
        quirks: Vec::new(),
        defects: Vec::new(),
        case: Case {
            id: id.to_owned(),
            name: "It works".to_owned(),
            ..Case::default()
        },
    }
}

fn request(exchange: u64, target: &str, headers: &[(&str, &str)], body: Content) -> Fact {
    let pairs = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Fact::Request(Box::new(Request {
        exchange,
        sender: Sender::Client,
        service: "orders".to_owned(),
        method: "GET".to_owned(),
        target: target.to_owned(),
        path: target.to_owned(),
        host: "orders.test".to_owned(),
        headers: pairs.collect::<Vec<_>>().into(),
        body,
        role: None,
        judgement: Judgement {
            class: Class::Allowed,
            reason: "declared".to_owned(),
            non_canonical: None,
            unknown_name: false,
        },
        insecure: None,
    }))
}

fn answer(exchange: u64, status: u16) -> Fact {
    Fact::Answer(Answer {
        exchange,
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())].into(),
        body: Content::Json {
            value: serde_json::json!({"a": "‹access-1›"}).into(),
            bytes: 9,
        },
        from: Answerer::Backend,
        request_id: None,
        sent: Headers::default(),
        leads_past: Vec::new(),
    })
}

fn frame(direction: Direction, packet: Frame) -> Fact {
    Fact::Frame {
        socket: 4,
        direction,
        transport: TransportName::Websocket,
        bytes: 1,
        packet,
        judgement: None,
    }
}

fn archive(facts: Vec<Fact>) -> Value {
    let mut bytes = Vec::new();
    let mut archive = Archive::begin(&mut bytes).unwrap();
    archive.journal(&header("sign-in")).unwrap();
    for (at, fact) in (0..).zip(facts) {
        let entry = samples::entry(at + 1, at * 10, fact);
        archive.entry(&entry).unwrap();
    }
    archive.end().unwrap();
    let read: Value = serde_json::from_slice(&bytes).unwrap();
    let schema = include_str!("../../../fixtures/schemas/har.json");
    samples::assert_valid(&serde_json::from_str(schema).unwrap(), &read);
    read
}

#[test]
fn an_exchange_is_an_entry_with_its_bodies_and_times() {
    let body = Content::Text {
        text: "q".to_owned(),
        bytes: 1,
    };
    let read = archive(vec![
        request(
            1,
            "/api/a?b=c&d",
            &[("authorization", "Bearer ‹access-1›")],
            body,
        ),
        request(2, "/api/never", &[], Content::Empty),
        answer(1, 200),
    ]);
    let entries = read["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let first = &entries[0];
    assert_eq!(first["request"]["url"], "http://orders.test/api/a?b=c&d");
    assert_eq!(first["startedDateTime"], "2026-01-05T09:00:00.000Z");
    assert_eq!(first["time"], 20.0);
    assert_eq!(
        first["response"]["content"]["text"],
        "{\"a\":\"‹access-1›\"}"
    );
    assert_eq!(first["pageref"], "sign-in");
    assert_eq!(entries[1]["_error"], "the journal ends before it does");
    assert_eq!(read["log"]["pages"][0]["title"], "sign-in: It works");
}

#[test]
fn a_websocket_is_one_entry_with_its_messages_as_they_went_over_it() {
    let upgrade = [("upgrade", "websocket"), ("connection", "Upgrade")];
    let event = |attachments| Frame::Event {
        namespace: "/live".to_owned(),
        name: "price".to_owned(),
        args: Content::Json {
            value: serde_json::json!([{"p": 1}]).into(),
            bytes: 9,
        },
        ack: Some(7),
        attachments,
    };
    let read = archive(vec![
        request(
            1,
            "/socket.io/?transport=websocket",
            &upgrade,
            Content::Empty,
        ),
        answer(1, 101),
        frame(Direction::Up, Frame::Ping { probe: true }),
        frame(Direction::Down, event(0)),
        frame(Direction::Down, event(2)),
        Fact::SocketClosed {
            socket: 4,
            end: SocketEnd::Client,
        },
    ]);
    let entries = read["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    let socket = &entries[0];
    assert_eq!(socket["_resourceType"], "websocket");
    assert_eq!(
        socket["request"]["url"],
        "ws://orders.test/socket.io/?transport=websocket"
    );
    assert_eq!(socket["time"], 50.0);
    let messages = socket["_webSocketMessages"].as_array().unwrap();
    let told: Vec<(&str, &str)> = messages
        .iter()
        .map(|own| (own["type"].as_str().unwrap(), own["data"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("send", "2probe"),
            ("receive", "42/live,7[\"price\",{\"p\":1}]"),
            ("receive", "452-/live,7[\"price\",{\"p\":1}]"),
        ]
    );
    assert_eq!(messages[0]["time"], 1_767_603_600.02);
}

#[test]
fn journals_of_one_scenario_are_pages_of_their_own() {
    let mut bytes = Vec::new();
    let mut archive = Archive::begin(&mut bytes).unwrap();
    for _ in 0..2 {
        archive.journal(&header("sign-in")).unwrap();
        let fact = request(1, "/", &[], Content::Empty);
        let entry = Entry {
            id: EntryId(1),
            at: Duration::ZERO,
            device: None,
            fact,
        };
        archive.entry(&Arc::new(entry)).unwrap();
    }
    archive.end().unwrap();
    let read: Value = serde_json::from_slice(&bytes).unwrap();
    let pages = read["log"]["pages"].as_array().unwrap();
    assert_eq!(
        (&pages[0]["id"], &pages[1]["id"]),
        (&"sign-in".into(), &"sign-in (2)".into())
    );
    assert_eq!(read["log"]["entries"][1]["pageref"], "sign-in (2)");
}
