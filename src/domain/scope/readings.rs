//! Every way in which some server may plausibly read a path.
//!
//! The canonical form says what a path ought to mean; what must never be called is looked for in
//! what it might mean as well. A reading too many costs a false alarm on a path that nobody writes
//! by accident; a reading too few lets a write through.

use super::canonical::{canonical, hex};

/// How often an escape may hide another.
const ROUNDS: usize = 4;

/// All readings of a raw path without query: folded to lower case, without trailing slash, with and
/// without suffix.
pub(super) fn readings(path: &str) -> Vec<String> {
    let mut found = Vec::new();
    if is_plain(path) {
        finish(path, &mut found);
        return found;
    }
    let mut layers = vec![path.to_owned(), canonical(path).path];
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..ROUNDS {
        let next = decode(&bytes);
        if next == bytes {
            break;
        }
        bytes = next;
        layers.push(to_text(&bytes));
    }
    for layer in layers {
        for spelling in [layer.replace('\\', "/"), layer] {
            for cut in cuts(&spelling) {
                let bare = without_params(&cut);
                finish(&merge(&without_dots(&bare)), &mut found);
                finish(&merge(&without_params(&without_dots(&cut))), &mut found);
                finish(&merge(&bare), &mut found);
            }
        }
    }
    found
}

fn is_plain(path: &str) -> bool {
    path.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@".contains(&byte))
        && !path.contains("//")
        && !path.contains("/.")
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(hex);
        match escaped {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// Reads bytes as text as a careless decoder does: overlong forms of ASCII count as ASCII.
fn to_text(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [0xc0 | 0xc1, low, ..] if low & 0xc0 == 0x80 => {
                plain.push((bytes[at] & 1) << 6 | low & 0x3f);
                at += 2;
            }
            [0xe0, middle @ 0x80..=0x9f, low, ..] if low & 0xc0 == 0x80 && middle < 0x82 => {
                plain.push((middle & 1) << 6 | low & 0x3f);
                at += 3;
            }
            _ => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// The text itself, the text up to whatever may end it, and the text without control characters.
fn cuts(text: &str) -> Vec<String> {
    let mut cuts = vec![text.to_owned()];
    for end in ['\0', '?', '#'] {
        if let Some((head, _)) = text.split_once(end) {
            cuts.push(head.to_owned());
        }
    }
    if text.chars().any(char::is_control) {
        cuts.push(text.chars().filter(|c| !c.is_control()).collect());
    }
    cuts
}

fn without_params(path: &str) -> String {
    path.split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("/")
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." | "" => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

fn merge(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        merged.push('/');
        merged.push_str(segment);
    }
    if merged.is_empty() {
        merged.push('/');
    }
    merged
}

fn finish(path: &str, found: &mut Vec<String>) {
    let folded = fold(path);
    let trimmed = folded.trim_end_matches(['/', '.', ' ']);
    let whole = if trimmed.is_empty() { "/" } else { trimmed };
    add(whole, found);
    let last = whole.rfind('/').map_or(0, |slash| slash + 1);
    for dot in [whole[last..].find('.'), whole[last..].rfind('.')] {
        if let Some(dot) = dot.filter(|dot| *dot > 0) {
            add(&whole[..last + dot], found);
        }
    }
}

fn add(reading: &str, found: &mut Vec<String>) {
    if !found.iter().any(|known| known == reading) {
        found.push(reading.to_owned());
    }
}

/// Folds case, full-width forms and the letters whose case folding ends in ASCII.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{2215}' | '\u{2044}' => '/',
            '\u{2024}' => '.',
            '\u{17f}' => 's',
            '\u{131}' => 'i',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_disguise_is_read_as_what_it_hides() {
        for disguise in [
            "/api/trade",
            "/API/Trade/",
            "/api/trade.json",
            "/api/..%2fapi%2ftrade",
            "/x/%252e%252e/api/trade",
            "/x/..\\api\\trade",
            "/api/trade%00.png",
            "/x/..;/api/trade",
            "/api/%c0%ae%c0%ae/api/trade",
            "/api/%ef%bd%94rade",
            "/api/trade%20",
            "/api/trade%3fx",
            "/api/tr%00ade",
            "/api/trade.",
        ] {
            let found = readings(disguise);
            assert!(
                found.iter().any(|path| path == "/api/trade"),
                "{disguise}: {found:?}"
            );
        }
        assert!(!readings("/api/trades").contains(&"/api/trade".to_owned()));
    }

    proptest! {
        #[test]
        fn the_canonical_path_is_always_one_of_the_readings(path in "/[a-z.;%25eEF0/]{0,20}") {
            let path_only = path.replace(['?', '#'], "");
            let expected = canonical(&path_only).path;
            let trimmed = expected.trim_end_matches(['/', '.', ' ']).to_ascii_lowercase();
            let expected = if trimmed.is_empty() { "/".to_owned() } else { trimmed };
            prop_assert!(readings(&path_only).contains(&expected));
        }
    }
}
