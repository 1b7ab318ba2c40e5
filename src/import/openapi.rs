//! An OpenAPI document, 3.0 or 3.1, as what is known of a backend.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::api::{Api, Carrier, Known, Left};
use super::document::Document;
use crate::suite::{Problem, Problems, Source};

mod media;
mod operations;
mod schema;
mod servers;

/// Reads a document.
///
/// # Errors
/// What makes it no OpenAPI document, all at once. What is well said and cannot be used is left out instead.
pub(super) fn read(source: &Arc<Source>) -> Result<Api, Problems> {
    let document = Document::read(source)?;
    is_openapi(&document)?;
    let mut reading = Reading {
        document: &document,
        api: Api {
            name: title(&document),
            ..Api::default()
        },
        converted: BTreeSet::new(),
        depth: 0,
        problems: Problems::default(),
    };
    reading.servers();
    reading.carrier();
    reading.operations();
    for (key, what) in [("webhooks", "webhooks"), ("x-webhooks", "webhooks")] {
        let own = document.root.get(key).and_then(Value::as_object);
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            let why = "what a backend calls is no request of an app";
            reading
                .api
                .left
                .push(Left::new(format!("{what} ({})", own.len()), why));
        }
    }
    let Reading { api, problems, .. } = reading;
    problems.or(Some(api))
}

/// A document that is being read.
struct Reading<'d> {
    document: &'d Document,
    api: Api,
    /// The definitions that were taken over, or are being.
    converted: BTreeSet<String>,
    /// How many of them are being taken over at once.
    depth: usize,
    problems: Problems,
}

fn title(document: &Document) -> String {
    let title = document.root.pointer("/info/title").and_then(Value::as_str);
    title.unwrap_or("app").trim().to_owned()
}

fn is_openapi(document: &Document) -> Result<(), Problems> {
    let root = &document.root;
    let refuse = |problem: Problem| Err(problem.into());
    if root.get("swagger").is_some() {
        return refuse(
            document
                .problem("this is Swagger 2.0, which is not read", &["swagger"])
                .hint("convert it to OpenAPI 3 first: editors and generators for OpenAPI do"),
        );
    }
    let Some(version) = root.get("openapi") else {
        return refuse(
            document
                .problem("this is no OpenAPI document: it has no `openapi`", &[])
                .hint("an OpenAPI document begins with `openapi: 3.1.0`"),
        );
    };
    let version = match version {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if !version.starts_with("3.") {
        return refuse(
            document
                .problem(
                    format!("this is OpenAPI {version}, which is not read"),
                    &["openapi"],
                )
                .hint("3.0 and 3.1 are read"),
        );
    }
    let mut problems = Problems::default();
    match root.get("paths") {
        Some(Value::Object(paths)) if !paths.is_empty() => {}
        Some(Value::Object(_)) => {
            problems
                .push(document.problem("`paths` is empty: there is no request in it", &["paths"]));
        }
        Some(_) => problems.push(document.problem("`paths` must be a map from paths", &["paths"])),
        None => {
            problems.push(document.problem("there are no `paths`", &[]).hint(
                "a document that only describes webhooks or schemas has no request of an app",
            ))
        }
    }
    for key in ["info", "components"] {
        if root.get(key).is_some_and(|own| !own.is_object()) {
            problems.push(document.problem(format!("`{key}` must be a map"), &[key]));
        }
    }
    problems.or(Some(()))
}

impl<'d> Reading<'d> {
    /// What a value refers to, or itself.
    fn resolved(&mut self, value: &'d Value, what: &str) -> Option<&'d Value> {
        let mut here = value;
        for _ in 0..16 {
            let Some(reference) = here.get("$ref").and_then(Value::as_str) else {
                return Some(here);
            };
            if !reference.starts_with('#') {
                let why = format!("it refers to another document, `{reference}`");
                self.api.left.push(Left::new(what, why));
                return None;
            }
            let Some(next) = self.document.at(reference) else {
                let why = format!("`{reference}` leads nowhere");
                self.api.left.push(Left::new(what, why));
                return None;
            };
            here = next;
        }
        self.api
            .left
            .push(Left::new(what, "its references go round in a circle"));
        None
    }

    /// Is the document of version 3.0, whose schemas are not quite JSON Schema?
    fn is_older(&self) -> bool {
        let version = self.document.root.get("openapi");
        version.is_some_and(|own| own.to_string().trim_matches('"').starts_with("3.0"))
    }

    /// How requests say whose they are, by the first security scheme that says it.
    fn carrier(&mut self) {
        let schemes = self.document.root.pointer("/components/securitySchemes");
        let mut others = Vec::new();
        for (name, scheme) in schemes.and_then(Value::as_object).into_iter().flatten() {
            let what = format!("security scheme `{name}`");
            let Some(scheme) = self.resolved(scheme, &what) else {
                continue;
            };
            let word = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default();
            let (kind, place, key) = (word("type"), word("in"), word("name"));
            let is_scheme = |own: &str| word("scheme").eq_ignore_ascii_case(own);
            let carrier = match kind {
                "http" if is_scheme("bearer") => bearer(),
                "oauth2" | "openIdConnect" => bearer(),
                "apiKey" if place == "header" => {
                    Carrier::Header(key.to_ascii_lowercase(), "{access-token}".to_owned())
                }
                "apiKey" if place == "cookie" => Carrier::Cookie(key.to_owned()),
                "apiKey" => {
                    let why = format!("a token in the query (`{key}`) is not sent by this harness");
                    self.api.left.push(Left::new(what, why));
                    continue;
                }
                _ => {
                    let why = format!("`{kind} {}` opens no session", word("scheme"));
                    self.api.left.push(Left::new(what, why.replace(" `", "`")));
                    continue;
                }
            };
            match &self.api.carrier {
                None => {
                    self.api.carrier = Some(Known {
                        value: carrier,
                        why: format!("by the security scheme `{name}`"),
                    });
                }
                Some(known) if known.value != carrier => others.push(what),
                Some(_) => {}
            }
        }
        for what in others {
            self.api.left.push(Left::new(
                what,
                "requests carry one token in one place: the first scheme was taken",
            ));
        }
    }
}

fn bearer() -> Carrier {
    Carrier::Header(
        "authorization".to_owned(),
        "Bearer {access-token}".to_owned(),
    )
}
