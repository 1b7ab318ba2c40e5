//! SESSION-15: the token is the platform's, and the profile is its subject's.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::contract::{Identity, JwtPolicy, Role, Token as TokenPolicy};
use crate::domain::journal::{Entry, EntryId, SignatureCheck, TokenIssued, TokenKind};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::{Token, token_in};
use crate::rules::violation::Violation;

rule! {
    /// The access token is a genuine token of the platform, and the profile is its subject's
    ///
    /// # Why
    /// Each access token that is handed out is verified: a signature by the platform's key set with
    /// an allowed algorithm, issuer, audience, the contract's claims, a validity that holds when it
    /// is handed out and of which the answer beside it says the same, and the same subject whenever
    /// the same account's session is renewed. The profile that is answered to a token must be the
    /// profile of the token's subject and of the account that signed in.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Issue tokens by the platform's identity service only, and read the user from the token,
    /// never from the request or from a cache.
    ///
    /// # Source
    /// RFC 7519; RFC 8725; runbook S2.4, S2.5
    pub(super) GENUINE: "SESSION-15", Backend, from [Wire],
        needs [ReadableToken],
        set by ["session.token", "session.identity"]
}

/// How many seconds an answer and its token may be apart about the end.
const PROMISE: u64 = 60;

#[derive(Default)]
pub(super) struct Genuine {
    /// Whom the first token of each account named.
    subjects: BTreeMap<String, (EntryId, Value)>,
}

impl Rule for Genuine {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if let Some(token) = token_in(entry)
            && token.kind == TokenKind::Access
        {
            match &context.contract.session.token {
                TokenPolicy::Opaque => context.unable(
                    &GENUINE,
                    "the contract says that access tokens are opaque, so only the backend can read them",
                ),
                TokenPolicy::Jwt(policy) => {
                    judge_token(entry, token, policy, context);
                    self.judge_subject(entry, token, context);
                }
            }
            if let Some(observed) = contradicted(token) {
                let expected = "an answer that says the end that the token has".to_owned();
                breach(entry, token, "lifetime", expected, observed, context);
            }
            if let Some(ends) = token.ends.filter(|ends| *ends <= token.seen_at) {
                breach(
                    entry,
                    token,
                    "expiry",
                    format!("an expiry after {}", token.seen_at),
                    format!("the answer says that it ends at {ends}"),
                    context,
                );
            }
        }
        if let Some(ended) = context.ended_by_anyone()
            && let Some(identity) = &context.contract.session.identity
            && ended.request.role == Some(Role::Resource(identity.resource.clone()))
            && ended.succeeded()
            && ended.by_backend().is_some()
            && let Some(token) = ended
                .opened
                .credential
                .as_ref()
                .and_then(|label| context.session.token(label))
        {
            judge_profile(entry, &ended, token, identity, context);
        }
    }
}

impl Genuine {
    /// A refresh renews a session; it never makes another one's of it.
    fn judge_subject(&mut self, entry: &Entry, token: &TokenIssued, context: &Context<'_>) {
        let claimed = context
            .contract
            .session
            .identity
            .as_ref()
            .and_then(|identity| {
                let claims = token.claims.as_ref()?;
                claims.pointer(&identity.claim)
            });
        let (Some(username), Some(claimed)) = (&token.username, claimed) else {
            return;
        };
        let known = self
            .subjects
            .entry(username.clone())
            .or_insert_with(|| (entry.id, claimed.clone()));
        if known.1 == *claimed {
            return;
        }
        context.violated(
            &GENUINE,
            Violation::new("the backend handed out a token of another user")
                .kind("another subject")
                .expected(format!(
                    "the subject {}, as before for this account",
                    known.1
                ))
                .observed(format!("{}: the subject {claimed}", token.label))
                .evidence([known.0, entry.id])
                .exchanges([token.exchange]),
        );
    }
}

fn judge_token(entry: &Entry, token: &TokenIssued, policy: &JwtPolicy, context: &Context<'_>) {
    context.exercised(&GENUINE);
    match &token.signature {
        SignatureCheck::NotChecked { why } => {
            context.unable(
                &GENUINE,
                format!("the signature could not be checked: {why}"),
            );
        }
        SignatureCheck::Refused { why } => breach(
            entry,
            token,
            "signature",
            "a signature by a key of the platform's key set".to_owned(),
            why.clone(),
            context,
        ),
        SignatureCheck::Verified => {}
    }
    let Some(claims) = &token.claims else {
        if !matches!(token.signature, SignatureCheck::Refused { .. }) {
            let observed = "a token that is none".to_owned();
            breach(
                entry,
                token,
                "form",
                "a JSON Web Token".to_owned(),
                observed,
                context,
            );
        }
        return;
    };
    for (kind, expected, observed) in faults(token, claims, policy) {
        breach(entry, token, kind, expected, observed, context);
    }
}

/// How the answer beside a token contradicts the token about its end. An answer may advise to come
/// back somewhat before the end; one that promises more leads the app to send a token that is over.
fn contradicted(token: &TokenIssued) -> Option<String> {
    let claimed = token.claims.as_ref()?.get("exp")?.as_u64()?;
    let said = token.ends?.saturating_sub(token.seen_at);
    let lives = claimed.saturating_sub(token.seen_at);
    let lies = said > lives + PROMISE || lives > said * 2 + PROMISE;
    (lies && said > 0 && lives > 0)
        .then(|| format!("the answer says {said} s and the token's `exp` is in {lives} s"))
}

/// What is wrong with a token's header and claims: what, expected, observed.
fn faults(
    token: &TokenIssued,
    claims: &Value,
    policy: &JwtPolicy,
) -> Vec<(&'static str, String, String)> {
    let mut faults = Vec::new();
    let mut check =
        |holds: bool, kind: &'static str, expected: String, observed: Option<&Value>| {
            if !holds {
                faults.push((kind, expected, shown(kind, observed)));
            }
        };
    let algorithm = token.header.as_ref().and_then(|header| header.get("alg"));
    let name = algorithm.and_then(Value::as_str).unwrap_or("none");
    let may_sign = !name.eq_ignore_ascii_case("none")
        && !name.starts_with("HS")
        && (policy.algorithms.is_empty() || policy.algorithms.iter().any(|own| own == name));
    // A refused signature already says what is wrong with the algorithm.
    if !matches!(token.signature, SignatureCheck::Refused { .. }) {
        check(
            may_sign,
            "alg",
            format!("an algorithm among {}", policy.algorithms.join(", ")),
            algorithm,
        );
    }
    if let Some(issuer) = &policy.issuer {
        let own = claims.get("iss");
        check(
            own.and_then(Value::as_str) == Some(issuer),
            "iss",
            format!("`{issuer}`"),
            own,
        );
    }
    if let Some(audience) = &policy.audience {
        let own = claims.get("aud");
        let expected = Value::from(audience.as_str());
        check(
            own.is_some_and(|own| is_or_holds(own, &expected)),
            "aud",
            format!("`{audience}`"),
            own,
        );
    }
    for (pointer, expected) in &policy.claims {
        let own = claims.pointer(pointer);
        let holds = own.is_some_and(|own| is_or_holds(own, expected));
        check(holds, "claim", format!("{expected} at `{pointer}`"), own);
    }
    let leeway = policy.leeway.as_secs_f64();
    let seen = token.seen_at as f64;
    let ends = claims.get("exp");
    check(
        ends.and_then(Value::as_f64)
            .is_some_and(|ends| ends + leeway > seen),
        "exp",
        format!("an expiry after {}", token.seen_at),
        ends,
    );
    if let Some(begins) = claims.get("nbf") {
        check(
            // Whole seconds are cut off on both sides.
            begins
                .as_f64()
                .is_some_and(|begins| begins <= seen + leeway + 1.0),
            "nbf",
            format!("validity from {} on at the latest", token.seen_at),
            Some(begins),
        );
    }
    faults
}

fn shown(kind: &str, observed: Option<&Value>) -> String {
    observed.map_or_else(
        || format!("no `{kind}` there"),
        |value| format!("`{kind}` is {value}"),
    )
}

fn is_or_holds(value: &Value, expected: &Value) -> bool {
    value == expected
        || value
            .as_array()
            .is_some_and(|items| items.iter().any(|item| item == expected))
}

fn breach(
    entry: &Entry,
    token: &TokenIssued,
    kind: &str,
    expected: String,
    observed: String,
    context: &Context<'_>,
) {
    context.violated(
        &GENUINE,
        Violation::new(format!(
            "the backend handed out an access token that is not genuine: {kind}"
        ))
        .kind(kind.to_owned())
        .expected(expected)
        .observed(format!("{}: {observed}", token.label))
        .evidence([entry.id])
        .exchanges([token.exchange]),
    );
}

fn judge_profile(
    entry: &Entry,
    ended: &Ended<'_>,
    token: &Token,
    identity: &Identity,
    context: &Context<'_>,
) {
    let Some(answer) = ended.answer else {
        return;
    };
    let compare = |kind: &str, expected: Option<String>, observed: Option<Value>| {
        let Some(expected) = expected else {
            return;
        };
        context.exercised(&GENUINE);
        let own = observed.as_ref().map(text);
        if own
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(&expected))
        {
            return;
        }
        context.violated(
            &GENUINE,
            Violation::new("the profile is not that of the token's owner")
                .kind(format!("profile {kind}"))
                .expected(format!("the {kind} `{expected}`"))
                .observed(
                    own.map_or_else(|| format!("no {kind}"), |own| format!("the {kind} `{own}`")),
                )
                .evidence([token.issued.id, entry.id])
                .exchanges([ended.request.exchange]),
        );
    };
    if let Some(selector) = &identity.subject {
        let claimed = token
            .claims
            .as_ref()
            .and_then(|claims| claims.pointer(&identity.claim));
        compare("subject", claimed.map(text), answer.find(selector));
    }
    if let Some(selector) = &identity.username {
        compare("username", token.username.clone(), answer.find(selector));
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
