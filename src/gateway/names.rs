//! Under which names clients find the gateway, and where the backend's own URLs lead once they are the
//! gateway's.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde_json::Value;

use super::listen::{Listen, Name};

/// Names are below it where a listener has no address that a certificate could name.
const OWN_DOMAIN: &str = ".rehearsal.test";

/// What ends a URL in the text of a header.
const ENDS_URL: [char; 8] = ['>', '<', '"', '\'', ' ', ',', ';', '\t'];
/// How many places of a body are named.
const PLACES: usize = 3;

/// How clients address one service of the gateway.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The authority that clients are told.
    pub(super) authority: String,
    pub(super) scheme: &'static str,
    others: Vec<Name>,
    /// Whether every address of the machine leads here.
    everywhere: bool,
}

impl Names {
    /// The names of a listener at this authority, as the system says it.
    pub(super) fn new(bound: String, listen: &Listen) -> Self {
        let (host, port) = split(&bound);
        let everywhere = host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
        // A name with a port is one service's, and which one nobody said.
        let told = match listen.names.iter().find(|name| name.port.is_none()) {
            Some(name) => name.written(),
            None if everywhere => "127.0.0.1".to_owned(),
            None => host.to_owned(),
        };
        Self {
            authority: match port {
                Some(port) => format!("{told}:{port}"),
                None if listen.tls.is_some() => format!("{bound}{OWN_DOMAIN}"),
                None => bound.clone(),
            },
            scheme: if listen.tls.is_some() {
                "https"
            } else {
                "http"
            },
            others: listen.names.clone(),
            everywhere,
        }
    }

    /// The gateway's origin, as a client names it.
    pub(super) fn origin(&self, named: &str) -> String {
        format!("{}://{}", self.scheme, self.expected(named))
    }

    /// The authority that a request should name: the one it names, if that leads here too.
    pub(super) fn expected<'a>(&'a self, named: &'a str) -> &'a str {
        if self.authority.strip_suffix(OWN_DOMAIN) == Some(named) {
            // The harness calls a listener by its own name.
            return named;
        }
        if self.is_given(named) {
            return named;
        }
        let (_, own_port) = split(&self.authority);
        let (host, port) = split(named);
        let default = if self.scheme == "https" { "443" } else { "80" };
        if own_port.is_none() || port.unwrap_or(default) != own_port.unwrap_or_default() {
            return &self.authority;
        }
        let bare = bare(host);
        let address: Option<IpAddr> = bare.parse().ok();
        let known = host.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|ip| ip.is_loopback() || self.everywhere)
            || self
                .others
                .iter()
                .any(|name| name.host.eq_ignore_ascii_case(bare));
        if known { named } else { &self.authority }
    }

    /// Whether somebody said that clients name it so. A name without a port stands for every port:
    /// whoever forwards one to the gateway chooses it.
    fn is_given(&self, named: &str) -> bool {
        let (host, port) = split(named);
        let default = if self.scheme == "https" { 443 } else { 80 };
        let port = port.map_or(Some(default), |port| port.parse().ok());
        self.others.iter().any(|name| {
            name.host.eq_ignore_ascii_case(bare(host))
                && name.port.is_none_or(|own| Some(own) == port)
        })
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

/// Host and port of an authority.
fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Where the backend's own URLs lead, once they are the gateway's.
#[derive(Debug, Clone, Default)]
pub(super) struct OriginMap(Vec<Mapping>);

/// One service behind the gateway, and where it is found before it.
#[derive(Debug, Clone)]
struct Mapping {
    service: String,
    /// `scheme://authority` of the backend.
    origin: String,
    base_path: String,
    scheme: &'static str,
    authority: String,
}

impl OriginMap {
    pub(super) fn add(&mut self, service: &str, origin: &str, base_path: &str, names: &Names) {
        self.0.push(Mapping {
            service: service.to_owned(),
            origin: origin.to_owned(),
            base_path: base_path.to_owned(),
            scheme: names.scheme,
            authority: names.authority.clone(),
        });
    }

    /// A text in which each URL of the backend is the gateway's; `None` if none stands there.
    pub(super) fn moved_within(&self, text: &str, said_by: &str, named: &str) -> Option<String> {
        let mut moved = String::new();
        let mut rest = text;
        let mut changed = false;
        while let Some(at) = rest.find("//") {
            let before = rest[..at].trim_end_matches(':');
            let scheme = before.len()
                - before
                    .bytes()
                    .rev()
                    .take_while(u8::is_ascii_alphanumeric)
                    .count();
            let end = rest[at..].find(ENDS_URL).map_or(rest.len(), |end| at + end);
            let url = &rest[scheme..end];
            moved.push_str(&rest[..scheme]);
            match self.moved_of_any_scheme(url, said_by, named) {
                Some(new) => {
                    changed = true;
                    moved.push_str(&new);
                }
                None => moved.push_str(url),
            }
            rest = &rest[end..];
        }
        moved.push_str(rest);
        changed.then_some(moved)
    }

    /// As [`OriginMap::moved`], also of a WebSocket's URL and of one that leaves its scheme out.
    fn moved_of_any_scheme(&self, url: &str, said_by: &str, named: &str) -> Option<String> {
        let (scheme, rest) = url.split_once("//")?;
        match scheme {
            "" => {
                let all = ["https", "http"].into_iter();
                let mut moved =
                    all.filter_map(|scheme| self.moved(&format!("{scheme}:{url}"), said_by, named));
                let moved = moved.next()?;
                moved.split_once(':').map(|(_, rest)| rest.to_owned())
            }
            "ws:" | "wss:" => {
                let moved = self.moved(&format!("http{}//{rest}", &scheme[2..]), said_by, named)?;
                Some(moved.replacen("http", "ws", 1))
            }
            _ => self.moved(url, said_by, named),
        }
    }

    /// Whether a text names an origin of the backend in a URL.
    pub(super) fn is_named_in(&self, text: &str) -> bool {
        // Most texts are none, and this is asked of each in every answer.
        if !text.as_bytes().contains(&b'/') {
            return false;
        }
        self.0.iter().any(|mapping| {
            let Some((_, authority)) = mapping.origin.split_once("//") else {
                return false;
            };
            text.match_indices(authority).any(|(at, _)| {
                let ends = !text[at + authority.len()..]
                    .starts_with(|next: char| next.is_ascii_alphanumeric() || ".-:".contains(next));
                ends && text[..at].ends_with(['/', '@', '\\'])
            })
        })
    }

    /// Where in a JSON value URLs at an origin of the backend stand, as JSON Pointers; the first few.
    pub(super) fn places(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.look_into(value, &mut String::new(), &mut found);
        found
    }

    fn look_into(&self, value: &Value, place: &mut String, found: &mut Vec<String>) {
        if found.len() == PLACES {
            return;
        }
        let here = place.len();
        match value {
            Value::String(text) if self.is_named_in(text) => found.push(place.clone()),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    // What holds nothing needs no number.
                    if let Value::String(_) | Value::Array(_) | Value::Object(_) = item {
                        let _ = write!(place, "/{at}");
                        self.look_into(item, place, found);
                        place.truncate(here);
                    }
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    place.push('/');
                    place.push_str(key);
                    self.look_into(field, place, found);
                    place.truncate(here);
                }
            }
            _ => {}
        }
    }

    /// A URL of the backend as the gateway's, under the name by which the client knows it. Of
    /// services that share an origin, the one whose path is longer is meant, or the one that says it.
    pub(super) fn moved(&self, url: &str, said_by: &str, named: &str) -> Option<String> {
        let near = |mapping: &&Mapping| {
            let (rest, is_exact) = at_origin(url, &mapping.origin)?;
            let is_own = mapping.service == said_by;
            match below(rest, &mapping.base_path) {
                Some(_) => Some((is_exact, true, mapping.base_path.len(), is_own)),
                // A path of no service is still at the origin of this one.
                None => is_own.then_some((is_exact, false, 0, true)),
            }
        };
        let mapping = self
            .0
            .iter()
            .filter(|mapping| near(mapping).is_some())
            .max_by_key(near)?;
        let (rest, _) = at_origin(url, &mapping.origin)?;
        let authority = match (split(named), split(&mapping.authority)) {
            // Under which port others are found behind a forwarder nobody knows.
            _ if mapping.service == said_by && !named.is_empty() => named.to_owned(),
            ((host, Some(_)), (_, Some(port))) => format!("{host}:{port}"),
            _ => mapping.authority.clone(),
        };
        Some(format!("{}://{authority}{rest}", mapping.scheme))
    }
}

/// What follows the authority of a URL that leads to an origin, however that is spelled: with a user, a port
/// that goes without saying or begins with zeros, a dot behind the host, or the other scheme at its own port.
/// Says whether the scheme is the same.
fn at_origin<'u>(url: &'u str, origin: &str) -> Option<(&'u str, bool)> {
    let (scheme, after) = url.split_once("://")?;
    let (own_scheme, own) = origin.split_once("://")?;
    let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, own)| own);
    let ((host, port), (own_host, own_port)) = (split(authority), split(own));
    let (port, own_port) = (number(port, scheme)?, number(own_port, own_scheme)?);
    let is_default = |port, scheme| number(None, scheme) == Some(port);
    let leads = host.trim_end_matches('.').eq_ignore_ascii_case(own_host)
        && (port == own_port || is_default(port, scheme) && is_default(own_port, own_scheme));
    leads.then(|| (rest, scheme.eq_ignore_ascii_case(own_scheme)))
}

/// A port as a number; the scheme's own where none is written.
fn number(port: Option<&str>, scheme: &str) -> Option<u16> {
    match port.filter(|port| !port.is_empty()) {
        Some(port) => port.parse().ok(),
        None if scheme.eq_ignore_ascii_case("https") => Some(443),
        None if scheme.eq_ignore_ascii_case("http") => Some(80),
        None => None,
    }
}

/// What follows a prefix that ends where a part of a URL does.
fn below<'u>(url: &'u str, prefix: &str) -> Option<&'u str> {
    let head = url.get(..prefix.len())?;
    let rest = &url[prefix.len()..];
    let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    (head.eq_ignore_ascii_case(prefix) && ends).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bound: &str, names: &[&str]) -> Names {
        let listen = Listen {
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
            ..Listen::default()
        };
        Names::new(bound.to_owned(), &listen)
    }

    #[test]
    fn a_loopback_listener_is_known_by_its_loopback_names_alone() {
        let names = names("127.0.0.1:8080", &[]);
        for named in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
            assert_eq!(names.expected(named), named);
        }
        for named in [
            "127.0.0.1:8081",
            "127.0.0.1",
            "evil.test:8080",
            "10.0.2.2:8080",
            "",
        ] {
            assert_eq!(names.expected(named), "127.0.0.1:8080");
        }
    }

    #[test]
    fn a_listener_everywhere_is_known_by_every_address_and_by_the_names_it_is_given() {
        let names = names("0.0.0.0:8080", &["devbox.local", "10.0.2.2"]);
        assert_eq!(names.authority, "devbox.local:8080");
        for named in ["192.168.1.7:8080", "DevBox.local:8080", "10.0.2.2:8080"] {
            assert_eq!(names.expected(named), named);
        }
        assert_eq!(names.expected("evil.test:8080"), "devbox.local:8080");
    }

    #[test]
    fn a_name_with_a_port_is_known_at_that_port_and_one_without_at_every_port() {
        let names = names(
            "127.0.0.1:8080",
            &["localhost", "tunnel.test:443", "10.0.2.2:9000"],
        );
        assert_eq!(names.authority, "localhost:8080");
        for named in [
            "localhost:5000",
            "LOCALHOST",
            "tunnel.test:443",
            "10.0.2.2:9000",
            "127.0.0.1:8080",
        ] {
            assert_eq!(names.expected(named), named);
        }
        for named in ["tunnel.test", "127.0.0.1:5000", "evil.test"] {
            assert_eq!(names.expected(named), "localhost:8080");
        }
    }

    #[test]
    fn urls_in_the_text_of_a_header_lead_to_the_gateway() {
        let mut origins = OriginMap::default();
        origins.add("a", "https://a.test", "", &names("127.0.0.1:1", &[]));
        let moved = |text| origins.moved_within(text, "a", "localhost:1");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            moved("</x>; rel=\"first\", <https://a.test/x?y=1,2&z>; rel=\"next\""),
            some("</x>; rel=\"first\", <http://localhost:1/x?y=1,2&z>; rel=\"next\"")
        );
        assert_eq!(
            moved("0; url=https://a.test/"),
            some("0; url=http://localhost:1/")
        );
        assert_eq!(moved("5;URL='//a.test/x'"), some("5;URL='//localhost:1/x'"));
        assert_eq!(
            moved("default-src 'self' https://a.test; connect-src wss://a.test https://b.test"),
            some(
                "default-src 'self' http://localhost:1; connect-src ws://localhost:1 https://b.test"
            )
        );
        for same in [
            "https://a.test.evil/",
            "https://b.test/https",
            "//",
            "x//y",
            "",
        ] {
            assert_eq!(moved(same), None);
        }
    }

    #[test]
    fn places_that_name_the_origin_are_found_in_a_body() {
        let mut origins = OriginMap::default();
        origins.add("a", "https://a.test:8443", "", &names("127.0.0.1:1", &[]));
        let body = serde_json::json!({
            "issuer": "https://a.test:8443", "rows": [{"self": "/x"}, {"self": "//a.test:8443/x"}],
            "other": "https://a.test/", "text": "a.test:8443", "more": "https://a.test:84430/",
        });
        assert_eq!(origins.places(&body), ["/issuer", "/rows/1/self"]);
    }

    #[test]
    fn a_port_in_memory_has_one_name() {
        assert_eq!(names("gateway-a", &[]).expected("b"), "gateway-a");
    }

    #[test]
    fn urls_of_every_service_lead_to_the_gateway_under_the_name_that_the_client_uses() {
        let mut origins = OriginMap::default();
        origins.add("a", "https://a.test", "", &names("127.0.0.1:1", &[]));
        origins.add("b", "https://b.test", "/edge", &names("127.0.0.1:2", &[]));
        origins.add(
            "c",
            "https://b.test",
            "/edge/deep",
            &names("127.0.0.1:3", &[]),
        );
        let moved = |url| origins.moved(url, "b", "localhost:2");
        let some = |url: &str| Some(url.to_owned());
        assert_eq!(moved("https://A.test/x?y"), some("http://localhost:1/x?y"));
        assert_eq!(
            moved("https://b.test/edge"),
            some("http://localhost:2/edge")
        );
        assert_eq!(
            moved("https://b.test/edge/deep/x"),
            some("http://localhost:3/edge/deep/x")
        );
        assert_eq!(moved("https://b.test/x"), some("http://localhost:2/x"));
        for other in [
            "http://b.test/edge",
            "https://b.test:443/edge",
            "https://b.test:00443/edge",
            "http://b.test:80/edge",
            "http://b.test:443/edge",
            "https://user:word@b.test/edge",
            "https://B.test./edge",
            "https://b.test:/edge",
        ] {
            assert_eq!(moved(other), some("http://localhost:2/edge"), "{other}");
        }
        assert_eq!(moved("https://b.test:444/edge"), None);
        assert_eq!(moved("https://b.test@elsewhere.test/edge"), None);
        assert_eq!(moved("https://b.test.evil/x"), None);
        assert_eq!(moved("https://elsewhere.test/"), None);
        assert_eq!(moved("/x"), None);
    }
}
