//! SESSION-15: the token is the platform's, and the profile is its subject's.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::contract::{JwtPolicy, Token};
use crate::domain::equal::{is_among, is_equal};
use crate::domain::journal::{EntryId, Fact, Question, SignatureCheck, TokenIssued, TokenKind};
use crate::domain::selector::Selector;
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The access token is a genuine token of the platform, and the profile is its subject's
    ///
    /// # Why
    /// Whoever takes a token that the platform did not make, or shows a profile that is not its
    /// subject's, shows one user the data of another.
    ///
    /// # How it is judged
    /// Each access token that is handed out is verified: a signature by the platform's key set with
    /// an allowed algorithm, issuer, audience, the contract's claims, a validity that holds when it
    /// is handed out and of which the answer beside it says the same, and the same subject whenever
    /// the same account's session is renewed; what a token says of who its owner is and what they may
    /// do is not missing from the renewed one, nor less there (`scope`, `roles`, `groups`, and the `scope`
    /// beside a token), and a resource that was given before is not answered with
    /// 403 after. The profile that is answered to a token must be the
    /// profile of the token's subject and of the account that signed in.
    ///
    /// # How to keep it
    /// Issue tokens by the platform's identity service only, and read the user from the token,
    /// never from the request or from a cache.
    ///
    /// # Source
    /// RFC 7519; RFC 8725; runbook S2.4, S2.5
    pub(super) GENUINE: "SESSION-15", Backend, from [Wire],
        set by ["session.token", "session.identity"]
}

/// How many seconds an answer and its token may be apart about the end.
const PROMISE: u64 = 60;

#[derive(Default)]
pub(super) struct Genuine {
    /// Whom the first token of each account named.
    subjects: BTreeMap<String, (EntryId, Value)>,
}

/// What is wrong with a token.
struct Flaw {
    kind: &'static str,
    expected: String,
    observed: String,
}

impl Rule for Genuine {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::TokenIssued(token) = &context.entry.fact
            && token.kind == TokenKind::Access
            && !is_for_others(token, context)
        {
            match &context.contract.session.token {
                Token::Jwt(policy) => self.issued(token, policy, context),
                Token::Opaque => context.unable(
                    &GENUINE,
                    "the contract says that access tokens are opaque, so only the backend can read them",
                ),
            }
            // What the answer says of its token's end needs nobody to read the token.
            for flaw in [contradicted(token), ended(token)].into_iter().flatten() {
                not_genuine(token, flaw, context);
            }
        }
        if let Some(read) = context.read_by_anyone() {
            judge_profile(&read, context);
        }
    }
}

/// Whether the harness asked for a token that is for somebody else.
fn is_for_others(token: &TokenIssued, context: &Context<'_>) -> bool {
    let question = context
        .opened(token.exchange)
        .and_then(|opened| opened.question.as_ref());
    question == Some(&Question::OtherAudience)
}

impl Genuine {
    fn issued(&mut self, token: &TokenIssued, policy: &JwtPolicy, context: &Context<'_>) {
        context.exercised(&GENUINE);
        if let SignatureCheck::NotChecked { why } = &token.signature {
            context.unable(
                &GENUINE,
                format!("the signature could not be checked: {why}"),
            );
        }
        for flaw in flaws(token, policy) {
            not_genuine(token, flaw, context);
        }
        self.judge_subject(token, context);
    }

    /// A refresh renews a session; it never makes another one's of it.
    fn judge_subject(&mut self, token: &TokenIssued, context: &Context<'_>) {
        let identity = context.contract.session.identity.as_ref();
        let claimed = identity.and_then(|identity| token.claims.as_ref()?.pointer(&identity.claim));
        let (Some(username), Some(claimed)) = (&token.username, claimed) else {
            return;
        };
        let entry = context.entry.id;
        let (first, subject) = self
            .subjects
            .entry(username.clone())
            .or_insert_with(|| (entry, claimed.clone()));
        if subject == claimed {
            return;
        }
        context.violated(
            &GENUINE,
            Violation::new("the backend handed out a token of another user")
                .expected(format!("the subject {subject}, as before for this account"))
                .observed(format!("{}: the subject {claimed}", token.label))
                .evidence([*first, entry])
                .exchanges([token.exchange]),
        );
    }
}

fn not_genuine(token: &TokenIssued, flaw: Flaw, context: &Context<'_>) {
    context.violated(
        &GENUINE,
        Violation::new(format!(
            "the backend handed out an access token that is not genuine: {}",
            flaw.kind
        ))
        .expected(flaw.expected)
        .observed(format!("{}: {}", token.label, flaw.observed))
        .evidence([context.entry.id])
        .exchanges([token.exchange]),
    );
}

/// What is wrong with a token by itself.
fn flaws(token: &TokenIssued, policy: &JwtPolicy) -> Vec<Flaw> {
    let signature = match &token.signature {
        SignatureCheck::Refused { why } => Some(Flaw {
            kind: "signature",
            expected: "a signature by a key of the platform's key set".to_owned(),
            observed: why.clone(),
        }),
        SignatureCheck::Verified | SignatureCheck::NotChecked { .. } => None,
    };
    // A refused signature already says what is wrong with the form and the algorithm.
    let is_refused = signature.is_some();
    let Some(claims) = &token.claims else {
        let form = (!is_refused).then(|| Flaw {
            kind: "form",
            expected: "a JSON Web Token".to_owned(),
            observed: "a token that is none".to_owned(),
        });
        return signature.into_iter().chain(form).collect();
    };
    let wanted = policy.claims.iter();
    signature
        .into_iter()
        .chain(algorithm(token, policy).filter(|_| !is_refused))
        .chain(issuer(claims, policy))
        .chain(audience(claims, policy))
        .chain(wanted.filter_map(|(pointer, expected)| claim(claims, pointer, expected)))
        .chain(expiry(claims, policy, token.seen_at))
        .chain(beginning(claims, policy, token.seen_at))
        .collect()
}

fn algorithm(token: &TokenIssued, policy: &JwtPolicy) -> Option<Flaw> {
    let own = token.header.as_ref().and_then(|header| header.get("alg"));
    let name = own.and_then(Value::as_str).unwrap_or("none");
    let may_sign = !name.eq_ignore_ascii_case("none")
        && !name.starts_with("HS")
        && (policy.algorithms.is_empty() || policy.algorithms.iter().any(|own| own == name));
    let expected = || format!("an algorithm among {}", policy.algorithms.join(", "));
    (!may_sign).then(|| Flaw::of("alg", expected(), own))
}

fn issuer(claims: &Value, policy: &JwtPolicy) -> Option<Flaw> {
    let issuer = policy.issuer.as_ref()?;
    let own = claims.get("iss");
    let holds = own.and_then(Value::as_str) == Some(issuer);
    (!holds).then(|| Flaw::of("iss", format!("`{issuer}`"), own))
}

fn audience(claims: &Value, policy: &JwtPolicy) -> Option<Flaw> {
    let audience = policy.audience.as_deref()?;
    let own = claims.get("aud");
    let holds = own.is_some_and(|own| is_or_holds(own, &Value::from(audience)));
    (!holds).then(|| Flaw::of("aud", format!("`{audience}`"), own))
}

fn claim(claims: &Value, pointer: &str, expected: &Value) -> Option<Flaw> {
    let own = claims.pointer(pointer);
    let holds = own.is_some_and(|own| is_or_holds(own, expected));
    (!holds).then(|| Flaw::of("claim", format!("{expected} at `{pointer}`"), own))
}

fn expiry(claims: &Value, policy: &JwtPolicy, seen_at: u64) -> Option<Flaw> {
    let own = claims.get("exp");
    let ends = own.and_then(Value::as_f64);
    let holds = ends.is_some_and(|ends| ends + policy.leeway.as_secs_f64() > seen_at as f64);
    (!holds).then(|| Flaw::of("exp", format!("an expiry after {seen_at}"), own))
}

fn beginning(claims: &Value, policy: &JwtPolicy, seen_at: u64) -> Option<Flaw> {
    let own = claims.get("nbf")?;
    // Whole seconds are cut off on both sides.
    let latest = seen_at as f64 + policy.leeway.as_secs_f64() + 1.0;
    let holds = own.as_f64().is_some_and(|begins| begins <= latest);
    let expected = || format!("validity from {seen_at} on at the latest");
    (!holds).then(|| Flaw::of("nbf", expected(), Some(own)))
}

/// How the answer beside a token contradicts the token about its end. An answer may advise to come
/// back somewhat before the end; one that promises more leads the app to send a token that is over.
fn contradicted(token: &TokenIssued) -> Option<Flaw> {
    let claimed = token.claims.as_ref()?.get("exp")?.as_u64()?;
    let said = token.ends?.saturating_sub(token.seen_at);
    let lives = claimed.saturating_sub(token.seen_at);
    let lies = said > lives + PROMISE || lives > said * 2 + PROMISE;
    (lies && said > 0 && lives > 0).then(|| Flaw {
        kind: "lifetime",
        expected: "an answer that says the end that the token has".to_owned(),
        observed: format!("the answer says {said} s and the token's `exp` is in {lives} s"),
    })
}

/// Whether the answer beside a token says that it is over already.
fn ended(token: &TokenIssued) -> Option<Flaw> {
    let ends = token.ends.filter(|ends| *ends <= token.seen_at)?;
    Some(Flaw {
        kind: "expiry",
        expected: format!("an expiry after {}", token.seen_at),
        observed: format!("the answer says that it ends at {ends}"),
    })
}

impl Flaw {
    /// A value of the token that is another than expected, or missing.
    fn of(kind: &'static str, expected: String, observed: Option<&Value>) -> Self {
        let observed = match observed {
            Some(value) => format!("`{kind}` is {value}"),
            None => format!("no `{kind}` there"),
        };
        Self {
            kind,
            expected,
            observed,
        }
    }
}

fn is_or_holds(value: &Value, expected: &Value) -> bool {
    let items = value.as_array();
    is_equal(value, expected) || items.is_some_and(|items| is_among(expected, items))
}

/// The profile that is answered to a token names the token's subject and its account.
fn judge_profile(read: &Read<'_>, context: &Context<'_>) {
    let (Some(identity), Some(token)) = (
        &context.contract.session.identity,
        read.ended
            .opened
            .credential
            .as_ref()
            .and_then(|label| context.session.token(label)),
    ) else {
        return;
    };
    if read.resource.name != identity.resource || !read.answer.is_success() {
        return;
    }
    let own = |selector: &Selector| read.answer.find(selector).filter(|own| !own.is_null());
    let selectors = [&identity.subject, &identity.username];
    if !selectors.into_iter().flatten().any(|it| own(it).is_some()) {
        // What names nobody is nobody else's profile.
        let why = format!("an answer for `{}` names nobody", read.resource.name);
        context.unable(&GENUINE, why);
        return;
    }
    let claims = token.claims.as_ref();
    let subject = claims.and_then(|claims| claims.pointer(&identity.claim));
    for (kind, selector, expected) in [
        ("subject", &identity.subject, subject.map(text)),
        ("username", &identity.username, token.username.clone()),
    ] {
        let (Some(selector), Some(expected)) = (selector, expected) else {
            continue;
        };
        context.exercised(&GENUINE);
        let observed = match own(selector).as_ref().map(text) {
            Some(own) if own.eq_ignore_ascii_case(&expected) => continue,
            Some(own) => format!("the {kind} `{own}`"),
            None => format!("no {kind}"),
        };
        context.violated(
            &GENUINE,
            Violation::new("the profile is not that of the token's owner")
                .kind(format!("profile {kind}"))
                .expected(format!("the {kind} `{expected}`"))
                .observed(observed)
                .evidence([token.issued.id, context.entry.id])
                .exchanges([read.answer.exchange]),
        );
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
