//! Headers: what ends at a hop, what is rewritten, and how the journal sees them.

use http::header::{
    ACCEPT_ENCODING, ALT_SVC, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, HOST, HeaderMap,
    HeaderName, HeaderValue, LOCATION, SET_COOKIE, TRANSFER_ENCODING, UPGRADE,
};

use super::names::OriginMap;
use super::scribe::Scribe;

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

/// Between which two names an answer passes.
pub(super) struct Way<'a> {
    pub(super) origins: &'a OriginMap,
    /// The service that answers, and its backend's origin.
    pub(super) service: &'a str,
    pub(super) origin: &'a str,
    /// The gateway's authority, as the client names it.
    pub(super) named: &'a str,
}

/// An answer's headers as the client gets them, in their order. What would lead a client past the
/// gateway is led back: URLs at the backend's origins, cookies of its domain, other services for the
/// same origin.
pub(super) fn for_client(headers: &HeaderMap, way: &Way<'_>, upgrade: bool) -> HeaderMap {
    let named = named_by_connection(headers);
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let switches = upgrade && (name == CONNECTION || name == UPGRADE);
        if (ends_here(name, &named) && !switches)
            || name == "sec-websocket-extensions"
            || name == ALT_SVC
        {
            continue;
        }
        let moved = match value.to_str() {
            Ok(url) if name == LOCATION || name == CONTENT_LOCATION => {
                way.origins.moved(url, way.service, way.named)
            }
            Ok(cookie) if name == SET_COOKIE => of_this_host(cookie, way.origin),
            _ => None,
        };
        let moved = moved.and_then(|text| HeaderValue::from_str(&text).ok());
        passed.append(name.clone(), moved.unwrap_or_else(|| value.clone()));
    }
    passed
}

/// A cookie without the backend's domain, which no client would accept from the gateway.
fn of_this_host(cookie: &str, origin: &str) -> Option<String> {
    let authority = origin.split("://").nth(1)?;
    let host = authority.split(':').next()?;
    let is_its_own = |part: &str| {
        let Some((name, domain)) = part.split_once('=') else {
            return false;
        };
        let domain = domain.trim().trim_start_matches('.');
        let ends = host.len().checked_sub(domain.len());
        name.trim().eq_ignore_ascii_case("domain")
            && !domain.is_empty()
            && ends.is_some_and(|at| {
                host.get(at..)
                    .is_some_and(|end| end.eq_ignore_ascii_case(domain))
                    && (at == 0 || host[..at].ends_with('.'))
            })
    };
    let kept: Vec<&str> = cookie.split(';').filter(|part| !is_its_own(part)).collect();
    (kept.len() < cookie.split(';').count()).then(|| kept.join(";"))
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

/// The text of one header; empty if there is none.
pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// Whether a request asks for another protocol.
pub(super) fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        && headers.get_all(CONNECTION).iter().any(|value| {
            value
                .to_str()
                .is_ok_and(|value| value.to_ascii_lowercase().contains("upgrade"))
        })
}

/// Headers without secrets, for the journal: whatever the vault knows, and every credential in the
/// place of one, whether it is known or not.
pub(super) fn redacted(scribe: &Scribe, headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = &scribe.contract.session.authorize.0;
    let mut vault = scribe.vault();
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
    fn a_cookie_of_the_backends_domain_becomes_one_of_the_gateway() {
        let moved = |cookie| of_this_host(cookie, "https://api.b.test:8443");
        let bare = Some("id=1; Path=/".to_owned());
        assert_eq!(moved("id=1; Domain=api.b.test; Path=/"), bare);
        assert_eq!(moved("id=1; domain=.B.test; Path=/"), bare);
        assert_eq!(moved("id=1; Path=/"), None);
        assert_eq!(moved("id=1; Domain=pi.b.test; Path=/"), None);
        assert_eq!(moved("id=1; Domain=; Path=/"), None);
    }

    #[test]
    fn an_answer_does_not_lead_past_the_gateway() {
        let mut headers = HeaderMap::new();
        headers.append("alt-svc", HeaderValue::from_static("h3=\":443\""));
        headers.append("x-kept", HeaderValue::from_static("1"));
        let way = Way {
            origins: &OriginMap::default(),
            service: "b",
            origin: "https://b.test",
            named: "g.test:1",
        };
        let passed = as_text(&for_client(&headers, &way, false));
        assert_eq!(passed, [("x-kept".to_owned(), "1".to_owned())]);
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
