//! The methods that a request may have: the one it says, and those it may be given instead.

use super::canonical::{Canonical, pairs};
use super::readings::fold;
use super::{RequestView, body};

/// Headers by which a server may be told another method.
const METHOD_HEADERS: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// N10: the method as sent and every method that some server may take instead, upper case.
pub(super) fn effective_methods(request: &RequestView<'_>, form: &mut Canonical) -> Vec<String> {
    let sent = request.method.to_ascii_uppercase();
    if sent != request.method {
        form.steps
            .push("writes its method in lower case".to_owned());
    }
    let mut methods = vec![sent];
    let mut overridden = |method: &str, how: &str| {
        let method = method.trim().to_ascii_uppercase();
        if !method.is_empty() {
            form.steps.push(format!("overrides its method {how}"));
            methods.push(method);
        }
    };
    for (name, value) in request.headers {
        if METHOD_HEADERS.contains(&name.as_str()) {
            overridden(value, "by a header");
        }
    }
    let query = request
        .target
        .split_once('?')
        .map_or("", |(_, query)| query);
    for (key, value) in query.split(';').flat_map(pairs) {
        if names_the_method(&key) {
            overridden(&value, "in the query");
        }
    }
    for value in body::texts_under(request, names_the_method) {
        overridden(&value, "in the body");
    }
    methods
}

/// Whether a key is `_method`, however it is written.
pub(super) fn names_the_method(key: &str) -> bool {
    let mut key = key.to_owned();
    while let Ok(decoded) = percent_encoding::percent_decode_str(&key).decode_utf8() {
        if decoded == key {
            break;
        }
        key = decoded.into_owned();
    }
    let key = fold(key.trim());
    key.split('[').next() == Some("_method")
}
