//! SESSION-15, across a refresh: a renewed token says as much about its owner as the one before.

use std::collections::BTreeMap;

use serde_json::Value;

use super::genuine::GENUINE;
use crate::domain::journal::{EntryId, Fact, TokenIssued, TokenKind};
use crate::rules::context::Context;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// Claims by which backends say who somebody is and what they may do, beside the contract's own
/// (RFC 7519 §4.1.2, RFC 8693 §4.2, RFC 9068 §2.2.3).
const TELLING: [&str; 6] = ["/sub", "/scope", "/scp", "/roles", "/groups", "/tenant"];

/// What the last token of each account said, and where.
#[derive(Default)]
pub(super) struct KeptIdentity(BTreeMap<String, (EntryId, Value)>);

impl Rule for KeptIdentity {
    fn see(&mut self, context: &Context<'_>) {
        let Fact::TokenIssued(token) = &context.entry.fact else {
            return;
        };
        let (TokenKind::Access, Some(username), Some(claims)) =
            (token.kind, &token.username, &token.claims)
        else {
            return;
        };
        let is_renewal = context.opened(token.exchange).is_some_and(|opened| {
            let request = opened.request();
            request
                .is_some_and(|request| request.role == Some(crate::domain::contract::Role::Refresh))
        });
        if let Some((id, before)) = self.0.get(username)
            && is_renewal
        {
            judge(token, claims, before, *id, context);
        }
        self.0
            .insert(username.clone(), (context.entry.id, claims.clone()));
    }
}

fn judge(token: &TokenIssued, claims: &Value, before: &Value, id: EntryId, context: &Context<'_>) {
    let identity = context.contract.session.identity.as_ref();
    let own = identity.map(|identity| identity.claim.as_str());
    let mut telling = TELLING.into_iter().chain(own);
    context.exercised(&GENUINE);
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
