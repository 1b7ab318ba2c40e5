//! The API in the words of OpenAPI 3.1, made from the list of what can be asked for.

use serde_json::{Map, Value, json};

use super::{Command, PROBLEM};

/// The version of the API. It is raised when something that worked works no longer.
const VERSION: &str = "1.0.0";

/// Every question with what it is about.
const QUESTIONS: [(&str, &str, &str); 5] = [
    (
        "/",
        "directory",
        "Says where the services are, and lists what can be asked for with an example each",
    ),
    (
        "/state",
        "state",
        "Says what is going on and what is switched; no token and no password is in it",
    ),
    (
        "/journal",
        "journal",
        "Says what happened after a number, at once, once there is something (`wait`), or as a stream of server-sent events (`accept: text/event-stream`)",
    ),
    (
        "/contract",
        "contract",
        "Says what was agreed on: services, operations with their roles, events with their schemas",
    ),
    ("/openapi.json", "openapi", "Is this document"),
];

/// The document of an API that takes these commands.
pub(crate) fn document(commands: &[Command]) -> Value {
    let mut paths = Map::new();
    for (path, id, summary) in QUESTIONS {
        let mut question = json!({
            "operationId": id,
            "summary": summary,
            "responses": answers("What was asked for", &json!({ "type": "object" })),
        });
        if path == "/journal" {
            question["parameters"] = parameters();
            let content = &mut question["responses"]["200"]["content"];
            content["text/event-stream"] = json!({ "schema": { "type": "string" } });
        }
        let mut item = json!({ "get": question });
        if path == "/contract" {
            item["post"] = check();
        }
        paths.insert(path.to_owned(), item);
    }
    if commands.iter().any(Command::is_edit) {
        paths.insert("/world".to_owned(), world());
    }
    for command in commands {
        let path = command.path();
        let id = path.trim_start_matches('/').replace('/', "-");
        let order = json!({
            "operationId": id,
            "summary": command.summary(),
            "requestBody": {
                "required": command.needs_body(),
                "content": { "application/json": { "schema": command.schema() } },
            },
            "responses": answers("What came of it", &json!({ "type": "object" })),
        });
        let mut item = json!({ "post": order });
        if path.contains("{name}") {
            item["parameters"] = json!([{ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } }]);
        }
        paths.insert(path, item);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "rehearsal: the operator's API of mock and proxy",
            "version": VERSION,
            "description": "For programs of this machine: it is called by a loopback name, and a page of another origin is refused.",
        },
        "paths": paths,
        "components": { "schemas": { "Problem": problem() } },
    })
}

/// The only question that has a body.
fn check() -> Value {
    let text = json!({ "type": "string" });
    let problem = json!({
        "type": "object",
        "required": ["at", "problem"],
        "properties": { "at": { "type": "string", "description": "A JSON Pointer; empty for the whole" }, "problem": text },
    });
    let answer = json!({
        "type": "object",
        "required": ["schema", "problems"],
        "properties": {
            "schema": { "type": "boolean", "description": "Whether the contract has a schema for it" },
            "problems": { "type": "array", "items": problem },
        },
    });
    let body = json!({
        "type": "object",
        "required": ["value"],
        "properties": { "resource": text, "event": text, "value": {} },
        "oneOf": [{ "required": ["resource"] }, { "required": ["event"] }],
        "additionalProperties": false,
    });
    json!({
        "operationId": "check",
        "summary": "Says what of an answer for a resource, or of what an event brings, does not keep the contract's schema",
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": answers("What does not keep it", &answer),
    })
}

/// The question that only who has a world is asked.
fn world() -> Value {
    let whole = |most: usize| json!({ "type": "integer", "minimum": 0, "maximum": most });
    let text = json!({ "type": "string" });
    json!({ "get": {
        "operationId": "world",
        "summary": "Says which resources the world has and whose they are, or brings rows of one of them, with labels in the place of secrets",
        "parameters": [
            parameter("resource", "The resource", &text),
            parameter("user", "Whose; absent if it is everybody's", &text),
            parameter("from", "The first row, from zero", &whole(u32::MAX as usize)),
            parameter("limit", "How many rows at most", &whole(super::look::MOST_ROWS)),
        ],
        "responses": answers("What was asked for", &json!({ "type": "object" })),
    } })
}

fn parameter(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn answers(what: &str, schema: &Value) -> Value {
    json!({
        "200": { "description": what, "content": { "application/json": { "schema": schema } } },
        "default": {
            "description": "Why it was not done (RFC 9457)",
            "content": { PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" } } },
        },
    })
}

fn parameters() -> Value {
    let whole = |most: u64| json!({ "type": "integer", "minimum": 0, "maximum": most });
    json!([
        parameter(
            "since",
            "Only what came after this number; `next` of the last answer. A stream that was broken off goes on from `last-event-id`",
            &json!({ "type": "integer", "minimum": 0 })
        ),
        parameter(
            "kind",
            "Only entries of these kinds, with commas between them",
            &json!({ "type": "string" })
        ),
        parameter(
            "limit",
            "How many entries an answer brings at most; a stream takes no notice of it",
            &json!({ "type": "integer", "minimum": 1, "maximum": super::tape::MOST_AT_ONCE })
        ),
        parameter(
            "wait",
            "For how many seconds to wait for an entry if there is none",
            &whole(super::follow::MOST_WAIT)
        ),
    ])
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "error", "message"],
        "properties": {
            "type": { "type": "string", "description": "A URN that ends in `error`" },
            "title": { "type": "string", "description": "The status in words" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What is wrong, and what to do" },
            "error": { "type": "string", "description": "A stable word" },
            "message": { "type": "string", "description": "The same as `detail`" },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_checked_in_document_is_what_is_made_of_the_list() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operator.json");
        let text = serde_json::to_string_pretty(&document(&Command::all())).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == text,
            "UPDATE_DOCS=1 cargo test --lib -- operator:: writes docs/operator.json"
        );
    }

    #[test]
    fn what_a_schema_says_of_a_body_is_what_its_reader_takes() {
        for command in Command::all() {
            let validator = jsonschema::validator_for(&command.schema()).unwrap();
            let free = matches!(command, Command::Fault | Command::Mark | Command::App);
            for body in [
                "{}",
                r#"{"on": true}"#,
                r#"{"on": 1}"#,
                r#"{"service": null, "running": false}"#,
                r#"{"service": "a"}"#,
                r#"{"event": "a"}"#,
                r#"{"event": "a", "args": [1, {"$binary": "AA=="}]}"#,
                r#"{"event": "a", "payload": {"x": 1}}"#,
                r#"{"resource": "a", "as": "good"}"#,
                r#"{"resource": "a", "as": "better"}"#,
                r#"{"user": "a", "connection": true}"#,
                r#"{"name": "a"}"#,
                r#"{"name": 1}"#,
                r#"{"resource": "a", "value": null}"#,
                r#"{"resource": "", "value": 1}"#,
                r#"{"resource": "a", "user": null, "at": 3, "value": {}, "force": true}"#,
                r#"{"resource": "a", "row": "x", "value": {}, "check": true}"#,
                r#"{"resource": "a", "row": "x"}"#,
                r#"{"resource": "a", "at": -1}"#,
                r#"{"resource": "a", "at": 99999999999}"#,
                r#"{"unheard-of": 1}"#,
            ] {
                let value: Value = serde_json::from_str(body).unwrap();
                let (says, takes) = (
                    validator.is_valid(&value),
                    command.read(body.as_bytes()).is_ok(),
                );
                assert!(says == takes || free, "{command:?} {body}: {says} {takes}");
            }
            let empty = command.read(b"").is_ok();
            assert!(free || empty != command.needs_body(), "{command:?}");
        }
    }
}
