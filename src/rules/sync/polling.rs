//! SYNC-3 and -4: one poller, only while the socket is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stream::Streams;
use super::told::Told;
use crate::domain::contract::{Contract, Polling as Agreed};
use crate::domain::journal::{EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

mod target;

use target::{Asked, Poll, Target};

rule! {
    /// Polling starts after a grace period and stops when the socket is back; never both at once
    ///
    /// # Why
    /// A poller that starts at every hiccup, or that survives the socket's return, multiplies the
    /// load of every client.
    ///
    /// # How it is judged
    /// Judged on requests for polled resources that nothing else explains (the user, a start, a
    /// snapshot after connecting, a retry, a renewed session, an event of the resource, numbers of events
    /// or of a snapshot that do not fit): a regular series of them while a socket is joined, later than one interval
    /// after it was, and one that begins well inside the grace period.
    ///
    /// # How to keep it
    /// Start the poller by a timer that connecting cancels; stop it in the handler that takes the
    /// snapshot.
    ///
    /// # Source
    /// runbook S6.5, S6.6, S9.7
    pub(super) NEVER_BOTH: "SYNC-3", App, from [Wire],
        needs [FeedAndPolling],
        set by ["polling.after", "polling.every"]
}

rule! {
    /// One poller, without overlapping requests, never below the floor
    ///
    /// # Why
    /// Pollers multiply when a screen starts its own, and pile up when the backend is slower than
    /// the interval.
    ///
    /// # How it is judged
    /// Judged on the requests for one polled resource while no socket is joined, retries and what
    /// the user asks for set aside: none begins while the one before is unanswered, and no two gaps
    /// are below the floor. One that gets no answer counts, too, where it is held for a second beside the next,
    /// three times. Where the contract has no live feed, polling goes on all the time, so
    /// that three of eight gaps in a row must be, or five where nobody marks what the user does.
    /// That an app which is marked to be in the background polls as often as in front is reported
    /// as information.
    ///
    /// # How to keep it
    /// Keep one poller outside the screens; schedule the next poll when the last one is answered.
    ///
    /// # Source
    /// runbook S9.7
    pub(super) ONE_POLLER: "SYNC-4", App, from [Wire],
        needs [Polling],
        set by ["polling.floor", "polling.every", "request-timeout"]
}

/// How long after the next poll has begun an answer may still come to one that was given up: the
/// end of the one and the beginning of the other travel on two connections.
const GIVEN_UP: Duration = Duration::from_millis(250);
/// How long after the next poll has begun one is still held that nobody waits for.
const HELD: Duration = Duration::from_secs(1);
/// What is said where there is nothing to compare.
const TWO: &str = "it takes two requests in a row for a polled resource, and one was seen, so one is \
    missing: leave the app alone for longer";

/// How long anybody waits before they give up: what begins sooner is another poller's.
const IMPATIENCE: Duration = Duration::from_millis(500);
/// How often that must be until it is no accident; once less where nobody can have given up.
const BRIEF: u32 = 3;
/// How many targets are followed.
const TARGETS: usize = 64;

pub(super) struct Polling {
    streams: Streams,
    told: Told,
    targets: BTreeMap<String, Target>,
    overlaps: Vec<Overlap>,
    /// How many overlaps were so short that the first may have been given up.
    brief: u32,
}

/// Two polls of which one began while the other was unanswered. It counts once that is answered:
/// one that nobody ever answers was given up.
struct Overlap {
    ids: [EntryId; 2],
    exchanges: [u64; 2],
    /// When the second began.
    since: Duration,
    /// How long the first had been awaited by then.
    waited: Duration,
}

impl Polling {
    pub(super) fn new(contract: &Contract) -> Self {
        Self {
            streams: Streams::new(contract),
            told: Told::default(),
            targets: BTreeMap::new(),
            overlaps: Vec::new(),
            brief: 0,
        }
    }
}

impl Rule for Polling {
    fn hears_routine(&self) -> bool {
        // The numbers of what is sent explain why something is read again.
        true
    }

    fn see(&mut self, context: &Context<'_>) {
        self.streams.see(context);
        self.told.see(context);
        if let Some(request) = context.request()
            && let Some(agreed) = context.polling_of(request.role.as_ref())
            && !context.is_refetched(request.role.as_ref())
        {
            self.poll(request, agreed, context);
        }
        if let Some(ended) = context.ended() {
            self.ended(&ended, context);
        }
        if let Fact::Frame { .. } | Fact::SocketClosed { .. } = context.entry.fact {
            let joined = context.sockets.live() > 0;
            for target in self.targets.values_mut() {
                target.feed_moved(joined, context);
            }
        }
    }
}

impl Polling {
    fn poll(&mut self, request: &Request, agreed: &Agreed, context: &Context<'_>) {
        let (key, line) = (request.operation(), request.line());
        if self.targets.len() >= TARGETS && !self.targets.contains_key(&key) {
            self.targets.pop_first();
        }
        let excused = self.streams.excuses(request.role.as_ref(), context.now)
            | self.told.explains(request, context);
        let overlap = overlap(request, context);
        let target = self.targets.entry(key).or_default();
        let now = Asked {
            moment: context.moment(),
            explained: excused || target.explains(overlap.is_some(), context),
        };
        let in_process = |own: &Asked| context.world.same_process_since(own.moment.id);
        let [before, own] = target.replace(now).map(|own| own.filter(in_process));
        let poll = Poll {
            now,
            before,
            own,
            what: &line,
            exchange: request.exchange,
            agreed,
        };
        if context.sockets.live() > 0 {
            target.while_joined(&poll, context);
            return;
        }
        match poll.before {
            Some(_) => context.exercised(&ONE_POLLER),
            None => context.unprobed(ONE_POLLER.id, TWO),
        }
        target.in_grace(&poll, context);
        if now.explained {
            return;
        }
        // What the user asked for may still be awaited when a poll is due.
        let excused = before
            .filter(|before| before.explained)
            .map(|own| own.moment.id);
        match overlap.filter(|own| excused != Some(own.ids[0])) {
            Some(overlap) => self.overlaps.push(overlap),
            None => target.alone(&poll, context),
        }
    }

    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        if let Some(target) = self.targets.get_mut(&ended.request.operation()) {
            target.failed = !ended.succeeded();
        }
        let exchange = ended.request.exchange;
        let over = self
            .overlaps
            .extract_if(.., |own| own.exchanges[0] == exchange);
        for overlap in over {
            // One that got no answer was given up: at once where the next one took its place.
            let is_answered = ended.answer.is_some();
            if !is_answered && context.now <= overlap.since + HELD {
                continue;
            }
            if !is_answered || context.now <= overlap.since + GIVEN_UP {
                self.brief = self.brief.saturating_add(1);
                let enough = match is_answered && overlap.waited < IMPATIENCE {
                    true => BRIEF - 1,
                    false => BRIEF,
                };
                if self.brief < enough {
                    continue;
                }
            }
            let [first, second] = overlap.exchanges;
            context.violated(
                &ONE_POLLER,
                Violation::new("the app polls again while the poll before is unanswered")
                    .expected("one request for a polled resource at a time")
                    .observed(format!(
                        "exchange {second} began while exchange {first} was under way"
                    ))
                    .evidence(overlap.ids)
                    .exchanges(overlap.exchanges),
            );
        }
    }
}

/// The poll for the same that is still awaited while this one begins.
fn overlap(request: &Request, context: &Context<'_>) -> Option<Overlap> {
    let patience = context.contract.request_timeout.mul_f64(0.9);
    let operation = request.operation();
    let (opened, first) = context.under_way().find(|(opened, other)| {
        other.exchange != request.exchange
            && other.operation() == operation
            && context.now < opened.at() + patience
            && context.world.same_life_since(opened.id())
    })?;
    Some(Overlap {
        ids: [opened.id(), context.entry.id],
        exchanges: [first.exchange, request.exchange],
        since: context.now,
        waited: context.now - opened.at(),
    })
}
