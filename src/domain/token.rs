//! Reading JSON Web Tokens (RFC 7519) and checking who signed them.
//!
//! Only the signature is checked here: issuer, audience and time are questions for rules, which know
//! the contract and when a token was seen. A token says itself how it claims to be signed, so the
//! contract's list of algorithms decides, and symmetric ones are refused whatever that list says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::journal::SignatureCheck;

/// What a token says, whoever signed it.
#[derive(Debug, Clone, PartialEq)]
pub struct Jwt {
    /// The JOSE header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
}

/// Reads a token; `None` when it is no JSON Web Token in compact form.
#[must_use]
pub fn read(token: &str) -> Option<Jwt> {
    let (message, _) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let part = |text: &str| -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        value.is_object().then_some(value)
    };
    Some(Jwt {
        header: part(header)?,
        claims: part(claims)?,
    })
}

/// Checks a token's signature against a key set (RFC 7517).
#[must_use]
pub fn check(token: &str, keys: Option<&Value>, algorithms: &[String]) -> SignatureCheck {
    let refused = |why: String| SignatureCheck::Refused { why };
    let Some(jwt) = read(token) else {
        return SignatureCheck::NotChecked {
            why: "it is no JSON Web Token".to_owned(),
        };
    };
    let named = jwt
        .header
        .get("alg")
        .and_then(Value::as_str)
        .unwrap_or("none");
    let algorithm = named
        .parse::<Algorithm>()
        .ok()
        .filter(|_| !named.starts_with("HS"));
    let Some(algorithm) = algorithm else {
        return refused(format!("`{named}` is no algorithm that proves who signed"));
    };
    if !algorithms.iter().any(|allowed| allowed == named) {
        return refused(format!("the contract does not let `{named}` sign"));
    }
    let Some(keys) = keys
        .and_then(|set| set.get("keys"))
        .and_then(Value::as_array)
    else {
        return SignatureCheck::NotChecked {
            why: "there is no key set".to_owned(),
        };
    };
    let wanted = jwt.header.get("kid").and_then(Value::as_str);
    let mut tried = 0;
    for key in keys {
        let id = key.get("kid").and_then(Value::as_str);
        if wanted.is_some() && id != wanted {
            continue;
        }
        let Some(key) = usable(key, algorithm) else {
            continue;
        };
        tried += 1;
        if verifies(token, &key, algorithm) {
            return SignatureCheck::Verified;
        }
    }
    refused(match (tried, wanted) {
        (0, Some(_)) => "the key set has no such key".to_owned(),
        (0, None) => "the key set has no key for this algorithm".to_owned(),
        _ => "the signature is not of a key of the set".to_owned(),
    })
}

fn usable(key: &Value, algorithm: Algorithm) -> Option<DecodingKey> {
    let key: Jwk = serde_json::from_value(key.clone()).ok()?;
    let key = DecodingKey::from_jwk(&key).ok()?;
    (key.family() == algorithm.family()).then_some(key)
}

fn verifies(token: &str, key: &DecodingKey, algorithm: Algorithm) -> bool {
    token.rsplit_once('.').is_some_and(|(message, signature)| {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm).unwrap_or(false)
    })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIDn7OPyYTdkUo4PILGUBFdCH0BSRnNLIL5VH4MPlYVC5\n-----END PRIVATE KEY-----\n";

    fn signed(kid: Option<&str>) -> (String, Value) {
        let key = EncodingKey::from_ed_pem(ED25519.as_bytes()).unwrap();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = kid.map(str::to_owned);
        let token = encode(&header, &json!({"sub": "u1"}), &key).unwrap();
        let mut public =
            serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap()).unwrap();
        public["kid"] = json!("k1");
        (token, json!({"keys": [public]}))
    }

    fn allowed() -> Vec<String> {
        vec!["EdDSA".to_owned(), "ES256".to_owned()]
    }

    #[test]
    fn a_token_of_a_key_of_the_set_is_verified_and_read() {
        let (token, keys) = signed(Some("k1"));
        assert_eq!(
            check(&token, Some(&keys), &allowed()),
            SignatureCheck::Verified
        );
        assert_eq!(read(&token).unwrap().claims, json!({"sub": "u1"}));
        let (token, keys) = signed(None);
        assert_eq!(
            check(&token, Some(&keys), &allowed()),
            SignatureCheck::Verified
        );
    }

    #[test]
    fn foreign_keys_changed_claims_and_weak_algorithms_are_refused() {
        let (token, keys) = signed(Some("k1"));
        let (other, _) = signed(Some("other"));
        let refused = |token: &str, algorithms: &[String]| {
            matches!(
                check(token, Some(&keys), algorithms),
                SignatureCheck::Refused { .. }
            )
        };
        assert!(refused(&other, &allowed()));
        assert!(refused(&token, &["RS256".to_owned()]));
        let claims = URL_SAFE_NO_PAD.encode(br#"{"sub":"u2"}"#);
        let (header, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        assert!(refused(
            &format!("{header}.{claims}.{signature}"),
            &allowed()
        ));
        for weak in ["none", "HS256"] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{weak}"}}"#));
            assert!(refused(&format!("{header}.{claims}."), &[weak.to_owned()]));
        }
    }

    #[test]
    fn without_keys_or_without_a_token_nothing_is_checked() {
        let (token, _) = signed(None);
        for (token, keys) in [
            (token.as_str(), None),
            ("opaque", Some(json!({"keys": []}))),
        ] {
            let check = check(token, keys.as_ref(), &allowed());
            assert!(
                matches!(check, SignatureCheck::NotChecked { .. }),
                "{check:?}"
            );
        }
    }
}
