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

/// The token with other characters of the same kinds in its middle. Its ends are left alone: there a
/// server may look for a prefix, and Base64 may hold bits that mean nothing.
pub(super) fn altered(token: &str) -> Option<String> {
    let middle = token.len() / 2;
    let mut changed = false;
    let letters = token.chars().enumerate().map(|(at, letter)| {
        let next = match letter {
            '0'..='8' | 'a'..='e' | 'g'..='y' | 'A'..='E' | 'G'..='Y' => {
                char::from_u32(letter as u32 + 1)
            }
            '9' => Some('0'),
            'f' => Some('a'),
            'F' => Some('A'),
            'z' => Some('g'),
            'Z' => Some('G'),
            _ => None,
        };
        let within = at + ALTERED > middle && at < middle + ALTERED;
        match next.filter(|_| within) {
            Some(next) => {
                changed = true;
                next
            }
            None => letter,
        }
    });
    let letters: String = letters.collect();
    changed
        .then_some(letters)
        .filter(|_| token.len() >= SHORTEST)
}

/// The token without its last third.
pub(super) fn cut_short(token: &str) -> Option<String> {
    let kept = token.len() - token.len() / 3;
    token
        .get(..kept)
        .filter(|_| token.len() >= SHORTEST)
        .map(str::to_owned)
}

/// How many characters on either side of the middle are changed.
const ALTERED: usize = 4;

/// The shortest token of which a part cannot be a token of somebody else's.
const SHORTEST: usize = 16;

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

    #[test]
    fn an_opaque_token_is_changed_where_it_matters_and_keeps_its_length_and_kinds() {
        let genuine = "tok_09fzAFZ|9f8e7d6c5b4a|0099ffzz";
        let altered = altered(genuine).unwrap();
        assert_eq!(altered.len(), genuine.len());
        assert_eq!(altered, "tok_09fzAFZ|9a9f8e7d5b4a|0099ffzz");
        assert_eq!(cut_short(genuine).unwrap(), "tok_09fzAFZ|9f8e7d6c5b");
        assert_eq!((super::altered("short"), cut_short("short")), (None, None));
        assert_eq!(super::altered("____________________"), None);
    }
}
