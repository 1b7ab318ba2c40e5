//! NET-13: every answer can be found again in the backend's logs.

use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::Entry;
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Ended, Scene};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static REQUEST_ID: RuleInfo = RuleInfo {
    id: "NET-13",
    title: "Every response carries the request id that the contract names",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook, facts given by the product",
    explanation: "A tester's report is worth little if nobody can find the request in the logs. Every answer of the backend, errors included, must carry the header, and an id that five answers in a row have, although no request brought it, finds none of them. Engine.IO's own answers are left out: its server does not pass through the application's middleware.",
    fix: "Set the header in the outermost middleware or in the proxy, for errors too.",
    parameters: &["request_id"],
};

/// How many answers in a row with one id show that it names none of them.
const ALIKE: u32 = 5;

#[derive(Default)]
pub(super) struct RequestId {
    /// The last id, and how many answers in a row had it.
    last: Option<(String, u32)>,
}

impl Rule for RequestId {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(header) = &scene.contract.request_id else {
            ledger.unable(&REQUEST_ID, "the contract names no request id");
            return;
        };
        let Some(ended) = scene.ended(entry) else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role == Some(Role::Realtime) {
            return;
        }
        ledger.occasion(&REQUEST_ID);
        let there = answer
            .request_id
            .as_deref()
            .is_some_and(|id| !id.trim().is_empty());
        if !there {
            ledger.breach(
                &REQUEST_ID,
                Breach {
                    kind: "missing".to_owned(),
                    message: "the backend answers without a request id".to_owned(),
                    expected: format!("the header `{header}` on every response"),
                    observed: format!(
                        "{} {} {} was answered with {} and without it",
                        ended.request.method,
                        ended.request.service,
                        ended.request.target,
                        answer.status
                    ),
                    evidence: vec![ended.opened.id(), entry.id],
                    ..Breach::default()
                },
            );
        }
        self.repeated(entry, &ended, ledger);
    }
}

impl RequestId {
    fn repeated(&mut self, entry: &Entry, ended: &Ended<'_>, ledger: &mut Ledger) {
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
            ledger.breach(
                &REQUEST_ID,
                Breach {
                    kind: "alike".to_owned(),
                    message: "the backend gives every answer the same request id".to_owned(),
                    expected: "an id for each answer".to_owned(),
                    observed: format!("{times} answers in a row with `{id}`"),
                    evidence: vec![ended.opened.id(), entry.id],
                    exchanges: vec![ended.request.exchange],
                    ..Breach::default()
                },
            );
        }
    }
}
