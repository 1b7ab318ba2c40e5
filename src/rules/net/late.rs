//! NET-11: an answer that nobody waits for any more changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::contract::Contract;
use crate::domain::journal::{
    Act, AppFact, ClientExchange, ClientOutcome, DataSource, Entry, EntryId, Fact, SessionState,
};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::Scene;
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static LATE: RuleInfo = RuleInfo {
    id: "NET-11",
    title: "Late and cancelled answers are never applied",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Sim],
    source: "`AbortController` and stale closures in React effects; runbook S7.3",
    explanation: "A request that was given up, or that belongs to a session that is over, may still be answered. Judged where the app says what it shows: nothing is shown once its session has ended, and nothing from a request whose last attempt the app itself had given up.",
    fix: "Tie every request to what wanted it, abort it with that, and check before applying that it is still wanted.",
    parameters: &["resources"],
};

#[derive(Default)]
pub(super) struct Late {
    /// When the session ended, until the next one begins.
    ended: Option<EntryId>,
    /// Resources whose last request the app gave up, unless one was answered since.
    given_up: BTreeMap<String, EntryId>,
}

impl Rule for Late {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        match &entry.fact {
            Fact::Act(Act::Launch) => *self = Self::default(),
            Fact::App(AppFact::Session { state }) => {
                self.ended = matches!(state, SessionState::Ended { .. }).then_some(entry.id);
                if self.ended.is_some() {
                    ledger.occasion(&LATE);
                }
            }
            Fact::App(AppFact::Exchange(exchange)) => {
                if let Some(name) = resource_of(&scene.contract, exchange) {
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
                ledger.breach(
                    &LATE,
                    Breach {
                        kind: "applied".to_owned(),
                        message: "an answer is applied that nobody waits for any more".to_owned(),
                        expected: "late and cancelled answers are dropped".to_owned(),
                        observed,
                        evidence: vec![since, entry.id],
                        ..Breach::default()
                    },
                );
            }
            _ => {}
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        if !scene.world.simulated {
            ledger.unable(&LATE, "what a client does with an answer only it can say");
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
