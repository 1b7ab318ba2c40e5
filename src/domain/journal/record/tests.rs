//! What stays in memory, what leaves it, and what is found again.

use serde_json::json;

use super::*;
use crate::domain::contract::TransportName;
use crate::domain::journal::{Act, Direction};

fn ping() -> Fact {
    Fact::Frame {
        socket: 1,
        direction: Direction::Down,
        transport: TransportName::Websocket,
        bytes: 1,
        packet: Frame::Ping { probe: false },
        judgement: None,
    }
}

/// A request of an exchange and an answer to it, with a text of so many bytes in each.
fn talk(journal: &mut Journal, exchange: u64, status: u16, bytes: usize, role: &str) {
    let body = json!({"text": {"text": "x".repeat(bytes), "bytes": bytes}});
    let facts = [
        json!({"request": {
            "exchange": exchange, "sender": "client", "service": "id", "method": "GET",
            "target": "/a", "path": "/a", "host": "h", "headers": [["a", "b"]], "body": body,
            "role": role, "judgement": {"class": "allowed", "reason": ""},
        }}),
        json!({"answer": {
            "exchange": exchange, "status": status, "headers": [["a", "b"]], "body": body,
            "from": "backend",
        }}),
    ];
    for fact in facts {
        journal.append(Duration::ZERO, serde_json::from_value(fact).unwrap());
    }
}

fn bodies(entries: &VecDeque<Arc<Entry>>) -> usize {
    entries.iter().map(|entry| weight(entry)).sum()
}

#[test]
fn long_bodies_leave_memory_before_there_are_many_and_the_newest_is_whole() {
    let mut journal = Journal::new();
    let long = WHOLE_BYTES / 8;
    for exchange in 0..40 {
        talk(&mut journal, exchange, 200, long, "sign-in");
        talk(&mut journal, 1_000 + exchange, 200, long, "realtime");
        talk(&mut journal, 2_000 + exchange, 500, 10, "realtime");
    }
    assert_eq!(journal.len(), 240);
    assert_eq!(journal.kept.len(), 160, "those are lighter, and there");
    for (entries, counted) in [
        (&journal.kept, journal.whole.1),
        (&journal.routine, journal.routine_bytes),
    ] {
        assert_eq!(bodies(entries), counted);
        assert!(
            counted <= WHOLE_BYTES && counted > WHOLE_BYTES / 2,
            "{counted}"
        );
    }
    let whole = |entry: &&Arc<Entry>| weight(entry) > 0;
    let first = journal.kept.iter().position(|entry| weight(entry) > 0);
    let newest = journal.kept.iter().filter(whole).count();
    assert_eq!(
        first.unwrap() + newest,
        160,
        "the newest are whole, without a gap"
    );

    talk(&mut journal, 9_000, 500, 2 * WHOLE_BYTES, "sign-in");
    assert!(weight(journal.kept.back().unwrap()) > WHOLE_BYTES);
    assert_eq!(bodies(&journal.kept), journal.whole.1);
}

/// An archive that takes so many entries.
struct Shelf(usize, Vec<Entry>);

impl Archive for Shelf {
    fn keep(&mut self, entry: &Entry) -> bool {
        self.1.push(entry.clone());
        self.1.len() < self.0
    }

    fn find(&mut self, numbers: &BTreeSet<u64>, exchanges: &BTreeSet<u64>) -> Vec<Entry> {
        let all = self.1.iter();
        all.filter(|entry| numbers.contains(&entry.id.0) || entry.asks_in(exchanges))
            .cloned()
            .collect()
    }
}

#[test]
fn old_entries_leave_memory_for_the_archive_until_it_is_full_and_are_found_in_either() {
    let mut journal = Journal::new();
    journal.archive_in(Box::new(Shelf(100, Vec::new())));
    poll(&mut journal, 1, 500);
    let all = KEPT + 150;
    while journal.len() < all as u64 {
        journal.append(Duration::ZERO, Fact::Act(Act::Launch));
    }
    assert_eq!(journal.entries().count(), all - 100);
    assert!(journal.get(EntryId(100)).is_none() && journal.get(EntryId(101)).is_some());
    let numbers = BTreeSet::from([2, 100, 101, all as u64, all as u64 + 1]);
    let found = journal.find(&numbers, &BTreeSet::from([1]));
    let found: Vec<u64> = found.into_keys().collect();
    assert_eq!(found, [1, 2, 100, 101, all as u64]);
}

#[test]
fn entries_come_back_in_order_and_by_number() {
    let mut journal = Journal::new();
    for _ in 0..3 {
        journal.append(Duration::ZERO, Fact::Act(Act::Launch));
        journal.append(Duration::ZERO, ping());
    }
    let ids: Vec<u64> = journal.entries().map(|entry| entry.id.0).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    let later: Vec<u64> = journal.after(EntryId(3)).map(|entry| entry.id.0).collect();
    assert_eq!(later, [4, 5, 6]);
    assert_eq!(journal.get(EntryId(4)).unwrap().fact, ping());
}

/// A long poll as the gateway sees it, and as the client tells of it.
fn poll(journal: &mut Journal, exchange: u64, status: u16) {
    let facts = [
        json!({"request": {
            "exchange": exchange, "sender": "client", "service": "trading", "method": "GET",
            "target": "/edge/socket.io/?EIO=4&transport=polling&sid=S1", "path": "/socket.io/",
            "host": "h", "headers": [], "body": "empty", "role": "realtime",
            "judgement": {"class": "allowed", "reason": ""},
        }}),
        json!({"answer": {
            "exchange": exchange, "status": status, "headers": [], "body": "empty",
            "from": "backend",
        }}),
        json!({"app": {"exchange": {
            "service": "trading", "method": "GET", "path": "/edge/socket.io/",
            "outcome": {"answered": {"status": status}},
        }}}),
    ];
    for fact in facts {
        journal.append(Duration::ZERO, serde_json::from_value(fact).unwrap());
    }
}

#[test]
fn old_polls_leave_memory_unless_they_failed() {
    let mut journal = Journal::new();
    poll(&mut journal, 1, 200);
    poll(&mut journal, 2, 400);
    for exchange in 3..ROUTINE_KEPT as u64 {
        poll(&mut journal, exchange, 200);
    }
    assert_eq!(journal.entries().count(), ROUTINE_KEPT + 3);
    let ids: Vec<u64> = journal.entries().map(|entry| entry.id.0).collect();
    assert!(ids.is_sorted() && ids.starts_with(&[4, 5, 6]));
    assert!(journal.get(EntryId(4)).is_some() && journal.get(EntryId(7)).is_none());
    assert!(journal.polls.open.is_empty());
}

#[test]
fn questions_for_the_kill_switch_leave_memory_unless_the_answer_is_news() {
    let mut journal = Journal::new();
    let mut ask = |exchange: u64, active: bool| {
        let request = json!({"request": {
            "exchange": exchange, "sender": "client", "service": "id", "method": "GET",
            "target": "/edge/status", "path": "/status", "host": "h", "headers": [],
            "role": "status", "judgement": {"class": "allowed", "reason": ""},
        }});
        let answer = json!({"answer": {
            "exchange": exchange, "status": 200, "headers": [], "from": "backend",
            "body": {"json": {"value": {"active": active}, "bytes": 16}},
        }});
        for fact in [request, answer] {
            journal.append(Duration::ZERO, serde_json::from_value(fact).unwrap());
        }
    };
    for exchange in 0..ROUTINE_KEPT as u64 {
        ask(exchange, exchange == 7);
    }
    // The first answer, the switch and its end are news; half of the others have left.
    let kept: Vec<u64> = journal.kept.iter().map(|entry| entry.id.0).collect();
    assert_eq!(kept, [1, 2, 15, 16, 17, 18]);
    assert_eq!(journal.entries().count(), ROUTINE_KEPT + kept.len());
}

#[test]
fn old_routine_packets_leave_memory_and_other_entries_stay() {
    let mut journal = Journal::new();
    journal.append(Duration::ZERO, Fact::Act(Act::Launch));
    for _ in 0..ROUTINE_KEPT + 10 {
        journal.append(Duration::ZERO, ping());
    }
    assert_eq!(journal.entries().count(), ROUTINE_KEPT + 1);
    assert_eq!(journal.len(), ROUTINE_KEPT as u64 + 11);
    assert!(journal.get(EntryId(1)).is_some() && journal.get(EntryId(2)).is_none());
}
