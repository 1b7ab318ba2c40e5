//! Values that by their shape are secrets, whatever they are called.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::holds_label;
use super::hollow::is_missing;

/// What the credentials of well-known services begin with.
const BEGINNINGS: [&str; 18] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "npm_",
    "shpat_",
];

/// How long what follows such a beginning is at least.
const SHORTEST_REST: usize = 16;

/// How long a value is at least that is a secret because it is random: 32 bytes in base64.
const LONGEST_ID: usize = 40;

/// The least length of a value that nobody writes by chance.
const CHOSEN: usize = 12;

/// Whether a byte may stand in a token (RFC 6750 §2.1, without what separates words in texts).
pub(super) fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// How long the secret is that begins here, at the beginning of a word; 0 if none does.
pub(super) fn begins(text: &str) -> usize {
    let word = text.bytes().take_while(|byte| is_of_token(*byte)).count();
    let word = &text[..word];
    if is_jwt(word) {
        return word.len();
    }
    let known = BEGINNINGS.iter().any(|beginning| {
        let rest = word.strip_prefix(beginning);
        rest.is_some_and(|rest| rest.len() >= SHORTEST_REST)
    });
    if known { word.len() } else { 0 }
}

/// Whether a word is a JSON Web Token or an encrypted one: its first part is the header, a JSON object.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let Some(header) = parts.next().filter(|own| own.starts_with("eyJ")) else {
        return false;
    };
    let more = parts.filter(|part| part.len() >= 2).count();
    let decoded = URL_SAFE_NO_PAD.decode(header);
    more >= 1 && decoded.is_ok_and(|decoded| decoded.windows(5).any(|own| own == b"\"alg\""))
}

/// Whether a value is long and random: no word, no number, no hash and no base64 of a text.
pub(super) fn is_random(value: &str) -> bool {
    let value = value.trim_end_matches('=');
    let bytes = value.as_bytes();
    let fits =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/');
    if bytes.len() < LONGEST_ID || !bytes.iter().all(fits) {
        return false;
    }
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let digits = count(u8::is_ascii_digit);
    if upper < 3 || lower < 3 || digits < 3 {
        return false;
    }
    let kind = |byte: &u8| match byte {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let changes = bytes
        .windows(2)
        .filter(|own| kind(&own[0]) != kind(&own[1]));
    // Of letters and digits at random three in five differ in kind from the one before; of words fewer.
    changes.count() * 20 > bytes.len() * 9 && !says_something(value)
}

/// Whether a value is a text in base64, as the marks of pages are.
fn says_something(value: &str) -> bool {
    let url_safe = value.replace('+', "-").replace('/', "_");
    URL_SAFE_NO_PAD.decode(url_safe).is_ok_and(|decoded| {
        let readable = decoded.iter().filter(|byte| matches!(byte, b' '..=b'~'));
        readable.count() * 10 > decoded.len() * 9
    })
}

/// Whether a value is so much its own that it can be searched for in other texts.
pub(super) fn is_chosen(value: &str) -> bool {
    let has = |is: fn(&u8) -> bool| usize::from(value.as_bytes().iter().any(is));
    let kinds = has(u8::is_ascii_uppercase)
        + has(u8::is_ascii_lowercase)
        + has(u8::is_ascii_digit)
        + has(|byte| !byte.is_ascii_alphanumeric());
    (value.len() >= CHOSEN && kinds >= 2 || value.len() >= 8 && kinds >= 3) && !is_readable(value)
}

/// Whether a value says something of its own that people and rules need: a date, an address, a missing
/// value, a label.
pub(super) fn is_readable(value: &str) -> bool {
    let is_date = value.len() >= 10
        && value.bytes().take(4).all(|byte| byte.is_ascii_digit())
        && value.as_bytes()[4] == b'-'
        && value.as_bytes()[7] == b'-';
    is_missing(value)
        || holds_label(value)
        || value.starts_with('/')
        || value.contains("://")
        || is_date
        || matches!(value, "true" | "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_a_shape_and_ids_have_another() {
        for token in [
            "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSJ9.",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        ] {
            assert_eq!(begins(&format!("{token} rest")), token.len(), "{token}");
        }
        for other in ["eyJpZCI6MTAwfQ", "eyJ.a.b", "api.b.test", "AKIA", "v1.2.3"] {
            assert_eq!(begins(other), 0, "{other}");
        }
        assert!(is_random(
            "q7Zr20Lw9fKc83VbXt5HmP1dEq7Zr20Lw9fKc83VbXt5HmP1dE"
        ));
        for other in [
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "8e03978e-40d5-43e8-bc93-6894a57f9324-8e03978e-40d5-43e8",
            "eyJhZnRlciI6MTIzLCJzb3J0IjoidGltZSIsIm4iOjJ9eyJhZnRlciI6MTIzfQ",
            "TheQuickBrownFoxJumpsOverTheLazyDog2TheQuick1",
            "q7Zr20Lw9fKc83VbXt5HmP1dE",
        ] {
            assert!(!is_random(other), "{other}");
        }
    }

    #[test]
    fn only_what_nobody_writes_by_chance_is_searched_for() {
        for own in ["hunter2-Boat", "Tr0ub4dor", "correct-horse-7"] {
            assert!(is_chosen(own), "{own}");
        }
        for common in [
            "overview",
            "positions",
            "2026-11-30T08:00:00Z",
            "/auth/reset-1",
            "12345678",
        ] {
            assert!(!is_chosen(common), "{common}");
        }
    }
}
