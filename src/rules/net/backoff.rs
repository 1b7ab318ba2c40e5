//! NET-1: retries wait longer and longer, with jitter. Which of them are one request is NET-2's part.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::{Contract, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Entry, EntryId, Fact, Request, SocketEnd};
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::UNSEEN;
use crate::rules::violation::Violation;

mod attempts;

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
    /// their cap, they do not stay below the agreed first delay, and they do not follow the agreed
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
        set by ["retry.delay", "retry.delay_max", "retry.jitter", "realtime.client"]
}

/// How many gaps make a series that can be judged.
const GAPS: usize = 5;
/// How many gaps at the cap show that nothing varies there.
const AT_CAP: usize = 4;
/// How many series are remembered.
const SERIES: usize = 64;

#[derive(Default)]
pub(super) struct Backoff {
    series: BTreeMap<String, Series>,
    http: Regularity,
    socket: Regularity,
}

/// How often retries followed the agreed delays exactly, and how often not.
#[derive(Default)]
struct Regularity {
    exact: u32,
    varied: u32,
    evidence: Vec<EntryId>,
}

#[derive(Default)]
struct Series {
    gaps: Vec<Duration>,
    /// The attempts, first and last few.
    attempts: Vec<EntryId>,
    count: u32,
    failed: Option<Moment>,
    /// Whether two attempts were under way at once: then gaps mean nothing.
    parallel: bool,
    judged_regularity: bool,
    hammering: bool,
    tries: Tries,
}

/// What was agreed for one kind of attempt.
struct Agreed {
    socket: bool,
    delay: Duration,
    cap: Duration,
    jitter: f64,
    /// The gap from which on an attempt is one of its own.
    ceiling: Duration,
}

impl Rule for Backoff {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if context.world.is_closed_by(entry) {
            for rule in [&BACKOFF, &ATTEMPTS] {
                context.unprobed(rule.id, UNSEEN);
            }
        }
        if let Some(request) = context.request() {
            if let Some(key) = key(request)
                && !context.is_refetched(request.role.as_ref())
            {
                self.attempt(entry, request, key, context);
            }
            return;
        }
        // A socket that broke is what the first reconnection waits for.
        if let Fact::SocketClosed { end, .. } = &entry.fact
            && *end != SocketEnd::Client
        {
            for websocket in [true, false] {
                let broken = Series {
                    failed: Some(Moment::of(entry)),
                    ..Series::default()
                };
                self.series.insert(feed(websocket), broken);
            }
            return;
        }
        let Some(ended) = context.ended() else {
            return;
        };
        let Some(key) = key(ended.request) else {
            return;
        };
        let failed = ended.failed() || ended.status() == Some(429);
        if !failed {
            if let Some(series) = self.series.get_mut(&key) {
                series.tries.close(context.contract.retry.attempts, context);
                *series = Series {
                    tries: series.tries.anew(),
                    ..Series::default()
                };
            }
        } else if let Some(series) = self.series.get_mut(&key) {
            series.failed = Some(Moment::of(entry));
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for series in self.series.values_mut() {
            series.tries.close(context.contract.retry.attempts, context);
        }
        for (regularity, what) in [
            (&self.http, "requests"),
            (&self.socket, "handshakes of the feed"),
        ] {
            if regularity.exact < 3 || regularity.varied > 0 {
                continue;
            }
            let retry = &context.contract.retry;
            context.violated(
                &BACKOFF,
                Violation::new(format!("retries of {what} have no jitter"))
                    .kind(format!("jitter {what}"))
                    .expected(format!(
                        "delays that vary around {}, {} …",
                        show(retry.delay),
                        show(retry.delay * 2)
                    ))
                    .observed(format!("{} times the very same delays", regularity.exact))
                    .evidence(regularity.evidence.clone()),
            );
        }
    }
}

impl Backoff {
    fn attempt(&mut self, entry: &Entry, request: &Request, key: String, context: &Context<'_>) {
        let Some(agreed) = agreed(request, &context.contract) else {
            return;
        };
        if self.series.len() >= SERIES
            && !self.series.contains_key(&key)
            && let Some((_, mut oldest)) = self.series.pop_first()
        {
            oldest.tries.close(context.contract.retry.attempts, context);
        }
        let parallel = context.under_way().any(|(_, other)| {
            other.exchange != request.exchange && self::key(other).as_ref() == Some(&key)
        });
        let series = self.series.entry(key).or_default();
        let fresh = match series.failed.take() {
            _ if parallel => {
                series.parallel = true;
                false
            }
            Some(failed) => {
                let gap = entry.at - failed.at;
                let own = gap > agreed.ceiling
                    || context.world.acted_since(failed.id)
                    || !context.world.same_life_since(failed.id)
                    || context
                        .session
                        .renewed
                        .is_some_and(|renewed| renewed.id > failed.id);
                if !own {
                    series.gaps.push(gap);
                }
                own
            }
            None => series.count == 0,
        };
        if fresh {
            series.tries.close(context.contract.retry.attempts, context);
            *series = Series {
                parallel: series.parallel && series.count > 0 && parallel,
                tries: series.tries.anew(),
                ..Series::default()
            };
            series.tries.begin(entry.at, context);
        }
        series.count += 1;
        series.tries.note(entry, request.exchange);
        if series.attempts.len() >= GAPS {
            series.attempts.remove(1);
        }
        series.attempts.push(entry.id);
        if series.parallel || series.gaps.is_empty() {
            return;
        }
        context.exercised(&BACKOFF);
        let regularity = if agreed.socket {
            &mut self.socket
        } else {
            &mut self.http
        };
        series.note_regularity(&agreed, regularity);
        series.judge_growth(&agreed, request, context);
        if !agreed.socket {
            context.exercised(&ATTEMPTS);
            if !series.hammering {
                // The app's own first delay may be longer than the agreed one.
                let first = agreed.delay.mul_f64(1.0 + agreed.jitter);
                let first = first.max(series.gaps[0]).mul_f64(1.1);
                // Far below the agreed delays another layer repeats, and no request begins.
                let least = agreed.delay.mul_f64((1.0 - agreed.jitter).max(0.0) / 2.0);
                let anew = series
                    .gaps
                    .last()
                    .is_some_and(|gap| (least..=first).contains(gap));
                series.tries.read(request, anew, context);
            }
        }
        if series.gaps.len() > GAPS * 2 {
            series.gaps.remove(2);
        }
    }
}

impl Series {
    fn note_regularity(&mut self, agreed: &Agreed, regularity: &mut Regularity) {
        if self.judged_regularity || self.gaps.len() < 2 || agreed.jitter == 0.0 {
            return;
        }
        self.judged_regularity = true;
        let exact = self.gaps[..2]
            .iter()
            .zip([agreed.delay, agreed.delay * 2])
            .all(|(gap, delay)| near(*gap, delay.min(agreed.cap)));
        if exact {
            regularity.exact += 1;
            regularity.evidence.clone_from(&self.attempts);
        } else {
            regularity.varied += 1;
        }
    }

    fn judge_growth(&mut self, agreed: &Agreed, request: &Request, context: &Context<'_>) {
        let gaps = &self.gaps;
        // The shortest delays that were agreed, a tenth less. Far below them no jitter leads; a little
        // below them an app may have a faster schedule of its own, which grows all the same.
        let least = agreed.delay.mul_f64((1.0 - agreed.jitter).max(0.0) * 0.9);
        let grown = (least * 2).min(agreed.cap.mul_f64(0.4));
        let hammering = match &gaps[..] {
            [.., before, last] if *before < least / 3 && *last < grown / 2 => true,
            [.., first, before, last] => {
                *before < least && *last < least && *last < first.mul_f64(1.5)
            }
            _ => false,
        };
        let [first, .., last] = &gaps[..] else {
            return;
        };
        let enough = gaps.len() >= GAPS;
        let early = gaps[0] + gaps[1];
        let late = gaps[gaps.len() - 1] + gaps[gaps.len() - 2];
        // Of requests too many attempts are NET-2's to find.
        let flat = agreed.socket
            && enough
            && late < early.mul_f64(1.5)
            && late / 2 < agreed.cap.mul_f64(0.45);
        let what = if agreed.socket {
            "the feed's handshake".to_owned()
        } else {
            format!("{} {}", request.method, request.target)
        };
        if hammering || flat {
            self.hammering = true;
            context.violated(
                &BACKOFF,
                Violation::new("the app retries without backing off")
                    .kind("back-off")
                    .expected(format!(
                        "delays that grow from {} to {}",
                        show(agreed.delay),
                        show(agreed.cap)
                    ))
                    .observed(format!(
                        "{} attempts of {what}, the first gap {}, the last {}",
                        self.count,
                        show(*first),
                        show(*last)
                    ))
                    .evidence(self.attempts.clone())
                    .exchanges([request.exchange]),
            );
        } else if agreed.socket
            && enough
            && gaps
                .iter()
                .rev()
                .take(AT_CAP)
                .all(|gap| near(*gap, agreed.cap))
        {
            context.violated(
                &BACKOFF,
                Violation::new("the socket reconnects on the stock schedule, which has no jitter once it reaches its cap")
.kind("stock schedule")
.expected("delays that still vary at the cap")
.observed(format!("{AT_CAP} gaps of {} in a row", show(agreed.cap)))
.evidence(self.attempts.clone())
.severity(Severity::Information),
            );
        }
    }
}

/// Whether a gap is a delay to the millisecond, but for what the wire adds.
fn near(gap: Duration, delay: Duration) -> bool {
    gap.abs_diff(delay) <= delay.mul_f64(0.01).max(Duration::from_millis(5))
}

fn key(request: &Request) -> Option<String> {
    match &request.role {
        Some(Role::Realtime) if request.is_handshake() => Some(feed(request.wants_websocket())),
        Some(Role::Realtime) | None => None,
        Some(_) => Some(format!(
            "{} {} {}",
            request.method, request.service, request.target
        )),
    }
}

fn feed(websocket: bool) -> String {
    format!("feed {websocket}")
}

fn agreed(request: &Request, contract: &Contract) -> Option<Agreed> {
    if request.role == Some(Role::Realtime) {
        let client = &contract.realtime.as_ref()?.client;
        return Some(Agreed {
            socket: true,
            delay: client.delay,
            cap: client.delay_max,
            jitter: client.jitter,
            ceiling: client.delay_max * 4,
        });
    }
    let retry = &contract.retry;
    let interval = match &request.role {
        Some(Role::Resource(name)) => contract
            .polling
            .as_ref()
            .filter(|polling| polling.resources.contains(name))
            .map(|polling| polling.every),
        Some(Role::Status) => contract.kill_switch.as_ref().map(|switch| switch.every),
        _ => None,
    };
    let ceiling = retry.delay_max * 2;
    Some(Agreed {
        socket: false,
        delay: retry.delay,
        cap: retry.delay_max,
        jitter: retry.jitter,
        ceiling: interval.map_or(ceiling, |every| ceiling.min(every / 2)),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::domain::contract::harbour::harbour;
    use crate::domain::journal::Fact;
    use crate::rules::state::State;

    /// Whether retries after these gaps, in milliseconds, are found, where 500 ms ± 50 % is agreed.
    fn hammers(gaps: &[u64]) -> bool {
        let agreed = Agreed {
            socket: false,
            delay: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            jitter: 0.5,
            ceiling: Duration::from_secs(16),
        };
        let request = json!({"exchange": 1, "sender": "client", "service": "deck", "method": "GET",
            "target": "/ships", "host": "deck.example", "headers": [],
            "judgement": {"class": "allowed", "reason": "declared"}});
        let mut series = Series {
            gaps: gaps.iter().copied().map(Duration::from_millis).collect(),
            ..Series::default()
        };
        let request: Request = serde_json::from_value(request).unwrap();
        let entry = Arc::new(Entry {
            id: EntryId(1),
            at: Duration::ZERO,
            fact: Fact::Request(Box::new(request.clone())),
        });
        let state = State::new(Arc::new(harbour()));
        let collector = RefCell::default();
        series.judge_growth(&agreed, &request, &Context::new(&entry, &state, &collector));
        series.hammering
    }

    #[test]
    fn a_poll_that_begins_soon_after_the_last_retry_of_another_is_no_hammering() {
        assert!(!hammers(&[700, 100, 320]));
        assert!(!hammers(&[500, 900, 40, 300]));
        assert!(hammers(&[700, 100, 120]));
        assert!(hammers(&[10, 20]));
    }
}
