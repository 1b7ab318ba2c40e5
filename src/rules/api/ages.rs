//! API-16: data is no older than was promised.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::reckoning::{Clocks, Finding, Reckoned, compare};
use super::unpushed::Unpushed;
use crate::domain::contract::{AsOf, TransportName};
use crate::domain::duration::show;
use crate::domain::journal::{Content, EntryId};
use crate::domain::moment;
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::state::AFTERMATH;
use crate::rules::violation::Violation;

rule! {
    /// What says of which moment it is is no older than was promised
    ///
    /// # Why
    /// Old prices that are sent again keep every schema and every heartbeat. Only their own time gives
    /// them away, and an app that trusts it shows what is no longer so.
    ///
    /// # How it is judged
    /// Judged on events and answers with `as-of`. The time that they carry is held against the
    /// backend's own `Date`: an answer's own, and for an event that of the service's last answer,
    /// moved on by as much as has passed. Where the service sends none, the clock of the machine that
    /// rehearsal runs on counts, and the finding says which. So clocks of device and server may differ.
    /// Both bounds are taken so that a slow line makes nothing look old. Where the `Date` calls
    /// something old that is fresh by the machine's clock, one of them is wrong (API-3), and it is *not
    /// judged*. A time in the future by more than a minute, and one that cannot be read, are findings,
    /// too. Not judged: while a fault is on, a service is stopped or maintenance is on, and for ten
    /// seconds after a lever; an event that the harness has the backend send; what a socket makes up
    /// for when it is recovered; and on long-polling the time in which nothing came. Of each event the
    /// first 256 and then every sixteenth are looked at. Whether the time is there at all is API-12's.
    ///
    /// # How to keep it
    /// Date data where it arises and not where it is sent, and send nothing that has grown old: say
    /// that the source stands still instead.
    ///
    /// # Source
    /// runbook S6.1; the contract itself
    pub(super) FRESH: "API-16", Backend, from [Wire],
        needs [AsOf],
        set by ["realtime.events[].as-of", "resources[].as-of"]
}

/// How many events of one name are all looked at, and which of the later ones are.
const ALL: u64 = 256;
const THEN_EACH: u64 = 16;

#[derive(Default)]
pub(super) struct Ages {
    clocks: Clocks,
    /// How many events of each name there were.
    seen: BTreeMap<String, u64>,
    /// By socket: when something last came, and how long nothing had come before that.
    pauses: BTreeMap<u64, (Duration, Duration)>,
    found: Unpushed<Violation>,
}

impl Rule for Ages {
    fn see(&mut self, context: &Context<'_>) {
        if let Some((socket, name, args)) = context.event_down() {
            let pause = self.pause(socket, context);
            self.event(socket, name, args, pause, context);
            return;
        }
        for violation in self.found.settled(context) {
            context.violated(&FRESH, violation);
        }
        self.found.follow(context);
        if let Some(ended) = context.ended_by_anyone() {
            self.clocks.answered(&ended, context);
        }
        if let Some(read) = context.read().filter(|read| read.answer.is_success()) {
            self.answer(&read, context);
        }
        self.pauses
            .retain(|socket, _| context.sockets.get(*socket).is_some());
    }

    fn end(&mut self, context: &Context<'_>) {
        for violation in self.found.rest(context) {
            context.violated(&FRESH, violation);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Ages {
    /// How long nothing had come on this socket before what comes at this moment.
    fn pause(&mut self, socket: u64, context: &Context<'_>) -> Duration {
        let (last, pause) = self
            .pauses
            .entry(socket)
            .or_insert((context.now, Duration::ZERO));
        if *last < context.now {
            *pause = context.now.saturating_sub(*last);
            *last = context.now;
        }
        *pause
    }

    fn event(
        &mut self,
        socket: u64,
        name: &str,
        args: &Content,
        pause: Duration,
        context: &Context<'_>,
    ) {
        let Some(rule) = context.contract.event(name) else {
            return;
        };
        let Some(as_of) = &rule.promise.as_of else {
            return;
        };
        let seen = self.seen.entry(rule.name.clone()).or_default();
        *seen += 1;
        let is_looked_at = *seen <= ALL || seen.is_multiple_of(THEN_EACH);
        if !is_looked_at || is_excused(context) || is_made_up_for(socket, context) {
            return;
        }
        let first = args.json().and_then(|args| args.get(0));
        let Some(value) = first.and_then(|first| as_of.at.in_body(first)) else {
            return;
        };
        // What the client did not fetch could not come.
        let own = context.sockets.get(socket);
        let waited = own
            .filter(|own| own.transport == TransportName::Polling)
            .map_or(Duration::ZERO, |_| pause);
        let service = context.contract.realtime.as_ref();
        let Some(service) = service.map(|feed| feed.service.as_str()) else {
            return;
        };
        let reckoned = self
            .clocks
            .at(service, context.now.saturating_sub(waited), context);
        let said = Said {
            what: format!("the event `{name}`"),
            as_of,
            value,
            evidence: vec![context.entry.id],
            exchanges: Vec::new(),
        };
        if let Some(violation) = said.judge(&reckoned, context) {
            self.found.add(&rule.name, violation, context);
        }
    }

    fn answer(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let resource = read.resource;
        let Some(as_of) = &resource.as_of else {
            return;
        };
        let provoked = super::is_provoked(&read.ended, context) || is_excused(context);
        if provoked || context.world.is_spoilt(&resource.name) {
            return;
        }
        let Some(value) = read.answer.find(&as_of.at) else {
            return;
        };
        let reckoned = self.clocks.of_answer(&read.ended, context);
        let said = Said {
            what: format!("the answer for `{}`", resource.name),
            as_of,
            value: &value,
            evidence: vec![read.ended.opened.id(), context.entry.id],
            exchanges: vec![read.answer.exchange],
        };
        if let Some(violation) = said.judge(&reckoned, context) {
            context.violated(&FRESH, violation);
        }
    }
}

/// A time that data carries, and where.
struct Said<'a> {
    what: String,
    as_of: &'a AsOf,
    value: &'a Value,
    evidence: Vec<EntryId>,
    exchanges: Vec<u64>,
}

impl Said<'_> {
    fn judge(self, reckoned: &Reckoned, context: &Context<'_>) -> Option<Violation> {
        let Some(time) = moment::unix(self.value) else {
            // Whether nothing may stand there is for a schema to say.
            return (!self.value.is_null()).then(|| self.unreadable());
        };
        match compare(reckoned, time, self.as_of.at_most) {
            Finding::Fresh => {
                context.exercised(&FRESH);
                None
            }
            Finding::Unknown => {
                context.unable(
                    &FRESH,
                    "the service sends no `Date`, and the journal does not say what time it was",
                );
                None
            }
            Finding::Disputed { by } => {
                let why = format!(
                    "{} is {} old by the backend's `Date` and fresh by this machine's clock, so one of \
                     them is wrong",
                    self.what,
                    show(by)
                );
                context.unable(&FRESH, why);
                None
            }
            Finding::Old { by, whose } => Some(self.off("is old when it comes", "old", by, whose)),
            Finding::Ahead { by, whose } => {
                Some(self.off("says a time that is yet to come", "ahead", by, whose))
            }
        }
    }

    fn off(self, message: &str, how: &str, by: Duration, whose: &str) -> Violation {
        let seconds = Duration::from_secs(by.as_secs().max(1));
        let direction = match how {
            "old" => "behind",
            _ => "ahead of",
        };
        Violation::new(format!("{} {message}", self.what))
            .kind(format!("{how} {}", self.what))
            .expected(format!(
                "a time at `{}` that is at most {} old",
                self.as_of.at,
                show(self.as_of.at_most)
            ))
            .observed(format!(
                "{}, which is at least {} {direction} {whose}",
                self.value,
                show(seconds)
            ))
            .evidence(self.evidence)
            .exchanges(self.exchanges)
    }

    fn unreadable(self) -> Violation {
        let mut text = self.value.to_string();
        if let Some((cut, _)) = text.char_indices().nth(60) {
            text.truncate(cut);
        }
        Violation::new(format!(
            "{} says its time so that nobody can read it",
            self.what
        ))
        .expected(format!(
            "at `{}` a moment in RFC 3339, or a number of seconds or parts of them since 1970",
            self.as_of.at
        ))
        .observed(text)
        .evidence(self.evidence)
        .exchanges(self.exchanges)
    }
}

/// Whether the harness, or maintenance, may be behind data that is old.
fn is_excused(context: &Context<'_>) -> bool {
    context.is_provoked_since(context.now)
        || context.is_blocked_by_lever()
        || context.may_be_blocked()
}

/// Whether a recovered socket is sent what it has missed.
fn is_made_up_for(socket: u64, context: &Context<'_>) -> bool {
    let own = context.sockets.get(socket).filter(|own| own.recovered);
    let joined = own.and_then(|own| own.connected);
    joined.is_some_and(|joined| joined.at + AFTERMATH > context.now)
}
