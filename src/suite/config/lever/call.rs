//! One thing that an operator does to move a lever: a call by HTTP, or a program.

use std::time::Duration;

use serde_json::Value;

use super::command::{self, Command};
use super::{Surroundings, live, placeholders};
use crate::domain::scenario::Lever;
use crate::domain::secret::Secret;
use crate::domain::selector::{Selector, Template};
use crate::suite::config::variables::Filled;
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::suggest;
use crate::suite::trace::Seen;

/// How long one attempt may take unless the file says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that the operator does.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// How it is told: as the file has it where it depends on the environment.
    pub shown: String,
    /// How it is made.
    pub by: By,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long the call is repeated until it is done; once without it.
    pub repeat_for: Option<Duration>,
}

/// How a call is made.
#[derive(Debug, Clone, PartialEq)]
pub enum By {
    /// By HTTP.
    Request(Request),
    /// By a program.
    Command(Command),
}

/// A call by HTTP.
///
/// URL, headers and body are templates over `{service}`, `{event}` and `{payload}`, and headers and
/// body also over `{env:NAME}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// The whole URL. What the environment says is filled in, and may be secret.
    pub url: Secret,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body, sent as JSON unless it is a text.
    pub body: Option<Template>,
    /// What counts as done.
    pub done: Done,
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

impl Call {
    /// Whether it says which service it is about.
    pub(super) fn says_which(&self) -> bool {
        let templates: Vec<Template> = match &self.by {
            By::Request(request) => {
                let texts = request.headers.iter().map(|(_, value)| value.as_str());
                let texts = texts.chain([request.url.expose()]);
                let texts = texts.map(|text| Template(text.into()));
                texts.chain(request.body.clone()).collect()
            }
            By::Command(command) => command.templates().collect(),
        };
        let mut templates = templates.iter();
        templates.any(|template| template.names().iter().any(|name| name == "service"))
    }
}

/// Reads a call: a line, or a table.
pub(super) fn call(
    lever: &Lever,
    cursor: &Cursor<'_>,
    around: &mut Surroundings<'_>,
) -> Option<Call> {
    cursor.takes(|| Seen::Shared("call"));
    if cursor.node.scalar().is_some() {
        let line = line(lever, cursor, around)?;
        return Some(Call {
            shown: line.shown,
            by: By::Request(Request {
                method: line.method,
                url: line.url,
                headers: Vec::new(),
                body: None,
                done: Done::default(),
            }),
            timeout: PATIENCE,
            repeat_for: None,
        });
    }
    let fields = cursor.fields("a call")?;
    let made = match fields.get("command") {
        Some(words) => {
            let read = command::read(lever, &words, &fields, around);
            read.map(|(shown, command)| (shown, By::Command(command)))
        }
        None => request(lever, &fields, around),
    };
    let timeout = fields.or("timeout", PATIENCE, Cursor::positive_duration);
    let repeat_for = fields.maybe("repeat-for", Cursor::positive_duration);
    let (shown, by) = made?;
    Some(Call {
        shown,
        by,
        timeout: timeout?,
        repeat_for: repeat_for?,
    })
}

/// A call by HTTP, and how it is told.
fn request(
    lever: &Lever,
    fields: &Fields<'_>,
    around: &mut Surroundings<'_>,
) -> Option<(String, By)> {
    let line = fields
        .need("request")
        .and_then(|cursor| line(lever, &cursor, around));
    let headers = fields.or("headers", Vec::new(), |cursor| {
        let headers: Vec<Option<(String, String)>> = cursor
            .entries()?
            .iter()
            .map(|(entry, value)| header(lever, &entry.key, value, around))
            .collect();
        headers.into_iter().collect()
    });
    let body = body(lever, fields, around);
    let done = fields.or("done", Done::default(), done);
    let line = line?;
    let request = Request {
        method: line.method,
        url: line.url,
        headers: headers?,
        body: body?,
        done: done?,
    };
    Some((line.shown, By::Request(request)))
}

fn header(
    lever: &Lever,
    name: &str,
    value: &Cursor<'_>,
    around: &mut Surroundings<'_>,
) -> Option<(String, String)> {
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return value.refuse(
            format!("`{name}` cannot be a header's name"),
            "letters, digits and `-`",
        );
    }
    let text = value.name_text()?;
    placeholders(lever, value, &Template(text.as_str().into()), around)?;
    Some((name.to_owned(), text))
}

/// `json = { … }`, or `text = "…"`.
fn body(
    lever: &Lever,
    fields: &Fields<'_>,
    around: &mut Surroundings<'_>,
) -> Option<Option<Template>> {
    let mut checked = |cursor: &Cursor<'_>, body: Value| {
        let template = Template(body);
        placeholders(lever, cursor, &template, around)?;
        Some(template)
    };
    let json = fields.maybe("json", |cursor| checked(cursor, cursor.json()?));
    let text = fields.maybe("text", |cursor| checked(cursor, cursor.text()?.into()));
    match (json?, text?) {
        (Some(_), Some(_)) => fields.refuse("a call has one body", "write `json` or `text`"),
        (json, text) => Some(json.or(text)),
    }
}

/// Where a call goes.
struct Line {
    shown: String,
    method: String,
    url: Secret,
}

/// `METHOD service /path`, or `METHOD https://…`, with its variables filled in.
fn line(lever: &Lever, cursor: &Cursor<'_>, around: &Surroundings<'_>) -> Option<Line> {
    const FORM: &str =
        "write `PUT api /ops/maintenance` or `PUT https://ops.example.com/maintenance`";
    let written = cursor.name_text()?;
    let text = match around.variables.filled(cursor, &written, live(lever))? {
        Filled::Known(text) => text,
        // Whatever the variables say, it is checked when they are looked up.
        Filled::Unknown => {
            return Some(Line {
                shown: written,
                method: String::new(),
                url: Secret::new(""),
            });
        }
    };
    // What the environment says is not repeated.
    let by_variables = text != written;
    let words: Vec<&str> = text.split_whitespace().collect();
    let (method, url) = match words[..] {
        [method, service, path] if path.starts_with('/') => {
            (method, below(cursor, service, path, around, by_variables)?)
        }
        [method, url] if url.starts_with("http://") || url.starts_with("https://") => {
            (method, url.to_owned())
        }
        _ if by_variables => {
            return cursor.refuse(
                format!(
                    "{} is not a call once its variables are filled in",
                    cursor.name
                ),
                FORM,
            );
        }
        _ => return cursor.refuse(not_a_call(&cursor.name, &words), FORM),
    };
    if !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        let named = if by_variables {
            "its first word"
        } else {
            method
        };
        return cursor.refuse(format!("`{named}` is not an HTTP method"), FORM);
    }
    let method = method.to_ascii_uppercase();
    Some(Line {
        shown: match by_variables {
            true => written,
            false => format!("{method} {url}"),
        },
        method,
        url: Secret::new(url),
    })
}

/// What keeps a line from being a call.
fn not_a_call(name: &str, words: &[&str]) -> String {
    let why = match words {
        [_] => "after the method comes a service of the target and a path, or a URL",
        [_, path] if path.starts_with('/') => {
            "between method and path stands a service of the target"
        }
        [_, _] => "after the method comes a URL with http:// or https://, or a service and a path",
        [_, _, _] => "the path after the service begins with `/`",
        _ => "it has more words than a method, a service and a path",
    };
    format!("{name} is not a call: {why}")
}

/// The URL of a path below a service.
fn below(
    cursor: &Cursor<'_>,
    service: &str,
    path: &str,
    around: &Surroundings<'_>,
    by_variables: bool,
) -> Option<String> {
    // Without readable services, names cannot be told to be wrong.
    let Some(services) = around.services else {
        return Some(path.to_owned());
    };
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    match services.get(service) {
        Some(base) => Some(format!("{}{path}", base.as_str().trim_end_matches('/'))),
        None if by_variables => cursor.refuse(
            "the second word of this call names no service once its variables are filled in",
            format!("write {}", suggest::any_of(names.into_iter())),
        ),
        None => {
            cursor.known("service", service, &names)?;
            None
        }
    }
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
