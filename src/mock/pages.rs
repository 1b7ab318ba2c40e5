//! Pages of a browser that use the mock from an origin of their own, as an app's web build does that a
//! development server serves: what a server has to say so that the browser lets them (Fetch standard, §3.2, CORS).
//!
//! Within a run nothing of this is said: what a backend answers to a client that is no browser stays as it is.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, SET_COOKIE, VARY,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use url::{Host, Url};

use super::reply::Body;

/// Asks whether a page may reach into the network that the server is in (Private Network Access).
const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");

/// Says that it may.
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

/// For how many seconds a browser need not ask again.
const KEPT_FOR: HeaderValue = HeaderValue::from_static("600");

/// Which pages may use the mock from an origin of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// None, and none is answered otherwise than any other client.
    Ignored,
    /// Those that this machine or its local network serves, with cookies and every header.
    OfThisNetwork,
}

/// A page that may use the mock, and what its browser wants to know.
pub(super) struct Asking {
    origin: HeaderValue,
    /// The method and the headers that it wants to send, if it asks before it sends them.
    wants: Option<(HeaderValue, Option<HeaderValue>)>,
    into_network: bool,
}

impl Pages {
    /// The page on whose behalf this is asked, if there is one that may.
    pub(super) fn asking<B>(self, request: &Request<B>) -> Option<Asking> {
        let headers = request.headers();
        let origin = headers.get(ORIGIN)?;
        if self == Self::Ignored || !is_of_this_network(origin.to_str().ok()?) {
            return None;
        }
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
        let method = method.filter(|_| request.method() == Method::OPTIONS);
        let wanted = || headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        Some(Asking {
            origin: origin.clone(),
            wants: method.map(|method| (method.clone(), wanted())),
            into_network: headers.contains_key(REQUEST_PRIVATE_NETWORK),
        })
    }
}

impl Asking {
    /// The answer to a browser that asks before it sends: whatever the page wants to send, it may. What
    /// becomes of it is for the backend to say when it comes.
    pub(super) fn preflight(&self) -> Option<Response<Body>> {
        let (method, wanted) = self.wants.as_ref()?;
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(wanted) = wanted {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, KEPT_FOR);
        if self.into_network {
            headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
        Some(response)
    }

    /// Lets the page read an answer, with every header that it has but the cookies.
    pub(super) fn permit(self, headers: &mut HeaderMap) {
        let shown: Vec<&str> = headers
            .keys()
            .filter(|name| **name != SET_COOKIE)
            .map(HeaderName::as_str)
            .collect();
        // The wildcard does not count for requests with credentials, so every name is said.
        if let Ok(shown) = HeaderValue::try_from(shown.join(", "))
            && self.wants.is_none()
        {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, shown);
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

/// Whether a page comes from this machine or from one beside it. An origin that is not written as
/// browsers write them is nobody's.
fn is_of_this_network(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else {
        return false;
    };
    if !matches!(url.scheme(), "http" | "https") || url.origin().ascii_serialization() != origin {
        return false;
    }
    match url.host() {
        Some(Host::Domain(name)) => {
            // The first is this machine's own (RFC 6761), the second is asked of neighbours alone (RFC 6762).
            name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_and_its_network_are_let_in_and_no_others() {
        for origin in [
            "http://localhost:8081",
            "http://app.localhost",
            "https://localhost",
            "http://127.0.0.1:19006",
            "http://192.168.1.20:8081",
            "http://10.0.2.2:8081",
            "http://172.20.0.3",
            "http://macbook.local:8081",
            "http://[::1]:8081",
            "http://[fe80::1]:8081",
            "http://[fd12::5]",
        ] {
            assert!(is_of_this_network(origin), "{origin}");
        }
        for origin in [
            "https://elsewhere.example",
            "http://localhost.elsewhere.example",
            "http://192.168.1.20.elsewhere.example",
            "http://8.8.8.8",
            "http://172.32.0.1",
            "http://notlocal",
            "http://elsewhere.example@localhost",
            "http://localhost:8081/page",
            "http://2130706433",
            "file://localhost",
            "chrome-extension://localhost",
            "null",
            "",
        ] {
            assert!(!is_of_this_network(origin), "{origin}");
        }
    }

    fn asked(method: Method, headers: &[(&str, &str)]) -> Option<Asking> {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Pages::OfThisNetwork.asking(&request.body(()).unwrap())
    }

    const PAGE: (&str, &str) = ("origin", "http://localhost:8081");

    #[test]
    fn a_browser_that_asks_first_hears_that_all_it_wants_is_allowed() {
        let wants = [
            PAGE,
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type",
            ),
            ("access-control-request-private-network", "true"),
        ];
        let asking = asked(Method::OPTIONS, &wants).unwrap();
        let mut response = asking.preflight().unwrap();
        asking.permit(response.headers_mut());
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(header("access-control-allow-origin"), PAGE.1);
        assert_eq!(header("access-control-allow-credentials"), "true");
        assert_eq!(header("access-control-allow-methods"), "POST");
        assert_eq!(
            header("access-control-allow-headers"),
            "authorization,content-type"
        );
        assert_eq!(header("access-control-allow-private-network"), "true");
    }

    #[test]
    fn a_page_reads_every_header_of_an_answer_but_its_cookies() {
        let asking = asked(Method::GET, &[PAGE]).unwrap();
        assert!(asking.preflight().is_none());
        let mut headers = HeaderMap::new();
        headers.insert("x-trace", HeaderValue::from_static("1"));
        headers.insert(SET_COOKIE, HeaderValue::from_static("a=b"));
        asking.permit(&mut headers);
        assert_eq!(headers["access-control-expose-headers"], "x-trace");
        assert_eq!(headers["access-control-allow-origin"], PAGE.1);
        assert_eq!(headers["vary"], "origin");
    }

    #[test]
    fn other_pages_and_other_requests_are_answered_as_always() {
        assert!(asked(Method::GET, &[]).is_none());
        assert!(asked(Method::GET, &[("origin", "https://elsewhere.example")]).is_none());
        let options = asked(Method::OPTIONS, &[PAGE]).unwrap();
        assert!(options.preflight().is_none());
        let mut request = Request::builder();
        request = request.header(PAGE.0, PAGE.1);
        assert!(Pages::Ignored.asking(&request.body(()).unwrap()).is_none());
    }
}
