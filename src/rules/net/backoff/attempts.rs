//! NET-2: which attempts are one request's, and whether they are too many.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, Request};
use crate::rules::context::Context;
use crate::rules::rule::rule;
use crate::rules::state::CAUSE;
use crate::rules::violation::Violation;

rule! {
    /// A request is tried as often as agreed, by one layer
    ///
    /// # Why
    /// An HTTP client that retries three times below a query library that retries three times makes
    /// nine requests of one.
    ///
    /// # How it is judged
    /// Judged on failing attempts of one request that follow each other by back-off: two more than
    /// agreed are a finding. Polls and what the user asks for are requests of their own, and so is
    /// a refresh that another poll asks for, and a question to the kill-switch after the feed was refused: where an attempt comes when the next of them may be
    /// due and the delays begin anew with it, it is taken for the first of another request. Where nobody
    /// marks what the user does, more than twice as many attempts as agreed may be one request's by two
    /// layers, or those of a user who asked again: that is said, and not judged.
    ///
    /// # How to keep it
    /// Let one layer have the retries, as many as agreed, and switch the others' off.
    ///
    /// # Source
    /// retry amplification, as described in the Google SRE book
    pub(crate) ATTEMPTS: "NET-2", App, from [Wire],
        set by ["retry.attempts", "polling.every", "kill-switch.every"]
}

/// How soon a user may ask again.
const AGAIN: Duration = Duration::from_secs(2);
/// How many attempts of a series are remembered.
const RECENT: usize = 32;
/// How many attempts a finding shows.
const SHOWN: usize = 5;

/// The attempts of one series, as requests that began one after another.
#[derive(Default)]
pub(super) struct Tries {
    /// When a request of its own last began that nobody but a timer had asked for.
    tick: Option<Duration>,
    /// How the attempts may fall into requests.
    readings: Vec<Reading>,
    recent: VecDeque<Attempt>,
    /// How many attempts followed one another that no timer began anew.
    in_a_row: u32,
    doubtful: Option<String>,
    excess: Option<Excess>,
}

/// One way to read a series: as requests that timers began one after another.
#[derive(Clone, Copy)]
struct Reading {
    tick: Option<Duration>,
    /// The attempts of the request that goes on.
    count: u32,
    /// Whether it remains to be seen that the delays begin anew.
    unproven: bool,
}

/// One request with too many attempts.
struct Excess {
    count: u32,
    request: String,
    exchanges: Vec<u64>,
    took: Duration,
    evidence: Vec<EntryId>,
}

/// One attempt of a series.
#[derive(Clone, Copy)]
struct Attempt {
    id: EntryId,
    at: Duration,
    exchange: u64,
}

impl Tries {
    /// What is left of a series for the next one.
    pub(super) fn anew(&self) -> Self {
        Self {
            tick: self.tick,
            ..Self::default()
        }
    }

    /// A series begins, by itself or because the user asked for it.
    pub(super) fn begin(&mut self, context: &Context<'_>) {
        let acted = context.world.acted;
        if acted.is_none_or(|act| act.at + CAUSE < context.now) {
            self.tick = Some(context.now);
        }
    }

    pub(super) fn note(&mut self, entry: &Entry, exchange: u64) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Attempt {
            id: entry.id,
            at: entry.at,
            exchange,
        });
    }

    /// Takes the attempt that was noted last into every way in which the series may be read;
    /// `anew` says whether the gap before it is a first one.
    pub(super) fn read(&mut self, request: &Request, anew: bool, context: &Context<'_>) {
        let Some(at) = self.recent.back().map(|last| last.at) else {
            return;
        };
        let attempts = context.contract.retry.attempts;
        let by_timer = by_timer(request, context);
        self.doubt(request, by_timer, context);
        // Where nobody marks what the user does, the user may have asked again.
        let user = (!context.world.acts_marked).then_some(AGAIN);
        let spacing = by_timer.into_iter().chain(user).min();
        let due = |tick: Option<Duration>| {
            spacing.is_some_and(|spacing| tick.is_none_or(|tick| at >= tick + spacing))
        };
        let another = Reading {
            tick: Some(at),
            count: 1,
            unproven: true,
        };
        if self.readings.is_empty() {
            self.readings.push(Reading {
                tick: self.tick,
                count: 1,
                unproven: false,
            });
        }
        self.readings.retain(|reading| !reading.unproven || anew);
        for reading in &mut self.readings {
            reading.unproven = false;
        }
        let begins = self.readings.iter().any(|reading| due(reading.tick));
        // Whether an attempt that may be another request's belongs to this one the next gap tells.
        let sure = |reading: &Reading| reading.count + u32::from(!due(reading.tick));
        let least = self.readings.iter().min_by_key(|reading| sure(reading));
        let (least, before_last) = least.map_or((0, false), |it| (sure(it), due(it.tick)));
        if least >= attempts + 2 {
            self.exceed(request, least, before_last);
        } else {
            self.readings.retain(|reading| sure(reading) < attempts + 2);
        }
        for reading in &mut self.readings {
            reading.count += 1;
        }
        if begins {
            self.readings.push(another);
        }
    }

    /// Counts attempts that only a user whom nobody marks can have asked for one by one.
    fn doubt(&mut self, request: &Request, by_timer: Option<Duration>, context: &Context<'_>) {
        let [.., last] = self.recent.make_contiguous() else {
            return;
        };
        let tick = self.tick.unwrap_or_default();
        let begins = by_timer.is_some_and(|spacing| last.at >= tick + spacing);
        self.in_a_row = if begins { 1 } else { self.in_a_row.max(1) + 1 };
        let most = context.contract.retry.attempts * 2 + 2;
        if !context.world.acts_marked && self.in_a_row >= most {
            self.doubtful = Some(format!(
                "{} {} failed {} times in a row: whether one request was tried so often, by two \
                 layers, or a user asked again, only marks of the user's acts tell",
                request.method, request.target, self.in_a_row
            ));
        }
    }

    /// Notes that one request has this many attempts by now.
    fn exceed(&mut self, request: &Request, count: u32, before_last: bool) {
        if self.excess.as_ref().is_some_and(|own| own.count >= count) {
            return;
        }
        let length = usize::try_from(count).unwrap_or(RECENT);
        let to = self.recent.len() - usize::from(before_last);
        let from = to.saturating_sub(length);
        let own: Vec<Attempt> = self.recent.range(from..to).copied().collect();
        let shown = own
            .iter()
            .enumerate()
            .filter(|(index, _)| *index == 0 || index + SHOWN > own.len())
            .map(|(_, attempt)| *attempt);
        let (evidence, exchanges) = shown.map(|own| (own.id, own.exchange)).unzip();
        let took = own.first().zip(own.last());
        self.excess = Some(Excess {
            count,
            request: format!("{} {}", request.method, request.target),
            exchanges,
            took: took.map_or(Duration::ZERO, |(first, last)| last.at - first.at),
            evidence,
        });
    }

    /// Says what became of the series, which is over.
    pub(super) fn close(&mut self, context: &Context<'_>) {
        let doubtful = self.doubtful.take();
        let Some(excess) = self.excess.take() else {
            if let Some(why) = doubtful {
                context.unable(&ATTEMPTS, why);
            }
            return;
        };
        let agreed = context.contract.retry.attempts;
        context.violated(
            &ATTEMPTS,
            Violation::new("the app tries one request more often than agreed")
                .expected(format!("{agreed} attempts of one request"))
                .observed(format!(
                    "{} attempts of {} within {}",
                    excess.count,
                    excess.request,
                    show(excess.took)
                ))
                .evidence(excess.evidence)
                .exchanges(excess.exchanges),
        );
    }
}

/// How far apart timers may ask for this request anew; nothing where none of them does.
fn by_timer(request: &Request, context: &Context<'_>) -> Option<Duration> {
    let contract = &context.contract;
    let polling = contract.polling.as_ref();
    let status = contract.kill_switch.as_ref().map(|switch| switch.every);
    match &request.role {
        Some(Role::Resource(name)) => polling
            .filter(|polling| polling.resources.contains(name))
            .map(|polling| polling.every / 2),
        Some(Role::Status) => status.map(|every| every / 2),
        // Whatever is asked for regularly may find that the session has to be refreshed first.
        Some(Role::Refresh) => polling
            .map(|polling| polling.every)
            .into_iter()
            .chain(status)
            .min()
            .map(|every| every.mul_f64(0.4)),
        _ => None,
    }
}
