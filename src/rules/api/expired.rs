//! API-9: who comes with a token that is over is told so.

use std::collections::BTreeSet;

use crate::domain::journal::{Flaw, Question};
use crate::domain::rpc;
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A token that is over is refused as one that is over
    ///
    /// # Why
    /// 401 says: come with a new token, and the app renews its session and asks again. 403 says that
    /// nothing helps, and 404 that nothing is there: the user sees an error although the session
    /// could go on.
    ///
    /// # How it is judged
    /// Judged on requests for a resource with an access token that had ended by its own end and a
    /// minute more, or by the lever, when it was sent, and on the harness's own with such a token.
    /// If the same resource was given to a good token of the same run, the refusal must be by one of
    /// the contract's `session.expired-by` (401 unless it says otherwise). A status of success with a body
    /// that says it is an error (GraphQL, JSON-RPC) is no refusal by status. 408, 429 and 502 to 504 say
    /// nothing about the token, and neither does the refusal of the kill-switch.
    ///
    /// # How to keep it
    /// Let the check of the token come before the check of what its owner may do.
    ///
    /// # Source
    /// RFC 6750 §3.1; RFC 9110 §15.5.2 and §15.5.4
    pub(super) EXPIRED: "API-9", Backend, from [Wire, Probe],
        set by ["session.expired-by", "session.token.leeway"]
}

/// How many seconds a token must have been over.
const OVER: u64 = 60;

#[derive(Default)]
pub(super) struct Expired {
    /// Resources that were given to a good token.
    given: BTreeSet<String>,
    /// Whether a token that is over was answered as agreed.
    told: bool,
    /// What was answered with errors of the backend's own.
    failed: Vec<Violation>,
}

impl Rule for Expired {
    fn see(&mut self, context: &Context<'_>) {
        let Some(read) = context.read_by_anyone() else {
            return;
        };
        let is_error = read.answer.body.json().is_some_and(rpc::is_error);
        if read.answer.is_success() && !is_error {
            if !self.given.contains(&read.resource.name) {
                self.given.insert(read.resource.name.clone());
            }
            return;
        }
        let known = self.given.contains(&read.resource.name);
        let blocked =
            context.switch.told.is_some() || matches!(context.world.maintenance, Some((true, _)));
        let says_nothing = matches!(read.answer.status, 304 | 408 | 429 | 502..=504);
        if known && !blocked && !says_nothing && comes_too_late(&read, context) {
            self.judge(&read, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        // Errors of the backend's own have nothing to do with the token, unless it gives nothing else.
        let mut failed = std::mem::take(&mut self.failed);
        let Some(last) = failed.pop() else { return };
        if failed.is_empty() || self.told {
            context.unable(&EXPIRED, last.observed);
        } else {
            context.exercised(&EXPIRED);
            context.violated(&EXPIRED, last);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// Whether the request came with a token that was over.
fn comes_too_late(read: &Read<'_>, context: &Context<'_>) -> bool {
    let opened = read.ended.opened;
    if let Some(question) = &opened.question {
        return *question
            == Question::BadToken {
                flaw: Flaw::Expired,
            };
    }
    let label = opened.credential.as_deref();
    let Some(token) = label.and_then(|label| context.session.token(label)) else {
        return false;
    };
    let leeway = context.contract.session.token.leeway();
    let leeway = leeway.map_or(0, |leeway| leeway.as_secs());
    let over = token
        .ends
        .zip(context.unix(opened.at()))
        .is_some_and(|(ends, sent)| ends + leeway + OVER < sent);
    let declared = context.world.tokens_expired;
    over || declared.is_some_and(|own| token.issued.id < own.id && own.id < opened.id())
}

impl Expired {
    /// Judges what a token got that is over.
    fn judge(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let agreed = &context.contract.session.expired_by;
        let status = read.answer.status;
        if agreed.contains(&status) {
            context.exercised(&EXPIRED);
            self.told = true;
            return;
        }
        let statuses: Vec<String> = agreed.iter().map(ToString::to_string).collect();
        let violation = Violation::new(format!(
            "the backend answers {status} to a token that is over"
        ))
        .expected(format!(
            "{}, so that the app renews its session",
            statuses.join(" or ")
        ))
        .observed(read.ended.words())
        .evidence([read.ended.opened.id(), context.entry.id])
        .exchanges([read.answer.exchange]);
        if status >= 500 {
            self.failed.push(violation);
        } else {
            context.exercised(&EXPIRED);
            context.violated(&EXPIRED, violation);
        }
    }
}
