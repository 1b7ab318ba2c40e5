//! Where in a text what may be a secret stands: after a name that says so, in queries, forms, JSON that
//! need not be whole and XML, and what is one by its shape.

use std::ops::Range;

use super::names::{Names, Says};
use super::shape;

/// How long a name is at most that is looked at.
const LONGEST_NAME: usize = 64;

/// How long a credential after its scheme is at least.
const SHORTEST_CREDENTIAL: usize = 12;

/// All spots of a text, in order, without overlap.
pub(super) fn spots(text: &str, names: &mut Names) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let spot = match bytes[at] {
            b'=' => assigned(text, at, names),
            b':' => of_url(text, at).or_else(|| labelled(text, at, names)),
            b'>' => in_element(text, at, names),
            b'-' => key_block(text, at),
            byte if byte.is_ascii_alphabetic() && begins_word(bytes, at) => shaped(text, at),
            _ => None,
        };
        match spot {
            Some(spot) if spot.end > at => {
                at = spot.end;
                found.push(spot);
            }
            _ => at += 1,
        }
    }
    found
}

fn begins_word(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .is_none_or(|before| !shape::is_of_token(bytes[before]))
}

/// A token by its shape, or what follows `Bearer` and `Basic`.
fn shaped(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    let length = shape::begins(rest);
    if length > 0 {
        return Some(at..at + length);
    }
    ["bearer ", "basic "].iter().find_map(|scheme| {
        let own = rest.get(..scheme.len())?;
        if !own.eq_ignore_ascii_case(scheme) {
            return None;
        }
        let from = at + scheme.len();
        let is_of =
            |byte: u8| shape::is_of_token(byte) || matches!(byte, b'~' | b'+' | b'/' | b'=');
        let credential = text[from..].bytes().take_while(|byte| is_of(*byte)).count();
        let own = &text[from..from + credential];
        let unlike = own.bytes().any(|byte| byte.is_ascii_digit());
        // `Bearer realm="…"` is a challenge.
        let challenge = text.as_bytes().get(from + credential) == Some(&b'"');
        (credential >= SHORTEST_CREDENTIAL && unlike && !challenge)
            .then_some(from..from + credential)
    })
}

/// The name that ends before this place: letters, digits and what names are joined with.
fn name_before(text: &str, end: usize) -> &str {
    let is_of = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'[' | b']' | b'$' | b'%')
    };
    let before = text.as_bytes()[..end].iter().rev().take(LONGEST_NAME);
    let length = before.take_while(|byte| is_of(**byte)).count();
    &text[end - length..end]
}

/// What stands after a name and `=`, as in a query, a form or an attribute.
fn assigned(text: &str, at: usize, names: &mut Names) -> Option<Range<usize>> {
    let name = name_before(text, at);
    if name.is_empty() {
        return None;
    }
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let value = value(text, at + 1);
    if name == "name" {
        return part(text, &value, names);
    }
    match names.say(&name) {
        Says::Secret => hidden(text, value),
        Says::Nothing if shape::is_random(&text[value.clone()]) => Some(value),
        Says::Nothing | Says::Identifier => None,
    }
}

/// The content of a part of a form in parts, whose name is quoted here.
fn part(text: &str, name: &Range<usize>, names: &mut Names) -> Option<Range<usize>> {
    if names.say(&text[name.clone()]) != Says::Secret {
        return None;
    }
    let rest = &text[name.end..];
    let head = rest.find("\r\n\r\n").filter(|head| *head < 512)?;
    let from = name.end + head + 4;
    let length = text[from..].find("\r\n").unwrap_or(text.len() - from);
    hidden(text, from..from + length)
}

/// What stands after a quoted name and a colon, as in JSON, or after one that begins a line.
fn labelled(text: &str, at: usize, names: &mut Names) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let spaces = bytes[..at]
        .iter()
        .rev()
        .take(8)
        .take_while(|byte| **byte == b' ');
    let mut end = at - spaces.count();
    let quoted = end > 0 && matches!(bytes[end - 1], b'"' | b'\'');
    if quoted {
        end -= 1;
        while end > 0 && bytes[end - 1] == b'\\' {
            end -= 1;
        }
    }
    let name = name_before(text, end);
    let start = end - name.len();
    let begins_line = start
        .checked_sub(1)
        .is_none_or(|before| bytes[before] == b'\n');
    if name.is_empty() || !(quoted || begins_line) || names.say(name) != Says::Secret {
        return None;
    }
    let from = at
        + 1
        + bytes[at + 1..]
            .iter()
            .take(8)
            .take_while(|byte| **byte == b' ')
            .count();
    let value = value(text, from);
    let own = &text[value.clone()];
    let structured = own.starts_with(['{', '[']) || matches!(own, "true" | "false" | "null");
    // Without quotation marks it may be prose.
    let prose = !quoted && (own.len() < 6 || !own.bytes().any(|byte| byte.is_ascii_digit()));
    hidden(text, value).filter(|_| !structured && !prose)
}

/// What an element holds, as in XML.
fn in_element(text: &str, at: usize, names: &mut Names) -> Option<Range<usize>> {
    let name = name_before(text, at);
    let before = text.as_bytes()[..at - name.len()].last();
    if name.is_empty() || !matches!(before, Some(b'<' | b':')) || names.say(name) != Says::Secret {
        return None;
    }
    let length = text[at + 1..].find('<')?;
    hidden(text, at + 1..at + 1 + length)
}

/// The password before the host of a URL.
fn of_url(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text[at..].strip_prefix("://")?;
    let end = rest.find(['/', '?', '#', ' ', '"']).unwrap_or(rest.len());
    let (user, _) = rest[..end].rsplit_once('@')?;
    let colon = user.find(':')?;
    let from = at + 3 + colon + 1;
    hidden(text, from..at + 3 + user.len())
}

/// A private key as PEM.
fn key_block(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text[at..].strip_prefix("-----BEGIN ")?;
    let head = rest.find("-----")?;
    if head > LONGEST_NAME || !rest[..head].ends_with("PRIVATE KEY") {
        return None;
    }
    let from = at + "-----BEGIN ".len() + head + 5;
    let length = text[from..].find("-----").unwrap_or(text.len() - from);
    Some(from..from + length)
}

/// The value that begins here: within its quotation marks, or until what ends it.
fn value(text: &str, from: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let escapes = bytes[from..]
        .iter()
        .take_while(|byte| **byte == b'\\')
        .count();
    let mark = bytes.get(from + escapes).copied();
    if let Some(mark @ (b'"' | b'\'')) = mark {
        let start = from + escapes + 1;
        let mut escaped = 0;
        for (offset, byte) in bytes[start..].iter().enumerate() {
            if *byte == mark && escaped <= escapes {
                return start..start + offset - escaped;
            }
            escaped = if *byte == b'\\' { escaped + 1 } else { 0 };
        }
        return start..text.len();
    }
    let ends = |byte: &u8| {
        matches!(
            byte,
            b'&' | b';' | b',' | b'"' | b'\'' | b'<' | b'>' | b'}' | b')' | b'#' | b'\\'
        ) || byte.is_ascii_whitespace()
    };
    let length = bytes[from..].iter().position(ends);
    from..length.map_or(text.len(), |length| from + length)
}

/// The place, if what stands there is to be hidden.
fn hidden(text: &str, place: Range<usize>) -> Option<Range<usize>> {
    let own = &text[place.clone()];
    (!own.is_empty() && !shape::is_readable(own)).then_some(place)
}
