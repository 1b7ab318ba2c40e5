//! What a body can say beside its request line: another method, another call, several calls.

use serde_json::Value;

use super::RequestView;
use super::canonical::{Canonical, pairs};
use super::method::names_the_method;
use super::readings::fold;

/// The body as JSON, if it is JSON.
fn json(request: &RequestView<'_>) -> Option<Value> {
    let body = request.body?;
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
    matches!(first, b'{' | b'[').then(|| serde_json::from_slice(body).ok())?
}

/// The body as a form, if it is declared to be one.
fn form<'a>(request: &RequestView<'a>) -> Option<&'a str> {
    let kind = request.header("content-type")?;
    fold(kind)
        .starts_with("application/x-www-form-urlencoded")
        .then(|| std::str::from_utf8(request.body?).ok())?
}

/// The values of `_method` fields, in forms, multipart forms and at the top of JSON objects.
pub(super) fn method_fields(request: &RequestView<'_>) -> Vec<String> {
    let Some(body) = request.body.filter(|body| !body.is_empty()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if let Some(form) = form(request) {
        let fields = form.split(';').flat_map(pairs);
        found.extend(
            fields
                .filter(|(key, _)| names_the_method(key))
                .map(|(_, value)| value),
        );
    }
    if let Some(Value::Object(fields)) = json(request) {
        found.extend(
            fields
                .iter()
                .filter(|(key, _)| names_the_method(key))
                .map(|(_, value)| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                }),
        );
    }
    if request
        .header("content-type")
        .is_some_and(|kind| fold(kind).starts_with("multipart/"))
    {
        let text = String::from_utf8_lossy(body);
        let mut parts = text.split("name=\"_method\"").skip(1);
        found.extend(parts.next().and_then(|part| {
            part.lines()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .map(str::to_owned)
        }));
    }
    found
}

/// The calls inside a batch: their methods and paths.
pub(super) fn batched(request: &RequestView<'_>) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    let Some(body) = request.body.filter(|body| !body.is_empty()) else {
        return calls;
    };
    match json(request) {
        Some(Value::Array(items)) => calls.extend(items.iter().filter_map(inner_call)),
        Some(Value::Object(fields)) => {
            for list in ["requests", "batch", "operations"] {
                if let Some(Value::Array(items)) = fields.get(list) {
                    calls.extend(items.iter().filter_map(inner_call));
                }
            }
        }
        _ => {}
    }
    if request
        .header("content-type")
        .is_some_and(|kind| fold(kind).starts_with("multipart/"))
    {
        calls.extend(String::from_utf8_lossy(body).lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (method, target, version) = (words.next()?, words.next()?, words.next()?);
            version
                .starts_with("HTTP/")
                .then(|| (method.to_ascii_uppercase(), path_of(target)))
        }));
    }
    calls
}

fn inner_call(item: &Value) -> Option<(String, String)> {
    let method = item.get("method").and_then(Value::as_str).unwrap_or("GET");
    let target = ["path", "url", "uri", "relative_url"]
        .into_iter()
        .find_map(|key| item.get(key)?.as_str())?;
    Some((method.to_ascii_uppercase(), path_of(target)))
}

fn path_of(target: &str) -> String {
    let path = super::raw_path(target);
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// Why an allowed path does not say what the request does: the act is named in its body or query.
pub(super) fn names_its_act(request: &RequestView<'_>, canonical: &Canonical) -> Option<String> {
    let by_query = canonical
        .pairs()
        .any(|(key, value)| key == "query" && is_mutation(&value));
    if by_query {
        return Some("a GraphQL operation that is no query".to_owned());
    }
    let body = json(request)?;
    let items = match &body {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    items.iter().find_map(|item| {
        if item.get("jsonrpc").is_some() {
            return Some("a JSON-RPC call names its method in the body".to_owned());
        }
        let text = item.get("query").and_then(Value::as_str)?;
        is_mutation(text).then(|| "a GraphQL operation that is no query".to_owned())
    })
}

/// Whether a GraphQL document defines a mutation or a subscription: the words at the outermost level.
fn is_mutation(document: &str) -> bool {
    let mut depth = 0_usize;
    let mut word = String::new();
    let mut chars = document.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (c.is_alphanumeric() || c == '_') {
            word.push(c);
            continue;
        }
        if matches!(word.as_str(), "mutation" | "subscription") {
            return true;
        }
        word.clear();
    }
    false
}
