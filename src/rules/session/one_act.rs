//! SESSION-21: one wish to sign in is one request.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::{Act, Content, EntryId, Fact, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Milestone;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// One act of signing in sends one request, and credentials that were refused are not sent again
    ///
    /// # Why
    /// Backends lock an account after a few wrong passwords. An app that sends a refused one again by
    /// itself, or each of them twice, spends its user's attempts, and opens sessions that nobody signs
    /// out of.
    ///
    /// # How it is judged
    /// Judged on sign-ins with the very same content. One that begins while the one before is
    /// unanswered and not yet given up, or after that was refused (by `refused-by`; without it by 400,
    /// 401, 403 or 422), is one too many, unless the user asked again or the app was started anew. What
    /// failed otherwise may be tried again: NET-2 counts those. Where nobody marks what the user does,
    /// two are found that each follow a refusal within a second, since nobody asks that fast; anything
    /// slower is not judged.
    ///
    /// # How to keep it
    /// Disable the button until the answer is there, and leave sign-ins out of what an HTTP client
    /// repeats by itself; show a refusal, and wait for the user.
    ///
    /// # Source
    /// OWASP ASVS 2.2.1 (throttling of credentials); runbook S2.3
    pub(super) ONE_ACT: "SESSION-21", App, from [Wire],
        set by ["session.sign-in", "session.refused-by", "request-timeout"]
}

/// How soon after a refusal nobody asks again.
const BY_ITSELF: Duration = Duration::from_secs(1);
/// How often that is no accident.
const TIMES: u32 = 2;

#[derive(Default)]
pub(super) struct OneAct {
    /// The last sign-in since the user asked for one.
    last: Option<Sent>,
    /// How many in a row followed a refusal at once.
    at_once: u32,
}

/// A sign-in, and what came of it.
struct Sent {
    milestone: Milestone,
    body: Content,
    /// The refusal of it.
    refused: Option<(EntryId, Duration)>,
}

impl Rule for OneAct {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::Act(Act::SignIn { .. } | Act::Launch | Act::Kill) = &context.entry.fact {
            *self = Self::default();
        }
        if let Some(request) = context.request()
            && request.role == Some(Role::SignIn)
        {
            self.asked(request, context);
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::SignIn)
        {
            self.answered(&ended, context);
        }
    }
}

impl OneAct {
    fn asked(&mut self, request: &Request, context: &Context<'_>) {
        let sent = Sent {
            milestone: Milestone::of(context.entry, request.exchange),
            body: request.body.clone(),
            refused: None,
        };
        let before = self.last.replace(sent);
        let Some(before) = before.filter(|before| before.body == request.body) else {
            self.at_once = 0;
            return;
        };
        let patience = context.contract.request_timeout.mul_f64(0.9);
        match before.refused {
            None if context.now >= before.milestone.at + patience => {}
            _ if context.world.acts_marked => again(&before, request, context),
            Some((_, at)) if context.now <= at + BY_ITSELF => {
                self.at_once += 1;
                if self.at_once >= TIMES {
                    again(&before, request, context);
                }
            }
            _ => context.unable(
                &ONE_ACT,
                "the same credentials were sent again, and nobody marked whether the user had asked to",
            ),
        }
    }

    fn answered(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        if ended.by_backend().is_some() {
            context.exercised(&ONE_ACT);
        }
        let is_last = |last: &&mut Sent| last.milestone.exchange == ended.request.exchange;
        let Some(last) = self.last.as_mut().filter(is_last) else {
            return;
        };
        let refusals = match &context.contract.session.refused_by[..] {
            [] => &[400, 401, 403, 422],
            own => own,
        };
        match ended.status() {
            Some(status) if refusals.contains(&status) => {
                last.refused = Some((context.entry.id, context.now));
            }
            _ => self.last = None,
        }
    }
}

fn again(before: &Sent, request: &Request, context: &Context<'_>) {
    let (message, observed, between) = match before.refused {
        Some((id, _)) => (
            "the app sends credentials again that were refused",
            "the very same sign-in after it was refused, which nobody asked for",
            Some(id),
        ),
        None => (
            "the app sends a sign-in twice for one act",
            "the very same sign-in while the one before was unanswered",
            None,
        ),
    };
    let first = before.milestone;
    context.violated(
        &ONE_ACT,
        Violation::new(message)
            .expected("one sign-in for each wish of the user's")
            .observed(observed)
            .evidence(
                [first.id]
                    .into_iter()
                    .chain(between)
                    .chain([context.entry.id]),
            )
            .exchanges([first.exchange, request.exchange]),
    );
}
