//! Escapes, undone in text that need not be what they are for: those of JSON and JavaScript strings and
//! the entities of HTML.

/// Undoes every escape of a string that stands for a character; the rest stays as it is.
pub(super) fn undo(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (character, length) = match rest.as_bytes().first() {
            Some(b'u') => (coded(&rest[1..], 4), 5),
            Some(b'x') => (coded(&rest[1..], 2), 3),
            Some(b'/') => (Some('/'), 1),
            Some(b'"') => (Some('"'), 1),
            Some(b'\\') => (Some('\\'), 1),
            Some(b'n') => (Some('\n'), 1),
            Some(b'r') => (Some('\r'), 1),
            _ => (None, 0),
        };
        match character {
            Some(character) => {
                plain.push(character);
                rest = &rest[length..];
            }
            None => plain.push('\\'),
        }
    }
    plain.push_str(rest);
    plain
}

fn coded(digits: &str, length: usize) -> Option<char> {
    let digits = digits.get(..length)?;
    u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32)
}

/// How long the name of an entity is at most, between `&` and `;`.
const LONGEST_ENTITY: usize = 8;

/// Undoes the entities that stand for ASCII, by name or by number.
pub(super) fn undo_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest
            .bytes()
            .take(LONGEST_ENTITY + 1)
            .position(|byte| byte == b';');
        match end.and_then(|end| Some((entity(rest.get(..end)?)?, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => plain.push('&'),
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32)
        }
    }
}
