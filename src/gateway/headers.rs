//! Headers: what ends at a hop, what is rewritten, and how the journal sees them.

use http::header::{
    ACCEPT_ENCODING, ALT_SVC, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, REFERER, SET_COOKIE, TRANSFER_ENCODING, UPGRADE,
};

use super::cookies;
use super::names::OriginMap;
use super::scribe::Scribe;
use super::service::Service;

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

/// How a request's headers go on to the backend.
pub(super) struct Onward<'a> {
    /// The backend's authority and origin.
    pub(super) authority: &'a str,
    pub(super) origin: &'a str,
    /// The gateway's own origin, as the client names it.
    pub(super) own: &'a str,
    /// Whether the request asks for another protocol.
    pub(super) upgrade: bool,
    /// Whether it bears the harness' own marker.
    pub(super) marked: bool,
}

/// A request's headers as the backend gets them, in their order. What names the gateway as the origin
/// names the backend's: a page or an app that takes one for the other says so in good faith.
pub(super) fn for_backend(headers: &HeaderMap, way: &Onward<'_>) -> HeaderMap {
    let Onward {
        authority,
        upgrade,
        marked,
        ..
    } = *way;
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
        if name == HOST && passed.contains_key(HOST) {
            continue;
        }
        let value = if name == HOST {
            HeaderValue::from_str(authority).unwrap_or_else(|_| value.clone())
        } else if name == ACCEPT_ENCODING {
            HeaderValue::from_static("identity")
        } else if name == ORIGIN || name == REFERER {
            way.as_backend(value).unwrap_or_else(|| value.clone())
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

impl Onward<'_> {
    /// A URL at the gateway's origin as one at the backend's.
    fn as_backend(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let rest = value.to_str().ok()?.strip_prefix(self.own)?;
        let ends = rest.is_empty() || rest.starts_with('/');
        let moved = ends.then(|| format!("{}{rest}", self.origin))?;
        HeaderValue::from_str(&moved).ok()
    }
}

/// Headers in whose text URLs stand that a client follows or compares with where it is.
const LEADING: [&str; 11] = [
    "location",
    "content-location",
    "link",
    "refresh",
    "content-security-policy",
    "content-security-policy-report-only",
    "access-control-allow-origin",
    "www-authenticate",
    "reporting-endpoints",
    "report-to",
    "sourcemap",
];

/// Between which two names an answer passes.
pub(super) struct Way<'a> {
    pub(super) origins: &'a OriginMap,
    /// The service that answers, and its backend's origin.
    pub(super) service: &'a str,
    pub(super) origin: &'a str,
    /// The gateway's authority, as the client names it.
    pub(super) named: &'a str,
    /// Whether the client is served in the clear.
    pub(super) clear: bool,
}

impl<'a> Way<'a> {
    /// The way from a service to a client that names the gateway so.
    pub(super) fn back(service: &'a Service, named: &'a str) -> Self {
        Self {
            origins: &service.origins,
            service: &service.name,
            origin: &service.route.origin,
            named: service.names.expected(named),
            clear: service.names.scheme == "http",
        }
    }

    /// What a header becomes, if it must change.
    fn moved(&self, name: &HeaderName, value: &str) -> Option<String> {
        if name == SET_COOKIE {
            return cookies::of_this_host(value, self.origin, self.clear);
        }
        let leads = LEADING.contains(&name.as_str());
        leads
            .then(|| (self.origins).moved_within(value, self.service, self.named))
            .flatten()
    }
}

/// An answer's headers on their way to the client.
pub(super) struct Led {
    pub(super) headers: HeaderMap,
    /// Those that were changed or left out, as the backend sent them.
    pub(super) sent: Vec<(String, String)>,
    /// Those that lead past the gateway all the same.
    pub(super) leads_past: Vec<String>,
}

/// An answer's headers as the client gets them, in their order. What would lead a client past the
/// gateway is led back: URLs at the backend's origins, cookies of its domain or its TLS, other services
/// for the same origin.
pub(super) fn for_client(headers: &HeaderMap, way: &Way<'_>, upgrade: bool) -> Led {
    let named = named_by_connection(headers);
    // Void as in a request: by it the client would take less than was sent.
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    let mut led = Led {
        headers: HeaderMap::with_capacity(headers.len()),
        sent: Vec::new(),
        leads_past: Vec::new(),
    };
    for (name, value) in headers {
        let switches = upgrade && (name == CONNECTION || name == UPGRADE);
        if (ends_here(name, &named) && !switches)
            || name == "sec-websocket-extensions"
            || (chunked && name == CONTENT_LENGTH)
        {
            continue;
        }
        let text = String::from_utf8_lossy(value.as_bytes());
        let moved = way.moved(name, &text);
        let moved = moved.and_then(|text| HeaderValue::from_str(&text).ok());
        if moved.is_some() || name == ALT_SVC {
            led.sent.push((name.to_string(), text.into_owned()));
        } else if name != SET_COOKIE && way.origins.is_named_in(&text) {
            led.leads_past.push(format!("header {name}"));
        }
        if name != ALT_SVC {
            led.headers
                .append(name.clone(), moved.unwrap_or_else(|| value.clone()));
        }
    }
    led
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

/// Headers without secrets, for the journal.
pub(super) fn redacted(scribe: &Scribe, headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = &scribe.contract.session.authorize.0;
    let mut vault = scribe.vault();
    let headers = headers.iter();
    headers
        .map(|(name, value)| vault.conceal_head(own, name, value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(origins: &OriginMap) -> Way<'_> {
        Way {
            origins,
            service: "b",
            origin: "https://b.test",
            named: "g.test:1",
            clear: true,
        }
    }

    #[test]
    fn a_length_beside_chunks_frames_no_answer() {
        let mut headers = HeaderMap::new();
        headers.append("content-length", HeaderValue::from_static("2"));
        headers.append("x-kept", HeaderValue::from_static("1"));
        let origins = OriginMap::default();
        let names = |headers: &HeaderMap| for_client(headers, &way(&origins), false).headers.len();
        assert_eq!(names(&headers), 2);
        headers.append("transfer-encoding", HeaderValue::from_static("chunked"));
        assert_eq!(names(&headers), 1);
    }

    #[test]
    fn an_answer_does_not_lead_past_the_gateway() {
        let mut headers = HeaderMap::new();
        headers.append("alt-svc", HeaderValue::from_static("h3=\":443\""));
        headers.append("x-kept", HeaderValue::from_static("1"));
        let origins = OriginMap::default();
        let led = for_client(&headers, &way(&origins), false);
        let kept = [("x-kept".to_owned(), "1".to_owned())];
        assert_eq!(as_text(&led.headers), kept);
        assert_eq!(led.sent.len(), 1);
    }

    #[test]
    fn an_origin_that_is_the_gateways_becomes_the_backends_and_others_stay() {
        let way = Onward {
            authority: "b.test",
            origin: "https://b.test",
            own: "http://g.test:1",
            upgrade: false,
            marked: false,
        };
        let passed = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static(value));
            as_text(&for_backend(&headers, &way))[0].1.clone()
        };
        assert_eq!(passed("origin", "http://g.test:1"), "https://b.test");
        assert_eq!(
            passed("referer", "http://g.test:1/x?y"),
            "https://b.test/x?y"
        );
        for other in ["http://g.test:12", "https://elsewhere.test", "null"] {
            assert_eq!(passed("origin", other), other);
        }
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
        let way = Onward {
            authority: "b.test",
            origin: "https://b.test",
            own: "http://g.test",
            upgrade: false,
            marked: false,
        };
        let passed = as_text(&for_backend(&headers, &way));
        let names: Vec<&str> = passed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-first", "host", "accept-encoding", "x-last"]);
        assert_eq!(passed[1].1, "b.test");
        assert_eq!(passed[2].1, "identity");
    }
}
