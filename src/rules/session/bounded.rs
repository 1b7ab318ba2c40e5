//! SESSION-5: an end to trying to refresh.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact, is_success};
use crate::rules::context::Context;
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
    /// Judged: no refresh after the backend said that the session is over, and no more than ten
    /// failing ones within a minute.
    ///
    /// # How to keep it
    /// Bound the attempts, back off between them, and go to sign-in on a refusal.
    ///
    /// # Source
    /// zitadel/zitadel#9631
    pub(super) BOUNDED: "SESSION-5", App, from [Wire],
        needs [Refresh],
        set by ["session.ended_by", "retry"]
}

/// How long after an overlap the gateway may take to notice that the client had given the first up.
const NOTICE: Duration = Duration::from_secs(1);
/// How many refreshes may fail within [`WINDOW`].
const FAILURES: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Bounded {
    /// The refusal by which the backend ended the session, while nobody signed in since.
    over: Option<(EntryId, Duration, u64)>,
    failures: VecDeque<(EntryId, Duration)>,
}

impl Rule for Bounded {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if context.contract.session.refresh.is_none() {
            context.unable(&BOUNDED, "the contract has no refresh");
            return;
        }
        if let Some(request) = context.request()
            && request.role == Some(Role::Refresh)
            && let Some((id, at, exchange)) = self.over
            // A refresh that was already on its way when the refusal came is no repetition.
            && entry.at > at + NOTICE
            && context.world.same_process_since(id)
        {
            context.violated(
                &BOUNDED,
                Violation::new(
                    "the app refreshes again although the backend said that the session is over",
                )
                .kind("after the end")
                .expected("sign-in after a refused refresh")
                .observed(format!(
                    "another refresh {} after the refusal",
                    show(entry.at - at)
                ))
                .evidence([id, entry.id])
                .exchanges([exchange, request.exchange]),
            );
        }
        if matches!(entry.fact, Fact::TokenIssued(_)) {
            self.over = None;
            self.failures.clear();
        }
        let Some(ended) = context.ended() else {
            return;
        };
        if ended.request.role != Some(Role::Refresh) {
            return;
        }
        match ended.status() {
            Some(status) if is_success(status) => {
                self.over = None;
                self.failures.clear();
                return;
            }
            Some(status) if context.contract.session.ended_by.contains(&status) => {
                context.exercised(&BOUNDED);
                if self.over.is_none() {
                    self.over = Some((entry.id, entry.at, ended.request.exchange));
                }
            }
            _ => {}
        }
        context.exercised(&BOUNDED);
        self.failures.push_back((entry.id, entry.at));
        while self
            .failures
            .front()
            .is_some_and(|(_, at)| *at + WINDOW < entry.at)
        {
            self.failures.pop_front();
        }
        if self.failures.len() > FAILURES && self.over.is_none() {
            let first = self.failures.front().map(|(id, _)| *id);
            context.violated(
                &BOUNDED,
                Violation::new("the app repeats a failing refresh in a loop")
                    .kind("loop")
                    .expected(format!(
                        "at most {FAILURES} attempts within {}",
                        show(WINDOW)
                    ))
                    .observed(format!(
                        "{} failing refreshes within {}",
                        self.failures.len(),
                        show(WINDOW)
                    ))
                    .evidence(first.into_iter().chain([entry.id]))
                    .exchanges([ended.request.exchange]),
            );
        }
    }
}
