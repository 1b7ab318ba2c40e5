//! What a request asks for, read as generously as any server would read it.
//!
//! The mock stands for the worst backend that an app could meet: one that understands every
//! disguise. So a disguised forbidden request reaches its forbidden endpoint and is counted.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

/// Headers by which frameworks let a request change its method.
const OVERRIDES: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// The path after everything that proxies and servers are known to undo: percent-encoding in
/// several layers, backslashes, path parameters, empty segments, dots, a trailing slash.
pub(super) fn canonical(path: &str) -> String {
    let mut decoded = path.to_owned();
    for _ in 0..3 {
        let next = percent_decode_str(&decoded)
            .decode_utf8_lossy()
            .into_owned();
        if next == decoded {
            break;
        }
        decoded = next;
    }
    let mut segments: Vec<&str> = Vec::new();
    let slashed = decoded.replace('\\', "/");
    for segment in slashed.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    format!("/{}", segments.join("/"))
}

/// The path below a service's base path, if it is below it.
pub(super) fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    match path.strip_prefix(base.trim_end_matches('/'))? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// Every method that the request may have for a server: its own, and those it asks for by an
/// override.
pub(super) fn methods(
    method: &str,
    headers: &HeaderMap,
    query: &[(String, String)],
) -> Vec<String> {
    let mut methods = vec![method.to_ascii_uppercase()];
    for name in OVERRIDES {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            methods.push(value.trim().to_ascii_uppercase());
        }
    }
    methods.extend(
        query
            .iter()
            .filter(|(key, _)| key == "_method")
            .map(|(_, value)| value.to_ascii_uppercase()),
    );
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disguise_of_a_path_is_undone() {
        for path in [
            "/api/trade",
            "//api//trade",
            "/api/./trade/",
            "/api/positions/../trade",
            "/api/%74rade",
            "/api/positions/..%2ftrade",
            "/api/%252e%252e/api/trade",
            "/api/positions/..;/trade",
            "/api\\trade",
            "/api/trade;x=1",
        ] {
            assert_eq!(canonical(path), "/api/trade", "{path}");
        }
    }

    #[test]
    fn a_base_path_ends_at_a_segment() {
        assert_eq!(below("/proxy", "/proxy/api"), Some("/api"));
        assert_eq!(below("/proxy", "/proxy"), Some("/"));
        assert_eq!(below("/proxy", "/proxyapi"), None);
        assert_eq!(below("", "/api"), Some("/api"));
    }
}
