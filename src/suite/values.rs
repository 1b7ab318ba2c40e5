//! Values with a notation of their own: durations, selectors, patterns, templates, statuses.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::{Place, nearest, suggest};
use super::node::{Content, Node};
use crate::domain::contract::{PathPattern, RequestPattern};
use crate::domain::duration;
use crate::domain::selector::{Selector, Template, fill_text};

impl Place<'_> {
    /// `500ms`, `20s`, `5m`.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.parsed(
            duration::parse,
            "write a whole number and a unit, like `500ms`, `20s` or `5m`",
        )
    }

    /// A duration that is not zero.
    pub(crate) fn positive_duration(&self) -> Option<Duration> {
        let value = self.duration()?;
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
        self.parsed(
            Selector::parse,
            "a JSON Pointer (`/data/token`) or JSONPath (`$.data.token`)",
        )
    }

    /// A selector into a body, which cannot be a header or a cookie.
    pub(crate) fn body_selector(&self) -> Option<Selector> {
        match self.selector()? {
            Selector::Header(_) | Selector::Cookie(_) => self.refuse(
                format!("{} must stand in the body", self.name),
                "write a JSON Pointer (`/data/items`) or a JSONPath (`$.data.items`)",
            ),
            selector => Some(selector),
        }
    }

    /// A JSON Pointer.
    pub(crate) fn pointer(&self) -> Option<String> {
        match self.selector()? {
            Selector::Pointer(pointer) => Some(pointer),
            _ => self.refuse(
                format!("{} must be a JSON Pointer", self.name),
                "write it like `/data/items/0/name`; the empty pointer is the whole value",
            ),
        }
    }

    /// `METHOD service /path/**`.
    pub(crate) fn request_pattern(&self, services: &[&str]) -> Option<RequestPattern> {
        let pattern = self.parsed(
            RequestPattern::parse,
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
        self.one_or_more().iter().map(Place::status).collect()
    }

    /// An HTTP status.
    pub(crate) fn status(&self) -> Option<u16> {
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

    /// A JSON Schema that can be compiled.
    pub(crate) fn schema(&self, depth: Depth) -> Option<Value> {
        let schema = self.node.to_json();
        if depth == Depth::Trusting {
            return Some(schema);
        }
        match jsonschema::validator_for(&schema) {
            Ok(_) => Some(schema),
            Err(error) => {
                let at = error.instance_path().to_string();
                let node = node_at(self.node, &at).unwrap_or(self.node);
                let place = Place {
                    node,
                    ..self.clone()
                };
                let spot = if at.is_empty() {
                    String::new()
                } else {
                    format!(" at `{at}`")
                };
                place.refuse(
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
    /// Everything.
    Thorough,
    /// All but what costs time, for files that the tests of this crate check.
    Trusting,
}

pub(crate) fn node_at<'n>(node: &'n Node, pointer: &str) -> Option<&'n Node> {
    pointer
        .split('/')
        .skip(1)
        .try_fold(node, |node, segment| match &node.content {
            Content::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == segment)
                .map(|entry| &entry.value),
            Content::List(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        })
}

/// The placeholders that a template may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placeholders<'a> {
    /// Filled at run time.
    pub(crate) live: &'a [&'a str],
    /// Filled while the file is read.
    pub(crate) constants: &'a BTreeMap<String, Value>,
}

impl Placeholders<'_> {
    /// A text with its constants filled in, its other placeholders known.
    pub(crate) fn text(self, place: &Place<'_>) -> Option<String> {
        match self.fill(place, Value::from(place.text()?))? {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// Any JSON value whose texts hold placeholders.
    pub(crate) fn template(self, place: &Place<'_>) -> Option<Template> {
        self.tree(place, place.node).map(Template)
    }

    /// Names with texts, in the order of the file.
    pub(crate) fn pairs(self, place: &Place<'_>) -> Option<Vec<(String, String)>> {
        let pairs: Vec<Option<(String, String)>> = place
            .entries()?
            .iter()
            .map(|(entry, value)| Some((entry.key.clone(), self.text(value)?)))
            .collect();
        pairs.into_iter().collect()
    }

    fn tree(self, place: &Place<'_>, node: &Node) -> Option<Value> {
        let here = || Place {
            node,
            ..place.clone()
        };
        match &node.content {
            Content::Plain(_) => Some(node.to_json()),
            Content::Quoted(text) => self.fill(&here(), Value::from(text.as_str())),
            Content::List(items) => {
                let filled: Vec<Option<Value>> =
                    items.iter().map(|item| self.tree(place, item)).collect();
                filled.into_iter().collect()
            }
            Content::Map(entries) => {
                let filled: Vec<Option<(String, Value)>> = entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.tree(place, &entry.value)?)))
                    .collect();
                let fields: Option<Map<String, Value>> = filled.into_iter().collect();
                fields.map(Value::Object)
            }
        }
    }

    /// Fills constants in; every other placeholder must be known and stays.
    fn fill(self, place: &Place<'_>, value: Value) -> Option<Value> {
        let template = Template(value);
        let mut unknown = None;
        for name in template.names() {
            if !self.live.contains(&name.as_str()) && !self.constants.contains_key(&name) {
                unknown = Some(name);
            }
        }
        if let Some(name) = unknown {
            let known = self
                .live
                .iter()
                .copied()
                .chain(self.constants.keys().map(String::as_str));
            return place.refuse(
                format!("there is no placeholder `{{{name}}}` here"),
                format!(
                    "{}; a literal brace is written twice",
                    suggest(&name, known)
                ),
            );
        }
        Some(self.keep_live(&template))
    }

    fn keep_live(self, template: &Template) -> Value {
        let Value::String(text) = &template.0 else {
            return template.0.clone();
        };
        if template.names().is_empty() {
            return template.0.clone();
        }
        // A text that is nothing but one constant takes the constant's type.
        if let Some(name) = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            && let Some(constant) = self.constants.get(name)
        {
            return match constant {
                Value::String(text) => Value::from(escape(text)),
                other => other.clone(),
            };
        }
        // Braces that stand for themselves must survive this first filling.
        let guarded = text.replace("{{", "{{{{").replace("}}", "}}}}");
        Value::from(fill_text(&guarded, &|name| {
            Some(match self.constants.get(name) {
                Some(Value::String(text)) => Value::from(escape(text)),
                Some(other) => other.clone(),
                None => Value::from(format!("{{{name}}}")),
            })
        }))
    }
}

fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::suite::fields::Sheet;
    use crate::suite::source::Source;
    use crate::suite::yaml;

    fn template(text: &str) -> Result<Value, String> {
        let source = Source::new("t.yaml", text);
        let node = yaml::parse(&source).unwrap();
        let sheet = Sheet::new(&source);
        let constants = BTreeMap::from([
            ("product".to_owned(), json!("desk{1}")),
            ("tenant".to_owned(), json!(7)),
        ]);
        let placeholders = Placeholders {
            live: &["username"],
            constants: &constants,
        };
        let filled = placeholders.template(&Place::root(&sheet, &node));
        filled
            .map(|template| template.0)
            .ok_or_else(|| sheet.into_problems().to_string())
    }

    #[test]
    fn constants_are_filled_in_and_other_placeholders_stay() {
        assert_eq!(
            template(
                "{u: \"{username}\", t: \"{tenant}\", p: \"{product}/{username}\", b: \"{{x}}{tenant}\"}"
            ),
            Ok(json!({"u": "{username}", "t": 7, "p": "desk{{1}}/{username}", "b": "{{x}}7"}))
        );
    }

    #[test]
    fn an_unknown_placeholder_gets_the_nearest_known_one() {
        let problem = template("{u: \"{usrname}\"}").unwrap_err();
        assert!(problem.contains("did you mean `username`?"), "{problem}");
    }
}
