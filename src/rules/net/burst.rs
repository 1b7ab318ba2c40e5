//! NET-5 and -10, what they share: an app that is back asks for each thing once, with its retries.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Request};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::RuleInfo;
use crate::rules::violation::Violation;

/// The requests of an app that is back, by what they ask for.
pub(super) struct Burst {
    rule: &'static RuleInfo,
    message: &'static str,
    /// When the app was back, and how long it is looked at.
    back: Moment,
    window: Duration,
    counts: BTreeMap<String, (u64, EntryId)>,
}

impl Burst {
    /// Begins to count for a rule, which is told with this message.
    pub(super) fn new(
        rule: &'static RuleInfo,
        message: &'static str,
        back: Moment,
        window: Duration,
    ) -> Self {
        Self {
            rule,
            message,
            back,
            window,
            counts: BTreeMap::new(),
        }
    }

    /// Takes in a request for this, and tells of it if it is one too many.
    pub(super) fn count(&mut self, request: &Request, what: String, context: &Context<'_>) {
        let carries_on = request.role == Some(Role::Realtime) && !request.is_handshake();
        let is_over = context.now > self.back.at + self.window;
        if is_over || carries_on || context.is_refetched(request.role.as_ref()) {
            return;
        }
        let id = context.entry.id;
        let (count, first) = self.counts.entry(what.clone()).or_insert((0, id));
        *count += 1;
        // One more than agreed may be what a reconcile asks for beside it.
        let bound = u64::from(context.contract.retry.attempts) + 1;
        if *count > bound {
            let took = show(context.now - self.back.at);
            context.violated(
                self.rule,
                Violation::new(self.message)
                    .expected(format!("at most {bound} attempts of one request"))
                    .observed(format!("{count} times {what} within {took}"))
                    .evidence([self.back.id, *first, id])
                    .exchanges([request.exchange]),
            );
        }
    }
}
