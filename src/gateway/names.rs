//! Under which names clients find the gateway, and where the backend's own URLs lead once they are the
//! gateway's.

use std::net::IpAddr;

use super::listen::Listen;

/// Names are below it where a listener has no address that a certificate could name.
const OWN_DOMAIN: &str = ".rehearsal.test";

/// How clients address one service of the gateway.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The authority that clients are told.
    pub(super) authority: String,
    pub(super) scheme: &'static str,
    others: Vec<String>,
    /// Whether every address of the machine leads here.
    everywhere: bool,
}

impl Names {
    /// The names of a listener at this authority, as the system says it.
    pub(super) fn new(bound: String, listen: &Listen) -> Self {
        let (host, port) = split(&bound);
        let everywhere = host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
        let told = match listen.names.first() {
            Some(name) => name.as_str(),
            None if everywhere => "127.0.0.1",
            None => host,
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

    /// The authority that a request should name: the one it names, if that leads here too.
    pub(super) fn expected<'a>(&'a self, named: &'a str) -> &'a str {
        if self.authority.strip_suffix(OWN_DOMAIN) == Some(named) {
            // The harness calls a listener by its own name.
            return named;
        }
        let (_, own_port) = split(&self.authority);
        let (host, port) = split(named);
        let default = if self.scheme == "https" { "443" } else { "80" };
        if own_port.is_none() || port.unwrap_or(default) != own_port.unwrap_or_default() {
            return &self.authority;
        }
        let bare = host.trim_matches(['[', ']']);
        let address: Option<IpAddr> = bare.parse().ok();
        let known = host.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|ip| ip.is_loopback() || self.everywhere)
            || self
                .others
                .iter()
                .any(|name| name.eq_ignore_ascii_case(bare));
        if known { named } else { &self.authority }
    }
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

    /// A URL of the backend as the gateway's, under the name by which the client knows it. Of
    /// services that share an origin, the one whose path is longer is meant, or the one that says it.
    pub(super) fn moved(&self, url: &str, said_by: &str, named: &str) -> Option<String> {
        let near = |mapping: &&Mapping| {
            let rest = below(url, &mapping.origin)?;
            let is_own = mapping.service == said_by;
            match below(rest, &mapping.base_path) {
                Some(_) => Some((true, mapping.base_path.len(), is_own)),
                // A path of no service is still at the origin of this one.
                None => is_own.then_some((false, 0, true)),
            }
        };
        let mapping = self
            .0
            .iter()
            .filter(|mapping| near(mapping).is_some())
            .max_by_key(near)?;
        let rest = below(url, &mapping.origin)?;
        let authority = match (split(named), split(&mapping.authority)) {
            ((host, Some(_)), (_, Some(port))) => format!("{host}:{port}"),
            _ => mapping.authority.clone(),
        };
        Some(format!("{}://{authority}{rest}", mapping.scheme))
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
            names: names.iter().map(|name| (*name).to_owned()).collect(),
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
    fn a_socket_file_has_one_name() {
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
        assert_eq!(moved("https://b.test.evil/x"), None);
        assert_eq!(moved("https://elsewhere.test/"), None);
        assert_eq!(moved("/x"), None);
    }
}
