//! NET-11: an answer that nobody waits for any more changes nothing.

use std::collections::BTreeMap;

use crate::domain::contract::{Contract, Operation};
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
        match &context.entry.fact {
            Fact::Act(Act::Launch) => *self = Self::default(),
            Fact::App(AppFact::Session { state }) => {
                let is_over = matches!(state, SessionState::Ended { .. });
                self.ended = is_over.then_some(context.entry.id);
                if is_over {
                    context.exercised(&LATE);
                }
            }
            Fact::App(AppFact::Exchange(exchange)) => self.exchanged(exchange, context),
            Fact::App(AppFact::Shown {
                resource, source, ..
            }) => self.shown(resource, *source, context),
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        if !context.world.simulated {
            context.unable(&LATE, "what a client does with an answer only it can say");
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Late {
    fn exchanged(&mut self, exchange: &ClientExchange, context: &Context<'_>) {
        let Some(name) = resource_of(&context.contract, exchange) else {
            return;
        };
        match exchange.outcome {
            ClientOutcome::Answered { .. } => _ = self.given_up.remove(name),
            ClientOutcome::Broken { .. } | ClientOutcome::NotSent { .. } => {
                self.given_up.insert(name.to_owned(), context.entry.id);
            }
        }
    }

    fn shown(&self, resource: &str, source: DataSource, context: &Context<'_>) {
        let (since, observed) = match (self.ended, self.given_up.get(resource)) {
            (Some(ended), _) => (
                ended,
                format!("{resource} was shown from {source} after the session had ended"),
            ),
            (None, Some(given_up)) if source == DataSource::Request => (
                *given_up,
                format!("{resource} was shown although its request had been given up"),
            ),
            _ => return,
        };
        context.violated(
            &LATE,
            Violation::new("an answer is applied that nobody waits for any more")
                .expected("late and cancelled answers are dropped")
                .observed(observed)
                .evidence([since, context.entry.id]),
        );
    }
}

/// The resource that the client's exchange reads.
fn resource_of<'c>(contract: &'c Contract, exchange: &ClientExchange) -> Option<&'c str> {
    let reads = |operation: &Operation| {
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
