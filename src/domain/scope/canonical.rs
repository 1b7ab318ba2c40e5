//! The canonical form of a request target: what it says once every disguise is taken off.
//!
//! Steps run in a fixed order, because the order is where proxies have failed: parameters go before
//! dots are resolved, and escapes are undone once only. What cannot be undone safely is not guessed
//! at: it makes the target unreadable, and an unreadable target is judged as such.

/// What a request target says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    /// The authority of an absolute-form target.
    pub authority: Option<String>,
    /// The path: unreserved characters unescaped, no parameters, no empty or dot segments.
    pub path: String,
    /// The query without its question mark, keys unescaped.
    pub query: Option<String>,
    /// What had to be changed to get here.
    pub steps: Vec<String>,
    /// Why two servers may read the rest differently, if they may.
    pub unreadable: Option<String>,
}

impl Canonical {
    /// Path and query in one.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The query's keys and values, unescaped once, `+` read as a blank.
    pub fn pairs(&self) -> impl Iterator<Item = (String, String)> + '_ {
        pairs(self.query.as_deref().unwrap_or_default())
    }

    fn step(&mut self, step: &str) {
        if !self.steps.iter().any(|known| known == step) {
            self.steps.push(step.to_owned());
        }
    }

    fn refuse(&mut self, why: &str) {
        self.step(why);
        self.unreadable.get_or_insert_with(|| why.to_owned());
    }
}

/// The keys and values of a query or form, unescaped once, `+` read as a blank.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(key), unescape(value))
        })
}

fn unescape(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text)
        .decode_utf8_lossy()
        .into_owned()
}

/// Brings a request target, as it stands in the request line, into its canonical form.
#[must_use]
pub fn canonical(target: &str) -> Canonical {
    let mut found = Canonical {
        authority: None,
        path: String::new(),
        query: None,
        steps: Vec::new(),
        unreadable: None,
    };
    let rest = take_form(target, &mut found);
    if rest.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        found.refuse("holds control characters or blanks");
    }
    if !rest.is_ascii() {
        found.refuse("holds characters outside ASCII");
    }
    let rest = match rest.split_once('#') {
        Some((rest, _)) => {
            found.step("has a fragment");
            rest
        }
        None => rest,
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    if path.contains('\\') {
        found.refuse("holds a backslash");
    }
    let path = decode_path(path, &mut found);
    found.path = resolve(&path, &mut found);
    found.query = query.map(|query| decode_keys(query, &mut found));
    found
}

/// Takes off the form of the target (RFC 9112 §3.2) and leaves path and query.
fn take_form<'a>(target: &'a str, found: &mut Canonical) -> &'a str {
    if target.starts_with('/') || target == "*" || target.is_empty() {
        return target;
    }
    if let Some((scheme, rest)) = target.split_once("://")
        && !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        found.step("is in absolute form");
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        found.authority = Some(rest[..end].to_owned());
        return &rest[end..];
    }
    found.refuse("is in none of the forms of a request target");
    target
}

/// Unescapes unreserved characters (RFC 3986 §2.3) once and writes the other escapes in upper case.
fn decode_path(path: &str, found: &mut Canonical) -> String {
    let (decoded, changed) = decode_unreserved(path);
    if changed {
        found.step("escapes characters that need no escape");
    }
    let mut residue = Vec::new();
    let mut at = 0;
    let bytes = decoded.as_bytes();
    while at < bytes.len() {
        if bytes[at] == b'%'
            && let Some(byte) = decoded.get(at + 1..at + 3).and_then(hex)
        {
            residue.push(byte);
            if byte == b'%' {
                let last = unwrapped(&decoded);
                found.refuse(&format!(
                    "escapes a percent sign, so that it becomes {last} in the end"
                ));
            }
            let named = match byte {
                b'/' => Some("escapes a slash"),
                b'\\' => Some("escapes a backslash"),
                b';' => Some("escapes a semicolon"),
                b'?' | b'#' => Some("escapes a delimiter"),
                0..=0x1f | 0x7f => Some("escapes a control character"),
                _ => None,
            };
            if let Some(why) = named {
                found.refuse(why);
            }
            at += 3;
        } else {
            residue.push(bytes[at]);
            at += 1;
        }
    }
    if std::str::from_utf8(&residue).is_err() {
        found.refuse("escapes bytes that are not UTF-8");
    }
    decoded
}

/// A path as whoever unescapes it for as long as there is something to unescape reads it.
fn unwrapped(path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    loop {
        let next: Vec<u8> = percent_encoding::percent_decode(&bytes).collect();
        if next == bytes {
            return String::from_utf8_lossy(&bytes).escape_debug().to_string();
        }
        bytes = next;
    }
}

/// The decoded text, and whether anything changed. A percent sign that begins no escape is escaped
/// itself, so that nothing before it can complete it into one.
fn decode_unreserved(text: &str) -> (String, bool) {
    if !text.contains('%') {
        return (text.to_owned(), false);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.get(..2).and_then(hex) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                decoded.push(char::from(byte));
                changed = true;
                rest = &rest[2..];
            }
            Some(_) => {
                decoded.push('%');
                decoded.push_str(&rest[..2].to_ascii_uppercase());
                rest = &rest[2..];
            }
            None => {
                decoded.push_str("%25");
                changed = true;
            }
        }
    }
    decoded.push_str(rest);
    (decoded, changed)
}

pub(super) fn hex(digits: &str) -> Option<u8> {
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Strips parameters, merges slashes and removes dots, in this order.
fn resolve(path: &str, found: &mut Canonical) -> String {
    if path == "*" {
        return path.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut open_end = true;
    for (index, raw) in path.split('/').enumerate() {
        let segment = raw.split(';').next().unwrap_or_default();
        if segment.len() != raw.len() {
            found.step("has path parameters");
        }
        open_end = false;
        match segment {
            "" => {
                open_end = true;
                // The first piece lies before the leading slash; an empty last one is the
                // trailing slash. Any other is a doubled slash.
                let last = raw.is_empty() && index == path.matches('/').count();
                if index > 0 && !last {
                    found.step("doubles a slash");
                }
            }
            "." => {
                open_end = true;
                found.step("holds dot segments");
            }
            ".." => {
                open_end = true;
                found.step("holds dot segments");
                if kept.pop().is_none() {
                    found.step("climbs above the root");
                }
            }
            segment => kept.push(segment),
        }
    }
    let mut resolved = String::with_capacity(path.len() + 1);
    for segment in &kept {
        resolved.push('/');
        resolved.push_str(segment);
    }
    if open_end || kept.is_empty() {
        resolved.push('/');
    }
    resolved
}

fn decode_keys(query: &str, found: &mut Canonical) -> String {
    if !query.contains('%') {
        return query.to_owned();
    }
    let mut decoded = String::with_capacity(query.len());
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            decoded.push('&');
        }
        let (key, value) = match pair.find('=') {
            Some(at) => pair.split_at(at),
            None => (pair, ""),
        };
        let (key, changed) = decode_unreserved(key);
        if changed {
            found.step("escapes characters of a query key that need no escape");
        }
        decoded.push_str(&key);
        decoded.push_str(value);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_step_leads_to_the_plain_path_and_says_so() {
        for (target, path, steps) in [
            ("/api/positions", "/api/positions", 0),
            ("/socket.io/", "/socket.io/", 0),
            ("//api//trade", "/api/trade", 1),
            ("/api/./trade", "/api/trade", 1),
            ("/api/positions/../trade", "/api/trade", 1),
            ("/api/%2e%2e/trade", "/trade", 2),
            ("/api/%74rade", "/api/trade", 1),
            ("/api/positions;x=1/../trade", "/api/trade", 2),
            ("/api/..;/trade", "/trade", 2),
            ("http://elsewhere/api/trade", "/api/trade", 1),
            ("/../../api/trade", "/api/trade", 2),
            ("/api/trade#x", "/api/trade", 1),
        ] {
            let found = canonical(target);
            assert_eq!(found.path, path, "{target}");
            assert_eq!(found.steps.len(), steps, "{target}: {:?}", found.steps);
            assert_eq!(found.unreadable, None, "{target}");
        }
    }

    #[test]
    fn what_two_servers_may_read_differently_is_not_guessed_at() {
        for target in [
            "/api/..%2ftrade",
            "/api/%252e%252e/trade",
            "/api/trade%00.png",
            "/api/..\\trade",
            "/api/trade%3bx",
            "/api/%c0%afx",
            "/api/träde",
            "/api/%zz",
            "api/trade",
        ] {
            assert!(canonical(target).unreadable.is_some(), "{target}");
        }
    }

    #[test]
    fn what_hides_an_escape_in_another_is_shown_as_it_is_in_the_end() {
        let found = canonical("/v2/orders/7/%2563lose");
        let why = found.unreadable.unwrap();
        assert!(
            why.ends_with("becomes /v2/orders/7/close in the end"),
            "{why}"
        );
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(target in "[/a-c.;%25eEF?&=#\\\\:é0]{0,24}") {
            let once = canonical(&format!("/{target}"));
            let twice = canonical(&once.target());
            prop_assert_eq!(once.target(), twice.target());
        }

        #[test]
        fn no_target_makes_it_panic(target in "\\PC{0,40}") {
            let _ = canonical(&target);
        }
    }
}
