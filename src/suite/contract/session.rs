//! How a session begins, goes on and ends.

use std::time::Duration;

use serde_json::Value;

use super::context::Context;
use super::operation::{self, Use};
use super::resource;
use crate::domain::contract::{
    Expiry, Identity, JwtPolicy, Session, SessionRequest, Token, TokenAnswer,
};
use crate::domain::selector::Selector;
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::trace::Seen;

/// Algorithms by which a key set can verify a token; symmetric ones and `none` cannot be among
/// them (RFC 8725 §3.1).
const ALGORITHMS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

pub(super) fn read(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Session> {
    let fields = cursor.fields("`session`")?;
    let sign_in = fields
        .need("sign-in")
        .and_then(|cursor| request(&cursor, context, Use::SIGN_IN, None));
    let first_answer = sign_in.as_ref().map(|request| &request.answer);
    let refresh = fields.maybe("refresh", |cursor| {
        request(cursor, context, Use::REFRESH, first_answer)
    });
    let sign_out = fields.maybe("sign-out", |cursor| {
        operation::read(cursor, context, Use::SIGN_OUT)
    });
    let authorize = fields.or(
        "authorize",
        (
            "authorization".to_owned(),
            "Bearer {access-token}".to_owned(),
        ),
        |cursor| authorize(cursor, context),
    );
    let ended_by = fields.or("ended-by", vec![400, 401], Cursor::statuses);
    let refused_by = fields.or("refused-by", vec![400, 401, 403], Cursor::statuses);
    let refresh_ahead = fields.or("refresh-ahead", Duration::from_secs(60), Cursor::duration);
    let token = fields.or("token", Token::Opaque, |cursor| token(cursor, context));
    let identity = fields.maybe("identity", |cursor| identity(cursor, context));
    let reuse_grace = fields.or("reuse-grace", Duration::ZERO, Cursor::duration);
    let rotates = fields.or("rotates", false, Cursor::switch);
    let sign_out_ends_access = fields.or("sign-out-ends-access", false, Cursor::switch);
    let expired_by = fields.or("expired-by", vec![401], Cursor::statuses);
    let other_audience = fields.maybe("other-audience", |cursor| {
        request(cursor, context, Use::SIGN_IN, first_answer)
    });
    let user_parameters = fields.or("user-parameters", Vec::new(), |cursor| {
        cursor.one_or_more().iter().map(user_parameter).collect()
    });
    let session = Session {
        sign_in: sign_in?,
        refresh: refresh?,
        sign_out: sign_out?,
        authorize: authorize?,
        ended_by: ended_by?,
        refused_by: refused_by?,
        refresh_ahead: refresh_ahead?,
        token: token?,
        identity: identity?,
        reuse_grace: reuse_grace?,
        rotates: rotates?,
        sign_out_ends_access: sign_out_ends_access?,
        expired_by: expired_by?,
        other_audience: other_audience?,
        user_parameters: user_parameters?,
    };
    agrees(&fields, &session)?;
    Some(session)
}

/// Whether what is said of refreshes goes together.
fn agrees(fields: &Fields<'_>, session: &Session) -> Option<()> {
    if session.refresh.is_some() && session.sign_in.answer.refresh_token.is_none() {
        return fields.refuse(
            "there is a `refresh`, but `sign-in` brings no refresh token",
            "add `refresh-token: ...` to the `answer` of `sign-in`",
        );
    }
    let renewed = session.refresh.as_ref();
    if session.rotates && renewed.is_none_or(|refresh| refresh.answer.refresh_token.is_none()) {
        return fields.refuse(
            "it `rotates`, but no refresh brings a refresh token",
            "add `refresh-token: ...` to the `answer` of `refresh`, or leave `rotates` out",
        );
    }
    Some(())
}

/// The name of a parameter or header by which a backend may be asked for a user.
fn user_parameter(cursor: &Cursor<'_>) -> Option<String> {
    let name = cursor.name_text()?;
    operation::header_name(cursor, &name)?;
    Some(name)
}

/// Reads a request for tokens; without an `answer` of its own it is answered as `otherwise` says.
pub(super) fn request(
    cursor: &Cursor<'_>,
    context: &Context<'_>,
    purpose: Use,
    otherwise: Option<&TokenAnswer>,
) -> Option<SessionRequest> {
    cursor.takes(|| Seen::Shared("token-request"));
    let fields = cursor.fields("a request for tokens")?;
    let operation = operation::from_fields(&fields, context, purpose);
    let standard = otherwise.cloned().unwrap_or_else(rfc_6749);
    let answer = fields.or("answer", standard, answer);
    Some(SessionRequest {
        operation: operation?,
        answer: answer?,
    })
}

/// The answer of RFC 6749 §5.1.
fn rfc_6749() -> TokenAnswer {
    TokenAnswer {
        access_token: Selector::Pointer("/access_token".to_owned()),
        refresh_token: Some(Selector::Pointer("/refresh_token".to_owned())),
        expiry: Some(Expiry::In(Selector::Pointer("/expires_in".to_owned()))),
    }
}

fn answer(cursor: &Cursor<'_>) -> Option<TokenAnswer> {
    cursor.takes(|| Seen::Shared("token-answer"));
    let fields = cursor.fields("an answer with tokens")?;
    let access_token = fields
        .need("access-token")
        .and_then(|cursor| cursor.selector());
    let refresh_token = fields.maybe("refresh-token", Cursor::selector);
    let expires_in = fields.maybe("expires-in", Cursor::selector);
    let expires_at = fields.maybe("expires-at", Cursor::selector);
    let expiry = match (expires_in?, expires_at?) {
        (Some(_), Some(_)) => fields.refuse(
            "an answer has `expires-in` or `expires-at`, not both",
            "`expires-in` counts seconds from now, `expires-at` is a moment",
        ),
        (Some(selector), None) => Some(Some(Expiry::In(selector))),
        (None, Some(selector)) => Some(Some(Expiry::At(selector))),
        (None, None) => Some(None),
    };
    Some(TokenAnswer {
        access_token: access_token?,
        refresh_token: refresh_token?,
        expiry: expiry?,
    })
}

fn authorize(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<(String, String)> {
    const FORM: &str = "write one header, like `authorize: { x-auth: \"{access-token}\" }`";
    let pairs = context.placeholders(&["access-token"]).pairs(cursor)?;
    let [(name, value)] = &pairs[..] else {
        return cursor.refuse("`authorize` is one header", FORM);
    };
    operation::header_name(cursor, name)?;
    if !value.contains("{access-token}") {
        return cursor.refuse("`authorize` does not carry `{access-token}`", FORM);
    }
    Some((name.to_ascii_lowercase(), value.clone()))
}

fn token(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Token> {
    if cursor.node.scalar().is_some() {
        return cursor.word(&[
            ("opaque", Token::Opaque),
            ("jwt", Token::Jwt(Box::new(no_policy()))),
        ]);
    }
    let fields = cursor.fields("a token's policy")?;
    let standard = no_policy();
    let keys = fields.maybe("keys", |cursor| {
        operation::read(cursor, context, Use::PUBLIC)
    });
    let placeholders = context.placeholders(&[]);
    let issuer = fields.maybe("issuer", |cursor| placeholders.text(cursor));
    let audience = fields.maybe("audience", |cursor| placeholders.text(cursor));
    let algorithms = fields.or("algorithms", standard.algorithms, algorithms);
    let claims = fields.or("claims", Vec::new(), |cursor| claims(cursor, context));
    let leeway = fields.or("leeway", standard.leeway, Cursor::duration);
    Some(Token::Jwt(Box::new(JwtPolicy {
        keys: keys?,
        issuer: issuer?,
        audience: audience?,
        algorithms: algorithms?,
        claims: claims?,
        leeway: leeway?,
    })))
}

fn no_policy() -> JwtPolicy {
    JwtPolicy {
        keys: None,
        issuer: None,
        audience: None,
        algorithms: vec!["RS256".to_owned(), "ES256".to_owned()],
        claims: Vec::new(),
        leeway: Duration::from_secs(30),
    }
}

fn algorithms(cursor: &Cursor<'_>) -> Option<Vec<String>> {
    let items = cursor.one_or_more();
    if items.is_empty() {
        return cursor.refuse(
            "no algorithm may sign",
            "write at least one, like `[RS256]`",
        );
    }
    items
        .iter()
        .map(|item| {
            let name = item.text()?;
            if name.eq_ignore_ascii_case("none") || name.starts_with("HS") {
                return item.refuse(
                    format!("`{name}` proves nothing to a client"),
                    "write an algorithm with a public key, like `RS256` or `ES256`",
                );
            }
            item.known("algorithm", &name, &ALGORITHMS)?;
            Some(name)
        })
        .collect()
}

fn claims(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Vec<(String, Value)>> {
    let claims: Vec<Option<(String, Value)>> = cursor
        .entries()?
        .iter()
        .map(|(entry, value)| {
            // A bare name is the claim of that name; a pointer may go deeper.
            let pointer = if entry.key.starts_with('/') {
                entry.key.clone()
            } else {
                format!("/{}", entry.key.replace('~', "~0").replace('/', "~1"))
            };
            let value = context.placeholders(&[]).template(value)?;
            Some((pointer, value.fill(&|_| None)))
        })
        .collect();
    claims.into_iter().collect()
}

fn identity(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Identity> {
    let fields: Fields<'_> = cursor.fields("`identity`")?;
    let resource = fields
        .need("resource")
        .and_then(|cursor| resource::name(&cursor, context));
    let subject = fields.maybe("subject", Cursor::body_selector);
    let claim = fields.or("claim", "/sub".to_owned(), Cursor::pointer);
    let username = fields.maybe("username", Cursor::body_selector);
    Some(Identity {
        resource: resource?,
        subject: subject?,
        claim: claim?,
        username: username?,
    })
}
