//! KILL-1: when the kill-switch is asked.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::{Act, AppFact, ClientExchange, ClientOutcome, EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Milestone;
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
    /// From the moments at which the app was started or brought back, the first request for data,
    /// or handshake of the feed, comes only when a status request of that start has been answered
    /// or has failed.
    ///
    /// # How to keep it
    /// Ask for the status first and hold everything else until it is answered or timed out.
    ///
    /// # Source
    /// runbook S4.1
    pub(super) ASKED_FIRST: "KILL-1", App, from [Wire],
        needs [KillSwitch],
        set by ["kill-switch.fresh-for", "request-timeout"]
}

/// How loosely somebody outside the app marks its starts.
const MARKS: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct AskedFirst {
    start: Option<Start>,
    hasty: Option<Hasty>,
    /// The last status request of this process.
    asked: Option<Milestone>,
}

/// The app was started or brought back, and does not know yet.
struct Start {
    id: EntryId,
    what: &'static str,
    /// The status request of this start.
    asked: Option<Milestone>,
}

/// Data that was asked for while the status of its start was still under way.
struct Hasty {
    start: Start,
    status: u64,
    data: Milestone,
    what: String,
}

impl Rule for AskedFirst {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Act(act) => self.acted(act, context),
            // A status request that could not even be sent was tried all the same.
            Fact::App(AppFact::Exchange(exchange)) if is_unsent_status(exchange, context) => {
                self.start = None;
            }
            _ => {}
        }
        if let Some(request) = context.request() {
            self.requested(request, context);
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Status)
        {
            self.answered(&ended, context);
        }
    }
}

impl AskedFirst {
    fn acted(&mut self, act: &Act, context: &Context<'_>) {
        match act {
            Act::Launch => self.start = Some(self.begin("start", context)),
            Act::Foreground if self.start.is_none() && !is_fresh(context) => {
                self.start = Some(self.begin("return to the foreground", context));
            }
            // What the process before asked tells the next one nothing.
            Act::Kill => *self = Self::default(),
            _ => {}
        }
    }

    fn begin(&self, what: &'static str, context: &Context<'_>) -> Start {
        let entry = context.entry;
        let early = self
            .asked
            .filter(|asked| !context.world.simulated && asked.at + MARKS >= entry.at);
        Start {
            id: entry.id,
            what,
            asked: early,
        }
    }

    fn requested(&mut self, request: &Request, context: &Context<'_>) {
        match &request.role {
            Some(Role::Status) => {
                let asked = Milestone::of(context.entry, request.exchange);
                self.asked = Some(asked);
                if let Some(start) = &mut self.start {
                    start.asked.get_or_insert(asked);
                }
            }
            Some(Role::Resource(_)) => self.data(request, context),
            Some(Role::Realtime) if request.is_handshake() => self.data(request, context),
            _ => {}
        }
        if !context.world.acts_marked {
            context.unable(
                &ASKED_FIRST,
                "nobody marked when the app was started or brought back",
            );
        }
    }

    /// The first data of a start is asked for.
    fn data(&mut self, request: &Request, context: &Context<'_>) {
        let Some(start) = self.start.take() else {
            return;
        };
        context.exercised(&ASKED_FIRST);
        let data = Milestone::of(context.entry, request.exchange);
        let what = request.line();
        match start.asked {
            Some(status) if is_under_way(status, context) => {
                self.hasty = Some(Hasty {
                    start,
                    status: status.exchange,
                    data,
                    what,
                });
            }
            Some(_) => {}
            None if may_have_asked_unseen(&start, context) => {}
            None => {
                let observed = format!("{what} without a status request before it");
                too_early(&start, data, observed, context);
            }
        }
    }

    /// The status is known, or could not be had.
    fn answered(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        let exchange = ended.request.exchange;
        let asked = self.start.as_ref().and_then(|start| start.asked);
        if asked.is_some_and(|asked| asked.exchange == exchange) {
            context.exercised(&ASKED_FIRST);
            self.start = None;
        }
        if let Some(hasty) = self.hasty.take_if(|hasty| hasty.status == exchange)
            && ended.answer.is_some()
        {
            let observed = format!("{} while the status was still being asked", hasty.what);
            too_early(&hasty.start, hasty.data, observed, context);
        }
    }
}

/// Whether the last answer is good for a return to the foreground.
fn is_fresh(context: &Context<'_>) -> bool {
    let switch = context.contract.kill_switch.as_ref();
    switch
        .zip(context.switch.answered)
        .is_some_and(|(switch, last)| last.at + switch.fresh_for >= context.entry.at)
}

fn is_unsent_status(exchange: &ClientExchange, context: &Context<'_>) -> bool {
    let switch = context.contract.kill_switch.as_ref();
    switch.is_some_and(|switch| {
        exchange.service == switch.operation.service
            && exchange.path.ends_with(&switch.operation.path)
            && matches!(exchange.outcome, ClientOutcome::NotSent { .. })
    })
}

/// Whether a status request is unanswered, and not so old that the app may have given it up.
fn is_under_way(status: Milestone, context: &Context<'_>) -> bool {
    let patience = context.contract.request_timeout.mul_f64(0.9);
    let mut under_way = context.under_way();
    under_way.any(|(_, other)| other.exchange == status.exchange)
        && context.entry.at < status.at + patience
}

/// Whether a status request of a start may have been kept from the gateway.
fn may_have_asked_unseen(start: &Start, context: &Context<'_>) -> bool {
    let world = &context.world;
    world.is_blind()
        || world.is_disturbed()
        || !world.same_network_since(start.id)
        || world.changed.is_some_and(|changed| changed.id > start.id)
}

fn too_early(start: &Start, data: Milestone, observed: String, context: &Context<'_>) {
    context.violated(
        &ASKED_FIRST,
        Violation::new(format!(
            "after its {} the app asked for data before it knew the kill-switch",
            start.what
        ))
        .expected("a status request, and its answer, before the first request for data")
        .observed(observed)
        .evidence([start.id, data.id])
        .exchanges([data.exchange]),
    );
}
