//! NET-10: quiet while there is no network, and no burst when it is back.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, ClientOutcome, Entry, EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// No attempts while offline, and a bounded number on return
    ///
    /// # Why
    /// Attempts without a network cost battery, and a queue of them that bursts when the network is
    /// back hits the backend from every phone in the same train.
    ///
    /// # How it is judged
    /// Judged from the moment the network went, two seconds apart: no attempt that the user did not
    /// ask for; and in the first seconds after it is back, no single request more often than a
    /// first attempt, its retries and one more.
    ///
    /// # How to keep it
    /// Follow the system's connectivity: stop timers and the socket's reconnection when it goes,
    /// start each once when it is back.
    ///
    /// # Source
    /// runbook S7.1, S7.2, S9.6
    pub(super) OFFLINE: "NET-10", App, from [Wire, Sim],
        set by ["retry.attempts", "polling.floor"]
}

/// How long an app may take to notice that the network went.
const NOTICE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Offline {
    gone: Option<Moment>,
    back: Option<Moment>,
    counts: BTreeMap<String, (u64, EntryId)>,
}

impl Rule for Offline {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Act(Act::Offline) => {
                self.gone = Some(Moment::of(entry));
                self.back = None;
                if context.world.simulated {
                    context.exercised(&OFFLINE);
                } else {
                    context.unable(&OFFLINE, "what a client that says nothing about itself tries while offline reaches nobody");
                }
            }
            Fact::Act(Act::Online) => {
                context.exercised(&OFFLINE);
                self.back = self.gone.take().map(|_| Moment::of(entry));
                self.counts.clear();
            }
            Fact::Act(Act::Launch | Act::Kill) => self.back = None,
            Fact::App(AppFact::Exchange(exchange)) => {
                if matches!(exchange.outcome, ClientOutcome::NotSent { .. }) {
                    let what =
                        format!("{} {} {}", exchange.method, exchange.service, exchange.path);
                    self.attempt(entry, what, None, context);
                }
            }
            _ => {}
        }
        if let Some(request) = context.request() {
            let what = request.line();
            self.attempt(entry, what, Some(request.exchange), context);
            self.returned(entry, request, context);
        }
    }
}

impl Offline {
    fn attempt(&self, entry: &Entry, what: String, exchange: Option<u64>, context: &Context<'_>) {
        let Some(gone) = self.gone else {
            return;
        };
        let asked = context
            .world
            .acted
            .is_some_and(|act| act.id != gone.id && act.at + NOTICE >= entry.at);
        if entry.at <= gone.at + NOTICE || asked {
            return;
        }
        context.violated(
            &OFFLINE,
            Violation::new("the app keeps trying although there is no network")
                .kind("attempt")
                .expected("no attempt while the network is gone")
                .observed(format!(
                    "{what}, {} after the network went",
                    show(entry.at - gone.at)
                ))
                .evidence([gone.id, entry.id])
                .exchanges(exchange),
        );
    }

    fn returned(&mut self, entry: &Entry, request: &Request, context: &Context<'_>) {
        let Some(back) = self.back else {
            return;
        };
        let floor = context
            .contract
            .polling
            .as_ref()
            .map_or(NOTICE * 2, |polling| polling.floor);
        if entry.at > back.at + floor.min(NOTICE * 2)
            || context.world.acted.is_some_and(|act| act.id > back.id)
        {
            self.back = None;
            return;
        }
        let carries_on = request.role == Some(crate::domain::contract::Role::Realtime)
            && !request.is_handshake();
        if carries_on || context.is_refetched(request.role.as_ref()) {
            return;
        }
        let target = if request.is_handshake() {
            "the feed's handshake"
        } else {
            request.target.as_str()
        };
        let key = format!("{} {} {target}", request.method, request.service);
        let count = self.counts.entry(key.clone()).or_insert((0, entry.id));
        count.0 += 1;
        let bound = u64::from(context.contract.retry.attempts) + 1;
        if count.0 > bound {
            let evidence = vec![back.id, count.1, entry.id];
            let observed = format!(
                "{} times {key} within {}",
                count.0,
                show(entry.at - back.at)
            );
            context.violated(
                &OFFLINE,
                Violation::new("the app bursts when the network is back")
                    .kind("burst")
                    .expected(format!("at most {bound} attempts of one request"))
                    .observed(observed)
                    .evidence(evidence)
                    .exchanges([request.exchange]),
            );
        }
    }
}
