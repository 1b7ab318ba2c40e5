//! NET-3: nobody waits for ever.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Opened;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Every request has a finite timeout
    ///
    /// # Why
    /// A request that is never answered holds its screen, its poller and its connection for ever.
    ///
    /// # How it is judged
    /// Judged on requests that stay unanswered: a visible app with a network gives them up within
    /// twice the agreed timeout and five seconds. Long polls of the feed are left out.
    ///
    /// # How to keep it
    /// Abort every request by a timer (`AbortSignal.timeout`).
    ///
    /// # Source
    /// React Native's fetch has no timeout of its own
    pub(super) FINITE: "NET-3", App, from [Wire],
        set by ["request-timeout"]
}

#[derive(Default)]
pub(super) struct Finite {
    /// The request that was found last, so that each is found once.
    found: Option<EntryId>,
}

impl Rule for Finite {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(ended) = context.ended()
            && context.now > ended.opened.at() + context.contract.request_timeout
        {
            context.exercised(&FINITE);
            self.judge(ended.opened, ended.request, context);
        }
    }

    fn time_passes(&mut self, context: &Context<'_>) {
        for (opened, request) in context.under_way() {
            self.judge(opened, request, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.time_passes(context);
        let patience = context.contract.request_timeout;
        let waits = context.under_way().find(|(opened, request)| {
            request.role != Some(Role::Realtime)
                && context.now > opened.at() + patience
                && context.now <= opened.at() + limit(context)
        });
        if let Some((opened, _)) = waits {
            let had = context.now - opened.at();
            context.lacked(
                &FINITE,
                "a request that is not answered",
                had,
                limit(context),
            );
        }
    }
}

impl Finite {
    fn judge(&mut self, opened: &Opened, request: &Request, context: &Context<'_>) {
        if context.now <= opened.at() + limit(context)
            || !context.app_is_awake_since(opened.id())
            || request.role == Some(Role::Realtime)
            || self.found >= Some(opened.id())
        {
            return;
        }
        self.found = Some(opened.id());
        context.violated(
            &FINITE,
            Violation::new("the app waits for an answer without end")
                .expected(format!(
                    "a request is given up after {}",
                    show(context.contract.request_timeout)
                ))
                .observed(format!(
                    "{} {} was still awaited after {}",
                    request.method,
                    request.target,
                    show(context.now - opened.at())
                ))
                .evidence([opened.id()])
                .exchanges([request.exchange]),
        );
    }
}

/// How long after a request its being given up may take.
fn limit(context: &Context<'_>) -> Duration {
    context.contract.request_timeout * 2 + Duration::from_secs(5)
}
