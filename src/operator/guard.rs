//! Who may operate: programs of this machine, and no page that a browser of this machine happens to show.
//!
//! A page from elsewhere can reach a port on loopback in two ways. It can send requests that need no
//! permission of the server's (a form, `fetch` with `no-cors`): browsers then say where the page is from
//! (`Origin`, Fetch standard §3.2; `Sec-Fetch-Site`, Fetch Metadata), and cannot send JSON as JSON. Or it can let
//! its own name resolve to this machine: `Host` then has that name. What is refused here is all of that.

use std::net::IpAddr;

use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::{Method, Request};

use super::Refusal;
use crate::net::Owner;

/// Says whether the page that made a browser ask is of the same origin, where browsers say it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What every answer to an operator carries.
const ANSWER_HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

/// Lets no page show, keep or run anything of an answer.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in ANSWER_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Refuses whoever is not a program of this machine, and of a user who may.
///
/// # Errors
/// What is wrong with the request, and how it should be.
pub(crate) fn admit<B>(request: &Request<B>, owner: Owner) -> Result<(), Refusal> {
    let who = match owner {
        Owner::Own => None,
        Owner::Other(user) => Some(format!("the user {user}")),
        Owner::Gone => Some("somebody who did not wait for the answer".to_owned()),
    };
    if let Some(who) = who {
        let why = format!(
            "{who} asks, and this is for programs of the user who started it: `--any-user` lets in all users of this machine"
        );
        return Err(Refusal(403, "another-user", why));
    }
    let headers = request.headers();
    let host = the_host(headers)?;
    if !is_loopback(name_of(host)) {
        return Err(Refusal(
            403,
            "not-local",
            "call it by a loopback name, like http://127.0.0.1:PORT".to_owned(),
        ));
    }
    let own = format!("http://{host}");
    let foreign = headers
        .get_all(ORIGIN)
        .iter()
        .find(|origin| !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()));
    let elsewhere = headers
        .get_all(SEC_FETCH_SITE)
        .iter()
        .any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    if foreign.is_some() || elsewhere {
        return Err(Refusal(
            403,
            "foreign-page",
            "a page of another origin asks: this is for programs of this machine alone".to_owned(),
        ));
    }
    if request.method() == Method::POST && !is_json(headers) {
        return Err(Refusal(
            415,
            "not-json",
            "send the body with `content-type: application/json`, as `curl --json '{…}'` does"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The one `Host` that a request of HTTP/1.1 has (RFC 9112 §3.2).
fn the_host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(HOST).iter();
    let (Some(host), None) = (all.next(), all.next()) else {
        let why = "send exactly one `Host` header".to_owned();
        return Err(Refusal(400, "bad-host", why));
    };
    let unreadable = |_| Refusal(400, "bad-host", "the `Host` header is not text".to_owned());
    host.to_str().map_err(unreadable)
}

/// A host without its port and brackets.
fn name_of(host: &str) -> &str {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match bracketed {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Whether a body is said to be JSON. One that is empty by its length has no need to.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    match kind {
        Some(kind) => {
            let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
            essence
                .trim_ascii()
                .eq_ignore_ascii_case(b"application/json")
        }
        None => {
            let length = headers.get(http::header::CONTENT_LENGTH);
            let chunked = headers.contains_key(http::header::TRANSFER_ENCODING);
            !chunked && length.is_none_or(|length| length == "0")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let mut request = Request::builder().method(method).uri("/state");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        admit(&request, Owner::Own).map_err(|Refusal(_, error, _)| error)
    }

    #[test]
    fn other_users_of_this_machine_are_refused_and_told_how_they_may_be_let_in() {
        for owner in [Owner::Other(1001), Owner::Gone] {
            let request = Request::get("/state").header("host", "127.0.0.1:4000");
            let refused = admit(&request.body(()).unwrap(), owner);
            let Err(Refusal(403, "another-user", why)) = refused else {
                panic!("{owner:?}: {refused:?}");
            };
            assert!(why.contains("--any-user"), "{why}");
        }
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:4000");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    #[test]
    fn programs_of_this_machine_are_let_in() {
        for host in [
            "127.0.0.1:1",
            "127.9.9.9",
            "localhost:80",
            "LOCALHOST",
            "[::1]:5",
            "[::1]",
        ] {
            assert_eq!(asked("GET", &[("host", host)]), Ok(()), "{host}");
        }
        assert_eq!(
            asked("POST", &[HERE, JSON, ("content-length", "2")]),
            Ok(())
        );
        assert_eq!(asked("POST", &[HERE, ("content-length", "0")]), Ok(()));
        assert_eq!(asked("POST", &[HERE]), Ok(()));
        let own = ("origin", "http://127.0.0.1:4000");
        assert_eq!(
            asked(
                "POST",
                &[HERE, JSON, own, ("sec-fetch-site", "same-origin")]
            ),
            Ok(())
        );
        assert_eq!(asked("GET", &[HERE, ("sec-fetch-site", "none")]), Ok(()));
    }

    #[test]
    fn names_that_are_not_this_machines_are_refused() {
        for host in [
            "rebound.example:4000",
            "127.0.0.1.rebound.example",
            "localhost.rebound.example",
            "192.168.1.7:4000",
            "[fe80::1]",
            "",
            "[",
        ] {
            assert_eq!(asked("GET", &[("host", host)]), Err("not-local"), "{host}");
        }
        assert_eq!(asked("GET", &[]), Err("bad-host"));
        assert_eq!(asked("GET", &[HERE, HERE]), Err("bad-host"));
        assert_eq!(
            asked("GET", &[HERE, ("host", "rebound.example")]),
            Err("bad-host")
        );
    }

    #[test]
    fn pages_of_other_origins_are_refused_whatever_they_send() {
        for origin in [
            "https://elsewhere.example",
            "null",
            "http://localhost:4000",
            "https://127.0.0.1:4000",
            "http://127.0.0.1:4001",
        ] {
            for method in ["GET", "POST"] {
                let asked = asked(method, &[HERE, JSON, ("origin", origin)]);
                assert_eq!(asked, Err("foreign-page"), "{method} {origin}");
            }
        }
        for site in ["cross-site", "same-site", "anything"] {
            let asked = asked("GET", &[HERE, ("sec-fetch-site", site)]);
            assert_eq!(asked, Err("foreign-page"), "{site}");
        }
        let own = ("origin", "http://127.0.0.1:4000");
        let twice = asked("GET", &[HERE, own, ("origin", "https://elsewhere.example")]);
        assert_eq!(twice, Err("foreign-page"));
    }

    #[test]
    fn what_a_form_can_send_is_refused() {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain; application/json",
            "",
        ] {
            let asked = asked(
                "POST",
                &[HERE, ("content-type", kind), ("content-length", "9")],
            );
            assert_eq!(asked, Err("not-json"), "{kind}");
        }
        assert_eq!(
            asked("POST", &[HERE, ("content-length", "9")]),
            Err("not-json")
        );
        assert_eq!(
            asked("POST", &[HERE, ("transfer-encoding", "chunked")]),
            Err("not-json")
        );
    }
}
