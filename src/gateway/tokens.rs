//! Tokens that the backend hands out: learnt before anything about them is written down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::lock::lock;
use super::observe::placeholder_value;
use super::scribe::Scribe;
use crate::domain::contract::{Expiry, Role, Token};
use crate::domain::journal::{SignatureCheck, TokenIssued, TokenKind};
use crate::domain::moment;
use crate::domain::scope::RequestView;
use crate::domain::secrets::SecretKind;
use crate::domain::selector::Selector;
use crate::domain::token;

/// What it takes to say whose a token is and whether it is genuine.
pub(super) struct Tokens {
    scribe: Arc<Scribe>,
    /// The key set by which signatures are verified.
    keys: Mutex<Option<Value>>,
    /// Who signed in for a refresh token, by its label.
    holders: Mutex<BTreeMap<String, String>>,
}

/// An answer of the backend that may hand out tokens.
#[derive(Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) exchange: u64,
    pub(super) role: Option<&'a Role>,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: Option<&'a Value>,
    /// Who the request spoke for.
    pub(super) grantee: Option<&'a String>,
}

impl Tokens {
    pub(super) fn new(scribe: Arc<Scribe>) -> Self {
        Self {
            scribe,
            keys: Mutex::default(),
            holders: Mutex::default(),
        }
    }

    /// The key set by which tokens are verified from now on.
    pub(super) fn set_keys(&self, keys: Value) {
        *lock(&self.keys) = Some(keys);
    }

    /// Who a token request speaks for: whoever signs in, or whoever got the refresh token.
    pub(super) fn grantee(&self, role: Option<&Role>, request: &RequestView<'_>) -> Option<String> {
        let session = &self.scribe.contract.session;
        match role? {
            Role::SignIn => {
                let others = self.scribe.contract.other_sign_ins();
                let mut all = std::iter::once(&session.sign_in).chain(others);
                all.find_map(|own| placeholder_value(&own.operation.body, "username", request))
            }
            Role::Refresh => {
                let refresh = session.refresh.as_ref()?;
                match placeholder_value(&refresh.operation.body, "refresh-token", request) {
                    Some(sent) => {
                        let label = self.scribe.vault().label(&sent)?.to_owned();
                        lock(&self.holders).get(&label).cloned()
                    }
                    None => self.carried(request),
                }
            }
            _ => None,
        }
    }

    /// Who got a refresh token that a request carries beside its body: in a header, as in a cookie, or in
    /// its target.
    fn carried(&self, request: &RequestView<'_>) -> Option<String> {
        let headers = request.headers.iter().map(|(_, value)| value.as_str());
        let mut texts = headers.chain([request.target]);
        texts.find_map(|text| {
            let text = self.scribe.redact(text);
            let holders = lock(&self.holders);
            let mut known = holders.iter();
            known.find_map(|(label, own)| text.contains(label.as_str()).then(|| own.clone()))
        })
    }

    /// Learns the tokens of an answer and says what was handed out.
    pub(super) fn learn(&self, grant: Grant<'_>) -> Vec<TokenIssued> {
        let session = &self.scribe.contract.session;
        let mut others = self.scribe.contract.other_sign_ins();
        let answer = match grant.role {
            Some(Role::SignIn) => others
                .find(|other| {
                    grant.select(&session.sign_in.answer.access_token).is_none()
                        && grant.select(&other.answer.access_token).is_some()
                })
                .map(|other| &other.answer)
                .or(Some(&session.sign_in.answer)),
            Some(Role::Refresh) => session.refresh.as_ref().map(|refresh| &refresh.answer),
            _ => None,
        };
        let Some(answer) = answer else {
            return Vec::new();
        };
        let find = |selector: &Selector| match grant.select(selector)? {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        let found = [
            (TokenKind::Access, find(&answer.access_token)),
            (
                TokenKind::Refresh,
                answer.refresh_token.as_ref().and_then(find),
            ),
        ];
        found
            .into_iter()
            .filter_map(|(kind, value)| {
                let mut token = self.issued(kind, &value?, grant);
                if let (TokenKind::Access, Some(expiry)) = (kind, &answer.expiry) {
                    token.ends = grant.stated_end(expiry, token.seen_at);
                }
                Some(token)
            })
            .collect()
    }

    fn issued(&self, kind: TokenKind, value: &str, grant: Grant<'_>) -> TokenIssued {
        let label = self.scribe.vault().learn(
            match kind {
                TokenKind::Access => SecretKind::Access,
                TokenKind::Refresh => SecretKind::Refresh,
            },
            value,
        );
        if let (TokenKind::Refresh, Some(username)) = (kind, grant.grantee) {
            lock(&self.holders).insert(label.clone(), username.clone());
        }
        let jwt = token::read(value);
        let signature = match &self.scribe.contract.session.token {
            Token::Opaque => not_checked("the contract calls tokens opaque"),
            Token::Jwt(_) if kind == TokenKind::Refresh && jwt.is_none() => {
                not_checked("it is no JSON Web Token")
            }
            Token::Jwt(policy) => {
                let keys = lock(&self.keys).clone();
                token::check(value, keys.as_ref(), &policy.algorithms)
            }
        };
        let (header, claims) = jwt.map(|jwt| (jwt.header, jwt.claims)).unzip();
        TokenIssued {
            exchange: grant.exchange,
            label,
            kind,
            header,
            claims,
            signature,
            seen_at: self.scribe.unix_time(),
            ends: None,
            username: grant.grantee.cloned(),
        }
    }
}

impl Grant<'_> {
    fn select(&self, selector: &Selector) -> Option<Value> {
        let pairs = self.headers.iter();
        let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
        selector.in_answer(pairs, self.body)
    }

    /// When a token ends, as the answer that brings it says.
    fn stated_end(&self, expiry: &Expiry, seen_at: u64) -> Option<u64> {
        let ends = match expiry {
            Expiry::In(selector) => moment::number(&self.select(selector)?)? + seen_at as f64,
            Expiry::At(selector) => moment::unix(&self.select(selector)?)?,
        };
        Some(ends as u64)
    }
}

fn not_checked(why: &str) -> SignatureCheck {
    SignatureCheck::NotChecked {
        why: why.to_owned(),
    }
}
