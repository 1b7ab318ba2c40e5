//! SCOPE-5: what the app must never call is refused by the server too.

use std::sync::Arc;

use crate::domain::journal::{Content, Entry, Question};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Ended, Scene, Verdict};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(crate) static SERVER: RuleInfo = RuleInfo {
    id: "SCOPE-5",
    title: "The server refuses forbidden calls and namespaces for a read-only tester",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Probe],
    source: "runbook S8.5; OWASP API Security Top 10 2023, API5",
    explanation: "An app without the button proves nothing about a server that would accept the call. With a session of the mock's tester or of the target's disposable account, the harness sends one call under every forbidden entry of the contract, with an empty body, and asks to join every forbidden namespace by long-polling. 401, 403, 404, 405 and 410 are refusals. 400, 409, 415, 422 and server errors are not judged: such a call may have failed for its empty body only.",
    fix: "Check the caller's role in a middleware in front of every writing route and in the namespace's own middleware, before the body is looked at.",
    parameters: &["scope.forbid", "scope.forbid_namespaces"],
};

pub(crate) struct Server;

impl Rule for Server {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some((question, ended)) = scene.answered(entry) else {
            return;
        };
        match question {
            Question::ForbiddenCall => match (ended.status(), ended.verdict()) {
                (_, Verdict::Granted) => {
                    let message = "the backend carries out a call that is forbidden to testers";
                    let what = ended.request.path.clone();
                    breach(what, message, ended.words(), entry, &ended, ledger);
                }
                (Some(401 | 403 | 404 | 405 | 410), Verdict::Refused) => ledger.occasion(&SERVER),
                (_, Verdict::Unclear(why)) => ledger.unable(&SERVER, why),
                (_, Verdict::Refused) => {
                    let why = format!("{}, which may be for its empty body only", ended.words());
                    ledger.unable(&SERVER, why);
                }
            },
            Question::ForbiddenNamespace { namespace } => match joined(&ended, namespace) {
                Some(true) => {
                    let message = "the backend lets a tester into a forbidden namespace";
                    let observed = format!("CONNECT to `{namespace}` was accepted");
                    breach(namespace.clone(), message, observed, entry, &ended, ledger);
                }
                Some(false) => ledger.occasion(&SERVER),
                None => {
                    let why = format!("what became of CONNECT to `{namespace}` cannot be told");
                    ledger.unable(&SERVER, why);
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
    ledger: &mut Ledger,
) {
    ledger.breach(
        &SERVER,
        Breach {
            kind: what,
            message: message.to_owned(),
            expected: "401, 403, 404 or 405, or CONNECT_ERROR for a namespace".to_owned(),
            observed,
            evidence: vec![ended.opened.id(), entry.id],
            exchanges: vec![ended.request.exchange],
            ..Breach::default()
        },
    );
}
