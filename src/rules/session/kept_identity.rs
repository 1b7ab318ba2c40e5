//! SESSION-15, across a refresh: a renewed token says as much about its owner as the one before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::genuine::GENUINE;
use crate::domain::contract::Role;
use crate::domain::journal::{EntryId, Fact, TokenIssued, TokenKind};
use crate::rules::context::Context;
use crate::rules::exchange::Opened;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// Claims by which backends say who somebody is and what they may do, beside the contract's own
/// (RFC 7519 §4.1.2, RFC 8693 §4.2, RFC 9068 §2.2.3).
const TELLING: [&str; 6] = ["/sub", "/scope", "/scp", "/roles", "/groups", "/tenant"];

/// Those of them that list what somebody may do, as a list or as words.
const LISTING: [&str; 4] = ["/scope", "/scp", "/roles", "/groups"];

/// How many resources of how many accounts are remembered that were given.
const GIVEN: usize = 256;

#[derive(Default)]
pub(super) struct KeptIdentity {
    /// What the last token of each account said, and where.
    said: BTreeMap<String, (EntryId, Value)>,
    /// By which token each account was last given a resource, and where.
    given: BTreeMap<(String, String), (String, EntryId)>,
    /// The scope that the last answer with a token named beside it, and where.
    scope: Option<(EntryId, Value)>,
}

impl Rule for KeptIdentity {
    fn see(&mut self, context: &Context<'_>) {
        self.keeps_rights(context);
        self.keeps_scope(context);
        let Fact::TokenIssued(token) = &context.entry.fact else {
            return;
        };
        let (TokenKind::Access, Some(username), Some(claims)) =
            (token.kind, &token.username, &token.claims)
        else {
            return;
        };
        let asked = context.opened(token.exchange).and_then(Opened::request);
        let is_renewal = asked.is_some_and(|request| request.role == Some(Role::Refresh));
        if let Some((id, before)) = self.said.get(username)
            && is_renewal
        {
            judge(token, claims, before, *id, context);
        }
        self.said
            .insert(username.clone(), (context.entry.id, claims.clone()));
    }
}

impl KeptIdentity {
    /// The scope beside a renewed token is the one that was granted (RFC 6749 §6), unless less was asked
    /// for.
    fn keeps_scope(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended() else {
            return;
        };
        let is_renewal = ended.request.role == Some(Role::Refresh);
        if !is_renewal && ended.request.role != Some(Role::SignIn) {
            return;
        }
        let answer = ended.by_backend().filter(|answer| answer.is_success());
        let scope = answer.and_then(|answer| answer.body.json()?.get("scope"));
        let before = match is_renewal {
            true => self.scope.take(),
            false => None,
        };
        let asked = ended.request.body.json().and_then(|body| body.get("scope"));
        if let (Some(scope), Some((id, before)), None) = (scope, &before, asked) {
            narrowed(
                "scope",
                scope,
                before,
                [*id, context.entry.id],
                ended.request.exchange,
                context,
            );
        }
        // An answer that says nothing of it grants what was granted.
        let scope = scope.map(|scope| (context.entry.id, scope.clone()));
        self.scope = scope.or(before);
    }

    /// What was given before a renewal is given after it: tokens that nobody can read lose what they stand
    /// for without a word.
    fn keeps_rights(&mut self, context: &Context<'_>) {
        let Some(read) = context.read() else {
            return;
        };
        let opened = read.ended.opened;
        let label = opened.credential.as_deref();
        let Some(token) = label.and_then(|label| context.session.token(label)) else {
            return;
        };
        let Some(username) = token.username.clone() else {
            return;
        };
        let key = (username, read.resource.name.clone());
        let entry = context.entry.id;
        if read.answer.is_success() {
            if self.given.len() < GIVEN || self.given.contains_key(&key) {
                self.given.insert(key, (token.label.clone(), entry));
            }
            return;
        }
        let before = self.given.get(&key);
        let Some((_, given)) = before.filter(|(label, _)| *label != token.label) else {
            return;
        };
        if read.answer.status != 403 || !token.by_refresh || context.may_be_blocked() {
            return;
        }
        context.violated(
            &GENUINE,
            Violation::new("a session loses rights when it is renewed")
                .expected(format!(
                    "`{}` by the renewed token, as by the one before",
                    read.resource.name
                ))
                .observed(read.ended.words())
                .evidence([*given, token.issued.id, entry])
                .exchanges([read.answer.exchange]),
        );
        self.given.remove(&key);
    }
}

fn judge(token: &TokenIssued, claims: &Value, before: &Value, id: EntryId, context: &Context<'_>) {
    let identity = context.contract.session.identity.as_ref();
    let own = identity.map(|identity| identity.claim.as_str());
    let mut telling = TELLING.into_iter().chain(own);
    context.exercised(&GENUINE);
    for claim in LISTING {
        if let (Some(now), Some(before)) = (claims.pointer(claim), before.pointer(claim)) {
            narrowed(
                claim,
                now,
                before,
                [id, context.entry.id],
                token.exchange,
                context,
            );
        }
    }
    let lost = telling.find(|claim| {
        before.pointer(claim).is_some_and(|value| !value.is_null())
            && claims.pointer(claim).is_none_or(Value::is_null)
    });
    let Some(claim) = lost else {
        return;
    };
    context.violated(
        &GENUINE,
        Violation::new("a session loses what it says of its owner when it is renewed")
            .expected(format!(
                "`{claim}` in the renewed token, as in the one before"
            ))
            .observed(format!("{} without it", token.label))
            .evidence([id, context.entry.id])
            .exchanges([token.exchange]),
    );
}

/// What somebody may do is less after a renewal than before.
fn narrowed(
    what: &str,
    now: &Value,
    before: &Value,
    evidence: [EntryId; 2],
    exchange: u64,
    context: &Context<'_>,
) {
    let (now, before) = (words(now), words(before));
    let lost: Vec<&str> = before.difference(&now).copied().collect();
    // What is gone altogether is told as such.
    if lost.is_empty() || now.is_empty() {
        return;
    }
    context.violated(
        &GENUINE,
        Violation::new("a session is allowed less when it is renewed")
            .expected(format!("in `{what}` what stood there before: RFC 6749 §6"))
            .observed(format!("without {}", lost.join(", ")))
            .evidence(evidence)
            .exchanges([exchange]),
    );
}

/// The words of a list, or of a text that is one.
fn words(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::String(text) => text
            .split([' ', ','])
            .filter(|own| !own.is_empty())
            .collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}
