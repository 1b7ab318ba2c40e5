//! The journal itself: appended to by many, read by all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AppFact, Class, ClientOutcome, Content, Entry, Fact, Frame, Headers, Sender};
use crate::domain::contract::Role;

#[cfg(test)]
mod tests;

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

/// How many bytes what is kept whole may take, and as many again what routine entries say: a body of 200 kB in each
/// of them would be more than most machines have.
const WHOLE_BYTES: usize = 8 * 1024 * 1024;

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
    /// The first of those that is whole, and what it and all after it weigh.
    whole: (EntryId, usize),
    routine: VecDeque<Arc<Entry>>,
    /// What those weigh.
    routine_bytes: usize,
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
            self.routine_bytes += weight(&entry);
            self.routine.push_back(Arc::clone(&entry));
            self.forget_routine();
        } else {
            self.whole.1 += weight(&entry);
            self.kept.push_back(Arc::clone(&entry));
            self.lighten_old();
            self.archive_old();
        }
        entry
    }

    /// Drops the oldest routine entries while there are too many.
    fn forget_routine(&mut self) {
        while self.routine.len() > ROUTINE_KEPT
            || (self.routine_bytes > WHOLE_BYTES && self.routine.len() > 1)
        {
            let oldest = self.routine.pop_front();
            self.routine_bytes -= oldest.map_or(0, |entry| weight(&entry));
        }
    }

    /// Takes headers and bodies from the oldest entries that have them, while there are too many.
    fn lighten_old(&mut self) {
        let (first, bytes) = &mut self.whole;
        let from = self.kept.partition_point(|entry| entry.id < *first);
        let mut left = self.kept.len() - from;
        for oldest in self.kept.range_mut(from..) {
            *first = oldest.id;
            if left <= WHOLE_KEPT && (*bytes <= WHOLE_BYTES || left == 1) {
                break;
            }
            *bytes -= weight(oldest);
            lighten(oldest);
            left -= 1;
        }
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
            // One that was made lighter before weighs nothing on either side.
            self.whole.1 -= weight(&entry);
            self.routine_bytes += weight(&entry);
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

/// About how many bytes of memory what an entry says takes.
fn weight(entry: &Entry) -> usize {
    let of = |headers: &Headers| -> usize {
        headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 48)
            .sum()
    };
    match &entry.fact {
        Fact::Request(request) => request.body.weight() + of(&request.headers),
        Fact::Answer(answer) => answer.body.weight() + of(&answer.headers),
        Fact::Frame {
            packet: Frame::Event { args, .. },
            ..
        } => args.weight(),
        _ => 0,
    }
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
