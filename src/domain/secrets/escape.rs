//! The escapes of JSON strings, undone in text that need not be JSON.

/// Undoes every escape that stands for a character; the rest stays as it is.
pub(super) fn undo(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (character, length) = match rest.as_bytes().first() {
            Some(b'u') => (unicode(&rest[1..]), 5),
            Some(b'/') => (Some('/'), 1),
            Some(b'"') => (Some('"'), 1),
            Some(b'\\') => (Some('\\'), 1),
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

fn unicode(digits: &str) -> Option<char> {
    let digits = digits.get(..4)?;
    u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32)
}
