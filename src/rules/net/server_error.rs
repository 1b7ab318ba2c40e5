//! NET-14: a backend that nothing ails does not fail now and then.

use std::collections::BTreeSet;

use crate::domain::contract::Role;
use crate::domain::journal::EntryId;
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The backend does not fail now and then of its own accord
    ///
    /// # Why
    /// An app that retries hides errors from its user and doubles the load.
    ///
    /// # How it is judged
    /// Judged on the answers to the app's requests, and to what the harness asks as an app would, while no fault is switched on, no lever holds
    /// the backend stopped, and neither has moved for ten seconds: an answer of 500 or above, 503
    /// excepted, which a backend gives on purpose. An event that is pushed, tokens that are declared
    /// expired and a change of the backend's own that the contract has an event for are no reason to fail. A row of errors without a good answer of the
    /// same service between them counts once, since an outage is one event; three such are a
    /// finding.
    ///
    /// # How to keep it
    /// Find the requests by their ids in the backend's logs. Errors that come and go are often a
    /// bad instance behind the balancer, a pool that runs dry, or a timeout to the database.
    ///
    /// # Source
    /// RFC 9110 §15.6; runbook S9.2
    pub(super) SERVER_ERROR: "NET-14", Backend, from [Wire, Probe],
        set by ["request-id"]
}

/// How often it may happen: a release, a lost instance.
const TOLERATED: usize = 2;

#[derive(Default)]
pub(super) struct ServerError {
    /// Services whose last answer was an error.
    failing: BTreeSet<String>,
    /// The outages so far; no more after they were told.
    outages: Vec<Outage>,
}

/// Errors in a row, by the first of them.
struct Outage {
    id: EntryId,
    exchange: u64,
    words: String,
}

impl Rule for ServerError {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        let question = ended.opened.question.as_ref();
        if ended.request.role == Some(Role::Realtime)
            || question.is_some_and(|question| !question.is_ordinary())
            || context.is_shaken_since(ended.opened.at())
        {
            return;
        }
        context.exercised(&SERVER_ERROR);
        let service = &ended.request.service;
        if answer.status < 500 || answer.status == 503 {
            self.failing.remove(service);
        } else if self.failing.insert(service.clone()) && self.outages.len() <= TOLERATED {
            self.outages.push(Outage {
                id: context.entry.id,
                exchange: answer.exchange,
                words: ended.words(),
            });
            self.judge(context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl ServerError {
    fn judge(&self, context: &Context<'_>) {
        if self.outages.len() <= TOLERATED {
            return;
        }
        let words = self.outages.iter().map(|outage| outage.words.as_str());
        context.violated(
            &SERVER_ERROR,
            Violation::new("the backend fails now and then, although nothing was done to it")
                .expected(format!("at most {TOLERATED} outages of its own"))
                .observed(words.collect::<Vec<_>>().join("; "))
                .evidence(self.outages.iter().map(|outage| outage.id))
                .exchanges(self.outages.iter().map(|outage| outage.exchange)),
        );
    }
}
