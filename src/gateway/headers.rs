//! Headers: what ends at a hop, what is rewritten, and how the journal sees them.

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, TRANSFER_ENCODING, UPGRADE,
};

use super::hub::Hub;

/// The header by which the harness marks its own calls.
pub(super) const MARK: &str = "x-rehearsal";

/// Headers that end at a hop (RFC 9110 §7.6.1).
fn ends_here(name: &HeaderName, named: &[String]) -> bool {
    name == CONNECTION
        || name == TRANSFER_ENCODING
        || name == UPGRADE
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "te")
        || named.iter().any(|own| own == name.as_str())
}

/// The names that a `Connection` header declares as hop-by-hop.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

/// A request's headers as the backend gets them, in their order.
pub(super) fn for_backend(
    headers: &HeaderMap,
    authority: &str,
    upgrade: bool,
    marked: bool,
) -> HeaderMap {
    let named = named_by_connection(headers);
    // A length beside chunks is void (RFC 9112 §6.3), and must not frame the body behind the gateway.
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let switches = upgrade && (name == CONNECTION || name == UPGRADE);
        if (ends_here(name, &named) && !switches)
            || name == "sec-websocket-extensions"
            || (chunked && name == CONTENT_LENGTH)
            || (marked && name == MARK)
        {
            continue;
        }
        let value = if name == HOST {
            HeaderValue::from_str(authority).unwrap_or_else(|_| value.clone())
        } else if name == ACCEPT_ENCODING {
            HeaderValue::from_static("identity")
        } else {
            value.clone()
        };
        passed.append(name.clone(), value);
    }
    if !passed.contains_key(HOST)
        && let Ok(value) = HeaderValue::from_str(authority)
    {
        passed.insert(HOST, value);
    }
    passed
}

/// An answer's headers as the client gets them, in their order. A `Location` at the backend's own
/// origin is moved to the gateway's.
pub(super) fn for_client(
    headers: &HeaderMap,
    origin: &str,
    own_authority: &str,
    upgrade: bool,
) -> HeaderMap {
    let named = named_by_connection(headers);
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let switches = upgrade && (name == CONNECTION || name == UPGRADE);
        if (ends_here(name, &named) && !switches) || name == "sec-websocket-extensions" {
            continue;
        }
        let moved = (name == LOCATION)
            .then(|| moved_home(value.to_str().ok()?, origin, own_authority))
            .flatten();
        passed.append(name.clone(), moved.unwrap_or_else(|| value.clone()));
    }
    passed
}

fn moved_home(location: &str, origin: &str, own_authority: &str) -> Option<HeaderValue> {
    let head = location.get(..origin.len())?;
    let rest = &location[origin.len()..];
    let is_origin =
        head.eq_ignore_ascii_case(origin) && (rest.is_empty() || rest.starts_with(['/', '?', '#']));
    is_origin
        .then(|| HeaderValue::from_str(&format!("http://{own_authority}{rest}")).ok())
        .flatten()
}

/// Headers as text, names in lower case, for judging.
pub(super) fn as_text(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// Headers without secrets, for the journal: whatever the vault knows, and every credential in the
/// place of one, whether it is known or not.
pub(super) fn redacted(hub: &Hub, headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = &hub.contract.session.authorize.0;
    let mut vault = hub.vault();
    headers
        .into_iter()
        .map(|(name, value)| {
            let redacted = match name.as_str() {
                "authorization" | "proxy-authorization" | "x-api-key" | "x-auth-token" => {
                    vault.redact_credential(&value)
                }
                "cookie" => vault.redact_cookies(&value, false),
                "set-cookie" => vault.redact_cookies(&value, true),
                other if own.eq_ignore_ascii_case(other) => vault.redact_credential(&value),
                _ => match vault.redact(&value) {
                    std::borrow::Cow::Owned(redacted) => redacted,
                    std::borrow::Cow::Borrowed(_) => value,
                },
            };
            (name, redacted)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_location_at_the_backends_own_origin_is_moved() {
        let moved = |location| {
            moved_home(location, "http://b.test", "g.test")
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            moved("http://B.test/x?y").as_deref(),
            Some("http://g.test/x?y")
        );
        assert_eq!(moved("http://b.test.evil/x"), None);
        assert_eq!(moved("/x"), None);
    }

    #[test]
    fn what_ends_at_a_hop_stays_and_the_rest_keeps_its_order() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-first", "1"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("host", "g.test"),
            ("accept-encoding", "gzip"),
            ("x-last", "1"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let passed = as_text(&for_backend(&headers, "b.test", false, false));
        let names: Vec<&str> = passed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-first", "host", "accept-encoding", "x-last"]);
        assert_eq!(passed[1].1, "b.test");
        assert_eq!(passed[2].1, "identity");
    }
}
