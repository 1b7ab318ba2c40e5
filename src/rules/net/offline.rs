//! NET-10: quiet while there is no network, and no burst when it is back.

use std::time::Duration;

use super::burst::Burst;
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, ClientOutcome, Fact};
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
/// How long after the return a burst is looked for, unless polls may follow sooner.
const FIRST: Duration = Duration::from_secs(4);

#[derive(Default)]
pub(super) struct Offline {
    gone: Option<Moment>,
    /// What is asked for since the network is back.
    burst: Option<Burst>,
}

impl Rule for Offline {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Act(act) => self.act(act, context),
            Fact::App(AppFact::Exchange(exchange)) => {
                if matches!(exchange.outcome, ClientOutcome::NotSent { .. }) {
                    let what =
                        format!("{} {} {}", exchange.method, exchange.service, exchange.path);
                    self.attempt(&what, None, context);
                }
            }
            _ => {}
        }
        if let Some(request) = context.request() {
            self.attempt(&request.line(), Some(request.exchange), context);
            if let Some(burst) = &mut self.burst {
                let what = match request.is_handshake() {
                    true => format!(
                        "{} {} the feed's handshake",
                        request.method, request.service
                    ),
                    false => request.operation(),
                };
                burst.count(request, what, context);
            }
        }
    }
}

impl Offline {
    fn act(&mut self, act: &Act, context: &Context<'_>) {
        self.burst = None;
        match act {
            Act::Offline => {
                self.gone = Some(context.moment());
                if context.world.simulated {
                    context.exercised(&OFFLINE);
                } else {
                    context.unable(
                        &OFFLINE,
                        "what a client that says nothing about itself tries while offline \
                         reaches nobody",
                    );
                }
            }
            Act::Online => {
                context.exercised(&OFFLINE);
                self.burst = self.gone.take().map(|_| burst_from_now(context));
            }
            _ => {}
        }
    }

    fn attempt(&self, what: &str, exchange: Option<u64>, context: &Context<'_>) {
        let Some(gone) = self.gone else {
            return;
        };
        let acted = context.world.acted.filter(|act| act.id != gone.id);
        let asked_for = acted.is_some_and(|act| act.at + NOTICE >= context.now);
        if context.now <= gone.at + NOTICE || asked_for {
            return;
        }
        context.violated(
            &OFFLINE,
            Violation::new("the app keeps trying although there is no network")
                .expected("no attempt while the network is gone")
                .observed(format!(
                    "{what}, {} after the network went",
                    show(context.now - gone.at)
                ))
                .evidence([gone.id, context.entry.id])
                .exchanges(exchange),
        );
    }
}

fn burst_from_now(context: &Context<'_>) -> Burst {
    let polling = context.contract.polling.as_ref();
    let window = polling.map_or(FIRST, |polling| polling.floor.min(FIRST));
    let message = "the app bursts when the network is back";
    Burst::new(&OFFLINE, message, context.moment(), window)
}
