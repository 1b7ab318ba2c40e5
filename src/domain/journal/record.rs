//! The journal itself: appended to by many, read by all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AppFact, Class, ClientOutcome, Content, Entry, Fact, Headers, Sender};
use crate::domain::contract::Role;

/// The number of an entry, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EntryId(pub u64);

impl std::fmt::Display for EntryId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "#{}", self.0)
    }
}

/// Whoever follows the journal as it grows: rules, waiting steps, a journal file.
pub trait Observer: Send {
    /// Is shown every entry once, in order.
    fn observe(&mut self, entry: &Arc<Entry>);
}

/// One that is shown the journal and asked by others about what it has seen.
impl<T: Observer> Observer for Arc<Mutex<T>> {
    fn observe(&mut self, entry: &Arc<Entry>) {
        let mut own = self.lock().unwrap_or_else(PoisonError::into_inner);
        own.observe(entry);
    }
}

/// How many routine entries stay in memory. Older ones were shown to every observer and are dropped,
/// so a live feed needs no more memory in days than in minutes. Whoever counts must observe.
const ROUTINE_KEPT: usize = 1_024;

/// How many other entries stay in memory whole. Older ones lose headers and bodies, which are most of what
/// an entry weighs.
const WHOLE_KEPT: usize = 1_024;

/// How many of those stay in memory at all once there is an archive. Older ones are there.
const KEPT: usize = 8_192;

/// Where old entries go that findings may still cite, so that memory does not grow with the length of a run.
pub trait Archive: Send {
    /// Takes an entry, and says whether it can take another one. They come in the order of their numbers.
    #[must_use]
    fn keep(&mut self, entry: &Entry) -> bool;

    /// The entries of these numbers, and the requests of these exchanges, as far as they are here.
    fn find(&mut self, numbers: &BTreeSet<u64>, exchanges: &BTreeSet<u64>) -> Vec<Entry>;
}

/// The append-only record.
#[derive(Default)]
pub struct Journal {
    next: u64,
    kept: VecDeque<Arc<Entry>>,
    routine: VecDeque<Arc<Entry>>,
    polls: Polls,
    observers: Vec<Box<dyn Observer>>,
    archive: Option<Box<dyn Archive>>,
    /// Whether the archive takes no more.
    is_full: bool,
}

impl Journal {
    /// An empty journal with nobody watching.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows every entry from now on to `observer`.
    pub fn watch(&mut self, observer: Box<dyn Observer>) {
        self.observers.push(observer);
    }

    /// Has old entries go there from now on.
    pub fn archive_in(&mut self, archive: Box<dyn Archive>) {
        self.archive = Some(archive);
        self.is_full = false;
    }

    /// Appends a fact and returns its entry.
    pub fn append(&mut self, at: Duration, fact: Fact) -> Arc<Entry> {
        self.append_of(None, at, fact)
    }

    /// Appends a fact of one of several devices and returns its entry.
    pub fn append_of(&mut self, device: Option<&str>, at: Duration, fact: Fact) -> Arc<Entry> {
        self.next += 1;
        let entry = Arc::new(Entry {
            id: EntryId(self.next),
            at,
            device: device.map(str::to_owned),
            fact,
        });
        for observer in &mut self.observers {
            observer.observe(&entry);
        }
        let answered = self.polls.see(&entry);
        if let Some(request) = answered {
            self.demote(request);
        }
        if answered.is_some() || entry.fact.is_routine() || self.polls.are_told_by(&entry.fact) {
            self.routine.push_back(Arc::clone(&entry));
            while self.routine.len() > ROUTINE_KEPT {
                self.routine.pop_front();
            }
        } else {
            self.kept.push_back(Arc::clone(&entry));
            if let Some(old) = self.kept.len().checked_sub(WHOLE_KEPT + 1) {
                lighten(&mut self.kept[old]);
            }
            self.archive_old();
        }
        entry
    }

    /// Hands the oldest entry to the archive, unless it can take no more: then all stay in memory.
    fn archive_old(&mut self) {
        if self.is_full || self.kept.len() <= KEPT {
            return;
        }
        if let Some(archive) = &mut self.archive
            && let Some(old) = self.kept.pop_front()
        {
            self.is_full = !archive.keep(&old);
        }
    }

    /// Makes a routine entry of another one.
    fn demote(&mut self, id: EntryId) {
        let at = self.kept.binary_search_by_key(&id, |entry| entry.id);
        if let Some(entry) = at.ok().and_then(|at| self.kept.remove(at)) {
            let at = self.routine.partition_point(|other| other.id < id);
            self.routine.insert(at, entry);
        }
    }

    /// How many entries were ever appended.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.next
    }

    /// Whether nothing was ever appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// The entries of these numbers, and the requests of these exchanges, in order: all but old routine ones.
    pub fn find(
        &mut self,
        numbers: &BTreeSet<u64>,
        exchanges: &BTreeSet<u64>,
    ) -> BTreeMap<u64, Arc<Entry>> {
        let archive = self.archive.as_mut();
        let old = archive.map(|archive| archive.find(numbers, exchanges));
        let old = old.unwrap_or_default().into_iter().map(Arc::new);
        let in_memory = numbers.iter().filter_map(|id| self.get(EntryId(*id)));
        let mut found: BTreeMap<u64, Arc<Entry>> = old
            .chain(in_memory.cloned())
            .map(|entry| (entry.id.0, entry))
            .collect();
        if !exchanges.is_empty() {
            let asked = self.entries().filter(|entry| entry.asks_in(exchanges));
            found.extend(asked.map(|entry| (entry.id.0, Arc::clone(entry))));
        }
        found
    }

    /// The entries in memory in order: all but old routine ones, and old ones that the archive has.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.after(EntryId(0))
    }

    /// The entries in memory after `id`, in order.
    pub fn after(&self, id: EntryId) -> impl Iterator<Item = &Arc<Entry>> {
        let kept = self.kept.partition_point(|entry| entry.id <= id);
        let routine = self.routine.partition_point(|entry| entry.id <= id);
        let mut kept = self.kept.range(kept..).peekable();
        let mut routine = self.routine.range(routine..).peekable();
        std::iter::from_fn(move || match (kept.peek(), routine.peek()) {
            (Some(left), Some(right)) if left.id < right.id => kept.next(),
            (_, Some(_)) => routine.next(),
            (_, None) => kept.next(),
        })
    }

    /// The entry of this number, if it is still in memory.
    #[must_use]
    pub fn get(&self, id: EntryId) -> Option<&Arc<Entry>> {
        [&self.kept, &self.routine].into_iter().find_map(|entries| {
            let at = entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
            entries.get(at)
        })
    }
}

/// Follows requests that come by the thousand and say nothing once they are answered well: the live
/// feed's long-polling, whose packets stand in the journal one by one, and questions for the
/// kill-switch that are answered as the one before.
#[derive(Default)]
struct Polls {
    /// Those under way, by their exchanges.
    open: BTreeMap<u64, Poll>,
    /// Where they go: service and path.
    places: Vec<(String, String)>,
    /// What the kill-switch was said to be when it was last asked for.
    status: Content,
}

struct Poll {
    request: EntryId,
    of_status: bool,
}

impl Polls {
    /// Takes notice of an entry. If it is the good answer to a poll, that request comes back.
    fn see(&mut self, entry: &Entry) -> Option<EntryId> {
        match &entry.fact {
            Fact::Request(request)
                if matches!(request.role, Some(Role::Realtime | Role::Status))
                    && request.sender == Sender::Client
                    && request.judgement.class == Class::Allowed
                    && request.judgement.non_canonical.is_none() =>
            {
                let poll = Poll {
                    request: entry.id,
                    of_status: request.role == Some(Role::Status),
                };
                self.open.insert(request.exchange, poll);
                let path = request.bare_target();
                if !self.go_to(&request.service, path) {
                    self.places.push((request.service.clone(), path.to_owned()));
                }
                None
            }
            Fact::Answer(answer) => {
                let poll = self.open.remove(&answer.exchange)?;
                let news = poll.of_status && answer.body != self.status;
                if news {
                    self.status = answer.body.clone();
                }
                (answer.status == 200 && !news).then_some(poll.request)
            }
            Fact::Lost { exchange, .. } => {
                self.open.remove(exchange);
                None
            }
            _ => None,
        }
    }

    /// Whether this is what the client says about such an exchange.
    fn are_told_by(&self, fact: &Fact) -> bool {
        let Fact::App(AppFact::Exchange(exchange)) = fact else {
            return false;
        };
        exchange.outcome == ClientOutcome::Answered { status: 200 }
            && self.go_to(&exchange.service, path_of(&exchange.path))
    }

    fn go_to(&self, service: &str, path: &str) -> bool {
        let places = &mut self.places.iter();
        places.any(|(own, place)| own == service && place == path)
    }
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// Takes headers and body from an old entry.
fn lighten(entry: &mut Arc<Entry>) {
    match &mut Arc::make_mut(entry).fact {
        Fact::Request(request) => {
            request.headers = Headers::default();
            request.body = Content::Empty;
        }
        Fact::Answer(answer) => {
            answer.headers = Headers::default();
            answer.body = Content::Empty;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::TransportName;
    use crate::domain::journal::{Act, Direction, Frame};

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
}
