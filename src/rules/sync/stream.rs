//! SYNC-11, the numbers: what the backend emits follows one another, and no snapshot is older than
//! what it has emitted already.
//!
//! An app that finds a gap reads again, and does so rightly; what makes it do so is the backend's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::order::{number_in, number_of};
use super::push::ARRIVES;
use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{Direction, Entry, EntryId, Fact, Frame, Sender};
use crate::rules::context::Context;
use crate::rules::violation::Violation;

/// How often numbers must be wrong until that is no accident, and which part of all they must be.
const TIMES: u32 = 3;
const PART: u32 = 4;
/// How many numbers in order are enough to know that a backend counts rightly.
const SETTLED: u32 = 4096;
/// How long after a lever or a fault numbers may be anything.
const CALM: Duration = Duration::from_secs(10);
/// How long after something wrong an app may read again because of it.
const CAUSE: Duration = Duration::from_secs(5);

/// The streams of changes of a contract, by the resource that they change.
pub(super) struct Streams {
    /// By event name: the resource, and where the number stands.
    events: Vec<(String, usize)>,
    streams: Vec<Stream>,
}

#[derive(Default)]
struct Stream {
    resource: String,
    /// The last number, its entry and its socket.
    last: Option<(i64, EntryId, u64)>,
    /// The last number when each request for it that is under way began.
    asked: BTreeMap<u64, (i64, EntryId)>,
    /// When a number or a snapshot was last wrong.
    wrong: Option<Duration>,
    /// Whether the last snapshot was: then no event fits it.
    stale: bool,
    events: Count,
    snapshots: Count,
}

#[derive(Default)]
struct Count {
    all: u32,
    wrong: u32,
}

impl Count {
    fn is_settled(&self) -> bool {
        self.all >= SETTLED && self.wrong == 0
    }

    /// Takes one in. Whether it is one too many.
    fn take(&mut self, wrong: bool) -> bool {
        self.all += 1;
        self.wrong += u32::from(wrong);
        wrong && self.wrong >= TIMES && self.wrong * PART >= self.all
    }
}

impl Streams {
    pub(super) fn new(contract: &Contract) -> Self {
        let mut own = Self {
            events: Vec::new(),
            streams: Vec::new(),
        };
        let rules = contract.realtime.iter().flat_map(|feed| &feed.events);
        for rule in rules.filter(|rule| rule.sequence.is_some()) {
            let Some(name) = &rule.updates else { continue };
            let numbered = |stream: &Stream| stream.resource == *name;
            let at = own.streams.iter().position(numbered).unwrap_or_else(|| {
                own.streams.push(Stream {
                    resource: name.clone(),
                    ..Stream::default()
                });
                own.streams.len() - 1
            });
            own.events.push((rule.name.clone(), at));
        }
        own
    }

    /// Whether something wrong may have made an app read a resource again.
    pub(super) fn excuses(&self, resource: &str, at: Duration) -> bool {
        let mut streams = self.streams.iter();
        let own = streams.find(|stream| stream.resource == resource);
        own.and_then(|stream| stream.wrong)
            .is_some_and(|wrong| wrong + CAUSE >= at)
    }

    pub(super) fn see(&mut self, entry: &Entry, context: &Context<'_>) {
        match &entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::Event { name, args, .. },
                ..
            } => {
                let Some((_, at)) = self.events.iter().find(|(own, _)| own == name) else {
                    return;
                };
                let feed = context.contract.realtime.as_ref();
                let rule = feed.and_then(|feed| feed.events.iter().find(|rule| rule.name == *name));
                let Some(sequence) = rule.and_then(|rule| rule.sequence.as_ref()) else {
                    return;
                };
                // What was right by the thousand is not looked at for ever.
                if self.streams[*at].events.is_settled() {
                    return;
                }
                if let Some(number) = number_of(sequence, args) {
                    self.streams[*at].event(entry, *socket, number, context);
                }
            }
            Fact::Frame {
                packet: Frame::Connect { .. },
                ..
            } => self
                .streams
                .iter_mut()
                .for_each(|stream| stream.last = None),
            Fact::Request(request) if request.sender == Sender::Client => {
                if let Some(Role::Resource(name)) = &request.role
                    && let Some(stream) = self.of(name)
                    && let Some((number, id, _)) = stream.last
                {
                    stream.asked.insert(request.exchange, (number, id));
                }
            }
            Fact::Answer(_) | Fact::Lost { .. } => {
                if let Some(ended) = context.ended()
                    && let Some(Role::Resource(name)) = &ended.request.role
                    && let Some(stream) = self.of(name)
                    && let Some((heard, id)) = stream.asked.remove(&ended.request.exchange)
                    && let Some(answer) = ended.by_backend()
                    && ended.succeeded()
                {
                    let resource = context.contract.resource(name);
                    let number = resource.and_then(|resource| number_in(resource, answer));
                    if let Some(number) = number {
                        let read = (entry, answer.exchange, number);
                        stream.snapshot(read, (heard, id), context);
                    }
                }
            }
            _ => {}
        }
    }

    fn of(&mut self, resource: &str) -> Option<&mut Stream> {
        let mut streams = self.streams.iter_mut();
        streams.find(|stream| stream.resource == resource)
    }
}

impl Stream {
    fn event(&mut self, entry: &Entry, socket: u64, number: i64, context: &Context<'_>) {
        let last = self.last.replace((number, entry.id, socket));
        let Some((last, id, _)) = last.filter(|(_, _, own)| *own == socket) else {
            return;
        };
        // What comes twice is no change.
        let wrong = number != last + 1 && number != last;
        if wrong || self.stale {
            self.wrong = Some(entry.at);
        }
        if number < last {
            // What goes back is held against what was furthest.
            self.last = Some((last, id, socket));
        }
        if is_calm(entry, context) && self.events.take(wrong) {
            context.violated(
                &ARRIVES,
                Violation::new(format!(
                    "the numbers of the changes to `{}` do not follow one another",
                    self.resource
                ))
                .kind(format!("numbers of {}", self.resource))
                .expected(
                    "numbers that grow by one with every change, as the contract's `sequence` says",
                )
                .observed(format!("{number} after {last} on the same socket"))
                .evidence([id, entry.id]),
            );
        }
    }

    fn snapshot(
        &mut self,
        (entry, exchange, number): (&Entry, u64, i64),
        (heard, id): (i64, EntryId),
        context: &Context<'_>,
    ) {
        let wrong = number < heard;
        self.stale = wrong;
        if wrong {
            self.wrong = Some(entry.at);
        }
        if is_calm(entry, context) && self.snapshots.take(wrong) {
            context.violated(
                &ARRIVES,
                Violation::new(format!(
                        "the answers for `{}` are older than what was emitted before they were asked for",
                        self.resource
                    ))
.kind(format!("snapshots of {}", self.resource))
.expected(format!("a snapshot at {heard} or later"))
.observed(format!("a snapshot at {number}"))
.evidence([id, entry.id])
.exchanges([exchange]),
            );
        }
    }
}

/// Whether nobody has meddled with what is sent.
fn is_calm(entry: &Entry, context: &Context<'_>) -> bool {
    let changed = context.world.changed;
    !context.world.is_disturbed() && changed.is_none_or(|changed| changed.at + CALM <= entry.at)
}
