//! SYNC-11, the numbers: what the backend emits follows one another, and no snapshot is older than
//! what it has emitted already.
//!
//! An app that finds a gap reads again, and does so rightly; what makes it do so is the backend's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::numbers;
use super::push::ARRIVES;
use crate::domain::change::Change;
use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{Content, Direction, EntryId, Fact, Frame, Request, Sender};
use crate::domain::selector::Selector;
use crate::rules::context::Context;
use crate::rules::state::{AFTERMATH, CAUSE};
use crate::rules::violation::Violation;

/// How often numbers must be wrong until that is no accident, and which part of all they must be.
const TIMES: u32 = 3;
const PART: u32 = 4;
/// How many numbers in order are enough to know that a backend counts rightly.
const SETTLED: u32 = 4096;

/// The streams of changes of a contract, by the resource that they change.
pub(super) struct Streams {
    events: Vec<Numbered>,
    streams: Vec<Stream>,
}

/// An event that brings a number.
struct Numbered {
    name: String,
    sequence: Selector,
    /// Which stream it belongs to.
    stream: usize,
}

#[derive(Default)]
struct Stream {
    resource: String,
    /// The last number, and its socket.
    last: Option<(Heard, u64)>,
    /// The last number when each request for it that is under way began.
    asked: BTreeMap<u64, Heard>,
    /// When a number or a snapshot was last wrong.
    wrong: Option<Duration>,
    /// When an operator last had one of its events emitted, with a number of their own perhaps.
    pushed: Option<Duration>,
    /// Whether the last snapshot was: then no event fits it.
    stale: bool,
    events: Count,
    snapshots: Count,
}

/// A number that came down.
#[derive(Clone, Copy)]
struct Heard {
    number: i64,
    id: EntryId,
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
        for rule in contract.realtime.iter().flat_map(|feed| &feed.events) {
            let (Some(resource), Some(sequence)) = (&rule.updates, &rule.sequence) else {
                continue;
            };
            let known = |stream: &Stream| stream.resource == *resource;
            let stream = own.streams.iter().position(known).unwrap_or_else(|| {
                own.streams.push(Stream {
                    resource: resource.clone(),
                    ..Stream::default()
                });
                own.streams.len() - 1
            });
            own.events.push(Numbered {
                name: rule.name.clone(),
                sequence: sequence.clone(),
                stream,
            });
        }
        own
    }

    /// Whether something wrong may have made an app read a resource again.
    pub(super) fn excuses(&self, role: Option<&Role>, at: Duration) -> bool {
        let mut streams = self.streams.iter();
        let wrong = streams
            .find(|own| own.is_of(role))
            .and_then(|own| own.wrong);
        wrong.is_some_and(|wrong| wrong + CAUSE >= at)
    }

    pub(super) fn see(&mut self, context: &Context<'_>) {
        if let Some(Change::Push { event, .. }) = context.entry.fact.change()
            && let Some(event) = self.events.iter().find(|own| own.name == *event)
        {
            self.streams[event.stream].pushed = Some(context.now);
        }
        match &context.entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::Event { name, args, .. },
                ..
            } => self.event(*socket, name, args, context),
            Fact::Frame {
                packet: Frame::Connect { .. },
                ..
            } => self
                .streams
                .iter_mut()
                .for_each(|stream| stream.last = None),
            Fact::Request(request) if request.sender == Sender::Client => self.asked(request),
            Fact::Answer(_) | Fact::Lost { .. } => self.ended(context),
            _ => {}
        }
    }

    fn event(&mut self, socket: u64, name: &str, args: &Content, context: &Context<'_>) {
        let Some(event) = self.events.iter().find(|event| event.name == name) else {
            return;
        };
        let stream = &mut self.streams[event.stream];
        // What was right by the thousand is not looked at for ever.
        if !stream.events.is_settled()
            && let Some(number) = numbers::in_event(&event.sequence, args)
        {
            stream.event(socket, number, context);
        }
    }

    fn asked(&mut self, request: &Request) {
        if let Some(stream) = self.of(request.role.as_ref())
            && let Some((heard, _)) = stream.last
        {
            stream.asked.insert(request.exchange, heard);
        }
    }

    fn ended(&mut self, context: &Context<'_>) {
        if let Some(ended) = context.ended()
            && let Some(stream) = self.of(ended.request.role.as_ref())
            && let Some(heard) = stream.asked.remove(&ended.request.exchange)
            && let Some(read) = context.read()
            && read.answer.is_success()
            && let Some(number) = numbers::in_answer(read.resource, read.answer)
        {
            stream.snapshot(read.answer.exchange, number, heard, context);
        }
    }

    fn of(&mut self, role: Option<&Role>) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|own| own.is_of(role))
    }
}

impl Stream {
    fn is_of(&self, role: Option<&Role>) -> bool {
        matches!(role, Some(Role::Resource(name)) if *name == self.resource)
    }

    fn event(&mut self, socket: u64, number: i64, context: &Context<'_>) {
        let id = context.entry.id;
        let last = self.last.replace((Heard { number, id }, socket));
        let Some((last, _)) = last.filter(|(_, own)| *own == socket) else {
            return;
        };
        // What comes twice is no change.
        let wrong = number != last.number + 1 && number != last.number;
        if wrong || self.stale {
            self.wrong = Some(context.now);
        }
        if number < last.number {
            // What goes back is held against what was furthest.
            self.last = Some((last, socket));
        }
        if self.is_calm(context) && self.events.take(wrong) {
            let name = &self.resource;
            context.violated(
                &ARRIVES,
                Violation::new(format!(
                    "the numbers of the changes to `{name}` do not follow one another"
                ))
                .expected(
                    "numbers that grow by one with every change, as the contract's `sequence` says",
                )
                .observed(format!("{number} after {} on the same socket", last.number))
                .evidence([last.id, id]),
            );
        }
    }

    fn snapshot(&mut self, exchange: u64, number: i64, heard: Heard, context: &Context<'_>) {
        let wrong = number < heard.number;
        self.stale = wrong;
        if wrong {
            self.wrong = Some(context.now);
        }
        if self.is_calm(context) && self.snapshots.take(wrong) {
            let name = &self.resource;
            context.violated(
                &ARRIVES,
                Violation::new(format!(
                    "the answers for `{name}` are older than what was emitted \
                     before they were asked for"
                ))
                .expected(format!("a snapshot at {} or later", heard.number))
                .observed(format!("a snapshot at {number}"))
                .evidence([heard.id, context.entry.id])
                .exchanges([exchange]),
            );
        }
    }

    /// Whether nobody has meddled with what is sent.
    fn is_calm(&self, context: &Context<'_>) -> bool {
        let pushed = self.pushed.is_some_and(|own| context.now < own + AFTERMATH);
        !pushed && !context.is_shaken_since(context.now)
    }
}
