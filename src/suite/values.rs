//! Values with a notation of their own: durations, selectors, patterns, templates, statuses.

use std::time::Duration;

use serde_json::Value;

use super::cursor::Cursor;
use super::node::{Content, Node};
use super::numeral::{self, Keeping};
use super::suggest::{nearest, suggest};
use super::trace::Seen;
use crate::domain::beginning::Beginning;
use crate::domain::contract::{PathPattern, RequestPattern};
use crate::domain::duration;
use crate::domain::selector::Selector;

// How texts look to a schema; what else must hold of them, their parsers say.
const DURATION: &str = r"^\s*[0-9]+(ms|s|m|h|d)\s*$";
const BEGINNING: &str =
    r"^\s*([+-][0-9]+(ms|s|m|h|d)|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}.*)\s*$";
const LASTING: &str = r"^\s*0*[1-9][0-9]*(ms|s|m|h|d)\s*$";
const SELECTOR: &str = "^($|/|\\$|header:.|cookie:.)";
const IN_BODY: &str = "^($|/|\\$)";
const POINTER: &str = "^($|/)";
const REQUEST_PATTERN: &str = r"^\s*\S+\s+(\S+\s+)?/\S*\s*$";

impl Cursor<'_> {
    /// `500ms`, `20s`, `5m`.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.takes(|| Seen::Form(DURATION));
        self.parsed(
            duration::parse,
            "write a whole number and a unit, like `500ms`, `20s` or `5m`",
        )
    }

    /// `2026-03-29T00:59:30Z`, `+2h`, `-7d`.
    pub(crate) fn beginning(&self) -> Option<Beginning> {
        self.takes(|| Seen::Form(BEGINNING));
        self.parsed(
            Beginning::parse,
            "write a moment, or how far from now, like `+2h` or `-7d`",
        )
    }

    /// A duration that is not zero.
    pub(crate) fn positive_duration(&self) -> Option<Duration> {
        let value = self.duration()?;
        self.takes(|| Seen::Form(LASTING));
        if value.is_zero() {
            return self.refuse(
                format!("{} must be longer than nothing", self.name),
                "write at least `1ms`",
            );
        }
        Some(value)
    }

    /// A selector into an answer.
    pub(crate) fn selector(&self) -> Option<Selector> {
        self.takes(|| Seen::Form(SELECTOR));
        self.parsed(
            Selector::parse,
            "a JSON Pointer (`/data/token`) or JSONPath (`$.data.token`)",
        )
    }

    /// A selector into a body, which cannot be a header or a cookie.
    pub(crate) fn body_selector(&self) -> Option<Selector> {
        let selector = self.selector()?;
        self.takes(|| Seen::Form(IN_BODY));
        match selector {
            Selector::Header(_) | Selector::Cookie(_) => self.refuse(
                format!("{} must stand in the body", self.name),
                "write a JSON Pointer (`/data/items`) or a JSONPath (`$.data.items`)",
            ),
            selector => Some(selector),
        }
    }

    /// A JSON Pointer; the empty one is the whole value.
    pub(crate) fn pointer(&self) -> Option<String> {
        let selector = self.selector()?;
        self.takes(|| Seen::Form(POINTER));
        match selector {
            Selector::Pointer(pointer) => Some(pointer),
            _ => self.refuse(
                format!("{} must be a JSON Pointer", self.name),
                "write it like `/data/items/0/name`; the empty pointer is the whole value",
            ),
        }
    }

    /// `METHOD service /path/**`, or `METHOD /path/**` where there is only one service.
    pub(crate) fn request_pattern(&self, services: &[&str]) -> Option<RequestPattern> {
        self.takes(|| Seen::Form(REQUEST_PATTERN));
        let pattern = self.parsed(
            |text| RequestPattern::parse_among(text, services),
            "write it like `POST trading /api/orders` or `* trading /internal/**`",
        )?;
        if let Some(service) = &pattern.service {
            self.known("service", service, services)?;
        }
        if let Some(method) = &pattern.method {
            self.method(method)?;
        }
        Some(pattern)
    }

    /// An HTTP method. Any token may be one (RFC 9110 §9.1), but what nearly is a registered one is a
    /// slip, and a forbid list with a slip forbids nothing.
    pub(crate) fn method(&self, text: &str) -> Option<String> {
        let method = text.to_ascii_uppercase();
        match nearest(&method, METHODS.into_iter()) {
            Some(known) if known != method => self.refuse(
                format!("`{text}` is not an HTTP method"),
                format!("did you mean `{known}`?"),
            ),
            _ => Some(method),
        }
    }

    /// A path below a service's URL, which may hold `{placeholders}` but no query.
    pub(crate) fn path(&self, text: &str) -> Option<String> {
        if let Err(why) = PathPattern::parse(text) {
            return self.refuse(
                why,
                "write the path below the service's URL, like `/api/orders`",
            );
        }
        if text.contains(['?', '#', '*', ' ']) {
            return self.refuse(
                format!("`{text}` is not a plain path"),
                "query parameters stand under `query`; patterns only in `forbid` and `allow`",
            );
        }
        Some(text.to_owned())
    }

    /// A name that must be among `known`. `what` says of which kind it is: `resource`.
    pub(crate) fn known(&self, what: &str, name: &str, known: &[&str]) -> Option<()> {
        if known.contains(&name) {
            return Some(());
        }
        self.refuse(
            format!("there is no {what} `{name}`"),
            suggest(name, known.iter().copied()),
        )
    }

    /// The text as a name that must be among `known`.
    pub(crate) fn known_name(&self, what: &str, known: &[&str]) -> Option<String> {
        let name = self.text()?;
        self.known(what, &name, known)?;
        Some(name)
    }

    /// HTTP statuses: one, or a list.
    pub(crate) fn statuses(&self) -> Option<Vec<u16>> {
        let statuses = self.one_or_more();
        if statuses.is_empty() {
            return self.refuse(
                format!("{} is empty", self.name),
                "name at least one status, or leave the key away",
            );
        }
        statuses.iter().map(Cursor::status).collect()
    }

    /// An HTTP status, from 100 to 599.
    pub(crate) fn status(&self) -> Option<u16> {
        self.takes(|| Seen::Status);
        self.node
            .scalar()
            .and_then(|text| text.parse().ok())
            .filter(|status| (100..=599).contains(status))
            .or_else(|| {
                self.refuse(
                    format!("{} must be an HTTP status", self.name),
                    "write a number from 100 to 599",
                )
            })
    }

    /// Any JSON value, in which no number is another one than the file says.
    pub(crate) fn json(&self) -> Option<Value> {
        self.takes(|| Seen::Json);
        self.numerals(self.node, Keeping::Value)?;
        Some(self.node.to_json())
    }

    /// Whether every numeral below `node` can be kept. Each that cannot is told where it stands.
    fn numerals(&self, node: &Node, keeping: Keeping) -> Option<()> {
        match &node.content {
            Content::Plain(_) => self.numeral(node, keeping),
            Content::Quoted(_) => Some(()),
            Content::List(items) => items
                .iter()
                .map(|item| self.numerals(item, keeping))
                .fold(Some(()), Option::and),
            Content::Map(entries) => entries
                .iter()
                .map(|entry| self.numerals(&entry.value, keeping))
                .fold(Some(()), Option::and),
        }
    }

    /// Whether one plain scalar can be kept.
    pub(crate) fn numeral(&self, node: &Node, keeping: Keeping) -> Option<()> {
        let written = node.scalar().unwrap_or_default();
        let Some(read) = numeral::altered(written, &node.to_json(), keeping) else {
            return Some(());
        };
        let here = Cursor {
            node,
            ..self.clone()
        };
        here.refuse(
            format!("`{written}` would become the number {read}"),
            format!("quote it to keep it as it is written (`\"{written}\"`), or write `{read}`"),
        )
    }

    /// What a value at `at` is compared with: headers and cookies hold texts, bodies JSON.
    pub(crate) fn compared_at(&self, at: &Selector) -> Option<Value> {
        match at {
            Selector::Header(_) | Selector::Cookie(_) => self.written().map(Value::from),
            Selector::Pointer(_) | Selector::Path(_) => self.json(),
        }
    }

    /// A JSON Schema that can be compiled.
    pub(crate) fn schema(&self, depth: Depth) -> Option<Value> {
        let schema = self.json()?;
        if depth == Depth::Trusting {
            return Some(schema);
        }
        match jsonschema::validator_for(&schema) {
            Ok(_) => Some(schema),
            Err(error) => {
                let at = error.instance_path().to_string();
                let node = self.node.at(&at).unwrap_or(self.node);
                let cursor = Cursor {
                    node,
                    ..self.clone()
                };
                let spot = if at.is_empty() {
                    String::new()
                } else {
                    format!(" at `{at}`")
                };
                cursor.refuse(
                    format!("{} is not a JSON Schema{spot}: {error}", self.name),
                    "see https://json-schema.org/understanding-json-schema",
                )
            }
        }
    }

    fn parsed<T>(&self, parse: impl FnOnce(&str) -> Result<T, String>, hint: &str) -> Option<T> {
        let text = self.text()?;
        match parse(&text) {
            Ok(value) => Some(value),
            // What is wrong and what to write instead, where the domain says both in one sentence.
            Err(why) => match why.split_once(": ") {
                Some((what, write)) if write.starts_with("write ") => self.refuse(what, write),
                _ => self.refuse(why, hint),
            },
        }
    }
}

/// The registered methods that apps use, and those of WebDAV.
const METHODS: [&str; 20] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "QUERY",
    "SEARCH",
    "REPORT",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "PURGE",
];

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Also what takes long: schemas are compiled and data is held against them.
    Thorough,
    /// All but what costs time, for files that the tests of this crate check.
    Trusting,
}
