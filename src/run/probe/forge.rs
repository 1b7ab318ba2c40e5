//! Tokens as a forger would make them, out of a genuine one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The token with a header that says that nobody signed it (RFC 8725 §2.1), and unsigned.
pub(super) fn unsigned(token: &str) -> Option<String> {
    let (message, _) = token.rsplit_once('.')?;
    let (_, claims) = message.split_once('.')?;
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    Some(format!("{header}.{claims}."))
}

/// The token without its signature.
pub(super) fn stripped(token: &str) -> Option<String> {
    let (message, _) = token.rsplit_once('.')?;
    Some(format!("{message}."))
}

/// The token with a signature as long as its own that no key has made.
pub(super) fn foreign(token: &str) -> Option<String> {
    let (message, signature) = token.rsplit_once('.')?;
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).ok()?;
    bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
    Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::read;

    #[test]
    fn a_forged_token_says_the_same_and_is_signed_by_nobody() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let genuine = format!(
            "{}.{}.{}",
            part(r#"{"alg":"ES256"}"#),
            part(r#"{"sub":"u1"}"#),
            part("signature")
        );
        for forged in [unsigned(&genuine), stripped(&genuine), foreign(&genuine)] {
            let forged = forged.unwrap();
            assert_ne!(forged, genuine);
            assert_eq!(read(&forged).unwrap().claims["sub"], "u1");
        }
        assert_eq!(
            read(&unsigned(&genuine).unwrap()).unwrap().header["alg"],
            "none"
        );
        assert_eq!(unsigned("opaque"), None);
    }
}
