//! What happened lately, for whoever wants to follow it: numbered, and bounded however slow a reader is.
//!
//! Nobody has a queue of their own. A reader says up to which number it has read; what it has missed meanwhile
//! because the tape has moved on is counted and told, and it goes on from there.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

mod spill;

use spill::Spill;

/// How many entries are kept at most.
const MOST_ENTRIES: usize = 20_000;

/// How many bytes of entries are kept at most.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How many entries one answer brings at most.
pub(super) const MOST_AT_ONCE: usize = 1_000;

/// The tape.
#[derive(Debug)]
pub(crate) struct Tape {
    id: u64,
    ring: Mutex<Ring>,
    grown: Notify,
}

impl Default for Tape {
    fn default() -> Self {
        Self::reaching_back(0)
    }
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<Note>>,
    bytes: usize,
    /// The number of the newest entry; the first has 1.
    last: u64,
    /// Whether nothing comes any more.
    closed: bool,
    /// What there was no room for in memory.
    spill: Option<Spill>,
}

/// One entry.
#[derive(Debug, PartialEq)]
pub(crate) struct Note {
    /// Its number, from 1, without gaps.
    pub(crate) number: u64,
    /// Of which kind it is.
    pub(crate) kind: String,
    /// The JSON that it is.
    pub(crate) text: String,
}

/// What a reader gets.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Page {
    /// What happened, in order.
    pub(crate) notes: Vec<Arc<Note>>,
    /// Up to where the reader has read then.
    pub(crate) next: u64,
    /// How many entries were dropped before they were read, of whatever kind.
    pub(crate) lost: u64,
}

impl Tape {
    /// A tape that has room for so many bytes on disk, beside what it holds in memory.
    pub(crate) fn reaching_back(bytes: u64) -> Self {
        let ring = Ring {
            spill: (bytes > 0).then(|| Spill::new(bytes)),
            ..Ring::default()
        };
        Self {
            id: fastrand::u64(..),
            ring: Mutex::new(ring),
            grown: Notify::new(),
        }
    }

    /// What tells it from the tape of another process.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Says that nothing comes any more: whoever has read all is let go.
    pub(crate) fn close(&self) {
        self.ring().closed = true;
        self.grown.notify_waiters();
    }

    /// Adds an entry, and drops the oldest if there are too many. `text` gets the entry's number and is its JSON.
    pub(crate) fn add(&self, kind: &str, text: impl FnOnce(u64) -> String) {
        let mut ring = self.ring();
        ring.add(kind, text);
        if let Err(error) = ring.make_room() {
            ring.spill = None;
            let why = format!("nothing older than what memory holds is kept any more: {error}");
            ring.add("tape", |number| {
                serde_json::json!({ "id": number, "tape": why }).to_string()
            });
        }
        drop(ring);
        self.grown.notify_waiters();
    }

    /// What happened after this number, of these kinds or of all, and so many entries at most.
    pub(super) fn since(&self, number: u64, kinds: &[String], most: usize) -> Page {
        let mut ring = self.ring();
        // A reader of an earlier process knows numbers that there are not yet: it begins anew.
        let number = if number > ring.last { 0 } else { number };
        let most = most.min(MOST_AT_ONCE);
        let held = ring.first_held();
        let first = ring.first().min(held);
        let mut page = Page {
            notes: Vec::new(),
            next: number.max(first - 1),
            lost: first.saturating_sub(number + 1),
        };
        if page.next + 1 < held {
            page = ring.spilled(page, kinds, most);
            if page.next + 1 < held {
                return page;
            }
        }
        let skipped = usize::try_from((page.next + 1).saturating_sub(held)).unwrap_or(usize::MAX);
        for note in ring.entries.iter().skip(skipped) {
            if page.notes.len() == most {
                break;
            }
            page.next = note.number;
            if kinds.is_empty() || kinds.contains(&note.kind) {
                page.notes.push(Arc::clone(note));
            }
        }
        page
    }

    /// The same, once there is something to tell; nothing at all when nothing comes any more.
    pub(crate) async fn after(&self, mut number: u64, kinds: &[String]) -> Page {
        let mut lost = 0;
        loop {
            // Listened for before looking, so that nothing comes in between.
            let grown = self.grown.notified();
            let page = self.since(number, kinds, MOST_AT_ONCE);
            lost += page.lost;
            if !page.notes.is_empty() || lost > 0 || self.is_over(page.next) {
                return Page { lost, ..page };
            }
            number = page.next;
            grown.await;
        }
    }

    /// Whether nothing comes after this number any more.
    fn is_over(&self, number: u64) -> bool {
        let ring = self.ring();
        ring.closed && number >= ring.last
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn add(&mut self, kind: &str, text: impl FnOnce(u64) -> String) {
        self.last += 1;
        let note = Note {
            number: self.last,
            kind: kind.to_owned(),
            text: text(self.last),
        };
        self.bytes += note.text.len();
        self.entries.push_back(Arc::new(note));
    }

    /// Puts the oldest away while there are too many.
    fn make_room(&mut self) -> io::Result<()> {
        while self.entries.len() > MOST_ENTRIES
            || (self.bytes > MOST_BYTES && self.entries.len() > 1)
        {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
            if let Some(spill) = &mut self.spill {
                spill.push(&oldest)?;
            }
        }
        Ok(())
    }

    /// The number of the oldest entry in memory.
    fn first_held(&self) -> u64 {
        self.entries.front().map_or(self.last + 1, |own| own.number)
    }

    /// The number of the oldest entry of all.
    fn first(&self) -> u64 {
        let spilled = self.spill.as_ref().and_then(Spill::first);
        spilled.unwrap_or_else(|| self.first_held())
    }

    /// A page, filled with what is on disk; what cannot be read there is lost.
    fn spilled(&mut self, page: Page, kinds: &[String], most: usize) -> Page {
        let read = self
            .spill
            .as_mut()
            .map(|spill| spill.read(page.next, kinds, most));
        match read {
            Some(Ok((notes, next))) => Page {
                notes,
                next,
                ..page
            },
            _ => {
                self.spill = None;
                let held = self.first_held();
                Page {
                    next: held - 1,
                    lost: page.lost + held - 1 - page.next,
                    ..page
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn numbers(page: &Page) -> Vec<u64> {
        page.notes.iter().map(|note| note.number).collect()
    }

    #[test]
    fn a_reader_goes_on_where_it_was_and_hears_only_of_what_it_asks_for() {
        let tape = Tape::default();
        for kind in ["request", "event", "request"] {
            tape.add(kind, |number| json!({ "n": number }).to_string());
        }
        let page = tape.since(0, &[], MOST_AT_ONCE);
        assert_eq!(
            (numbers(&page), page.next, page.lost),
            (vec![1, 2, 3], 3, 0)
        );
        let page = tape.since(1, &["request".to_owned()], MOST_AT_ONCE);
        assert_eq!((numbers(&page), page.next), (vec![3], 3));
        assert_eq!(tape.since(3, &[], MOST_AT_ONCE).notes, []);
        // Whoever followed another process begins anew.
        assert_eq!(numbers(&tape.since(900, &[], MOST_AT_ONCE)), [1, 2, 3]);
    }

    #[test]
    fn a_reader_that_never_reads_costs_nothing_and_hears_how_much_it_has_missed() {
        let tape = Tape::default();
        let many = u64::try_from(MOST_ENTRIES).unwrap() + 500;
        for _ in 0..many {
            tape.add("request", |_| json!(1).to_string());
        }
        assert_eq!(tape.ring().entries.len(), MOST_ENTRIES);
        let page = tape.since(0, &[], MOST_AT_ONCE);
        assert_eq!((page.lost, page.notes[0].number), (500, 501));
        assert_eq!(page.notes.len(), MOST_AT_ONCE);
        assert_eq!(tape.since(page.next, &[], MOST_AT_ONCE).lost, 0);
        let long = "x".repeat(MOST_BYTES / 4);
        for _ in 0..9 {
            tape.add("event", |_| json!(long).to_string());
        }
        assert!(tape.ring().bytes <= MOST_BYTES);
    }

    #[test]
    fn a_hundred_thousand_entries_are_looked_back_at_and_memory_holds_few_of_them() {
        let tape = Tape::reaching_back(64 * 1024 * 1024);
        for n in 1..=100_000_u64 {
            let kind = if n % 1_000 == 0 { "event" } else { "request" };
            tape.add(kind, |number| {
                format!("{{\"n\":{number},\"of\":\"{}\"}}", "x".repeat(200))
            });
        }
        assert!(tape.ring().bytes <= MOST_BYTES);
        assert_eq!(tape.ring().entries.len(), MOST_ENTRIES);
        let mut number = 0;
        loop {
            let page = tape.since(number, &[], MOST_AT_ONCE);
            assert_eq!(page.lost, 0);
            let Some(first) = page.notes.first() else {
                break;
            };
            assert_eq!(first.number, number + 1);
            assert!(first.text.starts_with(&format!("{{\"n\":{},", number + 1)));
            number = page.next;
        }
        assert_eq!(number, 100_000);
        let page = tape.since(0, &["event".to_owned()], MOST_AT_ONCE);
        assert_eq!((page.notes.len(), page.next), (100, 100_000));
        let one = tape.since(41_999, &[], 1);
        assert_eq!((numbers(&one), one.next), (vec![42_000], 42_000));
    }

    #[test]
    fn what_there_is_no_room_for_on_disk_either_is_counted() {
        let tape = Tape::reaching_back(1024 * 1024);
        for _ in 0..50_000 {
            tape.add("request", |number| {
                format!("{{\"n\":{number},\"of\":\"{}\"}}", "x".repeat(90))
            });
        }
        let page = tape.since(0, &[], 1);
        assert!((15_000..25_000).contains(&page.lost), "{}", page.lost);
        assert_eq!(page.notes[0].number, page.lost + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_waits_is_woken_by_what_it_waits_for() {
        let tape = Arc::new(Tape::default());
        let (own, kinds) = (Arc::clone(&tape), ["event".to_owned()]);
        let waiting = tokio::spawn(async move { own.after(0, &kinds).await });
        tokio::task::yield_now().await;
        tape.add("request", |_| json!(1).to_string());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        tape.add("event", |_| json!(2).to_string());
        assert_eq!(numbers(&waiting.await.unwrap()), [2]);
    }
}
