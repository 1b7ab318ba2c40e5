//! What may be called and what must never be: deny by default.
//!
//! A request is judged on its canonical form, and what is forbidden is looked for in every form
//! that some server may plausibly read. The order is: the forbid list, what cannot be read, what the
//! contract declares, what its scope allows. Whatever is left is undeclared: a read, or a write.

use super::contract::{Contract, Operation, RequestPattern, Role};
use super::journal::{Class, Judgement, NonCanonical};

mod body;
pub mod canonical;
mod classify;
mod method;
mod packet;
mod readings;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use body::is_mere_data;
pub use canonical::{Canonical, canonical};
pub use packet::{judge_frame, judge_packet, judge_unreadable};

use classify::classify;
use method::effective_methods;
use readings::{fold, readings};

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// The service whose listener it reached.
    pub service: &'a str,
    /// The path that this service's URL ends in, without a trailing slash.
    pub base_path: &'a str,
    /// The method as sent.
    pub method: &'a str,
    /// The request target as sent.
    pub target: &'a str,
    /// The `Host` header; empty without one.
    pub host: &'a str,
    /// The authority that the client was given for this service.
    pub expected_authority: &'a str,
    /// All headers, names in lower case.
    pub headers: &'a [(String, String)],
    /// The body, as far as it was read; `None` when it was not.
    pub body: Option<&'a [u8]>,
}

impl RequestView<'_> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What the scope decides about a request, and what was found on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be sent, and why.
    pub judgement: Judgement,
    /// What the request is for, if the contract declares it.
    pub role: Option<Role>,
    /// The canonical path below the service's URL; the whole path when it lies elsewhere.
    pub path: String,
}

/// Headers by which a server may be told another path.
const PATH_HEADERS: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// Judges a request.
#[must_use]
pub fn judge(contract: &Contract, request: &RequestView<'_>) -> Decision {
    let mut form = canonical(request.target);
    let (strayed, unknown_name) = note_authority(request, &mut form);
    note_framing(request, &mut form);
    let methods = effective_methods(request, &mut form);
    let (declared, below) = find_declared(contract, request, &methods[0], &mut form);

    let mut verdict = None;
    let services = if strayed { None } else { Some(request.service) };
    if let Some((pattern, reading)) = find_forbidden(contract, request, &methods, services) {
        if reading != below && reading != form.path && !pattern.path.matches(&below) {
            form.steps.push(format!("can be read as `{reading}`"));
        }
        verdict = Some((
            Class::Forbidden,
            format!("`{pattern}` must never be called"),
        ));
    }
    if verdict.is_none()
        && let Some(inner) = body::batched(request)
            .into_iter()
            .find_map(|(method, path)| {
                find_in_readings(contract, services, &[method], &readings(&path))
                    .map(|(pattern, _)| pattern)
            })
    {
        let why = format!("a batch holds a call that falls under `{inner}`");
        verdict = Some((Class::Forbidden, why));
    }
    let (class, reason) = verdict
        .or_else(|| cannot_be_read(request, &form))
        .unwrap_or_else(|| {
            methods
                .iter()
                .map(|method| classify(contract, request, method, declared.as_ref(), &below, &form))
                .max_by_key(|(class, _)| severity(*class))
                .unwrap_or((Class::NotJudgeable, "it has no method".to_owned()))
        });
    let non_canonical = (!form.steps.is_empty()).then(|| NonCanonical {
        canonical: format!("{} {}", methods[methods.len() - 1], form.target()),
        steps: form.steps,
    });
    Decision {
        judgement: Judgement {
            class,
            reason,
            non_canonical,
            unknown_name,
        },
        role: declared.map(|(role, _)| role),
        path: below,
    }
}

fn severity(class: Class) -> u8 {
    match class {
        Class::Allowed => 0,
        Class::UndeclaredRead => 1,
        Class::UndeclaredWrite => 2,
        Class::NotJudgeable => 3,
        Class::Forbidden => 4,
    }
}

/// N2: the target's authority and the `Host` header are what the client was given. Says whether
/// they are not, for then any service may be meant, and whether a service is merely called by a name
/// that nobody gave it. A device calls what is forwarded to it, so such a name is no disguise: it never
/// reaches the backend, which is named by the target's URL alone. To name none is one.
fn note_authority(request: &RequestView<'_>, form: &mut Canonical) -> (bool, bool) {
    let expected = |authority: &str| authority.eq_ignore_ascii_case(request.expected_authority);
    let elsewhere = form
        .authority
        .as_deref()
        .is_some_and(|authority| !expected(authority));
    if elsewhere {
        form.steps.push("names another authority".to_owned());
    }
    let foreign = !expected(request.host);
    if foreign && request.host.is_empty() {
        form.steps.push("names no Host".to_owned());
    }
    (elsewhere || foreign, foreign && !request.host.is_empty())
}

/// Framing that two servers may read differently, and bodies where none belong.
fn note_framing(request: &RequestView<'_>, form: &mut Canonical) {
    let count = |name: &str| {
        request
            .headers
            .iter()
            .filter(|(own, _)| own == name)
            .count()
    };
    if count("content-length") > 1
        || (count("content-length") > 0 && count("transfer-encoding") > 0)
        || count("host") > 1
    {
        form.steps.push("is framed in two ways".to_owned());
    }
    if matches!(request.method, "GET" | "HEAD") && request.body.is_some_and(|body| !body.is_empty())
    {
        form.steps.push("has a body on a read".to_owned());
    }
}

/// N9: finds what the contract declares at the canonical path, or close to it.
fn find_declared<'c>(
    contract: &'c Contract,
    request: &RequestView<'_>,
    method: &str,
    form: &mut Canonical,
) -> (Option<(Role, Option<&'c Operation>)>, String) {
    let Some(below) = below(request.base_path, &form.path) else {
        return (None, form.path.clone());
    };
    let below = below.to_owned();
    let method = if method == "HEAD" { "GET" } else { method };
    let query = request
        .target
        .split_once('?')
        .map_or("", |(_, query)| query);
    let lookup = |path: &str| {
        let role = contract.role_of_call(method, request.service, path, query, request.body)?;
        Some((role.clone(), contract.operation(&role)))
    };
    if let Some(found) = lookup(&below) {
        return (Some(found), below);
    }
    // A path that is declared as it is written comes close to nothing: the body fits no declaration of it.
    let mut operations = contract.operations();
    if operations
        .any(|(_, own)| own.service == request.service && own.method == method && own.path == below)
    {
        return (None, below);
    }
    let trimmed = below.trim_end_matches('/');
    let slashed = format!("{trimmed}/");
    for near in [trimmed, &slashed] {
        if let Some(found) = lookup(near) {
            form.steps.push("differs in a trailing slash".to_owned());
            return (Some(found), near.to_owned());
        }
    }
    let folded = fold(trimmed);
    let stem = strip_suffix(&folded);
    for (role, operation) in contract.operations() {
        let declared = fold(&operation.path);
        let step = if declared == folded {
            "differs in case"
        } else if stem == Some(declared.as_str()) {
            "has a suffix"
        } else {
            continue;
        };
        if operation.service == request.service && operation.method == method {
            form.steps.push(format!("{step} from a declared path"));
            return (Some((role, Some(operation))), operation.path.clone());
        }
    }
    (None, below)
}

fn strip_suffix(path: &str) -> Option<&str> {
    let (stem, suffix) = path.rsplit_once('.')?;
    (!suffix.is_empty() && !suffix.contains('/') && !stem.ends_with('/')).then_some(stem)
}

/// The part of a path below a base.
fn below<'p>(base: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(base)?;
    match rest.as_bytes().first() {
        None => Some("/"),
        Some(b'/') => Some(rest),
        Some(_) => None,
    }
}

fn find_forbidden<'c>(
    contract: &'c Contract,
    request: &RequestView<'_>,
    methods: &[String],
    service: Option<&str>,
) -> Option<(&'c RequestPattern, String)> {
    let base = fold(request.base_path);
    let targets = std::iter::once(request.target).chain(
        request
            .headers
            .iter()
            .filter(|(name, _)| PATH_HEADERS.contains(&name.as_str()))
            .map(|(_, value)| value.as_str()),
    );
    let mut candidates = Vec::new();
    for target in targets {
        for reading in readings(raw_path(target)) {
            for reading in joined(reading) {
                if let Some(below) = below(&base, &reading)
                    && below != reading
                {
                    candidates.push(below.to_owned());
                }
                candidates.push(reading);
            }
        }
    }
    find_in_readings(contract, service, methods, &candidates)
}

/// A path, and each of the calls that it joins if its last segment is a list of them.
fn joined(path: String) -> Vec<String> {
    let mut calls = Vec::new();
    if let Some((folder, last)) = path.rsplit_once('/')
        && last.contains(',')
    {
        calls.extend(last.split(',').map(|call| format!("{folder}/{call}")));
    }
    calls.push(path);
    calls
}

fn find_in_readings<'c>(
    contract: &'c Contract,
    service: Option<&str>,
    methods: &[String],
    readings: &[String],
) -> Option<(&'c RequestPattern, String)> {
    contract.scope.forbid.iter().find_map(|pattern| {
        let text = pattern.path.to_string();
        let folded = fold(&text);
        let lower = (folded != text)
            .then(|| super::contract::PathPattern::parse(&folded).ok())
            .flatten();
        let path = lower.as_ref().unwrap_or(&pattern.path);
        let method_fits = methods.iter().any(|method| {
            pattern
                .method
                .as_ref()
                .is_none_or(|own| own.eq_ignore_ascii_case(method))
        });
        let service_fits = match (&pattern.service, service) {
            (Some(own), Some(service)) => own == service,
            _ => true,
        };
        if !method_fits || !service_fits {
            return None;
        }
        readings
            .iter()
            .find(|reading| path.matches(reading))
            .map(|reading| (pattern, reading.clone()))
    })
}

/// The path of a raw target, as sent.
fn raw_path(target: &str) -> &str {
    let rest = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            &rest[rest.find(['/', '?', '#']).unwrap_or(rest.len())..]
        }
        _ => target,
    };
    rest.split(['?', '#']).next().unwrap_or_default()
}

fn cannot_be_read(request: &RequestView<'_>, form: &Canonical) -> Option<(Class, String)> {
    let no = |why: String| Some((Class::NotJudgeable, why));
    if request.method.eq_ignore_ascii_case("CONNECT") {
        return no("a tunnel hides what goes through it".to_owned());
    }
    if let Some(why) = &form.unreadable {
        return no(format!("its target {why}"));
    }
    if let Some(name) = PATH_HEADERS
        .into_iter()
        .find(|name| request.header(name).is_some())
    {
        return no(format!("`{name}` may name another path"));
    }
    // A server reads no body with these, except one that takes them for another method.
    if !matches!(request.method, "GET" | "HEAD")
        && let Some(why) = body::unreadable(request)
    {
        return no(why);
    }
    None
}
