//! What a recording tells of a backend: services by origin, operations by what was sent and answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::api::{
    Answer, Api, Body, Carrier, Known, Left, Operation, Parameter, Place, Service, Traced, is_json,
    kebab,
};
use super::infer::{infer, is_id};
use super::recording::{Exchange, Recording};
use super::trace::trace;
use crate::domain::secrets::holds_label;

/// What is known of a backend by its traffic alone.
pub(super) fn api_of(recording: &Recording) -> Api {
    let mut api = Api {
        left: recording.left.clone(),
        concluded: true,
        ..Api::default()
    };
    services(recording, &mut api);
    let mut groups: Vec<Vec<&Exchange>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for own in &recording.exchanges {
        if service_of(&api, own).is_none() || is_engine(own) {
            continue;
        }
        let key = format!("{} {} {}", own.method, own.origin, shape(&own.path));
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(all) => all.push(own),
            None => groups.push(vec![own]),
        }
    }
    let (traced, by_value) = trace(&groups);
    for (all, traced) in groups.iter().zip(traced) {
        operation(all, traced, &mut api);
    }
    api.carrier = carrier(recording).or(by_value);
    let first = api.services.first().and_then(|own| own.deployed.first());
    api.name = first.map_or("app", |(url, _)| host(url)).to_owned();
    api
}

pub(super) fn is_engine(own: &Exchange) -> bool {
    let has = |wanted: &str| own.query.iter().any(|(name, _)| name == wanted);
    has("EIO") && has("transport")
}

fn host(url: &str) -> &str {
    url.split("://").nth(1).unwrap_or(url)
}

/// The service that an exchange asked, by its origin.
pub(super) fn service_of<'a>(api: &'a Api, own: &Exchange) -> Option<&'a Service> {
    api.services
        .iter()
        .find(|service| service.deployed.iter().any(|(url, _)| *url == own.origin))
}

/// Every origin that answered with JSON, or that a socket was opened to.
fn services(recording: &Recording, api: &mut Api) {
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    let answers = |own: &Exchange| {
        (is_json(&own.kind) && own.succeeded() && own.answer.is_some()) || is_engine(own)
    };
    let all = recording.exchanges.iter();
    let origins: BTreeSet<&str> = all
        .filter(|own| answers(own))
        .map(|own| own.origin.as_str())
        .collect();
    for own in &recording.exchanges {
        let is_service = origins.contains(own.origin.as_str());
        if !is_service {
            *others.entry(&own.origin).or_default() += 1;
        } else if service_of(api, own).is_none() {
            let name = service_name(api, &own.origin);
            api.services.push(Service {
                name,
                base_path: String::new(),
                deployed: vec![(own.origin.clone(), "recorded".to_owned())],
            });
        }
    }
    for (origin, count) in others {
        let what = format!("{origin} (requests: {count})");
        api.left
            .push(Left::new(what, "nothing there answered with JSON"));
    }
}

fn service_name(api: &Api, origin: &str) -> String {
    let host = host(origin);
    let first = host
        .split(['.', ':'])
        .find(|part| *part != "www")
        .unwrap_or_default();
    let mut name = kebab(first);
    if name.is_empty() || name.starts_with(|own: char| own.is_ascii_digit()) || name == "localhost"
    {
        "api".clone_into(&mut name);
    }
    let taken = |name: &str| api.services.iter().any(|own| own.name == name);
    match taken(&name) {
        false => name,
        true => (2..)
            .map(|number| format!("{name}-{number}"))
            .find(|own| !taken(own))
            .unwrap_or(name),
    }
}

/// A path with a hole for each segment that names one thing among many.
pub(super) fn shape(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| match is_id(part) || holds_label(part) {
            true => "{id}",
            false => part,
        });
    parts.collect::<Vec<_>>().join("/")
}

fn operation(all: &[&Exchange], traced: Traced, api: &mut Api) {
    let Some(first) = all.first() else { return };
    let service = service_of(api, first)
        .map(|own| own.name.clone())
        .unwrap_or_default();
    let line = first.line();
    let others: Vec<&&Exchange> = all.iter().filter(|own| own.path != first.path).collect();
    let same: Vec<&Exchange> = all
        .iter()
        .filter(|own| own.path == first.path)
        .copied()
        .collect();
    if !others.is_empty() && first.method == "GET" {
        let why = format!(
            "paths like it that were read, too: {}; one stands for all",
            distinct(&others)
        );
        api.left.push(Left::new(line.clone(), why));
    }
    let mut parameters = query(&same, &line, api);
    let path = holes(&first.path, &mut parameters);
    let refusals = all
        .iter()
        .map(|own| own.status)
        .filter(|own| (400..500).contains(own));
    let mut refusals: Vec<u16> = refusals.collect();
    refusals.sort_unstable();
    refusals.dedup();
    api.operations.push(Operation {
        method: first.method.clone(),
        service,
        path,
        group: None,
        parameters,
        body: body(all),
        answer: answer(all),
        refusals,
        is_open: !all.iter().any(|own| carries(own)),
        traced,
    });
}

/// A path with a parameter for each segment that names one thing among many.
fn holes(path: &str, parameters: &mut Vec<Parameter>) -> String {
    let is_hole = |own: &&str| is_id(own) || holds_label(own);
    let mut holed = path.to_owned();
    for (number, part) in path.split('/').filter(is_hole).enumerate() {
        let name = match number {
            0 => "id".to_owned(),
            more => format!("id{}", more + 1),
        };
        holed = holed.replacen(&format!("/{part}"), &format!("/{{{name}}}"), 1);
        parameters.push(Parameter {
            place: Place::Path,
            name,
            required: true,
            schema: json!({"type": "string"}),
            sample: (!holds_label(part)).then(|| Value::from(part)),
        });
    }
    holed
}

/// What was sent: its shape by all of it.
fn body(all: &[&Exchange]) -> Option<Body> {
    let sent = all.iter().filter_map(|own| own.body.as_ref());
    let values: Vec<&Value> = sent.map(|own| &own.value).collect();
    let first = all.iter().find_map(|own| own.body.as_ref())?;
    Some(Body {
        form: first.form,
        schema: infer(&values, ""),
        sample: Some(first.value.clone()),
    })
}

fn distinct(others: &[&&Exchange]) -> usize {
    let mut paths: Vec<&str> = others.iter().map(|own| own.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.len()
}

/// What was answered with success: its shape by all of it, the data by the first.
pub(super) fn answer(all: &[&Exchange]) -> Option<Answer> {
    let good: Vec<&&Exchange> = all.iter().filter(|own| own.succeeded()).collect();
    let first = good
        .iter()
        .find(|own| own.answer.is_some())
        .or(good.first())?;
    let values: Vec<&Value> = good.iter().filter_map(|own| own.answer.as_ref()).collect();
    let headers = first.answer_headers.iter();
    let is_json = is_json(&first.kind);
    Some(Answer {
        kind: match (is_json, first.answer.is_some()) {
            // An archive may leave out the bodies: then nothing is known of them.
            (true, false) => String::new(),
            _ => first.kind.clone(),
        },
        schema: (!values.is_empty()).then(|| infer(&values, "")),
        sample: values.first().map(|own| (*own).clone()),
        headers: headers.map(|(name, _)| name.clone()).collect(),
    })
}

/// The parameters that were sent in queries: those that were always the same are always sent.
fn query(all: &[&Exchange], line: &str, api: &mut Api) -> Vec<Parameter> {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in all.iter().flat_map(|own| &own.query) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut parameters = Vec::new();
    for name in names {
        let values: Vec<&String> = all
            .iter()
            .filter_map(|own| own.query.iter().find(|(own, _)| own == name))
            .map(|(_, value)| value)
            .collect();
        let Some(first) = values.first() else {
            continue;
        };
        if values.iter().any(|own| holds_label(own)) {
            let why = format!("`{name}` in its query may be a secret: it was left out");
            api.left.push(Left::new(line, why));
            continue;
        }
        let sample = first
            .parse::<u64>()
            .map_or_else(|_| Value::from(first.as_str()), Value::from);
        parameters.push(Parameter {
            place: Place::Query,
            name: name.clone(),
            required: values.len() == all.len() && values.iter().all(|own| own == first),
            schema: json!({}),
            sample: Some(sample),
        });
    }
    parameters
}

/// Whether a request carries a token.
fn carries(own: &Exchange) -> bool {
    own.headers.iter().any(|(name, value)| {
        ["authorization", "cookie"].contains(&name.as_str()) || value.contains("‹access")
    })
}

/// How requests carry the access token.
fn carrier(recording: &Recording) -> Option<Known<Carrier>> {
    let headers = || {
        recording
            .exchanges
            .iter()
            .filter(|own| !is_engine(own))
            .flat_map(|own| &own.headers)
    };
    let why = |name: &str| format!("requests carried a token in `{name}`");
    let token = headers().find(|(name, value)| name != "cookie" && value.contains("‹access"));
    if let Some((name, value)) = token {
        let start = value.find('‹').unwrap_or_default();
        let template = format!("{}{{access-token}}", &value[..start]);
        return Some(Known {
            value: Carrier::Header(name.clone(), template),
            why: why(name),
        });
    }
    let set = recording
        .exchanges
        .iter()
        .flat_map(|own| &own.answer_headers);
    let named = set
        .filter(|(name, _)| name == "set-cookie")
        .find_map(|(_, value)| {
            let name = value.split('=').next()?.trim().to_owned();
            let sent = format!("{name}=");
            let is_sent =
                headers().any(|(header, value)| header == "cookie" && value.contains(&sent));
            is_sent.then_some(name)
        });
    named.map(|name| Known {
        why: format!("the cookie `{name}` was set and sent again"),
        value: Carrier::Cookie(name),
    })
}

/// Adds what was seen to what a document says: answers, and which values parameters had.
pub(super) fn enrich(api: &mut Api, recording: &Recording) {
    let mut unknown: Vec<String> = Vec::new();
    let mut origins: Vec<String> = Vec::new();
    let bases: BTreeMap<String, String> = api
        .services
        .iter()
        .map(|own| (own.name.clone(), own.base_path.clone()))
        .collect();
    for own in recording.exchanges.iter().filter(|own| !is_engine(own)) {
        let found = api.operations.iter_mut().find_map(|operation| {
            let base = bases.get(&operation.service).map_or("", String::as_str);
            let holes = (operation.method == own.method)
                .then(|| filled(&operation.path, base, &own.path))??;
            Some((operation, holes))
        });
        let Some((operation, holes)) = found else {
            if is_json(&own.kind) && !unknown.contains(&own.line()) {
                unknown.push(own.line());
            }
            continue;
        };
        if !origins.contains(&own.origin) {
            origins.push(own.origin.clone());
        }
        if own.succeeded()
            && let (Some(answer), Some(seen)) = (&mut operation.answer, &own.answer)
            && answer.is_json()
        {
            let already = operation
                .parameters
                .iter()
                .any(|own| own.place == Place::Path && own.required && own.sample.is_some());
            if holes.is_empty() || !already {
                answer.sample = Some(seen.clone());
            }
        }
        for parameter in &mut operation.parameters {
            let value = match parameter.place {
                Place::Path => holes.iter().find(|(name, _)| *name == parameter.name),
                Place::Query => own.query.iter().find(|(name, _)| *name == parameter.name),
                _ => None,
            };
            if let Some((_, value)) = value
                && parameter.sample.is_none()
                && !holds_label(value)
            {
                parameter.sample = Some(Value::from(value.as_str()));
            }
        }
    }
    for line in unknown {
        api.left.push(Left::new(
            line,
            "it was recorded, and the document does not know it",
        ));
    }
}

/// What stands in the holes of a path, if another path is one of these; the base path may stand before it or not.
fn filled(template: &str, base: &str, path: &str) -> Option<Vec<(String, String)>> {
    let path = path.strip_prefix(base).unwrap_or(path);
    let (own, other): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), path.split('/').collect());
    if own.len() != other.len() {
        return None;
    }
    let mut holes = Vec::new();
    for (own, other) in own.iter().zip(other) {
        match own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) {
            Some(name) => holes.push((name.to_owned(), other.to_owned())),
            None if *own == other => {}
            None => return None,
        }
    }
    Some(holes)
}

/// What stands in the place of secrets in what a contract says.
pub(super) fn without_labels(value: &mut Value) -> bool {
    match value {
        Value::String(text) if holds_label(text) => {
            "left-out".clone_into(text);
            true
        }
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, own| without_labels(own) | any),
        Value::Object(fields) => {
            let fields: &mut Map<String, Value> = fields;
            fields
                .values_mut()
                .fold(false, |any, own| without_labels(own) | any)
        }
        _ => false,
    }
}
