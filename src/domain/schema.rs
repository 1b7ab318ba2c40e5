//! What is wrong with a body by a schema of the contract, as far as the journal shows it.

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::secrets::holds_label;

/// How much of a fault is quoted.
const QUOTED: usize = 200;

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, as a JSON Pointer; empty for the whole.
    pub(crate) place: String,
    /// What.
    pub(crate) text: String,
}

/// The first fault that is the backend's: a label that stands for a secret has another length, pattern and
/// type than the secret.
pub(crate) fn fault(validator: &Validator, body: &Value) -> Option<Fault> {
    // Nearly all are valid, and this is the fast way to know it.
    validator.validate(body).err()?;
    faults(validator, body).next()
}

/// Every fault that is the backend's.
pub(crate) fn faults<'a>(
    validator: &'a Validator,
    body: &'a Value,
) -> impl Iterator<Item = Fault> + use<'a> {
    let errors = validator.iter_errors(body);
    errors
        .filter(|error| !is_of_a_label(error))
        .map(|error| Fault {
            place: error.instance_path().to_string(),
            text: told(&error),
        })
}

/// What is wrong. A long value stands first in that, and would leave no room for it.
fn told(error: &ValidationError<'_>) -> String {
    let mut told = error.to_string();
    if told.chars().count() > QUOTED {
        told = error.masked().to_string();
    }
    told.chars().take(QUOTED).collect()
}

fn is_of_a_label(error: &ValidationError<'_>) -> bool {
    match error.kind() {
        // Which of them would fit is said by all that is below.
        Kind::AnyOf { .. }
        | Kind::OneOfNotValid { .. }
        | Kind::OneOfMultipleValid { .. }
        | Kind::Not { .. } => has_label(error.instance()),
        _ => error.instance().as_str().is_some_and(holds_label),
    }
}

fn has_label(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_label(text),
        Value::Array(items) => items.iter().any(has_label),
        Value::Object(fields) => fields.values().any(has_label),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_long_value_is_told_without_it() {
        let validator = jsonschema::validator_for(&json!({"type": "array"})).unwrap();
        let text = |body: Value| fault(&validator, &body).unwrap().text;
        assert_eq!(text(json!({"a": 1})), r#"{"a":1} is not of type "array""#);
        let long = json!({"first": "x".repeat(QUOTED)});
        assert_eq!(text(long), r#"value is not of type "array""#);
    }

    #[test]
    fn what_is_hidden_breaks_no_schema_and_what_stands_beside_it_does() {
        let schema = json!({
            "type": "object",
            "required": ["pin", "csrf", "code"],
            "properties": {
                "pin": {"type": "integer"},
                "csrf": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
                "code": {"oneOf": [{"type": "integer"}, {"enum": ["none"]}]},
                "name": {"type": "string"},
            },
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let fault = |body: Value| fault(&validator, &body).map(|fault| fault.place);
        let hidden = json!({"pin": "«secret-1»", "csrf": "«secret-2»", "code": "‹access-1›"});
        assert_eq!(fault(hidden.clone()), None);
        let mut wrong = hidden.clone();
        wrong["name"] = 7.into();
        assert_eq!(fault(wrong).as_deref(), Some("/name"));
        let mut lacking = hidden;
        lacking.as_object_mut().unwrap().remove("pin");
        assert_eq!(fault(lacking).as_deref(), Some(""));
        assert_eq!(
            fault(json!({"pin": "1", "csrf": "0123abcd", "code": 1})).as_deref(),
            Some("/pin")
        );
    }
}
