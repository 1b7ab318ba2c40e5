//! How levers are moved.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::secrets::is_name;
use crate::domain::scenario::Lever;
use crate::domain::selector::{Selector, Template};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::{Content, Span};

/// How a lever is moved.
#[derive(Debug, Clone, PartialEq)]
pub enum LeverMeans {
    /// Imitated at the gateway.
    Gateway,
    /// By HTTP calls, in this order.
    Http {
        /// Maintenance on, backend stopped, or the one thing that the lever does.
        set: Vec<Call>,
        /// Maintenance off, backend running.
        reset: Vec<Call>,
    },
}

/// One HTTP call of the operator.
///
/// URL, headers and body are templates over `{env:NAME}`, `{service}`, `{event}` and `{payload}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The method, upper case.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body, sent as JSON unless it is a text.
    pub body: Option<Template>,
    /// What counts as done.
    pub done: Done,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long the call is repeated until it is done; once without it.
    pub repeat_for: Option<Duration>,
}

/// What counts as done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Done {
    /// Statuses; any from 200 to 299 when there are none.
    pub statuses: Vec<u16>,
    /// A value that the answer must hold.
    pub holds: Option<(Selector, Value)>,
}

impl Done {
    /// Whether an answer says that it is done.
    #[must_use]
    pub fn is_met(&self, status: u16, headers: &[(&str, &str)], body: Option<&Value>) -> bool {
        let status_fits = if self.statuses.is_empty() {
            (200..300).contains(&status)
        } else {
            self.statuses.contains(&status)
        };
        status_fits
            && self.holds.as_ref().is_none_or(|(selector, wanted)| {
                selector
                    .in_answer(headers.iter().copied(), body)
                    .is_some_and(|own| own == *wanted)
            })
    }
}

/// Levers that the gateway can imitate.
const IMITATED: [Lever; 3] = [Lever::Maintenance, Lever::Backend, Lever::DropSockets];

/// Reads how one lever is moved. Variables of the environment that its calls name are collected.
pub(super) fn read(
    lever: &Lever,
    cursor: &Cursor<'_>,
    services: Option<&BTreeMap<String, Url>>,
    variables: &mut Vec<(String, Span)>,
) -> Option<LeverMeans> {
    if cursor.node.scalar().is_some() {
        cursor.word(&[("gateway", ())])?;
        if !IMITATED.contains(lever) {
            return cursor.refuse(
                format!("the gateway cannot imitate `{lever}`: only the backend can do that"),
                "write the operator's call, or leave the lever out: scenarios that need it are skipped",
            );
        }
        return Some(LeverMeans::Gateway);
    }
    let fields = cursor.fields("a lever")?;
    let mut calls = |key: &'static str| {
        let cursor = fields.need(key)?;
        let calls: Vec<Option<Call>> = cursor
            .one_or_more()
            .iter()
            .map(|item| call(lever, item, services, variables))
            .collect();
        calls.into_iter().collect::<Option<Vec<Call>>>()
    };
    let (set, reset) = match lever {
        Lever::Maintenance => (calls("on"), calls("off")),
        Lever::Backend => (calls("stop"), calls("start")),
        Lever::Malform => {
            return cursor.refuse(
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
    cursor: &Cursor<'_>,
    services: Option<&BTreeMap<String, Url>>,
    variables: &mut Vec<(String, Span)>,
) -> Option<Call> {
    let text_only = |cursor: &Cursor<'_>, variables: &mut _| {
        let text = cursor.name_text()?;
        placeholders(lever, cursor, &Template(text.as_str().into()), variables)?;
        Some(text)
    };
    if cursor.node.scalar().is_some() {
        let text = text_only(cursor, variables)?;
        let (method, url) = line(cursor, &text, services)?;
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
    let fields = cursor.fields("a call")?;
    let line = fields.need("request").and_then(|cursor| {
        let text = text_only(&cursor, variables)?;
        line(&cursor, &text, services)
    });
    let headers = fields.or("headers", Vec::new(), |cursor| {
        let headers: Vec<Option<(String, String)>> = cursor
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
    let timeout = fields.or(
        "timeout",
        Duration::from_secs(10),
        Cursor::positive_duration,
    );
    let repeat_for = fields.maybe("repeat-for", Cursor::positive_duration);
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
    let mut checked = |cursor: &Cursor<'_>, body: Value| {
        let template = Template(body);
        placeholders(lever, cursor, &template, variables)?;
        Some(template)
    };
    let json = fields.maybe("json", |cursor| checked(cursor, cursor.json()?));
    let text = fields.maybe("text", |cursor| checked(cursor, cursor.text()?.into()));
    match (json?, text?) {
        (Some(_), Some(_)) => fields.refuse("a call has one body", "write `json` or `text`"),
        (json, text) => Some(json.or(text)),
    }
}

/// `METHOD service /path`, or `METHOD https://…`.
fn line(
    cursor: &Cursor<'_>,
    text: &str,
    services: Option<&BTreeMap<String, Url>>,
) -> Option<(String, String)> {
    const FORM: &str =
        "write `PUT api /ops/maintenance` or `PUT https://ops.example.com/maintenance`";
    let words: Vec<&str> = text.split_whitespace().collect();
    let (method, url) = match words[..] {
        [method, service, path] if path.starts_with('/') => {
            // Without readable services, names cannot be told to be wrong.
            let base = match services {
                None => String::new(),
                Some(services) => {
                    let names: Vec<&str> = services.keys().map(String::as_str).collect();
                    cursor.known("service", service, &names)?;
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
        _ => return cursor.refuse(format!("{} is not a call", cursor.name), FORM),
    };
    if !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return cursor.refuse(format!("`{method}` is not an HTTP method"), FORM);
    }
    Some((method.to_ascii_uppercase(), url))
}

fn done(cursor: &Cursor<'_>) -> Option<Done> {
    if !matches!(cursor.node.content, Content::Map(_)) {
        return Some(Done {
            statuses: cursor.statuses()?,
            holds: None,
        });
    }
    let fields = cursor.fields("`done`")?;
    let statuses = fields.or("status", Vec::new(), Cursor::statuses);
    let at = fields.maybe("at", Cursor::selector);
    let at = at?;
    let is = match (&at, fields.value("is")) {
        (Some(at), Some(cursor)) => Some(cursor.compared_at(at)?),
        (None, Some(cursor)) => Some(cursor.json()?),
        (_, None) => None,
    };
    let holds = match (at, is) {
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
    cursor: &Cursor<'_>,
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
                variables.push((variable.to_owned(), cursor.node.span.clone()));
            }
            _ if known.contains(&name.as_str()) => {}
            _ => {
                let words = known.iter().copied().chain(["env:NAME"]);
                whole = cursor.refuse(
                    format!("there is no placeholder `{{{name}}}` in a call of `{lever}`"),
                    crate::suite::suggest::suggest(&name, words),
                );
            }
        }
    }
    whole
}
