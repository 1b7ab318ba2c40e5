//! Templates read backwards: what was filled into a request that the contract describes.
//!
//! The app fills templates to make a request; the mock holds the same templates against the request
//! to find the username or the token in it, whatever the backend's fields are called.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::Value;

/// What stood in the place of each placeholder.
pub(super) type Captures = BTreeMap<String, Value>;

/// Holds `template` against `value`; `false` says that it was not made from it. What the template
/// does not mention may be there, and a placeholder may have been filled with nothing.
pub(super) fn value(template: &Value, found: Option<&Value>, captures: &mut Captures) -> bool {
    match template {
        Value::String(text) => match (sole_name(text), found) {
            (Some(name), Some(found)) if !found.is_null() => {
                captures.insert(name.to_owned(), found.clone());
                true
            }
            (Some(_), _) => true,
            (None, Some(Value::String(found))) => self::text(text, found, captures),
            (None, _) => false,
        },
        Value::Array(items) => items
            .iter()
            .enumerate()
            .all(|(index, item)| value(item, found.and_then(|found| found.get(index)), captures)),
        Value::Object(fields) => {
            found.is_some_and(Value::is_object)
                && fields.iter().all(|(key, field)| {
                    value(field, found.and_then(|found| found.get(key)), captures)
                })
        }
        literal => found == Some(literal),
    }
}

/// Holds a text template against a text.
pub(super) fn text(template: &str, found: &str, captures: &mut Captures) -> bool {
    let pieces = pieces(template);
    let mut taken = Captures::new();
    let mut rest = found;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => match rest.strip_prefix(literal.as_str()) {
                Some(after) => rest = after,
                None => return false,
            },
            Piece::Placeholder(name) => {
                let end = match pieces.get(at + 1) {
                    Some(Piece::Literal(literal)) => match rest.find(literal.as_str()) {
                        Some(end) => end,
                        None => return false,
                    },
                    _ => rest.len(),
                };
                taken.insert((*name).to_owned(), Value::from(&rest[..end]));
                rest = &rest[end..];
            }
        }
    }
    if rest.is_empty() {
        captures.append(&mut taken);
    }
    rest.is_empty()
}

/// Holds a header template against all headers of that name. A `Cookie` header is compared cookie
/// by cookie, because a client sends all that it has in one header.
pub(super) fn header(
    name: &str,
    template: &str,
    headers: &HeaderMap,
    captures: &mut Captures,
) -> bool {
    let mut values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    if !name.eq_ignore_ascii_case("cookie") {
        return values.any(|value| text(template, value, captures));
    }
    let cookies: Vec<&str> = values
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .collect();
    template
        .split(';')
        .map(str::trim)
        .all(|wanted| cookies.iter().any(|cookie| text(wanted, cookie, captures)))
}

/// One cookie of a request.
pub(super) fn cookie(name: &str, headers: &HeaderMap) -> Option<String> {
    headers
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name && !value.is_empty()).then(|| value.to_owned())
        })
}

enum Piece<'a> {
    Literal(String),
    Placeholder(&'a str),
}

fn sole_name(text: &str) -> Option<&str> {
    match pieces(text).as_slice() {
        [Piece::Placeholder(name)] => Some(name),
        _ => None,
    }
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("{{") || rest.starts_with("}}") {
            literal.push(next);
            rest = &rest[2..];
        } else if let Some(end) = rest.find('}').filter(|_| next == '{') {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Placeholder(&rest[1..end]));
            rest = &rest[end + 1..];
        } else {
            literal.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_template_was_filled_with_is_found_again() {
        let template =
            json!({"grant": "password", "user": {"name": "{username}"}, "tag": "v:{version};"});
        let request =
            json!({"grant": "password", "user": {"name": "ann"}, "tag": "v:3;", "more": 1});
        let mut captures = Captures::new();
        assert!(value(&template, Some(&request), &mut captures));
        assert_eq!(captures["username"], "ann");
        assert_eq!(captures["version"], "3");
        let other = json!({"grant": "refresh", "user": {"name": "ann"}, "tag": "v:3;"});
        assert!(!value(&template, Some(&other), &mut Captures::new()));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "theme=dark; rt=abc".parse().unwrap());
        let mut captures = Captures::new();
        assert!(header(
            "Cookie",
            "rt={refresh-token}",
            &headers,
            &mut captures
        ));
        assert_eq!(captures["refresh-token"], "abc");
        assert_eq!(cookie("theme", &headers).as_deref(), Some("dark"));
    }

    #[test]
    fn another_scheme_is_no_match() {
        let mut captures = Captures::new();
        assert!(!text("Bearer {access-token}", "Basic abc", &mut captures));
        assert!(captures.is_empty());
    }
}
