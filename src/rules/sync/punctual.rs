//! SYNC-17: events come as often as the contract promises.

use std::collections::BTreeMap;
use std::time::Duration;

use super::subscribed::{Subscribed, are_owed};
use super::unconfirmed::Unconfirmed;
use crate::domain::change::Change;
use crate::domain::contract::{Contract, Role, TokenChecked, TransportName};
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Request};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// An event that is promised to come by itself comes that often
    ///
    /// # Why
    /// A feed that has died behind an open socket looks alive: the heartbeat goes on, the app asks for
    /// nothing, and what it shows is as old as the last event. Only a promise of how often something
    /// comes at least tells quiet from dead.
    ///
    /// # How it is judged
    /// Judged for each event with `at-least-every`, on each socket by itself: from when it is joined
    /// and what the contract has the app subscribe to is acknowledged (or was emitted a second before),
    /// until it ends. The first event has `realtime.live-within` on top, and each a second. Nothing is
    /// counted while a fault is on, a service is stopped or maintenance is on, offline, in the
    /// background, on long-polling while the client asks for nothing, on a socket from which not
    /// even a heartbeat comes, and beyond the end of the token that the socket was joined with; what
    /// changes the world begins the count anew. What was missed while the kill-switch turns out to be
    /// on is nobody's fault. How often is told by the journal's clock alone.
    ///
    /// # How to keep it
    /// Watch what the feed is made of, end the feed when its source is gone, and join every socket to
    /// its rooms again after a restart, on every node.
    ///
    /// # Source
    /// runbook S5.2, S5.7, S6.1; the contract itself
    pub(super) PUNCTUAL: "SYNC-17", Backend, from [Wire],
        needs [PunctualEvents],
        set by ["realtime.events[].at-least-every", "realtime.live-within"]
}

/// By how much an event may be late beyond what is promised.
const SLACK: Duration = Duration::from_secs(1);
/// How long a client on long-polling may take between two questions.
const BETWEEN: Duration = Duration::from_secs(2);

pub(super) struct Punctual {
    /// What has to come by itself, and how often.
    promised: Vec<(String, Duration)>,
    subscribed: Subscribed,
    /// The sockets that wait, and for each promised event its window.
    waiting: BTreeMap<u64, Waiting>,
    /// Since when nothing but the backend has kept events away.
    counted_since: Duration,
    /// Since when no question of a client on long-polling is under way.
    unasked: Option<Duration>,
    unconfirmed: Unconfirmed,
    /// The longest wait for each promised event that ended too soon to say anything.
    had: Vec<Option<Duration>>,
}

/// A socket that waits for events.
struct Waiting {
    /// The end of the token that it was joined with, in seconds since 1970.
    token_ends: Option<u64>,
    windows: Vec<Window>,
}

/// The wait for one event.
struct Window {
    /// Since when it is waited for: the last one, or when the count began.
    since: Moment,
    has_come: bool,
    /// Whether it was said already that this one does not come.
    is_told: bool,
}

impl Punctual {
    pub(super) fn new(contract: &Contract) -> Self {
        let promised: Vec<(String, Duration)> = contract
            .events()
            .filter_map(|event| Some((event.name.clone(), event.promise.at_least_every?)))
            .collect();
        Self {
            had: vec![None; promised.len()],
            promised,
            subscribed: Subscribed::default(),
            waiting: BTreeMap::new(),
            counted_since: Duration::ZERO,
            unasked: None,
            unconfirmed: Unconfirmed::default(),
        }
    }
}

impl Rule for Punctual {
    fn see(&mut self, context: &Context<'_>) {
        self.unconfirmed.settle(&PUNCTUAL, context);
        self.subscribed.follow(context);
        self.follow_questions(context);
        self.overdue(context);
        if are_owed(context) && !is_disruptive(context) {
            self.wait(context);
            self.overdue(context);
        } else {
            self.give_up(|_| true, context.now);
            self.counted_since = context.now;
        }
        if let Some((socket, name, _)) = context.event_down() {
            self.arrived(socket, name, context);
        }
    }

    fn time_passes(&mut self, context: &Context<'_>) {
        if are_owed(context) {
            self.wait(context);
        }
        self.overdue(context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        self.give_up(|_| true, context.now);
        self.unconfirmed.end(&PUNCTUAL, context);
        self.lacking(context);
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Punctual {
    fn arrived(&mut self, socket: u64, name: &str, context: &Context<'_>) {
        let Some(at) = self.promised.iter().position(|(own, _)| own == name) else {
            return;
        };
        if let Some(waiting) = self.waiting.get_mut(&socket) {
            context.exercised(&PUNCTUAL);
            waiting.windows[at] = Window {
                since: context.moment(),
                has_come: true,
                is_told: false,
            };
        }
    }

    /// Begins to wait on the sockets that are ready, and stops on those that are gone.
    fn wait(&mut self, context: &Context<'_>) {
        self.give_up(|socket| is_gone(socket, context), context.now);
        for (socket, _) in context.sockets.iter() {
            if self.waiting.contains_key(&socket) {
                continue;
            }
            let Some(ready) = self.subscribed.since(socket, context) else {
                continue;
            };
            let window = || Window {
                since: Moment {
                    id: context.entry.id,
                    at: ready.max(self.counted_since),
                },
                has_come: false,
                is_told: false,
            };
            let waiting = Waiting {
                token_ends: token_ends(context),
                windows: self.promised.iter().map(|_| window()).collect(),
            };
            self.waiting.insert(socket, waiting);
        }
    }

    /// Follows whether a client on long-polling asks for anything. One that does not for a while is
    /// told nothing, and what it is told then is late by its own doing.
    fn follow_questions(&mut self, context: &Context<'_>) {
        let is_question =
            |request: &Request| request.role == Some(Role::Realtime) && request.method == "GET";
        if context.request().is_some_and(is_question) {
            let unasked = self.unasked.take();
            if unasked.is_some_and(|since| since + BETWEEN < context.now) {
                let by_polling = |socket| is_by_polling(socket, context);
                self.give_up(by_polling, context.now);
                self.counted_since = context.now;
            }
        } else if let Some(ended) = context.ended()
            && is_question(ended.request)
        {
            let mut open = context.under_way();
            let goes_on = open.any(|(_, request)| {
                is_question(request) && request.exchange != ended.request.exchange
            });
            self.unasked = (!goes_on).then_some(context.now);
        }
    }

    /// Stops waiting on some sockets, and keeps how long it was waited in vain.
    fn give_up(&mut self, on: impl Fn(u64) -> bool, now: Duration) {
        let had = &mut self.had;
        self.waiting.retain(|socket, waiting| {
            let gives_up = on(*socket);
            for (had, window) in had.iter_mut().zip(&waiting.windows) {
                if gives_up && !window.has_come && !window.is_told {
                    *had = (*had).max(Some(now.saturating_sub(window.since.at)));
                }
            }
            !gives_up
        });
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        for (socket, waiting) in &mut self.waiting {
            let owes = is_owed(*socket, waiting.token_ends, self.unasked, context);
            for (window, (event, every)) in waiting.windows.iter_mut().zip(&self.promised) {
                let limit = limit(*every, window.has_come, feed.live_within);
                let had = context.now.saturating_sub(window.since.at);
                if window.is_told || !owes || had <= limit {
                    continue;
                }
                window.is_told = true;
                let seldom = Seldom {
                    event,
                    every: *every,
                    had,
                    has_come: window.has_come,
                };
                let violation = seldom.violation([window.since.id, context.entry.id]);
                self.unconfirmed.add(violation, context);
            }
        }
    }

    /// Says of the event that comes most often how much longer it takes, where it was waited for in vain.
    fn lacking(&self, context: &Context<'_>) {
        let Some(feed) = &context.contract.realtime else {
            return;
        };
        let waits = self.promised.iter().zip(&self.had);
        let shortest = waits
            .filter_map(|((event, every), had)| Some(((*had)?, event, *every)))
            .min_by_key(|(.., every)| *every);
        if let Some((had, event, every)) = shortest {
            let takes = limit(every, false, feed.live_within);
            let why = format!(
                "it takes {} on a joined socket, and {} were had without `{event}`, so {} are \
                 missing: stay connected for longer",
                show(takes),
                show(had),
                show(takes.saturating_sub(had))
            );
            context.unprobed(PUNCTUAL.id, &why);
        }
    }
}

/// An event that comes too seldom.
struct Seldom<'a> {
    event: &'a str,
    every: Duration,
    had: Duration,
    has_come: bool,
}

impl Seldom<'_> {
    fn violation(&self, evidence: [EntryId; 2]) -> Violation {
        let event = self.event;
        let (message, after) = match self.has_come {
            true => (
                format!("`{event}` comes more seldom than promised"),
                "the last one",
            ),
            false => (
                format!("`{event}` does not come"),
                "the socket was ready for it",
            ),
        };
        Violation::new(message)
            .expected(format!(
                "`{event}` at least every {} on a joined socket",
                show(self.every)
            ))
            .observed(format!("none for {} after {after}", show(self.had)))
            .evidence(evidence)
    }
}

/// How long an event may stay away.
fn limit(every: Duration, has_come: bool, live_within: Duration) -> Duration {
    match has_come {
        true => every + SLACK,
        false => every + live_within + SLACK,
    }
}

fn is_gone(socket: u64, context: &Context<'_>) -> bool {
    let own = context.sockets.get(socket);
    own.is_none_or(|own| own.connected.is_none())
}

fn is_by_polling(socket: u64, context: &Context<'_>) -> bool {
    let own = context.sockets.get(socket);
    own.is_some_and(|own| own.transport == TransportName::Polling)
}

/// The end of the token that a socket is joined with, where it ends with it.
fn token_ends(context: &Context<'_>) -> Option<u64> {
    let feed = context.contract.realtime.as_ref()?;
    let ends_with_it = feed.token_checked == TokenChecked::Expiry && feed.renewal.is_none();
    context.session.current()?.ends.filter(|_| ends_with_it)
}

/// Whether the backend owes this socket its events.
fn is_owed(
    socket: u64,
    token_ends: Option<u64>,
    unasked: Option<Duration>,
    context: &Context<'_>,
) -> bool {
    let silent = context
        .sockets
        .get(socket)
        .is_some_and(|own| own.is_silent(context.now));
    let unix = context.unix(context.now);
    let over = token_ends.zip(unix).is_some_and(|(ends, now)| ends <= now);
    let waits = unasked.is_none() || !is_by_polling(socket, context);
    !silent && !over && waits
}

/// Whether the entry changes the world so that events may stay away for a moment.
fn is_disruptive(context: &Context<'_>) -> bool {
    let change = context.entry.fact.change();
    change.is_some_and(|change| !matches!(change, Change::Push { .. } | Change::Own(_)))
}
