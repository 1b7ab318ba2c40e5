//! The console's files: one page for the browser, on a port of its own, for whoever operates a mock or a
//! session of the proxy.
//!
//! The page shows what the API says and asks it for what can be asked for, at the same origin below
//! [`API`]. What it may do is said here and nowhere else: run its own script, take its own style, talk to
//! where it came from. Nothing that a journal says becomes markup.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Response};
use http_body_util::{Either, Full};

use super::{Body, Refusal};
use crate::web::{self, LOOK, Part};

/// Below which the console's port has the API.
const API: &str = "/api";

/// The page's own parts, after those that all pages share.
const PARTS: [Part; 16] = [
    ("tell.js", include_str!("console/tell.js")),
    ("entries.js", include_str!("console/entries.js")),
    ("stream.js", include_str!("console/stream.js")),
    ("sample.js", include_str!("console/sample.js")),
    ("export.js", include_str!("console/export.js")),
    ("steps.js", include_str!("console/steps.js")),
    ("store.js", include_str!("console/store.js")),
    ("filters.js", include_str!("console/filters.js")),
    ("list.js", include_str!("console/list.js")),
    ("details.js", include_str!("console/details.js")),
    ("now.js", include_str!("console/now.js")),
    ("levers.js", include_str!("console/levers.js")),
    ("push.js", include_str!("console/push.js")),
    ("rows.js", include_str!("console/rows.js")),
    ("world.js", include_str!("console/world.js")),
    ("main.js", include_str!("console/main.js")),
];

const PAGE: &str = include_str!("console/page.html");

static STYLE: LazyLock<Bytes> =
    LazyLock::new(|| format!("{LOOK}{}", include_str!("console/console.css")).into());

static SCRIPT: LazyLock<Bytes> = LazyLock::new(|| web::script(&PARTS).into());

/// What every file of the console carries.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Where a client has come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// At the API's own port.
    Api,
    /// At the console's.
    Console,
}

impl Door {
    /// The address of the API that a path stands for; `None` for a file of the console.
    pub(super) fn api(self, path: &str) -> Option<&str> {
        match self {
            Self::Api => Some(path),
            Self::Console => {
                let rest = path.strip_prefix(API)?;
                (rest.is_empty() || rest.starts_with('/')).then_some(rest)
            }
        }
    }
}

/// A file of the console.
///
/// # Errors
/// When there is none of this name, or something else is wanted than to read it.
pub(super) fn file(method: &Method, path: &str) -> Result<Response<Body>, Refusal> {
    let (kind, text) = match path {
        "/" => (
            "text/html; charset=utf-8",
            Bytes::from_static(PAGE.as_bytes()),
        ),
        "/console.css" => ("text/css; charset=utf-8", STYLE.clone()),
        "/console.js" => ("text/javascript; charset=utf-8", SCRIPT.clone()),
        _ => {
            let why = format!("the console is at /, and the API below {API}");
            return Err(Refusal(404, "not-found", why));
        }
    };
    if ![Method::GET, Method::HEAD].contains(method) {
        let why = format!("this is a page: what can be asked for is below {API}");
        return Err(Refusal(405, "method-not-allowed", why));
    }
    let mut response = Response::new(Either::Left(Full::new(text)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_imports_what_parts_before_it_export() {
        web::tests::fit_together(&PARTS);
    }

    #[test]
    fn the_page_asks_for_its_own_files_and_has_nothing_inline() {
        for name in ["/console.js", "/console.css"] {
            assert!(PAGE.contains(&format!("\"{name}\"")), "{name}");
            assert!(file(&Method::GET, name).is_ok(), "{name}");
        }
        for inline in [
            "<style", " style=", " onclick", "<script>", "http://", "https://",
        ] {
            assert!(!PAGE.contains(inline), "{inline}");
        }
    }

    #[test]
    fn the_api_is_below_its_own_path_and_a_file_is_read_and_nothing_else() {
        assert_eq!(Door::Console.api("/api/state"), Some("/state"));
        assert_eq!(Door::Console.api("/api"), Some(""));
        assert_eq!(Door::Console.api("/apiary"), None);
        assert_eq!(Door::Api.api("/state"), Some("/state"));
        let refused = |method, path| file(&method, path).err().map(|Refusal(status, ..)| status);
        assert_eq!(refused(Method::GET, "/state"), Some(404));
        assert_eq!(refused(Method::GET, "/../Cargo.toml"), Some(404));
        assert_eq!(refused(Method::POST, "/"), Some(405));
        assert_eq!(refused(Method::HEAD, "/"), None);
    }
}
