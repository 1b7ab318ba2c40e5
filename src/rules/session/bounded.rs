//! SESSION-5: an end to trying to refresh.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Fact, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Milestone;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A refused or lost refresh is not repeated without end
    ///
    /// # Why
    /// When the answer to a refresh is lost the client holds a refresh token that may be used up. A
    /// few attempts are right; after a refusal the only way on is signing in.
    ///
    /// # How it is judged
    /// There is no refresh after the backend said that the session is over, and no more than ten
    /// fail within a minute.
    ///
    /// # How to keep it
    /// Bound the attempts, back off between them, and go to sign-in on a refusal.
    ///
    /// # Source
    /// zitadel/zitadel#9631
    pub(super) BOUNDED: "SESSION-5", App, from [Wire],
        needs [Refresh],
        set by ["session.ended-by", "retry"]
}

/// How long a refresh that was already on its way when the refusal came is no repetition.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// How many refreshes may fail within [`WINDOW`].
const FAILURES: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Bounded {
    /// The refusal by which the backend ended the session, while nobody signed in since.
    over: Option<Milestone>,
    /// The refreshes that failed within the window.
    failures: Vec<Milestone>,
}

impl Rule for Bounded {
    fn see(&mut self, context: &Context<'_>) {
        if matches!(context.entry.fact, Fact::TokenIssued(_)) {
            *self = Self::default();
        }
        if let Some(request) = context.request()
            && request.role == Some(Role::Refresh)
        {
            self.asked(request, context);
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Refresh)
        {
            if ended.succeeded() {
                *self = Self::default();
            } else {
                self.failed(&ended, context);
            }
        }
    }
}

impl Bounded {
    /// A refresh begins, perhaps after the session's end.
    fn asked(&self, request: &Request, context: &Context<'_>) {
        let entry = context.entry;
        let Some(over) = self.over.filter(|over| {
            entry.at > over.at + ON_ITS_WAY && context.world.same_process_since(over.id)
        }) else {
            return;
        };
        context.violated(
            &BOUNDED,
            Violation::new(
                "the app refreshes again although the backend said that the session is over",
            )
            .expected("sign-in after a refused refresh")
            .observed(format!(
                "another refresh {} after the refusal",
                show(entry.at - over.at)
            ))
            .evidence([over.id, entry.id])
            .exchanges([over.exchange, request.exchange]),
        );
    }

    /// A refresh has failed, perhaps for good, perhaps once too often.
    fn failed(&mut self, ended: &Ended<'_>, context: &Context<'_>) {
        context.exercised(&BOUNDED);
        let failure = Milestone::of(context.entry, ended.request.exchange);
        let ended_by = &context.contract.session.ended_by;
        if ended
            .status()
            .is_some_and(|status| ended_by.contains(&status))
        {
            self.over.get_or_insert(failure);
        }
        if self.failures.len() > FAILURES {
            self.failures.remove(0);
        }
        self.failures.push(failure);
        self.failures.retain(|own| own.at + WINDOW >= failure.at);
        if self.failures.len() <= FAILURES || self.over.is_some() {
            return;
        }
        context.violated(
            &BOUNDED,
            Violation::new("the app repeats a failing refresh in a loop")
                .expected(format!(
                    "at most {FAILURES} attempts within {}",
                    show(WINDOW)
                ))
                .observed(format!(
                    "{} failing refreshes within {}",
                    self.failures.len(),
                    show(WINDOW)
                ))
                .evidence([self.failures[0].id, failure.id])
                .exchanges([failure.exchange]),
        );
    }
}
