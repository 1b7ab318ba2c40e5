//! Errors that only the body tells of: one path for many operations has one status for all of them.

use serde_json::Value;

/// Whether an answer of success says in its body that it is none (GraphQL §7.1: `errors` and no `data`;
/// JSON-RPC 2.0 §5: `error` and no `result`).
#[must_use]
pub fn is_error(body: &Value) -> bool {
    let lacks = |member: &str| body.get(member).is_none_or(is_empty);
    let errors = body.get("errors").and_then(Value::as_array);
    let error = body.get("error").filter(|error| error.is_object());
    (errors.is_some_and(|errors| !errors.is_empty()) && lacks("data"))
        || (error.is_some() && lacks("result") && lacks("data"))
}

/// Whether there is nothing in a value: GraphQL gives null for each field that failed.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(Value::is_null),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_that_brings_nothing_and_says_why_is_an_error() {
        for body in [
            json!({"errors": [{"message": "UNAUTHENTICATED"}]}),
            json!({"errors": [{"message": "no"}], "data": null}),
            json!({"errors": [{"message": "no"}], "data": {"me": null}}),
            json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32001}}),
            json!({"error": {"code": "no"}, "result": null}),
        ] {
            assert!(is_error(&body), "{body}");
        }
    }

    #[test]
    fn a_body_that_brings_something_is_none_and_neither_is_data_that_is_called_errors() {
        for body in [
            json!({"data": {"me": {"id": 1}}}),
            json!({"errors": [{"message": "partly"}], "data": {"me": {"id": 1}, "fuel": null}}),
            json!({"errors": []}),
            json!({"result": {}, "id": 1}),
            json!({"error": null, "result": 7}),
            json!({"error": "a text in a log entry"}),
            json!({"errors": 3}),
            json!([1]),
        ] {
            assert!(!is_error(&body), "{body}");
        }
    }
}
