//! API-3: the backend's clock is right.

use std::collections::BTreeMap;

use crate::domain::journal::{EntryId, Fact, TokenIssued, TokenKind};
use crate::domain::moment;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The backend's clock is right, as its dates and its tokens show
    ///
    /// # Why
    /// Ends of tokens, times of events and ages of data are told by the backend's clock and
    /// compared with others. A clock that is minutes off makes tokens that are not good yet or over
    /// too early, and fresh data that looks old.
    ///
    /// # How it is judged
    /// The `Date` of the answers is held against the clock of the machine that rehearsal runs on,
    /// between the request and the answer: three answers in a row of one service that are off by
    /// more than a minute, all by the same, are a finding. So is a token whose `iat` lies in the
    /// future by more than a minute or the contract's `leeway`, and two tokens with an `iat` of
    /// their own that both lie back by the same, two minutes or more. An answer out of a cache says
    /// nothing of any clock. That all services are off by the same may be the clock of rehearsal's
    /// machine: the finding names it.
    ///
    /// # How to keep it
    /// Synchronise the machine's clock (NTP), and take times from one source.
    ///
    /// # Source
    /// RFC 9110 §6.6.1; RFC 7519 §4.1.5 and §4.1.6
    pub(super) CLOCK: "API-3", Backend, from [Wire, Probe],
        set by ["session.token.leeway"]
}

/// By how many seconds clocks may differ.
const TOLERATED: i64 = 60;
/// How many answers in a row show that no accident is behind it.
const TIMES: u32 = 3;
/// By how many seconds the differences themselves may differ.
const ALIKE: i64 = 10;
/// How long a token may have been made before it is handed out, in seconds.
const AGED: i64 = 120;

#[derive(Default)]
pub(super) struct Clocks {
    /// By how much each service was off, and how often in a row.
    services: BTreeMap<String, (i64, u32, EntryId)>,
    /// The last token that lay back: its `iat`, by how much, and where.
    behind: Option<(i64, i64, EntryId)>,
}

impl Rule for Clocks {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::TokenIssued(token) = &context.entry.fact
            && token.kind == TokenKind::Access
        {
            self.issued(token, context);
        }
        if let Some(ended) = context.ended_by_anyone() {
            self.answered(&ended, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Clocks {
    fn answered(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let Some(answer) = ended.by_backend() else {
            return;
        };
        let aged = answer.headers.get("age").is_some_and(|age| age != "0");
        let date = answer.headers.get("date").and_then(moment::date);
        let date = date.map(jiff::Timestamp::as_second);
        let (Some(date), Some(from), Some(to)) = (
            date.filter(|_| !aged),
            context.unix(ended.opened.at()),
            context.unix(context.entry.at),
        ) else {
            return;
        };
        context.exercised(&CLOCK);
        let off = distance(date, from, to);
        let service = &ended.request.service;
        let (times, first) = match self.services.get(service) {
            Some((before, times, first)) if (before - off).abs() <= ALIKE => (times + 1, *first),
            _ => (1, context.entry.id),
        };
        if off.abs() <= TOLERATED {
            self.services.remove(service);
            return;
        }
        self.services.insert(service.clone(), (off, times, first));
        if times < TIMES {
            return;
        }
        context.violated(
            &CLOCK,
            Violation::new(format!(
                "the clock of `{service}` is off, as its dates show"
            ))
            .expected(
                "a `Date` within a minute of this machine's clock (if every service is off by \
                     the same, look at this machine's clock first)",
            )
            .observed(format!(
                "{times} answers in a row with a `Date` that is {}",
                words(off)
            ))
            .evidence([first, context.entry.id])
            .exchanges([answer.exchange]),
        );
    }

    fn issued(&mut self, token: &TokenIssued, context: &Context<'_>) {
        let claims = token.claims.as_ref();
        let made = claims.and_then(|claims| claims.get("iat")?.as_f64());
        let Some(made) = made.map(|made| made as i64) else {
            return;
        };
        context.exercised(&CLOCK);
        let leeway = context.contract.session.token.leeway();
        let leeway = leeway.map_or(0, |leeway| leeway.as_secs() as i64);
        let off = made - token.seen_at as i64;
        let id = context.entry.id;
        let before = self.behind.take();
        let evidence = if off > TOLERATED.max(leeway) {
            vec![id]
        } else if off < -AGED {
            self.behind = Some((made, off, id));
            match before {
                // One that is handed out again keeps the moment at which it was made.
                Some((own, by, first)) if own != made && (by - off).abs() <= ALIKE => {
                    vec![first, id]
                }
                _ => return,
            }
        } else {
            return;
        };
        context.violated(
            &CLOCK,
            Violation::new("the clock that makes tokens is off")
                .expected("an `iat` within a minute of this machine's clock")
                .observed(format!("{}: an `iat` that is {}", token.label, words(off)))
                .evidence(evidence)
                .exchanges([token.exchange]),
        );
    }
}

/// How many seconds a date lies outside of the time in which it was made.
fn distance(date: i64, from: u64, to: u64) -> i64 {
    let (from, to) = (from as i64, to as i64);
    match date {
        date if date < from => date - from,
        date if date > to => date - to,
        _ => 0,
    }
}

fn words(off: i64) -> String {
    let direction = if off > 0 { "ahead" } else { "behind" };
    format!("{} s {direction}", off.abs())
}
