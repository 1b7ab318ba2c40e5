//! Selectors read backwards: where in a body, or whether at all, a value can be written so that they
//! will find it.

use http::HeaderName;
use serde_json::Value;

use crate::domain::selector::Selector;

/// Writes into a body. A JSONPath is written through the pointer to its first match, or through its
/// own names where it has only names.
pub(super) fn put(body: &mut Value, selector: &Selector, value: Value) -> bool {
    pointer(selector, body).is_some_and(|pointer| Selector::Pointer(pointer).write(body, value))
}

/// The value that a selector means, for changing it.
pub(super) fn find_mut<'a>(selector: &Selector, body: &'a mut Value) -> Option<&'a mut Value> {
    let pointer = pointer(selector, body)?;
    body.pointer_mut(&pointer)
}

/// Whether an answer can be composed with this selector.
pub(super) fn is_writable(selector: &Selector) -> bool {
    match selector {
        Selector::Pointer(_) => true,
        Selector::Path(path) => plain_path(path).is_some(),
        Selector::Header(name) => HeaderName::try_from(name).is_ok(),
        Selector::Cookie(_) => true,
    }
}

/// Where in this body a selector means.
pub(super) fn pointer(selector: &Selector, body: &Value) -> Option<String> {
    match selector {
        Selector::Pointer(pointer) => Some(pointer.clone()),
        Selector::Path(path) => plain_path(path).or_else(|| {
            let path = serde_json_path::JsonPath::parse(path).ok()?;
            let nodes = path.query_located(body);
            nodes
                .locations()
                .next()
                .map(|place| place.to_json_pointer())
        }),
        Selector::Header(_) | Selector::Cookie(_) => None,
    }
}

/// The pointer that a JSONPath of plain names is: `$.data.items` or `$['data'][0]`.
fn plain_path(path: &str) -> Option<String> {
    let mut pointer = String::new();
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            (name, rest) = after.split_at(end);
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = ['\'', '"'].iter().find_map(|quote| {
                inside
                    .strip_prefix(*quote)
                    .and_then(|inside| inside.strip_suffix(*quote))
            });
            name = match quoted {
                Some(quoted) => quoted,
                None if inside.bytes().all(|byte| byte.is_ascii_digit()) => inside,
                None => return None,
            };
            rest = after;
        }
        if name.is_empty() || name.contains(['*', '?', '\\']) {
            return None;
        }
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    Some(pointer)
}
