//! What a body or query can say beside the request line: another method, another call, several
//! calls, or an act that the path does not name (N11).

use super::RequestView;
use super::canonical::{Canonical, pairs};
use super::readings::fold;
use crate::domain::contract::Body;
use crate::domain::journal::Class;
use crate::domain::selector::Template;

mod json;
mod multipart;

use json::Json;

/// The media type of the body, folded; empty without one.
fn kind(request: &RequestView<'_>) -> String {
    fold(request.header("content-type").unwrap_or_default())
}

/// The body as JSON, if it is JSON.
fn json(request: &RequestView<'_>) -> Option<Json> {
    Json::read(request.body?)
}

/// Whether a body of this media type can say more than its bytes: data of these types names no
/// method and no call, so its beginning is enough.
#[must_use]
pub fn is_mere_data(media_type: &str) -> bool {
    let media = fold(media_type);
    ["image/", "audio/", "video/", "font/"]
        .iter()
        .any(|family| media.starts_with(family))
        || [
            "application/octet-stream",
            "application/pdf",
            "application/zip",
        ]
        .iter()
        .any(|own| media.split(';').next().unwrap_or_default().trim() == *own)
}

/// The fields of a body that is declared to be a form, of either sort.
fn form(request: &RequestView<'_>) -> Vec<(String, String)> {
    let (kind, body) = (kind(request), request.body.unwrap_or_default());
    if kind.starts_with("application/x-www-form-urlencoded") {
        let text = String::from_utf8_lossy(body);
        return text.split(';').flat_map(pairs).collect();
    }
    if kind.starts_with("multipart/") {
        return multipart::parts(&String::from_utf8_lossy(body));
    }
    Vec::new()
}

/// Why a body cannot be read, if one that matters cannot.
pub(super) fn unreadable(request: &RequestView<'_>) -> Option<String> {
    if request.body.is_some_and(<[u8]>::is_empty) {
        return None;
    }
    if let Some(coding) = request.header("content-encoding")
        && !coding.trim().eq_ignore_ascii_case("identity")
    {
        return Some(format!(
            "its body is packed in the content coding `{coding}`"
        ));
    }
    let Some(body) = request.body else {
        return Some("its body is longer than what is read of one".to_owned());
    };
    let kind = kind(request);
    let charset = kind
        .split(';')
        .filter_map(|parameter| parameter.trim().strip_prefix("charset="))
        .map(|charset| charset.trim_matches(['"', '\'', ' ']))
        .find(|charset| !matches!(*charset, "utf-8" | "utf8" | "us-ascii" | "iso-8859-1"));
    if let Some(charset) = charset {
        return Some(format!("its body is written in `{charset}`"));
    }
    let media = kind.split(';').next().unwrap_or_default().trim();
    let is_json = media == "application/json" || media.ends_with("+json");
    let scalar = || serde_json::from_slice::<serde_json::Value>(body).is_ok();
    (is_json && Json::read(body).is_none() && !scalar())
        .then(|| "its body says that it is JSON, and is not".to_owned())
}

/// The texts under such keys, in forms and at the top of JSON objects; empty for what is no text.
pub(super) fn texts_under(request: &RequestView<'_>, is_such: fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = form(request)
        .into_iter()
        .filter(|(key, _)| is_such(key))
        .map(|(_, value)| value)
        .collect();
    if let Some(body) = json(request) {
        let named = body.entries().iter().filter(|(key, _)| is_such(key));
        found.extend(named.map(|(_, value)| match value {
            Json::Text(text) | Json::Other(text) => text.clone(),
            Json::Object(_) | Json::Array(_) => String::new(),
        }));
    }
    found
}

/// Lists whose items are calls, also where an item names no method.
const BATCHES: [&str; 3] = ["requests", "batch", "operations"];

/// The calls inside a batch: their methods and paths.
pub(super) fn batched(request: &RequestView<'_>) -> Vec<(String, String)> {
    let Some(body) = request.body.filter(|body| !body.is_empty()) else {
        return Vec::new();
    };
    let in_form = form(request)
        .into_iter()
        .filter(|(key, _)| BATCHES.contains(&key.as_str()))
        .filter_map(|(_, value)| Json::read(value.as_bytes()));
    let mut calls: Vec<(String, String)> = json(request)
        .into_iter()
        .chain(in_form)
        .flat_map(|body| calls_in(&body))
        .collect();
    if kind(request).starts_with("multipart/") {
        let text = String::from_utf8_lossy(body);
        let lines = multipart::request_lines(&text);
        calls.extend(lines.map(|(method, target)| (method.to_ascii_uppercase(), path_of(target))));
    }
    calls
}

fn calls_in(body: &Json) -> Vec<(String, String)> {
    let outermost = match body {
        Json::Array(items) => items.as_slice(),
        _ => &[],
    };
    let listed = BATCHES
        .into_iter()
        .flat_map(|list| body.all(list))
        .flat_map(Json::items)
        .chain(outermost);
    let mut calls: Vec<(String, String)> =
        listed.flat_map(|item| inner_calls(item, "GET")).collect();
    // Anywhere else an item must say its method, or every link in a body would be a call.
    let nested = body.objects().into_iter();
    calls.extend(nested.flat_map(|item| inner_calls(item, "")));
    calls
}

/// Every call that an object may stand for: of keys that repeat, each value counts.
fn inner_calls(item: &Json, otherwise: &str) -> Vec<(String, String)> {
    let texts = |keys: &[&str]| -> Vec<String> {
        keys.iter()
            .flat_map(|key| item.all(key))
            .filter_map(Json::text)
            .map(str::to_owned)
            .collect()
    };
    let mut methods = texts(&["method", "httpMethod", "http_method", "verb"]);
    if methods.is_empty() && !otherwise.is_empty() {
        methods.push(otherwise.to_owned());
    }
    let targets = texts(&["path", "url", "uri", "relative_url", "href"]);
    methods
        .iter()
        .flat_map(|method| {
            targets
                .iter()
                .map(|target| (method.to_ascii_uppercase(), path_of(target)))
        })
        .collect()
}

fn path_of(target: &str) -> String {
    let path = super::raw_path(target);
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// An act that a body or query names.
struct Act {
    class: Class,
    why: String,
    /// Where a declared body would say the same: the key and the text.
    told: Option<(&'static str, String)>,
}

fn write(why: &str, told: Option<(&'static str, String)>) -> Act {
    Act {
        class: Class::UndeclaredWrite,
        why: why.to_owned(),
        told,
    }
}

const MUTATION: &str = "a GraphQL operation that is no query";

/// Why the path does not say what the request does: the act is named in its body or query.
/// `declared` is the body that the contract writes for it, in which the same act may stand.
pub(super) fn names_its_act(
    request: &RequestView<'_>,
    canonical: &Canonical,
    declared: Option<&Body>,
) -> Option<(Class, String)> {
    let mut acts = acts_of_fields(&canonical.pairs().collect::<Vec<_>>());
    let body = request.body.unwrap_or_default();
    let kind = kind(request);
    if kind.starts_with("application/graphql") && is_mutation(&String::from_utf8_lossy(body)) {
        acts.push(write(MUTATION, None));
    }
    let form = form(request);
    acts.extend(acts_of_fields(&form));
    let carried = form
        .iter()
        .filter(|(key, _)| key == "operations")
        .filter_map(|(_, value)| Json::read(value.as_bytes()));
    for body in json(request).into_iter().chain(carried) {
        acts.extend(body.items().iter().flat_map(acts_of_item));
    }
    if request.header("soapaction").is_some() || kind.contains("soap") || is_xml_call(body) {
        acts.push(write("an XML call names its method in the body", None));
    }
    acts.retain(|act| !act.told.as_ref().is_some_and(|told| says(declared, told)));
    acts.into_iter()
        .max_by_key(|act| super::severity(act.class))
        .map(|act| (act.class, act.why))
}

/// Whether a declared body has this text under this key.
fn says(declared: Option<&Body>, (key, text): &(&'static str, String)) -> bool {
    match declared {
        Some(Body::Json(template)) => {
            let own = template.0.get(*key).and_then(serde_json::Value::as_str);
            own.is_some_and(|own| is_written(own, text))
        }
        Some(Body::Form(fields)) => fields
            .iter()
            .any(|(own, value)| own == key && is_written(value, text)),
        Some(Body::Empty) | None => false,
    }
}

/// Whether a template is this text always: braces stand twice in it, and nothing is filled in.
fn is_written(template: &str, text: &str) -> bool {
    let template = Template(template.into());
    template.names().is_empty() && template.fill(&|_| None).as_str() == Some(text)
}

/// Acts in a query string or form.
fn acts_of_fields(fields: &[(String, String)]) -> Vec<Act> {
    let has = |key: &str| fields.iter().any(|(own, _)| own == key);
    let mut acts: Vec<Act> = fields
        .iter()
        .filter(|(key, value)| key == "query" && is_mutation(value))
        .map(|(_, text)| write(MUTATION, Some(("query", text.clone()))))
        .collect();
    if has("jsonrpc") || (has("method") && has("params")) {
        acts.push(write("a JSON-RPC call names its method in the query", None));
    }
    let stored = fields
        .iter()
        .any(|(key, value)| key == "extensions" && value.contains("persistedQuery"));
    if stored && !has("query") {
        acts.push(unseen());
    }
    acts
}

fn acts_of_item(item: &Json) -> Vec<Act> {
    let mut acts = Vec::new();
    if item.in_any_case("jsonrpc").next().is_some() {
        let methods = item.in_any_case("method").filter_map(Json::text);
        let told = methods.map(|method| Some(("method", method.to_owned())));
        let mut told: Vec<_> = told.collect();
        if told.is_empty() {
            told.push(None);
        }
        // Of a key that stands twice, or in another case, one server takes the one and another the
        // other: each has to be the declared one.
        let why = "a JSON-RPC call names its method in the body";
        acts.extend(told.into_iter().map(|told| write(why, told)));
    }
    for text in item.in_any_case("query").filter_map(Json::text) {
        if is_mutation(text) {
            acts.push(write(MUTATION, Some(("query", text.to_owned()))));
        }
    }
    let extensions = item.all("extensions");
    let stored = extensions.into_iter().any(|it| it.has("persistedQuery"))
        || (item.has("variables")
            && ["documentId", "queryId", "doc_id"]
                .iter()
                .any(|key| item.has(key)));
    if stored && !item.has("query") {
        acts.push(unseen());
    }
    acts
}

fn unseen() -> Act {
    Act {
        class: Class::NotJudgeable,
        why: "it names a stored GraphQL document, which may be a mutation".to_owned(),
        told: None,
    }
}

fn is_xml_call(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    text.trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('<')
        && (text.contains("<methodCall")
            || text.contains(":Envelope")
            || text.contains("<Envelope"))
}

/// Whether a GraphQL document defines a mutation or a subscription: the word at the outermost level,
/// with a selection to follow.
fn is_mutation(document: &str) -> bool {
    let mut depth = 0_usize;
    let mut word = String::new();
    let mut defined = false;
    let mut chars = document.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '#' => while chars.next_if(|c| !matches!(c, '\n' | '\r')).is_some() {},
            '"' => skip_string(&mut chars),
            '{' if depth == 0 && defined => return true,
            '{' if depth == 0 && matches!(word.as_str(), "mutation" | "subscription") => {
                return true;
            }
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (c.is_alphanumeric() || c == '_') {
            word.push(c);
            continue;
        }
        defined |= matches!(word.as_str(), "mutation" | "subscription");
        word.clear();
    }
    false
}

/// Passes over a string, so that no brace in it counts.
fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '"' | '\n' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Template, is_mutation, says};

    #[test]
    fn a_declared_act_is_the_text_that_its_template_always_is() {
        let json = |text: &str| Body::Json(Template(serde_json::json!({"query": text})));
        let form = |text: &str| Body::Form(vec![("query".to_owned(), text.to_owned())]);
        for (written, sent, declared) in [
            ("mutation {{ a }}", "mutation { a }", true),
            ("mutation {{ a }}", "mutation { b }", false),
            ("mutation {{ a }}", "mutation {{ a }}", false),
            // What is filled in may be anything.
            (
                "mutation {{ a(b: {username}) }}",
                "mutation { a(b: ) }",
                false,
            ),
        ] {
            for body in [json(written), form(written)] {
                let act = ("query", sent.to_owned());
                assert_eq!(says(Some(&body), &act), declared, "{written} {sent}");
            }
        }
    }

    #[test]
    fn a_mutation_is_told_from_a_query_and_from_a_text_that_has_the_word() {
        for mutation in [
            "mutation { a }",
            "mutation{a}",
            "mutation A($a: B = {c: 1}) @d { a }",
            "query A { a } mutation B { b }",
            "# c\rmutation{a}",
            "{ a(b: \"}\") { c } } mutation { d }",
            "fragment F on T { a } subscription { a }",
            "\u{feff}mutation { a }",
        ] {
            assert!(is_mutation(mutation), "{mutation}");
        }
        for query in [
            "{ mutation }",
            "query mutations { a }",
            "query A { mutation { a } }",
            "mutation of genes",
            "{ a(b: \"mutation {\") }",
            "# mutation { a }\n{ a }",
        ] {
            assert!(!is_mutation(query), "{query}");
        }
    }
}
