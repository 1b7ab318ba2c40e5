//! SYNC-3 and -4: one poller, only while the socket is gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::stream::Streams;
use crate::domain::contract::{Contract, Polling as Agreed, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, Fact, Request};
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Polling starts after a grace period and stops when the socket is back; never both at once
    ///
    /// # Why
    /// A poller that starts at every hiccup, or that survives the socket's return, multiplies the
    /// load of every client.
    ///
    /// # How it is judged
    /// Judged on requests for polled resources that nothing else explains (the user, a start, a
    /// snapshot after connecting, a retry, a renewed session, numbers of events or of a snapshot
    /// that do not fit): a regular series of them while a socket is joined, later than one interval
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
    /// are below the floor. Where the contract has no live feed, polling goes on all the time:
    /// three of eight gaps in a row, or five where nobody marks what the user does. That an app
    /// which is marked to be in the background polls as often as in front is reported as
    /// information.
    ///
    /// # How to keep it
    /// Keep one poller outside the screens; schedule the next poll when the last one is answered.
    ///
    /// # Source
    /// runbook S9.7
    pub(super) ONE_POLLER: "SYNC-4", App, from [Wire],
        needs [Polling],
        set by ["polling.floor"]
}

/// How long a cause may take to show on the wire.
const CAUSE: Duration = Duration::from_secs(5);
/// How soon after a connect whatever is asked for belongs to its snapshot.
const SNAPSHOT: Duration = Duration::from_secs(2);
/// How many gaps in the background show that it makes no difference, and how many agreed intervals
/// they take together at most.
const BEHIND: usize = 3;
const BEHIND_TOTAL: f64 = 3.75;
/// Among how many gaps a pattern is looked for.
const LAST_GAPS: usize = 8;
/// How many targets are followed.
const TARGETS: usize = 64;

pub(super) struct Polling {
    streams: Streams,
    targets: BTreeMap<String, Target>,
    overlaps: Vec<(u64, EntryId, EntryId, u64)>,
}

#[derive(Default)]
struct Target {
    last: Option<Poll>,
    failed: bool,
    /// Gaps below the floor since the socket was lost.
    short: u32,
    /// Where there is no socket to be lost: which of the last gaps were below the floor.
    gaps: VecDeque<bool>,
    /// Regular polls in a row while the socket is joined.
    both: u32,
    /// The last gaps in the background.
    behind: Vec<Duration>,
    /// A poll well inside the grace period.
    early: Option<(EntryId, Duration, EntryId)>,
}

#[derive(Clone, Copy)]
struct Poll {
    id: EntryId,
    at: Duration,
    explained: bool,
}

impl Polling {
    pub(super) fn new(contract: &Contract) -> Self {
        Self {
            streams: Streams::new(contract),
            targets: BTreeMap::new(),
            overlaps: Vec::new(),
        }
    }
}

impl Rule for Polling {
    fn hears_routine(&self) -> bool {
        // The numbers of what is sent explain why something is read again.
        true
    }

    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        self.streams.see(entry, context);
        if context.contract.realtime.is_none() || context.contract.polling.is_none() {
            context.unable(
                &NEVER_BOTH,
                "the contract has no live feed with polling in its place",
            );
        }
        let Some(polling) = &context.contract.polling else {
            context.unable(&ONE_POLLER, "the contract agrees on no polling");
            return;
        };
        if let Some(request) = context.request()
            && matches!(&request.role, Some(Role::Resource(name)) if polling.resources.contains(name))
            && !context.is_refetched(request.role.as_ref())
        {
            self.poll(entry, request, polling, context);
        }
        if let Some(ended) = context.ended() {
            if let Some(target) = self.targets.get_mut(&key(ended.request)) {
                target.failed = !ended.succeeded();
            }
            let exchange = ended.request.exchange;
            let answered = ended.answer.is_some();
            self.overlaps
                .retain(|(first, first_id, second_id, second)| {
                    if *first == exchange && answered {
                        overlap(*first, *first_id, *second_id, *second, context);
                    }
                    *first != exchange
                });
        }
        let joined = matches!(&entry.fact, Fact::Frame { .. } | Fact::SocketClosed { .. });
        if joined && context.sockets.live() > 0 {
            for target in self.targets.values_mut() {
                target.short = 0;
                target.early = None;
            }
        } else if joined {
            for target in self.targets.values_mut() {
                target.both = 0;
            }
        }
    }
}

impl Polling {
    fn poll(
        &mut self,
        entry: &Arc<Entry>,
        request: &Request,
        agreed: &Agreed,
        context: &Context<'_>,
    ) {
        let key = key(request);
        if self.targets.len() >= TARGETS && !self.targets.contains_key(&key) {
            self.targets.pop_first();
        }
        let target = self.targets.entry(key.clone()).or_default();
        let before = target.last;
        // The first request after a connect is its snapshot, and so is what comes with it.
        let snapshot = context.sockets.live_since().is_some_and(|since| {
            before.is_none_or(|before| before.id < since.id) || entry.at < since.at + SNAPSHOT
        });
        let excused = matches!(&request.role, Some(Role::Resource(name)) if self.streams.excuses(name, entry.at));
        let explained = snapshot || target.failed || excused || is_explained(entry.at, context);
        let poll = Poll {
            id: entry.id,
            at: entry.at,
            explained,
        };
        let last = target
            .last
            .replace(poll)
            .filter(|last| context.world.same_process_since(last.id));
        if context.sockets.live() > 0 {
            target.while_joined(poll, last, &key, request.exchange, agreed, context);
            return;
        }
        context.exercised(&ONE_POLLER);
        target.in_grace(poll, last, &key, request.exchange, agreed, context);
        if explained {
            return;
        }
        let other = context.under_way().find(|(opened, other)| {
            other.exchange != request.exchange
                && self::key(other) == key
                && entry.at < opened.at() + context.contract.request_timeout.mul_f64(0.9)
                && context.world.same_life_since(opened.id())
        });
        if let Some((opened, other)) = other {
            self.overlaps
                .push((other.exchange, opened.id(), entry.id, request.exchange));
            return;
        }
        if let Some(last) = last {
            target.in_background(poll, last, &key, agreed, context);
            let short = entry.at - last.at < agreed.floor.mul_f64(0.9);
            if target.is_pattern(short, context) {
                context.violated(
                    &ONE_POLLER,
                    Violation::new("the app polls below the floor")
                        .kind("floor")
                        .expected(format!(
                            "at least {} between two requests for it",
                            show(agreed.floor)
                        ))
                        .observed(format!("{key} again after {}", show(entry.at - last.at)))
                        .evidence([last.id, entry.id])
                        .exchanges([request.exchange]),
                );
            }
        }
    }
}

impl Target {
    /// What nobody sees need not be as fresh: worth a word, and no more, as nothing was agreed on it.
    fn in_background(
        &mut self,
        poll: Poll,
        last: Poll,
        key: &str,
        agreed: &Agreed,
        context: &Context<'_>,
    ) {
        if context.world.visible || context.world.acted_since(last.id) {
            self.behind.clear();
            return;
        }
        self.behind.push(poll.at - last.at);
        let Some(gaps) = self.behind.last_chunk::<BEHIND>() else {
            return;
        };
        let total = gaps.iter().sum::<Duration>();
        if total > agreed.every.mul_f64(BEHIND_TOTAL) {
            return;
        }
        self.behind.clear();
        context.violated(
            &ONE_POLLER,
            Violation::new("the app polls in the background as often as in front")
                .kind("background")
                .expected(format!(
                    "no polls, or gaps well above {}",
                    show(agreed.every)
                ))
                .observed(format!("{BEHIND} gaps of {key} within {}", show(total)))
                .evidence([last.id, poll.id])
                .severity(Severity::Information),
        );
    }

    /// Whether this gap makes those below the floor a pattern.
    fn is_pattern(&mut self, short: bool, context: &Context<'_>) -> bool {
        if context.contract.realtime.is_some() {
            self.short += u32::from(short);
            return short && self.short >= 2;
        }
        // Such a poller runs all the time, so rare short gaps say nothing about it; and of an app
        // whose user nobody follows more is asked to tell a poller from a person.
        if self.gaps.len() == LAST_GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(short);
        let enough = if context.world.acts_marked { 3 } else { 5 };
        short && self.gaps.iter().filter(|short| **short).count() >= enough
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one poll in all its circumstances"
    )]
    fn while_joined(
        &mut self,
        poll: Poll,
        last: Option<Poll>,
        key: &str,
        exchange: u64,
        agreed: &Agreed,
        context: &Context<'_>,
    ) {
        let Some(since) = context.sockets.live_since() else {
            return;
        };
        context.exercised(&NEVER_BOTH);
        let late = poll.at > since.at + agreed.every.mul_f64(1.25) + Duration::from_secs(1);
        let regular = last.filter(|last| {
            !last.explained && last.id > since.id && poll.at - last.at <= agreed.every.mul_f64(1.5)
        });
        let Some(last) = regular.filter(|_| late && !poll.explained) else {
            if poll.explained {
                self.both = 0;
            }
            return;
        };
        self.both += 1;
        // Of an app whose user nobody follows, more is asked to tell a poller from a person.
        let enough = if context.world.simulated { 1 } else { 3 };
        if self.both >= enough {
            context.violated(
                &NEVER_BOTH,
                Violation::new("the app polls although its socket is joined")
                    .kind("both")
                    .expected(format!(
                        "no polling later than {} after the socket is back",
                        show(agreed.every)
                    ))
                    .observed(format!(
                        "{key} {} after it, {} after the poll before",
                        show(poll.at - since.at),
                        show(poll.at - last.at)
                    ))
                    .evidence(
                        context
                            .sockets
                            .connected
                            .map(|moment| moment.id)
                            .into_iter()
                            .chain([last.id, poll.id]),
                    )
                    .exchanges([exchange]),
            );
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one poll in all its circumstances"
    )]
    fn in_grace(
        &mut self,
        poll: Poll,
        last: Option<Poll>,
        key: &str,
        exchange: u64,
        agreed: &Agreed,
        context: &Context<'_>,
    ) {
        let Some(lost) = context
            .sockets
            .lost
            .filter(|lost| context.world.same_life_since(lost.id))
        else {
            return;
        };
        context.exercised(&NEVER_BOTH);
        if let Some((id, at, lost_id)) = self.early {
            let gap = poll.at - at;
            let next = last.is_some_and(|last| last.id == id);
            if next
                && !poll.explained
                && gap >= agreed.every.mul_f64(0.5)
                && gap <= agreed.every.mul_f64(1.5)
            {
                self.early = None;
                context.violated(
                    &NEVER_BOTH,
                    Violation::new("the app starts polling before the socket has been gone for the agreed time")
.kind("early")
.expected(format!("polling from {} after the socket was lost", show(agreed.after)))
.observed(format!("{key} {} after it", show(at - lost.at.min(at))))
.evidence([lost_id, poll.id, id])
.exchanges([exchange]),
                );
            }
            return;
        }
        let inside = poll.at < lost.at + agreed.after.mul_f64(0.8);
        if inside && !poll.explained && agreed.after >= Duration::from_secs(2) {
            self.early = Some((poll.id, poll.at, lost.id));
        }
    }
}

/// Whether something other than a poller may have asked.
fn is_explained(at: Duration, context: &Context<'_>) -> bool {
    let recent = |moment: Duration, window: Duration| moment + window >= at;
    context.world.acted.is_some_and(|act| recent(act.at, CAUSE))
        || context
            .session
            .renewed
            .is_some_and(|renewed| recent(renewed.at, CAUSE))
        || context.switch.open.is_some_and(|(_, answered)| {
            recent(answered.at, CAUSE) && context.world.maintenance.is_some()
        })
}

fn overlap(first: u64, first_id: EntryId, second_id: EntryId, second: u64, context: &Context<'_>) {
    context.violated(
        &ONE_POLLER,
        Violation::new("the app polls again while the poll before is unanswered")
            .kind("overlap")
            .expected("one request for a polled resource at a time")
            .observed(format!(
                "exchange {second} began while exchange {first} was under way"
            ))
            .evidence([first_id, second_id])
            .exchanges([first, second]),
    );
}

fn key(request: &Request) -> String {
    request.line()
}
