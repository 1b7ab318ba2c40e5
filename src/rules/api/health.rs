//! API-1: whoever asks a service whether it is alive is told so.

use crate::domain::contract::Role;
use crate::domain::journal::LossReason;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The health request of each service is answered with success
    ///
    /// # Why
    /// Balancers and monitors take a service out of work by what its health says. One that says
    /// *ill* while it works is taken out for nothing; one that cannot be asked is watched by nobody.
    ///
    /// # How it is judged
    /// The harness asks every health request of the contract before the app is started and when it
    /// is gone, and whoever else asks is judged too. While a fault is on, while a lever holds the
    /// backend stopped or the kill-switch on, and for ten seconds afterwards nothing is judged.
    ///
    /// # How to keep it
    /// Answer 200 as long as the service can do its work, without authorization, and ask nothing
    /// slow on the way.
    ///
    /// # Source
    /// runbook P.1, P.3; draft-inadarei-api-health-check
    pub(super) HEALTHY: "API-1", Backend, from [Wire, Probe],
        needs [Health],
        set by ["health"]
}

pub(super) struct Healthy;

impl Rule for Healthy {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let maintained = matches!(context.world.maintenance, Some((true, _)));
        if ended.request.role != Some(Role::Health)
            || maintained
            || super::is_provoked(&ended, context)
        {
            return;
        }
        let unreachable = matches!(ended.lost, Some(LossReason::Upstream { .. }));
        if ended.by_backend().is_none() && !unreachable {
            return;
        }
        context.exercised(&HEALTHY);
        // Who asks conditionally is told that it is as well as it was.
        if !ended.succeeded() && ended.status() != Some(304) {
            ill(&ended, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

fn ill(ended: &Ended<'_>, context: &Context<'_>) {
    let service = &ended.request.service;
    context.violated(
        &HEALTHY,
        Violation::new(format!(
            "the service `{service}` does not say that it is alive"
        ))
        .expected("an answer of 200 to 299")
        .observed(ended.words())
        .evidence([ended.opened.id(), context.entry.id])
        .exchanges([ended.request.exchange]),
    );
}
