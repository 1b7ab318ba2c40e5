//! The mock's signing keys and its key set.
//!
//! Both keys are public and fixed, so that the same seed gives the same tokens: RSASSA-PKCS1-v1_5
//! is deterministic.

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const OWN: &str = include_str!("../../fixtures/keys/mock-test-only.pem");
const FOREIGN: &str = include_str!("../../fixtures/keys/foreign-test-only.pem");

/// The id of the key in the key set.
const KEY_ID: &str = "rehearsal-mock-test-only";

/// Signs access tokens.
pub(super) struct Signer {
    own: EncodingKey,
    foreign: EncodingKey,
    key_set: Value,
}

/// Which key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// The one in the key set.
    Genuine,
    /// Another one, under the same id.
    Forged,
}

impl Signer {
    pub(super) fn new() -> Result<Self, jsonwebtoken::errors::Error> {
        let own = EncodingKey::from_rsa_pem(pem(OWN).as_bytes())?;
        let mut key = Jwk::from_encoding_key(&own, Algorithm::RS256)?;
        key.common.key_id = Some(KEY_ID.to_owned());
        key.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            key_set: json!({ "keys": [key] }),
            foreign: EncodingKey::from_rsa_pem(pem(FOREIGN).as_bytes())?,
            own,
        })
    }

    /// The public half, as RFC 7517 has it.
    pub(super) fn key_set(&self) -> &Value {
        &self.key_set
    }

    pub(super) fn sign(
        &self,
        claims: &Value,
        signature: Signature,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY_ID.to_owned());
        let key = match signature {
            Signature::Genuine => &self.own,
            Signature::Forged => &self.foreign,
        };
        jsonwebtoken::encode(&header, claims, key)
    }
}

/// The key without the words above it.
fn pem(file: &str) -> &str {
    file.find("-----BEGIN").map_or(file, |at| &file[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_claims_give_the_same_token_and_the_key_set_no_private_half() {
        let signer = Signer::new().unwrap();
        let claims = json!({"sub": "u1"});
        let token = signer.sign(&claims, Signature::Genuine).unwrap();
        assert_eq!(token, signer.sign(&claims, Signature::Genuine).unwrap());
        assert_ne!(token, signer.sign(&claims, Signature::Forged).unwrap());
        let key = &signer.key_set()["keys"][0];
        assert_eq!(key["kid"], KEY_ID);
        assert!(key.get("d").is_none() && key.get("n").is_some());
    }
}
