//! NET-11: an answer that nobody waits for any more changes nothing.

use std::collections::BTreeMap;

use crate::domain::contract::Contract;
use crate::domain::journal::{
    Act, AppFact, ClientExchange, ClientOutcome, DataSource, EntryId, Fact, SessionState,
};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Late and cancelled answers are never applied
    ///
    /// # Why
    /// A request that was given up, or that belongs to a session that is over, may still be
    /// answered.
    ///
    /// # How it is judged
    /// Judged where the app says what it shows: nothing is shown once its session has ended, and
    /// nothing from a request whose last attempt the app itself had given up.
    ///
    /// # How to keep it
    /// Tie every request to what wanted it, abort it with that, and check before applying that it
    /// is still wanted.
    ///
    /// # Source
    /// `AbortController` and stale closures in React effects; runbook S7.3
    pub(super) LATE: "NET-11", App, from [Sim],
        set by ["resources"]
}

#[derive(Default)]
pub(super) struct Late {
    /// When the session ended, until the next one begins.
    ended: Option<EntryId>,
    /// Resources whose last request the app gave up, unless one was answered since.
    given_up: BTreeMap<String, EntryId>,
}

impl Rule for Late {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Act(Act::Launch) => *self = Self::default(),
            Fact::App(AppFact::Session { state }) => {
                self.ended = matches!(state, SessionState::Ended { .. }).then_some(entry.id);
                if self.ended.is_some() {
                    context.exercised(&LATE);
                }
            }
            Fact::App(AppFact::Exchange(exchange)) => {
                if let Some(name) = resource_of(&context.contract, exchange) {
                    match exchange.outcome {
                        ClientOutcome::Answered { .. } => {
                            self.given_up.remove(name);
                        }
                        ClientOutcome::Broken { .. } | ClientOutcome::NotSent { .. } => {
                            self.given_up.insert(name.to_owned(), entry.id);
                        }
                    }
                }
            }
            Fact::App(AppFact::Shown {
                resource, source, ..
            }) => {
                let (since, observed) = match (self.ended, self.given_up.get(resource)) {
                    (Some(ended), _) => (
                        ended,
                        format!("{resource} was shown from {source} after the session had ended"),
                    ),
                    (None, Some(given_up)) if *source == DataSource::Request => (
                        *given_up,
                        format!("{resource} was shown although its request had been given up"),
                    ),
                    _ => return,
                };
                context.violated(
                    &LATE,
                    Violation::new("an answer is applied that nobody waits for any more")
                        .kind("applied")
                        .expected("late and cancelled answers are dropped")
                        .observed(observed)
                        .evidence([since, entry.id]),
                );
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        if !context.world.simulated {
            context.unable(&LATE, "what a client does with an answer only it can say");
        }
    }

    fn hears_routine(&self) -> bool {
        // Only while it could be wrong that something is shown.
        true
    }
}

/// The resource that the client's exchange reads.
fn resource_of<'c>(contract: &'c Contract, exchange: &ClientExchange) -> Option<&'c str> {
    let reads = |operation: &crate::domain::contract::Operation| {
        operation.service == exchange.service
            && operation.method == exchange.method
            && exchange.path.ends_with(&operation.path)
    };
    contract
        .resources
        .iter()
        .find(|resource| reads(&resource.operation))
        .map(|resource| resource.name.as_str())
}
