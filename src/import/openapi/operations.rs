//! Paths and their operations.

use serde_json::Value;

use super::Reading;
use crate::import::api::{Left, Operation, Parameter, Place};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "patch", "head", "options", "trace",
];

impl<'d> Reading<'d> {
    /// Every operation of the document.
    pub(super) fn operations(&mut self) {
        let document = self.document;
        let paths = document.root.get("paths").and_then(Value::as_object);
        for (path, own) in paths.into_iter().flatten() {
            if path.starts_with("x-") {
                continue;
            }
            if !path.starts_with('/') {
                let problem = document.problem(
                    format!("the path `{path}` does not begin with `/`"),
                    &["paths", path],
                );
                self.problems.push(problem);
                continue;
            }
            let Some(item) = self.resolved(own, path) else {
                continue;
            };
            if !item.is_object() {
                let problem = document.problem(
                    format!("`{path}` must be a map from methods"),
                    &["paths", path],
                );
                self.problems.push(problem);
                continue;
            }
            for method in METHODS {
                match item.get(method) {
                    Some(operation) if operation.is_object() => {
                        self.operation(path, method, item, operation);
                    }
                    Some(_) => {
                        let problem = document.problem(
                            format!("`{method}` of `{path}` must be a map"),
                            &["paths", path, method],
                        );
                        self.problems.push(problem);
                    }
                    None => {}
                }
            }
        }
    }

    fn operation(&mut self, path: &str, method: &str, item: &'d Value, own: &'d Value) {
        let what = format!("{} {path}", method.to_uppercase());
        let tags = own.get("tags").and_then(Value::as_array);
        let group = tags.and_then(|tags| tags.first()?.as_str());
        let service = self.service_of([Some(own), Some(item)]);
        let parameters = self.parameters(item, own, &what);
        let body = own.get("requestBody").and_then(|own| self.body(own, &what));
        let (answer, refusals) = self.answers(own, &what);
        if own.get("callbacks").is_some() {
            self.api.left.push(Left::new(
                format!("{what}: callbacks"),
                "what a backend calls is no request of an app",
            ));
        }
        // A path may hold a query or a fragment, which are no part of one.
        let plain = path.split(['?', '#']).next().unwrap_or(path);
        self.api.operations.push(Operation {
            method: method.to_uppercase(),
            service,
            path: plain.to_owned(),
            group: group.map(str::to_owned),
            parameters,
            body,
            answer,
            refusals,
            is_open: self.is_open(own),
            ..Operation::default()
        });
    }

    /// Whether an operation needs no session: by its own word, or else by the document's.
    fn is_open(&self, own: &Value) -> bool {
        let all = self.document.root.get("security");
        let said = own.get("security").or(all).and_then(Value::as_array);
        match said {
            Some(ways) => {
                ways.is_empty()
                    || ways
                        .iter()
                        .any(|way| way.as_object().is_some_and(serde_json::Map::is_empty))
            }
            None => false,
        }
    }

    fn parameters(&mut self, item: &'d Value, own: &'d Value, what: &str) -> Vec<Parameter> {
        let mut all: Vec<Parameter> = Vec::new();
        for holder in [item, own] {
            let listed = holder.get("parameters").and_then(Value::as_array);
            for listed in listed.into_iter().flatten() {
                let Some(parameter) = self.parameter(listed, what) else {
                    continue;
                };
                // The operation's own beats that of its path.
                all.retain(|known| known.name != parameter.name || known.place != parameter.place);
                all.push(parameter);
            }
        }
        all
    }

    fn parameter(&mut self, own: &'d Value, what: &str) -> Option<Parameter> {
        let own = self.resolved(own, what)?;
        let word = |key: &str| own.get(key).and_then(Value::as_str);
        let place = match word("in")? {
            "path" => Place::Path,
            "query" => Place::Query,
            "header" => Place::Header,
            "cookie" => Place::Cookie,
            _ => return None,
        };
        let name = word("name")?.to_owned();
        let schema = own.get("schema").map(|own| self.schema(own, what));
        let schema = schema.unwrap_or_default();
        let examples = own.get("examples").and_then(Value::as_object);
        let first = examples.and_then(|own| own.values().next());
        let first = first.and_then(|own| self.resolved(own, what)?.get("value").cloned());
        let meant = crate::import::schemas::resolved(&schema, &self.api.definitions);
        let listed = |key: &str| meant.get(key)?.as_array()?.first().cloned();
        let sample = own
            .get("example")
            .cloned()
            .or(first)
            .or_else(|| meant.get("example").cloned())
            .or_else(|| listed("examples"))
            .or_else(|| meant.get("default").cloned())
            .or_else(|| meant.get("const").cloned())
            .or_else(|| listed("enum"));
        Some(Parameter {
            place,
            required: place == Place::Path || own.get("required") == Some(&Value::Bool(true)),
            name,
            schema: meant.clone(),
            sample,
        })
    }
}
