//! SCOPE-5: what the app must never call is refused by the server too.

use crate::domain::journal::{Answer, Content, Fact, HarnessFact, Heard, Question};
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
    /// one call under every forbidden entry of the contract, with an empty body and, where an entry
    /// leaves an id open, with one that the account's own list brought, and asks to join
    /// every forbidden namespace, by long-polling or, where the client uses none, by WebSocket. Each call is sent again with a slash at its path's
    /// end, or without the one that it has: it must not be carried out either, and any other answer
    /// will do. A socket without a good token must not be let into a forbidden namespace either. 401, 403, 404, 405 and 410 are refusals. 400,
    /// 409, 415, 422 and server errors are not judged: such a call may have failed for its empty
    /// body only.
    /// That nothing is found under an id that had to be made up is no refusal, and is not judged.
    ///
    /// # How to keep it
    /// Check the caller's role in a middleware in front of every writing route and in the
    /// namespace's own middleware, before the body is looked at.
    ///
    /// # Source
    /// runbook S8.5; OWASP API Security Top 10 2023, API5
    pub(super) SERVER: "SCOPE-5", Backend, from [Probe],
        set by ["scope.forbid", "scope.forbid-namespaces"]
}

pub(super) struct Server;

impl Rule for Server {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::Harness(HarnessFact::Listened(heard)) = &context.entry.fact {
            listened(heard, context);
        }
        match context.answered() {
            Some((Question::ForbiddenCall, ended)) => called(&ended, false, context),
            Some((Question::ForbiddenGuess, ended)) => called(&ended, true, context),
            Some((Question::ForbiddenOtherSlash, ended)) => by_other_slash(&ended, context),
            Some((Question::ForbiddenNamespace { namespace }, ended)) => {
                asked_to_join(namespace, &ended, context);
            }
            _ => {}
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// Judges a call; where its id was made up, that nothing was found is no refusal.
fn called(ended: &Ended<'_>, guessed: bool, context: &Context<'_>) {
    match (ended.reception(), ended.status()) {
        (Reception::Refused, Some(404)) if guessed => {
            let why = format!("{}, and the id in it was made up", ended.words());
            context.unable(&SERVER, why);
        }
        (Reception::Granted, _) => {
            let message = "the backend carries out a call that is forbidden to testers";
            let violation = violation(message, ended, context)
                .kind(&*ended.request.path)
                .observed(ended.words());
            context.violated(&SERVER, violation);
        }
        (Reception::Refused, Some(401 | 403 | 404 | 405 | 410)) => context.exercised(&SERVER),
        (Reception::Refused, _) => {
            let why = format!("{}, which may be for its empty body only", ended.words());
            context.unable(&SERVER, why);
        }
        (Reception::Unclear(why), _) => context.unable(&SERVER, why),
    }
}

/// Judges a call whose path has the other slash: a router may send it elsewhere, or not know it.
fn by_other_slash(ended: &Ended<'_>, context: &Context<'_>) {
    let is_page = ended.answer.is_some_and(Answer::is_page);
    if ended.reception() != Reception::Granted || is_page {
        context.exercised(&SERVER);
        return;
    }
    let message = "the backend carries out a forbidden call whose path has another final slash";
    let violation = violation(message, ended, context)
        .kind(format!("slash {}", ended.request.path))
        .observed(ended.words());
    context.violated(&SERVER, violation);
}

/// Judges a socket in a forbidden namespace, whatever its token.
fn listened(heard: &Heard, context: &Context<'_>) {
    let forbidden = &context.contract.scope.forbid_namespaces;
    let Some(namespace) = heard
        .namespace
        .as_ref()
        .filter(|own| forbidden.contains(own))
    else {
        return;
    };
    if !heard.joined {
        context.exercised(&SERVER);
        return;
    }
    let message = "the backend lets a socket into a forbidden namespace";
    context.violated(
        &SERVER,
        Violation::new(message)
            .kind(format!("socket {namespace}"))
            .expected("CONNECT_ERROR")
            .observed(heard.words())
            .evidence([context.entry.id]),
    );
}

fn asked_to_join(namespace: &str, ended: &Ended<'_>, context: &Context<'_>) {
    match joined(ended, namespace) {
        Some(true) => {
            let message = "the backend lets a tester into a forbidden namespace";
            let violation = violation(message, ended, context)
                .kind(namespace)
                .observed(format!("CONNECT to `{namespace}` was accepted"));
            context.violated(&SERVER, violation);
        }
        Some(false) => context.exercised(&SERVER),
        None => {
            let why = format!("what became of CONNECT to `{namespace}` cannot be told");
            context.unable(&SERVER, why);
        }
    }
}

fn violation(message: &str, ended: &Ended<'_>, context: &Context<'_>) -> Violation {
    Violation::new(message)
        .expected("401, 403, 404 or 405, or CONNECT_ERROR for a namespace")
        .evidence([ended.opened.id(), context.entry.id])
        .exchanges([ended.request.exchange])
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
