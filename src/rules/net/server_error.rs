//! NET-14: a backend that nothing ails does not fail now and then.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::journal::EntryId;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The backend does not fail now and then of its own accord
    ///
    /// # Why
    /// An app that retries hides errors from its user and doubles the load.
    ///
    /// # How it is judged
    /// Judged on the answers to the app's requests while no fault is switched on, no lever holds
    /// the backend stopped, and neither has moved for ten seconds: an answer of 500 or above, 503
    /// excepted, which a backend gives on purpose. A row of errors without a good answer of the
    /// same service between them counts once, since an outage is one event; three such are a
    /// finding.
    ///
    /// # How to keep it
    /// Find the requests by their ids in the backend's logs. Errors that come and go are often a
    /// bad instance behind the balancer, a pool that runs dry, or a timeout to the database.
    ///
    /// # Source
    /// RFC 9110 §15.6; runbook S9.2
    pub(super) SERVER_ERROR: "NET-14", Backend, from [Wire],
        set by ["request_id"]
}

/// How often it may happen: a release, a lost instance.
const TOLERATED: usize = 2;

/// How long what a lever or a fault did may go on.
const AFTERMATH: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct ServerError {
    /// Services whose last answer was an error.
    failing: BTreeSet<String>,
    /// The first answer of each outage, in words, and its exchange; none after it was told.
    seen: Vec<(EntryId, String, u64)>,
}

impl Rule for ServerError {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role == Some(Role::Realtime) || is_provoked(&ended, context) {
            return;
        }
        context.exercised(&SERVER_ERROR);
        let is_error = answer.status >= 500 && answer.status != 503;
        if !is_error {
            self.failing.remove(&ended.request.service);
            return;
        }
        let goes_on = !self.failing.insert(ended.request.service.clone());
        if goes_on || self.seen.len() > TOLERATED {
            return;
        }
        self.seen.push((entry.id, ended.words(), answer.exchange));
        if self.seen.len() > TOLERATED {
            let all: Vec<&str> = self
                .seen
                .iter()
                .map(|(_, words, _)| words.as_str())
                .collect();
            context.violated(
                &SERVER_ERROR,
                Violation::new("the backend fails now and then, although nothing was done to it")
                    .expected(format!("at most {TOLERATED} outages of its own"))
                    .observed(all.join("; "))
                    .evidence(self.seen.iter().map(|(id, ..)| *id))
                    .exchanges(self.seen.iter().map(|(.., exchange)| *exchange)),
            );
        }
    }
}

/// Whether the harness, or whoever moves its levers, may be behind it.
fn is_provoked(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    let moved = context.world.changed;
    context.world.is_disturbed()
        || context.world.backend_is_stopped()
        || moved.is_some_and(|moved| moved.at + AFTERMATH > ended.opened.at())
}
