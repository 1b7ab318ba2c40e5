//! How levers are moved.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::reach::{self, OutOfReach, Reach};
use super::variables::{Filled, Variables};
use crate::domain::scenario::Lever;
use crate::domain::secret::Secret;
use crate::domain::selector::{Selector, Template};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::suggest;
use crate::suite::trace::Seen;

/// How long one attempt may take unless the file says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

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
        /// What the calls are about, where a lever is about services.
        reach: Reach,
    },
}

impl LeverMeans {
    /// Whether it moves `asked`, or without that every one of `all` services.
    ///
    /// # Errors
    /// What it moves instead.
    pub fn reaches<'s>(
        &self,
        asked: Option<&str>,
        all: impl Iterator<Item = &'s str>,
    ) -> Result<(), OutOfReach> {
        let Self::Http { reach, .. } = self else {
            return Ok(());
        };
        reach.covers(asked, all)
    }

    /// How long it may take at most to put back what it moves once: no call of it is given up sooner, and
    /// one that is under way comes to its end before.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let Self::Http { set, reset, .. } = self else {
            return Duration::ZERO;
        };
        let under_way = set.iter().map(|call| call.timeout).max();
        let each = reset
            .iter()
            .map(|call| call.timeout + call.repeat_for.unwrap_or_default());
        each.sum::<Duration>() + under_way.unwrap_or_default()
    }

    /// Every call that it makes.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        let (set, reset) = match self {
            Self::Gateway => (&[][..], &[][..]),
            Self::Http { set, reset, .. } => (&set[..], &reset[..]),
        };
        set.iter().chain(reset)
    }
}

/// One HTTP call of the operator.
///
/// URL, headers and body are templates over `{service}`, `{event}` and `{payload}`, and headers and
/// body also over `{env:NAME}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// How it is told: as the file has it where it depends on the environment.
    pub shown: String,
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

/// What a lever's calls are read with.
pub(super) struct Surroundings<'s> {
    /// The target's services, if they could be read.
    pub(super) services: Option<&'s BTreeMap<String, Url>>,
    pub(super) variables: &'s Variables<'s>,
    /// What headers and bodies take from the environment is collected here.
    pub(super) secrets: &'s mut BTreeMap<String, Secret>,
}

/// Reads how one lever is moved.
pub(super) fn read(
    lever: &Lever,
    cursor: &Cursor<'_>,
    around: &mut Surroundings<'_>,
) -> Option<LeverMeans> {
    if *lever == Lever::Malform {
        return cursor.refuse(
            "no deployment can be told to answer with bad data",
            "leave `malform` away: only the mock has this lever",
        );
    }
    if let Some(word) = cursor.node.scalar() {
        return by_word(lever, word, cursor);
    }
    let fields = cursor.fields("a lever")?;
    let mut calls = |key: &'static str| {
        let cursor = fields.need(key)?;
        let calls: Vec<Option<Call>> = cursor
            .one_or_more()
            .iter()
            .map(|item| call(lever, item, around))
            .collect();
        calls.into_iter().collect::<Option<Vec<Call>>>()
    };
    let (set, reset) = match lever {
        Lever::Maintenance => (calls("on"), calls("off")),
        Lever::Backend => (calls("stop"), calls("start")),
        Lever::Malform => return None,
        Lever::Push | Lever::ExpireTokens | Lever::DropSockets | Lever::Own(_) => {
            (calls("call"), Some(Vec::new()))
        }
    };
    let moved = match lever {
        Lever::Backend => fields.maybe("services", |cursor| reach::named(cursor, around.services)),
        _ => Some(None),
    };
    let (set, reset, moved) = (set?, reset?, moved?);
    let says_which = set.iter().chain(&reset).any(Call::says_which);
    let reach = match (lever, moved) {
        (Lever::Backend, Some(moved)) if says_which => Reach::Each(moved),
        (Lever::Backend, Some(moved)) => Reach::Together(moved),
        _ => Reach::Any,
    };
    Some(LeverMeans::Http { set, reset, reach })
}

/// A lever without calls of its own is the gateway's to imitate, if it can.
fn by_word(lever: &Lever, word: &str, cursor: &Cursor<'_>) -> Option<LeverMeans> {
    let imitated = IMITATED.contains(lever);
    if word == "gateway" {
        if imitated {
            cursor.takes(|| Seen::Words(vec![word.to_owned()]));
            return Some(LeverMeans::Gateway);
        }
        return cursor.refuse(
            format!("the gateway cannot imitate `{lever}`: only the backend can do that"),
            "write the operator's call, or leave the lever out: scenarios that need it are skipped",
        );
    }
    let form = match lever {
        Lever::Maintenance => "{ on = \"PUT api /on\", off = \"PUT api /off\" }",
        Lever::Backend => "{ stop = \"POST api /stop\", start = \"POST api /start\" }",
        _ => "{ call = \"POST api /ops\" }",
    };
    let or = if imitated { ", or `\"gateway\"`" } else { "" };
    cursor.refuse(
        format!("`{lever}` needs a table that says how it is moved"),
        format!("write `{form}`{or}"),
    )
}

impl Call {
    /// Whether it says which service it is about.
    fn says_which(&self) -> bool {
        let texts = self.headers.iter().map(|(_, value)| value.as_str());
        let texts = texts.chain([self.url.expose()]);
        let mut templates = texts
            .map(|text| Template(text.into()))
            .chain(self.body.clone());
        templates.any(|template| template.names().iter().any(|name| name == "service"))
    }
}

fn call(lever: &Lever, cursor: &Cursor<'_>, around: &mut Surroundings<'_>) -> Option<Call> {
    cursor.takes(|| Seen::Shared("call"));
    if cursor.node.scalar().is_some() {
        let line = line(lever, cursor, around)?;
        return Some(Call {
            shown: line.shown,
            method: line.method,
            url: line.url,
            headers: Vec::new(),
            body: None,
            done: Done::default(),
            timeout: PATIENCE,
            repeat_for: None,
        });
    }
    let fields = cursor.fields("a call")?;
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
    let body = body(lever, &fields, around);
    let done = fields.or("done", Done::default(), done);
    let timeout = fields.or("timeout", PATIENCE, Cursor::positive_duration);
    let repeat_for = fields.maybe("repeat-for", Cursor::positive_duration);
    let line = line?;
    Some(Call {
        shown: line.shown,
        method: line.method,
        url: line.url,
        headers: headers?,
        body: body?,
        done: done?,
        timeout: timeout?,
        repeat_for: repeat_for?,
    })
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

/// The placeholders that mean something to the calls of a lever.
fn live(lever: &Lever) -> &'static [&'static str] {
    match lever {
        Lever::Backend => &["service"],
        Lever::Push => &["event", "payload"],
        _ => &[],
    }
}

/// Whether every placeholder means something to this lever. What the environment says is collected.
fn placeholders(
    lever: &Lever,
    cursor: &Cursor<'_>,
    template: &Template,
    around: &mut Surroundings<'_>,
) -> Option<()> {
    let place = format!("a call of `{lever}`");
    for name in Variables::check(cursor, template, live(lever), &place)? {
        if let Some(value) = around.variables.of_placeholder(cursor, &name) {
            around.secrets.insert(name, value);
        }
    }
    Some(())
}
