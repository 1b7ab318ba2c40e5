//! NET-1: retries wait longer and longer, with jitter. Which of them are one request is NET-2's
//! part.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact, Request, SocketEnd};
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::UNSEEN;
use crate::rules::violation::Violation;

mod agreed;
mod attempts;

use agreed::{AT_CAP, Agreed, FLAT, GAPS, Growth};
pub(super) use attempts::ATTEMPTS;
use attempts::Tries;

rule! {
    /// Retries back off, with jitter
    ///
    /// # Why
    /// Clients that retry at once, or all in step, keep a backend down that tries to come up.
    ///
    /// # How it is judged
    /// Judged on the gaps between a failed attempt (5xx, 429 or no answer) and the next one of the
    /// same request, or of the feed's handshake: they grow over five gaps unless they are near
    /// their cap, they do not stay below the agreed first delay (where few attempts are
    /// agreed on, three rows of two gaps show it), and they do not follow the agreed
    /// delays to the millisecond. The stock Socket.IO schedule (1 s doubling, ±50 %, capped at 5 s
    /// after the jitter) has no jitter left from the fifth attempt on: that is reported as
    /// information only.
    ///
    /// # How to keep it
    /// Double the delay up to a cap, then vary it: cap first, jitter second. For `socket.io-client`
    /// raise `reconnectionDelayMax` well above what a fleet needs to spread.
    ///
    /// # Source
    /// Socket.IO client options; common practice against retry storms
    pub(super) BACKOFF: "NET-1", App, from [Wire],
        set by ["retry.delay", "retry.delay-max", "retry.jitter", "realtime.client"]
}

/// How soon a client library sends a request once more whose connection broke: it may have been closed
/// while nobody used it, which only the next request finds out. Clients do so by themselves with requests
/// that may be repeated (RFC 9112 §9.3.1, RFC 9110 §9.2.2), once, and no app has a say in it.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How many series are remembered.
const SERIES: usize = 64;

#[derive(Default)]
pub(super) struct Backoff {
    series: BTreeMap<String, Series>,
    http: Regularity,
    socket: Regularity,
    /// The most gaps that a series had.
    most: usize,
}

/// How many gaps show whether they grow.
const GROWTH: usize = 2;

/// How often retries followed the agreed delays exactly, and how often not.
#[derive(Default)]
struct Regularity {
    exact: u32,
    varied: u32,
    evidence: Vec<EntryId>,
}

/// Attempts that follow each other.
#[derive(Default)]
struct Series {
    gaps: Vec<Duration>,
    /// The attempts, first and last few.
    attempts: Vec<EntryId>,
    count: u32,
    failed: Option<Failed>,
    /// Whether the last attempt was the client library's own, and no retry of the app's.
    resent: bool,
    /// What the last attempt asked for, to the letter.
    target: String,
    /// Whether two attempts were under way at once: then gaps mean nothing.
    parallel: bool,
    judged_regularity: bool,
    hammering: bool,
    /// Where series in a row ended, this one's the last, that were too short to be judged by themselves and
    /// did not grow.
    flat: Vec<EntryId>,
    tries: Tries,
}

/// How the last attempt ended.
#[derive(Clone, Copy)]
struct Failed {
    at: Moment,
    /// Whether its connection broke before there was an answer.
    broke: bool,
}

/// What an attempt is to those before it.
enum Place {
    /// It begins a series of its own.
    First,
    /// It repeats the one before, so long after that failed.
    Retry(Duration),
    /// The client library sends it once more, because the connection broke.
    Resent,
    /// Another one is under way.
    Parallel,
    /// Nobody knows what became of the one before.
    Unknown,
}

impl Rule for Backoff {
    fn see(&mut self, context: &Context<'_>) {
        if context.world.is_closed_by(context.entry) {
            for rule in [&BACKOFF, &ATTEMPTS] {
                context.unprobed(rule.id, UNSEEN);
            }
        }
        if let Some(request) = context.request() {
            if let Some(key) = key(request)
                && !context.is_refetched(request.role.as_ref())
            {
                self.attempt(request, key, context);
            }
        } else if let Fact::SocketClosed { end, .. } = &context.entry.fact
            && *end != SocketEnd::Client
        {
            self.feed_broke(context.moment());
        } else if let Some(ended) = context.ended()
            && let Some(key) = key(ended.request)
            && let Some(series) = self.series.get_mut(&key)
        {
            series.ended(&ended, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for series in self.series.values_mut() {
            series.tries.close(context);
        }
        if (1..GROWTH).contains(&self.most) {
            let why = format!(
                "back-off shows in the gaps between attempts that fail: it takes {GROWTH} in a row, \
                 and {} was seen, so {} is missing: let requests fail for longer",
                self.most,
                GROWTH - self.most
            );
            context.unprobed(BACKOFF.id, &why);
        }
        self.http.judge("requests", context);
        self.socket.judge("handshakes of the feed", context);
    }
}

impl Backoff {
    /// A socket that broke is what the first reconnection waits for.
    fn feed_broke(&mut self, at: Moment) {
        for websocket in [true, false] {
            let broken = Series {
                failed: Some(Failed { at, broke: false }),
                ..Series::default()
            };
            self.series.insert(feed(websocket), broken);
        }
    }

    fn attempt(&mut self, request: &Request, key: String, context: &Context<'_>) {
        let Some(agreed) = Agreed::on(request, context) else {
            return;
        };
        if self.series.len() >= SERIES
            && !self.series.contains_key(&key)
            && let Some((_, mut oldest)) = self.series.pop_first()
        {
            oldest.tries.close(context);
        }
        let beside_another = context.under_way().any(|(_, other)| {
            other.exchange != request.exchange && self::key(other).as_ref() == Some(&key)
        });
        let series = self.series.entry(key).or_default();
        series.take(request, beside_another, &agreed, context);
        if series.parallel || series.gaps.is_empty() {
            return;
        }
        self.most = self.most.max(series.gaps.len());
        if series.gaps.len() >= GROWTH {
            context.exercised(&BACKOFF);
        }
        let regularity = match agreed.socket {
            true => &mut self.socket,
            false => &mut self.http,
        };
        series.note_regularity(&agreed, regularity);
        series.judge_growth(&agreed, request, context);
        if !agreed.socket {
            context.exercised(&ATTEMPTS);
            series.count_tries(&agreed, request, context);
        }
        if series.gaps.len() > GAPS * 2 {
            series.gaps.remove(2);
        }
    }
}

impl Regularity {
    fn judge(&self, what: &str, context: &Context<'_>) {
        // Chance makes one row in hundreds so, and a loaded device now and then one late.
        if self.exact < 3 || self.varied * 4 > self.exact {
            return;
        }
        let delay = context.contract.retry.delay;
        context.violated(
            &BACKOFF,
            Violation::new(format!("retries of {what} have no jitter"))
                .expected(format!(
                    "delays that vary around {}, {} …",
                    show(delay),
                    show(delay * 2)
                ))
                .observed(format!("{} times the very same delays", self.exact))
                .evidence(self.evidence.clone()),
        );
    }
}

impl Series {
    /// Takes an attempt in, which is the first of a new series unless it repeats the one before.
    fn take(
        &mut self,
        request: &Request,
        beside_another: bool,
        agreed: &Agreed,
        context: &Context<'_>,
    ) {
        let place = self.place(request, beside_another, agreed, context);
        self.resent = matches!(place, Place::Resent);
        self.target.clone_from(&request.target);
        match place {
            Place::First => {
                self.begin_anew(context);
                self.tries.begin(context);
            }
            Place::Retry(gap) => self.gaps.push(gap),
            Place::Resent => return,
            Place::Parallel => self.parallel = true,
            Place::Unknown => {}
        }
        self.count += 1;
        self.tries.note(context.entry, request.exchange);
        if self.attempts.len() >= GAPS {
            self.attempts.remove(1);
        }
        self.attempts.push(context.entry.id);
    }

    fn place(
        &mut self,
        request: &Request,
        beside_another: bool,
        agreed: &Agreed,
        context: &Context<'_>,
    ) -> Place {
        let failed = self.failed.take();
        if beside_another {
            return Place::Parallel;
        }
        let Some(failed) = failed else {
            return match self.count {
                0 => Place::First,
                _ => Place::Unknown,
            };
        };
        let Failed { at: failed, broke } = failed;
        let gap = context.now - failed.at;
        let is_same = self.target == request.target && is_idempotent(&request.method);
        if broke && gap <= AT_ONCE && !self.resent && is_same {
            return Place::Resent;
        }
        let renewed = context.session.renewed;
        let has_another_cause = gap > agreed.ceiling
            || context.world.acted_since(failed.id)
            || !context.world.same_life_since(failed.id)
            || renewed.is_some_and(|renewed| renewed.id > failed.id)
            || sends_to_the_switch(request, failed, context);
        match has_another_cause {
            true => Place::First,
            false => Place::Retry(gap),
        }
    }

    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        if ended.failed() || ended.status() == Some(429) {
            self.failed = Some(Failed {
                at: context.moment(),
                broke: ended.status().is_none(),
            });
        } else {
            self.begin_anew(context);
        }
    }

    fn begin_anew(&mut self, context: &Context<'_>) {
        self.tries.close(context);
        *self = Self {
            flat: std::mem::take(&mut self.flat),
            tries: self.tries.anew(),
            ..Self::default()
        };
    }

    fn note_regularity(&mut self, agreed: &Agreed, regularity: &mut Regularity) {
        let [first, second, ..] = self.gaps[..] else {
            return;
        };
        if self.judged_regularity || agreed.jitter == 0.0 {
            return;
        }
        self.judged_regularity = true;
        if agreed.is_followed_exactly(first, second) {
            regularity.exact += 1;
            regularity.evidence.clone_from(&self.attempts);
        } else {
            regularity.varied += 1;
        }
    }

    fn judge_growth(&mut self, agreed: &Agreed, request: &Request, context: &Context<'_>) {
        let [first, .., last] = self.gaps[..] else {
            return;
        };
        match agreed.growth(&self.gaps) {
            Growth::BacksOff => self.judge_short(agreed, request, context),
            Growth::Hammers => {
                self.hammering = true;
                context.violated(
                    &BACKOFF,
                    without_backing_off(agreed)
                        .observed(format!(
                            "{} attempts of {}, the first {} after what came before it, the last {}",
                            self.count,
                            name(request),
                            show(first),
                            show(last)
                        ))
                        .evidence(self.attempts.clone())
                        .exchanges([request.exchange]),
                );
            }
            Growth::StandsAtCap => context.violated(
                &BACKOFF,
                Violation::new(
                    "the socket reconnects on the stock schedule, \
                     which has no jitter once it reaches its cap",
                )
                .expected("delays that still vary at the cap")
                .observed(format!("{AT_CAP} gaps of {} in a row", show(agreed.cap)))
                .evidence(self.attempts.clone())
                .severity(Severity::Information),
            ),
        }
    }

    /// Where few attempts are agreed on a series has two gaps, and chance may have made them alike. It does not
    /// do so again and again.
    fn judge_short(&mut self, agreed: &Agreed, request: &Request, context: &Context<'_>) {
        let [first, last] = self.gaps[..] else {
            return;
        };
        if !agreed.stands_short(first, last) {
            self.flat.clear();
            return;
        }
        self.flat.push(context.entry.id);
        if self.flat.len() < FLAT {
            return;
        }
        self.hammering = true;
        context.violated(
            &BACKOFF,
            without_backing_off(agreed)
                .observed(format!(
                    "{} times in a row {} was repeated after delays that did not grow, the last time {} and {}",
                    self.flat.len(),
                    name(request),
                    show(first),
                    show(last)
                ))
                .evidence(self.flat.clone())
                .exchanges([request.exchange]),
        );
        self.flat.clear();
    }

    /// Of a series that hammers NET-1 has told enough.
    fn count_tries(&mut self, agreed: &Agreed, request: &Request, context: &Context<'_>) {
        if !self.hammering {
            let anew = agreed.may_begin_anew(&self.gaps);
            self.tries.read(request, anew, context);
        }
    }
}

fn without_backing_off(agreed: &Agreed) -> Violation {
    let (first, last) = (show(agreed.delay), show(agreed.cap));
    Violation::new("the app retries without backing off")
        .expected(format!("delays that grow from {first} to {last}"))
}

/// Whether the status is asked anew because of what the app was told elsewhere since then: the feed that it
/// joins refused it, or left it.
fn sends_to_the_switch(request: &Request, failed: Moment, context: &Context<'_>) -> bool {
    let refused = context.sockets.refused;
    request.role == Some(Role::Status) && refused.is_some_and(|refused| refused.id > failed.id)
}

/// Whether a request may be sent once more without anybody's leave (RFC 9110 §9.2.2).
fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE")
}

/// What attempts are counted together: those of one request, and those of the feed's handshake on
/// one transport.
fn key(request: &Request) -> Option<String> {
    match &request.role {
        Some(Role::Realtime) if request.is_handshake() => Some(feed(request.wants_websocket())),
        Some(Role::Realtime) | None => None,
        Some(_) => Some(request.operation()),
    }
}

/// What a request is called where people read of its attempts.
fn name(request: &Request) -> String {
    match request.is_handshake() {
        true => "the feed's handshake".to_owned(),
        false => format!("{} {}", request.method, request.target),
    }
}

fn feed(websocket: bool) -> String {
    format!("feed {websocket}")
}
