//! What a request is that nothing forbids: declared, allowed, or neither.

use serde_json::Value;

use super::canonical::Canonical;
use super::method::names_the_method;
use super::readings::fold;
use super::{RequestView, body, packet, severity};
use crate::domain::contract::{Contract, DISPATCH, Operation, Role};
use crate::domain::journal::Class;

/// Query keys that name an act, which a read has no use for.
const ACT_KEYS: [&str; 7] = ["action", "act", "do", "cmd", "command", "op", "operation"];

/// Query keys that Engine.IO itself uses.
const ENGINE_KEYS: [&str; 5] = ["EIO", "transport", "sid", "t", "b64"];

/// Classifies a request under one of the methods that it may have.
pub(super) fn classify(
    contract: &Contract,
    request: &RequestView<'_>,
    method: &str,
    declared: Option<&(Role, Option<&Operation>)>,
    path: &str,
    form: &Canonical,
) -> (Class, String) {
    if let Some((Role::Realtime, _)) = declared {
        return classify_realtime(contract, request, method, form);
    }
    if let Some(upgrade) = request.header("upgrade") {
        let protocol = request.header("sec-websocket-protocol");
        let protocol = protocol.map_or_else(String::new, |name| format!(" ({name})"));
        let why =
            format!("an upgrade to `{upgrade}`{protocol} opens a channel that nobody declared");
        return (Class::UndeclaredWrite, why);
    }
    let undeclared = |why: String| {
        let class = if matches!(method, "GET" | "HEAD" | "OPTIONS") {
            Class::UndeclaredRead
        } else {
            Class::UndeclaredWrite
        };
        match body::names_its_act(request, form, None) {
            Some((act, why)) if severity(act) > severity(class) => (act, why),
            _ => (class, why),
        }
    };
    if let Some((role, Some(operation))) = declared
        && (operation.method == method || (operation.method == "GET" && method == "HEAD"))
    {
        if let Some(found) = body::names_its_act(request, form, Some(&operation.body)) {
            return found;
        }
        return match undeclared_key(contract, role, operation, form) {
            None => (Class::Allowed, format!("declared as {role}")),
            Some(key) if ACT_KEYS.contains(&fold(&key).as_str()) => {
                let why = format!("the query key `{key}` names an act that nobody declared");
                (Class::UndeclaredWrite, why)
            }
            Some(key) => undeclared(format!("the query key `{key}` is not declared")),
        };
    }
    if let Some(pattern) = contract
        .scope
        .allow
        .iter()
        .find(|pattern| pattern.matches(method, request.service, path))
    {
        return match body::names_its_act(request, form, None) {
            Some(found) => found,
            None => (Class::Allowed, format!("allowed by `{pattern}`")),
        };
    }
    let service = request.service;
    // Where others share its path, that alone would be no news.
    let other = contract
        .role_of(method, service, path)
        .map(|_| act_of(request.body));
    undeclared(match other {
        Some(act) => format!("`{method} {service} {path}` is declared, but not with {act}"),
        None => format!("`{method} {service} {path}` is not declared"),
    })
}

/// What a body says is to be done, in words, as far as it can be shown.
fn act_of(body: Option<&[u8]>) -> String {
    let sent: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    match sent {
        Some(Value::Object(fields)) => {
            let mut acts = DISPATCH
                .iter()
                .filter_map(|name| Some((name, fields.get(*name)?.as_str()?)));
            match acts.find(|(_, act)| is_name(act)) {
                Some((name, act)) => format!("the {name} `{act}`"),
                None => "this body".to_owned(),
            }
        }
        Some(Value::Array(_)) => "a list of several in one body".to_owned(),
        Some(_) | None => "this body".to_owned(),
    }
}

/// Whether a text is the name of an operation, and nothing that would have to be hidden.
fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let fits = |sign: char| sign.is_ascii_alphanumeric() || "._-:/".contains(sign);
    !text.is_empty() && text.len() <= LONGEST && text.chars().all(fits) && digits * 4 <= text.len()
}

/// The first query key that an operation does not declare.
fn undeclared_key(
    contract: &Contract,
    role: &Role,
    operation: &Operation,
    form: &Canonical,
) -> Option<String> {
    form.pairs()
        .map(|(key, _)| key)
        .find(|key| !contract.declares_key(role, operation, key) && !names_the_method(key))
}

/// Engine.IO: either transport's requests; a polling POST is judged by its packets.
fn classify_realtime(
    contract: &Contract,
    request: &RequestView<'_>,
    method: &str,
    form: &Canonical,
) -> (Class, String) {
    let pairs: Vec<(String, String)> = form.pairs().collect();
    let has = |name: &str| pairs.iter().any(|(key, _)| key == name);
    let mut versions = pairs.iter().filter(|(key, _)| key == "EIO").peekable();
    let handshake = !has("sid");
    if (handshake && versions.peek().is_none()) || versions.any(|(_, version)| version != "4") {
        let spoken = pairs
            .iter()
            .find(|(key, version)| key == "EIO" && version != "4");
        let why = spoken.map_or_else(
            || "it says no version of Engine.IO, and only version 4 can be read".to_owned(),
            |(_, version)| {
                format!(
                    "it speaks version {version} of Engine.IO (`EIO={version}`), and only version 4 can be read"
                )
            },
        );
        return (Class::NotJudgeable, why);
    }
    let own = contract.realtime.as_ref().map(|it| it.query.as_slice());
    let stranger = pairs.iter().map(|(key, _)| key).find(|key| {
        !ENGINE_KEYS.contains(&key.as_str())
            && !own.unwrap_or_default().iter().any(|(name, _)| name == *key)
    });
    let upgrade = request.header("upgrade");
    if let Some(other) = upgrade.filter(|other| !other.eq_ignore_ascii_case("websocket")) {
        let why = format!("an upgrade to `{other}` opens a channel that nobody declared");
        return (Class::UndeclaredWrite, why);
    }
    if has("j") && matches!(method, "GET" | "HEAD" | "POST") {
        // Script polling wraps the packets in a form one way and in a call the other.
        let why = "it polls by scripts (JSONP, `j`), whose packets cannot be read".to_owned();
        return (Class::NotJudgeable, why);
    }
    match (method, stranger) {
        ("GET" | "HEAD", None) => (Class::Allowed, "declared as realtime".to_owned()),
        ("GET" | "HEAD", Some(key)) => {
            let why = format!("the query key `{key}` is not declared");
            (Class::UndeclaredRead, why)
        }
        ("POST", Some(key)) if ACT_KEYS.contains(&fold(key).as_str()) => {
            let why = format!("the query key `{key}` names an act that nobody declared");
            (Class::UndeclaredWrite, why)
        }
        // Other keys change no packet: the server reads them once, at the handshake.
        ("POST", _) => packet::judge_payload(contract, request.body),
        ("OPTIONS", _) => (Class::UndeclaredRead, "OPTIONS is not declared".to_owned()),
        _ => {
            let why = format!("`{method}` on the live feed is not declared");
            (Class::UndeclaredWrite, why)
        }
    }
}
