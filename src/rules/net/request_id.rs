//! NET-13: every answer can be found again in the backend's logs.

use crate::domain::contract::Role;
use crate::domain::journal::Entry;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Every response carries the request id that the contract names
    ///
    /// # Why
    /// A tester's report is worth little if nobody can find the request in the logs. Every answer
    /// of the backend, errors included, must carry the header, and an id that five answers in a row
    /// have, although no request brought it, finds none of them. Engine.IO's own answers are left
    /// out: its server does not pass through the application's middleware.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Set the header in the outermost middleware or in the proxy, for errors too.
    ///
    /// # Source
    /// runbook, facts given by the product
    pub(super) REQUEST_ID: "NET-13", Backend, from [Wire],
        needs [RequestId],
        set by ["request_id"]
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
        let entry = context.entry;
        let Some(header) = &context.contract.request_id else {
            context.unable(&REQUEST_ID, "the contract names no request id");
            return;
        };
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role == Some(Role::Realtime) {
            return;
        }
        context.exercised(&REQUEST_ID);
        let there = answer
            .request_id
            .as_deref()
            .is_some_and(|id| !id.trim().is_empty());
        if !there {
            context.violated(
                &REQUEST_ID,
                Violation::new("the backend answers without a request id")
                    .kind("missing")
                    .expected(format!("the header `{header}` on every response"))
                    .observed(format!(
                        "{} {} {} was answered with {} and without it",
                        ended.request.method,
                        ended.request.service,
                        ended.request.target,
                        answer.status
                    ))
                    .evidence([ended.opened.id(), entry.id]),
            );
        }
        self.repeated(entry, &ended, context);
    }
}

impl RequestId {
    fn repeated(&mut self, entry: &Entry, ended: &Ended<'_>, context: &Context<'_>) {
        let Some(id) = ended.answer.and_then(|answer| answer.request_id.as_ref()) else {
            return;
        };
        let brought = ended.request.headers.iter().any(|(_, value)| value == id);
        let times = match &self.last {
            Some((last, times)) if last == id && !brought => times + 1,
            _ => u32::from(!brought),
        };
        self.last = Some((id.clone(), times));
        if times >= ALIKE {
            context.violated(
                &REQUEST_ID,
                Violation::new("the backend gives every answer the same request id")
                    .kind("alike")
                    .expected("an id for each answer")
                    .observed(format!("{times} answers in a row with `{id}`"))
                    .evidence([ended.opened.id(), entry.id])
                    .exchanges([ended.request.exchange]),
            );
        }
    }
}
