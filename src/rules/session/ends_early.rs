//! SESSION-22: an access token is good for as long as it says.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact};
use crate::domain::verdict::Severity;
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Token;
use crate::rules::violation::Violation;

rule! {
    /// An access token is good for as long as it says
    ///
    /// # Why
    /// Apps renew a token shortly before it says that it ends. One that ends before costs each of its
    /// last reads a refusal, a renewal and a repetition, and an app that trusts the end signs out.
    ///
    /// # How it is judged
    /// Judged on the latest access token of the app, of which its `exp`, or the answer beside it, says
    /// when it ends: it is refused as expired (`expired-by`) for a resource that it was given before,
    /// more than a minute before its end, and the token that a refresh then brings is given the
    /// same resource. One such token is information, since a backend may end what it has handed out for a
    /// reason; a second one, minutes later, is a finding. Nothing is judged after any lever or fault
    /// since the token was handed out, around a sign-out or a maintenance, and where the harness has signed
    /// in as the same account meanwhile.
    ///
    /// # How to keep it
    /// Read the end from the token and from nowhere else; keep the store of sessions as long as the
    /// tokens, over restarts and on every node.
    ///
    /// # Source
    /// RFC 7519 §4.1.4; RFC 6749 §5.1 (`expires_in`)
    pub(super) ENDS_EARLY: "SESSION-22", Backend, from [Wire],
        set by ["session.token", "session.expired-by", "session.refresh"]
}

/// How long before its end nobody's clock or leeway is behind a refusal.
const AHEAD: Duration = Duration::from_secs(60);
/// How long after one such token another is no matter of the same incident: a release that loses sessions
/// restarts its nodes one after the other.
const AGAIN: Duration = Duration::from_secs(300);
/// How many resources of tokens are remembered.
const GIVEN: usize = 64;

#[derive(Default)]
pub(super) struct EndsEarly {
    /// What the latest token was given, and where.
    given: BTreeMap<String, EntryId>,
    token: String,
    /// A refusal, until it is seen what a renewed token is given.
    refused: Option<Refused>,
    /// When the harness last got a token of each account.
    by_harness: BTreeMap<String, EntryId>,
    /// When one was last seen to be refused.
    last: Option<Duration>,
}

/// A token was refused that had not ended.
struct Refused {
    token: String,
    resource: String,
    left: Duration,
    evidence: [EntryId; 3],
}

impl Rule for EndsEarly {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::TokenIssued(token) = &context.entry.fact
            && context.is_of_the_harness(context.entry)
            && let Some(username) = &token.username
        {
            self.by_harness.insert(username.clone(), context.entry.id);
        }
        if let Some(ended) = context.ended()
            && matches!(ended.request.role, Some(Role::SignIn | Role::SignOut))
        {
            self.refused = None;
        }
        if let Some(read) = context.read() {
            self.read(&read, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl EndsEarly {
    fn read(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let label = read.ended.opened.credential.as_deref();
        let token = label.and_then(|label| context.session.token(label));
        let Some((token, left)) = token.and_then(|token| Some((token, left(token, context)?)))
        else {
            return;
        };
        if self.token != token.label {
            self.token.clone_from(&token.label);
            self.given.clear();
        }
        let name = &read.resource.name;
        if read.answer.is_success() {
            if token.lifetime.is_some_and(|lifetime| left < lifetime / 2) {
                context.exercised(&ENDS_EARLY);
            }
            self.confirm(token, name, context);
            if self.given.len() < GIVEN {
                self.given.insert(name.clone(), context.entry.id);
            }
        } else if context
            .contract
            .session
            .expired_by
            .contains(&read.answer.status)
            && left > AHEAD
            && let Some(given) = self.given.get(name)
            && self.is_to_blame(token, context)
        {
            self.refused = Some(Refused {
                token: token.label.clone(),
                resource: name.clone(),
                left,
                evidence: [token.issued.id, *given, context.entry.id],
            });
        }
    }

    /// Whether nothing but the backend can be behind a refusal.
    fn is_to_blame(&self, token: &Token, context: &Context<'_>) -> bool {
        let since = token.issued.id;
        let is_latest = context
            .session
            .current()
            .is_some_and(|own| own.label == token.label);
        let changed = context.world.changed;
        let username = token.username.as_ref();
        let by_harness = username.and_then(|username| self.by_harness.get(username));
        is_latest
            // That it was refused is no doubt of the session's here: it is what is judged.
            && context.session.open
            && !context.session.is_leaving()
            && !context.may_be_blocked()
            && !context.is_blocked_by_lever()
            && changed.is_none_or(|changed| changed.id < since)
            && by_harness.is_none_or(|own| *own < since)
    }

    /// A token that a refresh has brought is given what the one before was refused.
    fn confirm(&mut self, token: &Token, name: &str, context: &Context<'_>) {
        let confirms = |own: &mut Refused| {
            own.token != token.label && own.resource == name && token.by_refresh
        };
        let Some(refused) = self.refused.take_if(confirms) else {
            return;
        };
        let again = self.last.replace(context.now);
        let again = again.is_some_and(|last| context.now > last + AGAIN);
        context.violated(
            &ENDS_EARLY,
            Violation::new("the backend refuses access tokens before they end")
                .expected(
                    "a token that is good until the end that it, or the answer beside it, says",
                )
                .observed(format!(
                    "{} was refused for `{name}` {} before its end, and the token that a refresh \
                     brought was not",
                    refused.token,
                    show(refused.left)
                ))
                .evidence(refused.evidence)
                .evidence([context.entry.id])
                .severity(match again {
                    true => Severity::Violation,
                    false => Severity::Information,
                }),
        );
    }
}

/// How long a token has until its end.
fn left(token: &Token, context: &Context<'_>) -> Option<Duration> {
    let now = context.unix(context.now)?;
    Some(Duration::from_secs(token.ends?.saturating_sub(now)))
}
