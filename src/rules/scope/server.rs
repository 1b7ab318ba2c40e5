//! SCOPE-5: what the app must never call is refused by the server too.

use crate::domain::journal::{Content, Entry, Question};
use crate::rules::context::Context;
use crate::rules::exchange::{Ended, Reception};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The server refuses forbidden calls and namespaces for a read-only tester
    ///
    /// # Why
    /// An app without the button proves nothing about a server that would accept the call.
    ///
    /// # How it is judged
    /// With a session of the mock's tester or of the target's disposable account, the harness sends
    /// one call under every forbidden entry of the contract, with an empty body, and asks to join
    /// every forbidden namespace by long-polling. 401, 403, 404, 405 and 410 are refusals. 400,
    /// 409, 415, 422 and server errors are not judged: such a call may have failed for its empty
    /// body only.
    ///
    /// # How to keep it
    /// Check the caller's role in a middleware in front of every writing route and in the
    /// namespace's own middleware, before the body is looked at.
    ///
    /// # Source
    /// runbook S8.5; OWASP API Security Top 10 2023, API5
    pub(crate) SERVER: "SCOPE-5", Backend, from [Probe],
        set by ["scope.forbid", "scope.forbid_namespaces"]
}

pub(crate) struct Server;

impl Rule for Server {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some((question, ended)) = context.answered() else {
            return;
        };
        match question {
            Question::ForbiddenCall => match (ended.status(), ended.reception()) {
                (_, Reception::Granted) => {
                    let message = "the backend carries out a call that is forbidden to testers";
                    let what = ended.request.path.clone();
                    breach(what, message, ended.words(), entry, &ended, context);
                }
                (Some(401 | 403 | 404 | 405 | 410), Reception::Refused) => {
                    context.exercised(&SERVER)
                }
                (_, Reception::Unclear(why)) => context.unable(&SERVER, why),
                (_, Reception::Refused) => {
                    let why = format!("{}, which may be for its empty body only", ended.words());
                    context.unable(&SERVER, why);
                }
            },
            Question::ForbiddenNamespace { namespace } => match joined(&ended, namespace) {
                Some(true) => {
                    let message = "the backend lets a tester into a forbidden namespace";
                    let observed = format!("CONNECT to `{namespace}` was accepted");
                    breach(namespace.clone(), message, observed, entry, &ended, context);
                }
                Some(false) => context.exercised(&SERVER),
                None => {
                    let why = format!("what became of CONNECT to `{namespace}` cannot be told");
                    context.unable(&SERVER, why);
                }
            },
            _ => {}
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// Whether the packets of a poll say that the namespace was joined.
fn joined(ended: &Ended<'_>, namespace: &str) -> Option<bool> {
    let answer = ended.answer?;
    let text = match &answer.body {
        Content::Text { text, .. }
        | Content::Truncated {
            beginning: text, ..
        } => text,
        _ => return None,
    };
    text.split('\u{1e}').find_map(|packet| {
        let rest = packet.strip_prefix('4')?;
        let of_it = |rest: &str| {
            rest.strip_prefix(namespace)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([',', '{', '?']))
        };
        match (rest.strip_prefix('0'), rest.strip_prefix('4')) {
            (Some(rest), _) if of_it(rest) => Some(true),
            (_, Some(rest)) if of_it(rest) => Some(false),
            _ => None,
        }
    })
}

fn breach(
    what: String,
    message: &str,
    observed: String,
    entry: &Entry,
    ended: &Ended<'_>,
    context: &Context<'_>,
) {
    context.violated(
        &SERVER,
        Violation::new(message.to_owned())
            .kind(what)
            .expected("401, 403, 404 or 405, or CONNECT_ERROR for a namespace")
            .observed(observed)
            .evidence([ended.opened.id(), entry.id])
            .exchanges([ended.request.exchange]),
    );
}
