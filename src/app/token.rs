//! How long an access token lives, as far as the app can tell.
//!
//! The device's clock may be wrong by a day, so a duration that the backend states beats a moment,
//! and a moment that would make a fresh token look expired is not believed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::domain::contract::{Expiry, TokenAnswer};
use crate::domain::moment::{number, unix as moment};
use crate::domain::secret::Secret;

use super::event::Answer;

/// Longer than any token lives; what says more is not believed.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// So long at least a quirk takes a token to live.
const QUIRKY_LIFE: Duration = Duration::from_secs(14);

/// What an answer handed out.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) access: Secret,
    /// Absent when it is not rotated.
    pub(super) refresh: Option<Secret>,
    /// From receipt; `None` when nothing says it, so only a 401 tells.
    pub(super) lifetime: Option<Duration>,
}

/// The tokens in an answer, if there is an access token.
pub(super) fn read(
    selectors: &TokenAnswer,
    answer: &Answer,
    body: Option<&Value>,
    unix: Duration,
) -> Option<Tokens> {
    let find = |selector: &crate::domain::selector::Selector| {
        selector.in_answer(answer.header_pairs(), body)
    };
    let text = |value: Value| match value {
        Value::String(text) if !text.is_empty() => Some(Secret::new(text)),
        _ => None,
    };
    let access = find(&selectors.access_token).and_then(text)?;
    let refresh = selectors
        .refresh_token
        .as_ref()
        .and_then(find)
        .and_then(text);
    let claims = claims(access.expose());
    let stated = match &selectors.expiry {
        Some(Expiry::In(selector)) => find(selector)
            .as_ref()
            .and_then(number)
            .and_then(positive_seconds),
        Some(Expiry::At(selector)) => {
            let moment = find(selector).as_ref().and_then(moment);
            issued_span(claims.as_ref(), moment).or_else(|| remaining(moment, unix))
        }
        None => None,
    };
    let lifetime = stated.or_else(|| {
        let ends = claims
            .as_ref()
            .and_then(|claims| claims.get("exp"))
            .and_then(moment);
        issued_span(claims.as_ref(), ends).or_else(|| remaining(ends, unix))
    });
    Some(Tokens {
        access,
        refresh,
        lifetime: lifetime.filter(|lifetime| *lifetime <= LONGEST),
    })
}

/// A quirk: from the device's wall clock to the token's own `exp`, and a moment at least.
pub(super) fn left_by_clock(tokens: &Tokens, unix: Duration) -> Option<Duration> {
    let ends = claims(tokens.access.expose())?
        .get("exp")
        .and_then(moment)?;
    Some(
        remaining(Some(ends), unix)
            .unwrap_or_default()
            .max(QUIRKY_LIFE),
    )
}

/// From the token's own `iat` to a moment: the one span that no device clock takes part in.
fn issued_span(claims: Option<&Value>, ends: Option<f64>) -> Option<Duration> {
    let issued = claims?.get("iat").and_then(moment)?;
    positive_seconds(ends? - issued)
}

/// From now to a moment, unless it is over already.
fn remaining(ends: Option<f64>, unix: Duration) -> Option<Duration> {
    positive_seconds(ends? - unix.as_secs_f64())
}

fn positive_seconds(seconds: f64) -> Option<Duration> {
    (seconds > 0.0)
        .then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

/// The claims of a JSON Web Token, unverified: the app has no say in whether it is genuine.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::selector::Selector;

    const UNIX: Duration = Duration::from_secs(1_767_603_600);

    fn lifetime(expiry: Option<Expiry>, body: Value) -> Option<u64> {
        let selectors = TokenAnswer {
            access_token: Selector::Pointer("/t".into()),
            refresh_token: None,
            expiry,
        };
        let answer = Answer {
            status: 200,
            headers: vec![],
            body: bytes::Bytes::new(),
        };
        read(&selectors, &answer, Some(&body), UNIX)
            .unwrap()
            .lifetime
            .map(|lifetime| lifetime.as_secs())
    }

    fn jwt(claims: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    fn at() -> Option<Expiry> {
        Some(Expiry::At(Selector::Pointer("/e".into())))
    }

    #[test]
    fn every_way_of_stating_an_expiry_is_understood() {
        let seconds = UNIX.as_secs();
        let inn = || Some(Expiry::In(Selector::Pointer("/e".into())));
        assert_eq!(lifetime(inn(), json!({"t": "x", "e": 900})), Some(900));
        assert_eq!(lifetime(inn(), json!({"t": "x", "e": "900"})), Some(900));
        assert_eq!(
            lifetime(at(), json!({"t": "x", "e": seconds + 60})),
            Some(60)
        );
        assert_eq!(
            lifetime(at(), json!({"t": "x", "e": (seconds + 60) * 1_000})),
            Some(60)
        );
        assert_eq!(
            lifetime(at(), json!({"t": "x", "e": "2026-01-05T09:01:00Z"})),
            Some(60)
        );
        let claims = json!({"exp": seconds + 300});
        assert_eq!(lifetime(None, json!({"t": jwt(&claims)})), Some(300));
        assert_eq!(lifetime(None, json!({"t": "opaque"})), None);
    }

    #[test]
    fn a_clock_that_is_a_day_off_changes_nothing_where_the_token_says_when_it_was_issued() {
        let day = 86_400;
        for issued in [UNIX.as_secs() - day, UNIX.as_secs() + day] {
            let claims = json!({"iat": issued, "exp": issued + 600});
            assert_eq!(lifetime(None, json!({"t": jwt(&claims)})), Some(600));
            assert_eq!(
                lifetime(at(), json!({"t": jwt(&claims), "e": issued + 600})),
                Some(600)
            );
        }
    }

    #[test]
    fn a_fresh_token_that_looks_expired_is_of_unknown_age() {
        let past = UNIX.as_secs() - 3_600;
        assert_eq!(lifetime(at(), json!({"t": "x", "e": past})), None);
        assert_eq!(
            lifetime(None, json!({"t": jwt(&json!({"exp": past}))})),
            None
        );
        assert_eq!(lifetime(at(), json!({"t": "x", "e": 1e300})), None);
        assert_eq!(lifetime(at(), json!({"t": "x", "e": {}})), None);
    }

    #[test]
    fn an_answer_without_an_access_token_brings_none() {
        let selectors = TokenAnswer {
            access_token: Selector::Pointer("/t".into()),
            refresh_token: None,
            expiry: None,
        };
        let answer = Answer {
            status: 200,
            headers: vec![],
            body: bytes::Bytes::new(),
        };
        for body in [json!({}), json!({"t": ""}), json!({"t": 7}), json!(null)] {
            assert!(read(&selectors, &answer, Some(&body), UNIX).is_none());
        }
    }
}
