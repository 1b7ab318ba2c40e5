//! NET-13: every answer can be found again in the backend's logs.

use crate::domain::contract::Role;
use crate::domain::journal::Sender;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Every response carries the request id that the contract names
    ///
    /// # Why
    /// A tester's report is worth little if nobody can find the request in the logs.
    ///
    /// # How it is judged
    /// Every answer of the backend to a request that the contract declares, errors included and whoever
    /// asked, must carry the header, and an id that five answers in a row have, although no request
    /// brought it, finds none of them. Engine.IO's own answers are left out: its server does not pass
    /// through the application's middleware. What the app asks for beside the contract counts, too.
    ///
    /// # How to keep it
    /// Set the header in the outermost middleware or in the proxy, for errors too.
    ///
    /// # Source
    /// runbook, facts given by the product
    pub(super) REQUEST_ID: "NET-13", Backend, from [Wire, Probe],
        needs [RequestId],
        set by ["request-id"]
}

/// How many answers in a row with one id show that it names none of them.
const ALIKE: u32 = 5;

#[derive(Default)]
pub(super) struct RequestId {
    /// The last id, and how many answers in a row had it.
    last: Option<(String, u32)>,
}

impl Rule for RequestId {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        // What no app would ask for a router may answer that is in front of the application.
        let is_odd = ended.request.sender != Sender::Client && ended.request.role.is_none();
        if ended.request.role == Some(Role::Realtime) || is_odd {
            return;
        }
        context.exercised(&REQUEST_ID);
        let id = answer.request_id.as_deref();
        if id.is_none_or(|id| id.trim().is_empty()) {
            missing(&ended, context);
        }
        if let Some(id) = id {
            self.repeated(id, &ended, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl RequestId {
    fn repeated(&mut self, id: &str, ended: &Ended<'_>, context: &Context<'_>) {
        let brought = ended.request.headers.iter().any(|(_, value)| value == id);
        let times = match &self.last {
            Some((last, times)) if last == id && !brought => times + 1,
            _ => u32::from(!brought),
        };
        self.last = Some((id.to_owned(), times));
        if times >= ALIKE {
            context.violated(
                &REQUEST_ID,
                Violation::new("the backend gives every answer the same request id")
                    .expected("an id for each answer")
                    .observed(format!("{times} answers in a row with `{id}`"))
                    .evidence([ended.opened.id(), context.entry.id])
                    .exchanges([ended.request.exchange]),
            );
        }
    }
}

fn missing(ended: &Ended<'_>, context: &Context<'_>) {
    let Some(header) = &context.contract.request_id else {
        return;
    };
    context.violated(
        &REQUEST_ID,
        Violation::new("the backend answers without a request id")
            .expected(format!("the header `{header}` on every response"))
            .observed(format!("{} and without it", ended.words()))
            .evidence([ended.opened.id(), context.entry.id]),
    );
}
