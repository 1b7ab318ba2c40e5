//! Tokens that the backend hands out: learnt before anything about them is written down.

use serde_json::Value;

use super::hub::Hub;
use super::observe::placeholder_value;
use crate::domain::contract::{Expiry, Role, Token};
use crate::domain::journal::{SignatureCheck, TokenIssued, TokenKind};
use crate::domain::moment;
use crate::domain::scope::RequestView;
use crate::domain::secrets::SecretKind;
use crate::domain::selector::Selector;
use crate::domain::token;

/// Who a token request speaks for: whoever signs in, or whoever got the refresh token.
pub(super) fn grantee(hub: &Hub, role: Option<&Role>, request: &RequestView<'_>) -> Option<String> {
    let session = &hub.contract.session;
    match role? {
        Role::SignIn => placeholder_value(&session.sign_in.operation.body, "username", request),
        Role::Refresh => {
            let refresh = session.refresh.as_ref()?;
            let sent = placeholder_value(&refresh.operation.body, "refresh-token", request)?;
            let label = hub.scribe.vault().label(&sent)?.to_owned();
            hub.holder(&label)
        }
        _ => None,
    }
}

/// Learns the tokens of an answer and says what was handed out.
pub(super) fn learn(
    hub: &Hub,
    role: Option<&Role>,
    exchange: u64,
    headers: &[(String, String)],
    body: Option<&Value>,
    username: Option<&String>,
) -> Vec<TokenIssued> {
    let session = &hub.contract.session;
    let answer = match role {
        Some(Role::SignIn) => Some(&session.sign_in.answer),
        Some(Role::Refresh) => session.refresh.as_ref().map(|refresh| &refresh.answer),
        _ => None,
    };
    let Some(answer) = answer else {
        return Vec::new();
    };
    let find = |selector: &Selector| -> Option<String> {
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        match selector.in_answer(pairs, body)? {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        }
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
            let mut token = issued(hub, kind, &value?, exchange, username);
            if let (TokenKind::Access, Some(expiry)) = (kind, &answer.expiry) {
                token.ends = stated_end(expiry, headers, body, token.seen_at);
            }
            Some(token)
        })
        .collect()
}

fn issued(
    hub: &Hub,
    kind: TokenKind,
    value: &str,
    exchange: u64,
    username: Option<&String>,
) -> TokenIssued {
    let label = hub.scribe.vault().learn(
        match kind {
            TokenKind::Access => SecretKind::Access,
            TokenKind::Refresh => SecretKind::Refresh,
        },
        value,
    );
    if let (TokenKind::Refresh, Some(username)) = (kind, username) {
        hub.set_holder(&label, username);
    }
    let jwt = token::read(value);
    let signature = match &hub.contract.session.token {
        Token::Opaque => not_checked("the contract calls tokens opaque"),
        Token::Jwt(_) if kind == TokenKind::Refresh && jwt.is_none() => {
            not_checked("it is no JSON Web Token")
        }
        Token::Jwt(policy) => token::check(value, hub.keys().as_ref(), &policy.algorithms),
    };
    let (header, claims) = jwt.map(|jwt| (jwt.header, jwt.claims)).unzip();
    TokenIssued {
        exchange,
        label,
        kind,
        header,
        claims,
        signature,
        seen_at: hub.scribe.unix_time(),
        ends: None,
        username: username.cloned(),
    }
}

/// When a token ends, as the answer that brings it says.
fn stated_end(
    expiry: &Expiry,
    headers: &[(String, String)],
    body: Option<&Value>,
    seen_at: u64,
) -> Option<u64> {
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let ends = match expiry {
        Expiry::In(selector) => moment::number(&selector.in_answer(pairs, body)?)? + seen_at as f64,
        Expiry::At(selector) => moment::unix(&selector.in_answer(pairs, body)?)?,
    };
    Some(ends as u64)
}

fn not_checked(why: &str) -> SignatureCheck {
    SignatureCheck::NotChecked {
        why: why.to_owned(),
    }
}
