//! KILL-1: when the kill-switch is asked.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::{Act, AppFact, ClientOutcome, Entry, EntryId, Fact};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The kill-switch is asked at cold start, and on foreground when its answer is old, before any
    /// data
    ///
    /// # Why
    /// An app that was closed while maintenance began must not touch the backend before it knows.
    ///
    /// # How it is judged
    /// Judged from the moments at which the app was started or brought back: the first request for
    /// data, or handshake of the feed, comes only when a status request of that start has been
    /// answered or has failed.
    ///
    /// # How to keep it
    /// Ask for the status first and hold everything else until it is answered or timed out.
    ///
    /// # Source
    /// runbook S4.1
    pub(super) ASKED_FIRST: "KILL-1", App, from [Wire],
        needs [KillSwitch],
        set by ["kill_switch.fresh_for", "request_timeout"]
}

/// How loosely somebody outside the app marks its starts.
const MARKS: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct AskedFirst {
    start: Option<Start>,
    /// Data that was asked for while the status of its start was still under way.
    hasty: Option<Hasty>,
    asked: Option<(u64, Duration)>,
}

struct Start {
    id: EntryId,
    what: &'static str,
    /// The status request of this start.
    asked: Option<(u64, Duration)>,
}

struct Hasty {
    start: Start,
    status: u64,
    data: EntryId,
    what: String,
    exchange: u64,
}

impl Rule for AskedFirst {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(switch) = &context.contract.kill_switch else {
            context.unable(&ASKED_FIRST, "the contract has no kill-switch");
            return;
        };
        match &entry.fact {
            Fact::Act(Act::Launch) => self.start = Some(self.begin(entry, context, "start")),
            Fact::Act(Act::Foreground) => {
                let fresh = context
                    .switch
                    .answered
                    .is_some_and(|last| last.at + switch.fresh_for >= entry.at);
                if !fresh && self.start.is_none() {
                    self.start = Some(self.begin(entry, context, "return to the foreground"));
                }
            }
            Fact::Act(Act::Kill) => {
                self.start = None;
                self.hasty = None;
                // What the process before asked tells the next one nothing.
                self.asked = None;
            }
            // A status request that could not even be sent was tried all the same.
            Fact::App(AppFact::Exchange(exchange))
                if exchange.service == switch.operation.service
                    && exchange.path.ends_with(&switch.operation.path)
                    && matches!(exchange.outcome, ClientOutcome::NotSent { .. }) =>
            {
                self.start = None;
            }
            _ => {}
        }
        if let Some(request) = context.request() {
            match &request.role {
                Some(Role::Status) => {
                    self.asked = Some((request.exchange, entry.at));
                    if let Some(start) = &mut self.start {
                        start.asked.get_or_insert((request.exchange, entry.at));
                    }
                }
                Some(Role::Resource(_)) => self.data(entry, context),
                Some(Role::Realtime) if request.is_handshake() => self.data(entry, context),
                _ => {}
            }
            if !context.world.acts_marked {
                context.unable(
                    &ASKED_FIRST,
                    "nobody marked when the app was started or brought back",
                );
            }
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Status)
        {
            let exchange = ended.request.exchange;
            if self
                .start
                .as_ref()
                .and_then(|start| start.asked)
                .is_some_and(|(own, _)| own == exchange)
            {
                context.exercised(&ASKED_FIRST);
                self.start = None;
            }
            if let Some(hasty) = self.hasty.take_if(|hasty| hasty.status == exchange)
                && ended.answer.is_some()
            {
                let observed = format!("{} while the status was still being asked", hasty.what);
                breach(&hasty.start, hasty.data, hasty.exchange, observed, context);
            }
        }
    }
}

impl AskedFirst {
    fn begin(&self, entry: &Entry, context: &Context<'_>, what: &'static str) -> Start {
        let early = self
            .asked
            .filter(|(_, at)| !context.world.simulated && *at + MARKS >= entry.at);
        Start {
            id: entry.id,
            what,
            asked: early,
        }
    }

    fn data(&mut self, entry: &Arc<Entry>, context: &Context<'_>) {
        let Some(request) = context.request() else {
            return;
        };
        let Some(start) = self.start.take() else {
            return;
        };
        let what = request.line();
        context.exercised(&ASKED_FIRST);
        match start.asked {
            Some((status, at)) => {
                let under_way = context
                    .under_way()
                    .any(|(_, other)| other.exchange == status);
                if under_way && entry.at < at + context.contract.request_timeout.mul_f64(0.9) {
                    self.hasty = Some(Hasty {
                        start,
                        status,
                        data: entry.id,
                        what,
                        exchange: request.exchange,
                    });
                }
            }
            None => {
                let unseen = context.world.is_blind()
                    || context.world.is_disturbed()
                    || !context.world.same_network_since(start.id)
                    || context
                        .world
                        .changed
                        .is_some_and(|changed| changed.id > start.id);
                if !unseen {
                    let observed = format!("{what} without a status request before it");
                    breach(&start, entry.id, request.exchange, observed, context);
                }
            }
        }
    }
}

fn breach(start: &Start, data: EntryId, exchange: u64, observed: String, context: &Context<'_>) {
    context.violated(
        &ASKED_FIRST,
        Violation::new(format!(
            "after its {} the app asked for data before it knew the kill-switch",
            start.what
        ))
        .kind(start.what.to_owned())
        .expected("a status request, and its answer, before the first request for data")
        .observed(observed)
        .evidence([start.id, data])
        .exchanges([exchange]),
    );
}
