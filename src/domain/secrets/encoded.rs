//! Secrets behind encodings that hide every character of them: hexadecimal digits, base64 of base64,
//! line breaks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::patterns::Match;

/// How many bytes a run holds at least that is decoded: no shorter secret is searched for.
const SHORTEST: usize = 8;

/// How long a run of base64 is at least: that of the base64 of eight bytes.
const SHORTEST_BASE64: usize = 16;

/// The text as quoted-printable says it and without its line breaks, where base64 of mails and
/// certificates has them; `None` when it has neither.
pub(super) fn without_breaks(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let quoted = bytes.windows(3).any(|own| byte_at(own).is_some());
    if !quoted && !bytes.contains(&b'\n') {
        return None;
    }
    let mut joined = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        if let Some(byte) = byte_at(rest) {
            joined.push(byte);
            at += 3;
        } else if matches!(byte, b'\r' | b'\n')
            || rest.starts_with(b"=\n")
            || rest.starts_with(b"=\r\n")
        {
            at += 1;
        } else {
            joined.push(*byte);
            at += 1;
        }
    }
    String::from_utf8(joined).ok()
}

/// The byte that begins a text as `=41`.
fn byte_at(text: &[u8]) -> Option<u8> {
    match text {
        [b'=', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// The runs of a text that say a secret once they are decoded; `find` comes to its label.
pub(super) fn runs(text: &str, find: impl Fn(&[u8]) -> Option<usize>) -> Vec<Match> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..]
            .iter()
            .take_while(|byte| is_of_run(**byte))
            .count();
        if length >= 2 * SHORTEST {
            let run = &bytes[at..at + length];
            let decoded = in_digits(run, &find).or_else(|| in_base64(run, &find));
            if let Some(label) = decoded {
                let padding = bytes[at + length..]
                    .iter()
                    .take_while(|byte| **byte == b'=');
                let end = at + length + padding.count();
                found.push(Match {
                    start: at,
                    end,
                    label,
                });
            }
        }
        at += length.max(1);
    }
    found
}

/// What stands in a run of digits in pairs, between colons or not.
fn is_of_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b':')
}

fn in_digits(run: &[u8], find: &impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    // What is before the digits may end in the same letters.
    let pairs = run.split(|byte| *byte == b':');
    let colons = pairs.clone().filter(|pair| pair.len() == 2).count() >= SHORTEST;
    if colons {
        let bytes = pairs.filter_map(|pair| match pair {
            [.., high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        return find(&bytes.collect::<Vec<u8>>());
    }
    let digits = run.split(|byte| digit(*byte).is_none());
    digits
        .filter(|own| own.len() >= 2 * SHORTEST)
        .flat_map(|own| [own, &own[1..]])
        .find_map(|own| {
            let pairs = own.chunks_exact(2);
            let bytes = pairs.filter_map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
            find(&bytes.collect::<Vec<u8>>())
        })
}

fn in_base64(run: &[u8], find: &impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    let mixed = run.iter().any(u8::is_ascii_uppercase) && run.iter().any(u8::is_ascii_lowercase);
    if run.len() < SHORTEST_BASE64 || !mixed {
        return None;
    }
    let url_safe: Vec<u8> = run
        .iter()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        })
        .collect();
    let parts = url_safe.split(|byte| *byte == b':');
    parts
        .filter(|own| own.len() >= SHORTEST_BASE64)
        // Where it begins in the text is not known.
        .flat_map(|own| (0..4).map(move |from| &own[from..]))
        .find_map(|own| {
            let whole = &own[..own.len() - own.len() % 4];
            let decoded = URL_SAFE_NO_PAD.decode(whole).ok()?;
            find(&decoded)
        })
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
