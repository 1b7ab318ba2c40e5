//! How levers are moved.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use super::secrets::is_name;
use super::{Call, Done, LeverMeans};
use crate::domain::scenario::Lever;
use crate::domain::selector::Template;
use crate::suite::fields::{Fields, Place};
use crate::suite::node::{Content, Span};

/// What a lever needs to know of its target.
pub(super) struct Surroundings<'a> {
    pub(super) services: Option<&'a BTreeMap<String, Url>>,
    pub(super) names: &'a [&'a str],
}

/// Levers that the gateway can imitate.
const IMITATED: [Lever; 3] = [Lever::Maintenance, Lever::Backend, Lever::DropSockets];

pub(super) fn read(
    lever: &Lever,
    place: &Place<'_>,
    around: &Surroundings<'_>,
    variables: &mut Vec<(String, Span)>,
) -> Option<LeverMeans> {
    if place.node.scalar().is_some() {
        place.word(&[("gateway", ())])?;
        if !IMITATED.contains(lever) {
            return place.refuse(
                format!("the gateway cannot imitate `{lever}`: only the backend can do that"),
                "write the operator's call, or leave the lever out: scenarios that need it are skipped",
            );
        }
        return Some(LeverMeans::Gateway);
    }
    let fields = place.fields("a lever")?;
    let mut calls = |key: &'static str| {
        let place = fields.need(key)?;
        let calls: Vec<Option<Call>> = place
            .one_or_more()
            .iter()
            .map(|item| call(lever, item, around, variables))
            .collect();
        calls.into_iter().collect::<Option<Vec<Call>>>()
    };
    let (set, reset) = match lever {
        Lever::Maintenance => (calls("on"), calls("off")),
        Lever::Backend => (calls("stop"), calls("start")),
        Lever::Malform => {
            return place.refuse(
                "no deployment can be told to answer with bad data",
                "leave `malform` away: only the mock has this lever",
            );
        }
        Lever::Push | Lever::ExpireTokens | Lever::DropSockets | Lever::Own(_) => {
            (calls("call"), Some(Vec::new()))
        }
    };
    Some(LeverMeans::Http {
        set: set?,
        reset: reset?,
    })
}

fn call(
    lever: &Lever,
    place: &Place<'_>,
    around: &Surroundings<'_>,
    variables: &mut Vec<(String, Span)>,
) -> Option<Call> {
    let text_only = |place: &Place<'_>, variables: &mut _| {
        let text = place.name_text()?;
        placeholders(lever, place, &Template(text.as_str().into()), variables)?;
        Some(text)
    };
    if place.node.scalar().is_some() {
        let text = text_only(place, variables)?;
        let (method, url) = line(place, &text, around)?;
        return Some(Call {
            method,
            url,
            headers: Vec::new(),
            body: None,
            done: Done::default(),
            timeout: Duration::from_secs(10),
            repeat_for: None,
        });
    }
    let fields = place.fields("a call")?;
    let line = fields.need("request").and_then(|place| {
        let text = text_only(&place, variables)?;
        line(&place, &text, around)
    });
    let headers = fields.or("headers", Vec::new(), |place| {
        let headers: Vec<Option<(String, String)>> = place
            .entries()?
            .iter()
            .map(|(entry, value)| {
                if http::HeaderName::from_bytes(entry.key.as_bytes()).is_err() {
                    return value.refuse(
                        format!("`{}` cannot be a header's name", entry.key),
                        "letters, digits and `-`",
                    );
                }
                Some((entry.key.clone(), text_only(value, variables)?))
            })
            .collect();
        headers.into_iter().collect()
    });
    let body = body(lever, &fields, variables);
    let done = fields.or("done", Done::default(), done);
    let timeout = fields.or("timeout", Duration::from_secs(10), Place::positive_duration);
    let repeat_for = fields.maybe("repeat-for", Place::positive_duration);
    let (method, url) = line?;
    Some(Call {
        method,
        url,
        headers: headers?,
        body: body?,
        done: done?,
        timeout: timeout?,
        repeat_for: repeat_for?,
    })
}

/// `json = { … }`, or `text = "…"`.
fn body(
    lever: &Lever,
    fields: &Fields<'_>,
    variables: &mut Vec<(String, Span)>,
) -> Option<Option<Template>> {
    let mut template = |place: &Place<'_>| {
        let template = Template(place.node.to_json());
        placeholders(lever, place, &template, variables)?;
        Some(template)
    };
    let json = fields.maybe("json", &mut template);
    let text = fields.maybe("text", |place| {
        place.text()?;
        template(place)
    });
    match (json?, text?) {
        (Some(_), Some(_)) => fields.refuse("a call has one body", "write `json` or `text`"),
        (json, text) => Some(json.or(text)),
    }
}

/// `METHOD service /path`, or `METHOD https://…`.
fn line(place: &Place<'_>, text: &str, around: &Surroundings<'_>) -> Option<(String, String)> {
    const FORM: &str =
        "write `PUT api /ops/maintenance` or `PUT https://ops.example.com/maintenance`";
    let words: Vec<&str> = text.split_whitespace().collect();
    let (method, url) = match words[..] {
        [method, service, path] if path.starts_with('/') => {
            // Without readable services, names cannot be told to be wrong.
            let base = match around.services {
                None => String::new(),
                Some(services) => {
                    place.known("service", service, around.names)?;
                    services
                        .get(service)?
                        .as_str()
                        .trim_end_matches('/')
                        .to_owned()
                }
            };
            (method, format!("{base}{path}"))
        }
        [method, url] if url.starts_with("http://") || url.starts_with("https://") => {
            (method, url.to_owned())
        }
        _ => return place.refuse(format!("{} is not a call", place.name), FORM),
    };
    if !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return place.refuse(format!("`{method}` is not an HTTP method"), FORM);
    }
    Some((method.to_ascii_uppercase(), url))
}

fn done(place: &Place<'_>) -> Option<Done> {
    if !matches!(place.node.content, Content::Map(_)) {
        return Some(Done {
            statuses: place.statuses()?,
            holds: None,
        });
    }
    let fields = place.fields("`done`")?;
    let statuses = fields.or("status", Vec::new(), Place::statuses);
    let at = fields.maybe("at", Place::selector);
    let is = fields.get("is").map(|place| place.node.to_json());
    let holds = match (at?, is) {
        (Some(at), Some(is)) => Some((at, is)),
        (None, None) => None,
        _ => {
            return fields.refuse(
                "`at` and `is` belong together",
                "write `done = { at = \"/state\", is = \"off\" }`",
            );
        }
    };
    Some(Done {
        statuses: statuses?,
        holds,
    })
}

/// Whether every placeholder means something to this lever; variables are collected.
fn placeholders(
    lever: &Lever,
    place: &Place<'_>,
    template: &Template,
    variables: &mut Vec<(String, Span)>,
) -> Option<()> {
    let known: &[&str] = match lever {
        Lever::Backend => &["service"],
        Lever::Push => &["event", "payload"],
        _ => &[],
    };
    let mut whole = Some(());
    for name in template.names() {
        match name.strip_prefix("env:") {
            Some(variable) if is_name(variable) => {
                variables.push((variable.to_owned(), place.node.span.clone()));
            }
            _ if known.contains(&name.as_str()) => {}
            _ => {
                let words = known.iter().copied().chain(["env:NAME"]);
                whole = place.refuse(
                    format!("there is no placeholder `{{{name}}}` in a call of `{lever}`"),
                    crate::suite::fields::suggest(&name, words),
                );
            }
        }
    }
    whole
}
