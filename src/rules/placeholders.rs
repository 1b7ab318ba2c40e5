//! What a client sends where the contract has a placeholder.

use serde_json::Value;

use crate::domain::contract::Body;
use crate::domain::journal::Content;
use crate::rules::template::{self, walk};

/// What stands where a template has a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// The template has no such placeholder, or what was sent cannot be read.
    Unknown,
    /// Nothing at all.
    Missing,
    /// This.
    Text(String),
}

/// What a body has where its template has `{name}`.
pub(super) fn sent(template: &Body, name: &str, body: &Content) -> Sent {
    let value = match (template, body) {
        (Body::Json(_), Content::Json { .. }) | (Body::Form(_), Content::Text { .. }) => {
            template::sent(body)
        }
        _ => None,
    };
    match (template::of_body(template), value) {
        (Some(template), Some(value)) => find_text(&template, name, &value),
        _ => Sent::Unknown,
    }
}

/// What a JSON value has where its template has `{name}`.
pub(super) fn find_text(template: &Value, name: &str, value: &Value) -> Sent {
    let placeholder = format!("{{{name}}}");
    let mut found = Sent::Unknown;
    walk(template, Some(value), &mut |part| {
        let own = part.template.and_then(Value::as_str);
        if found == Sent::Unknown && own.is_some_and(|text| text.contains(&placeholder)) {
            found = match part.sent {
                None | Some(Value::Null) => Sent::Missing,
                Some(Value::String(text)) => Sent::Text(text.clone()),
                Some(other) => Sent::Text(other.to_string()),
            };
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::selector::Template;

    #[test]
    fn what_stands_at_a_placeholder_is_found_in_json_and_in_forms() {
        let template = Body::Json(Template(
            json!({"kind": "renew", "in": {"stub": "{refresh-token}"}}),
        ));
        let json = |value: Value| Content::Json {
            value: value.into(),
            bytes: 9,
        };
        let find = |body: &Content| sent(&template, "refresh-token", body);
        assert_eq!(
            find(&json(json!({"in": {"stub": "x"}}))),
            Sent::Text("x".into())
        );
        assert_eq!(find(&json(json!({"in": {"stub": null}}))), Sent::Missing);
        assert_eq!(find(&json(json!({}))), Sent::Missing);
        assert_eq!(find(&Content::Empty), Sent::Unknown);
        assert_eq!(
            sent(&template, "access-token", &json(json!({}))),
            Sent::Unknown
        );
        let form = Body::Form(vec![("stub".into(), "{refresh-token}".into())]);
        let text = |text: &str| Content::Text {
            text: text.into(),
            bytes: 9,
        };
        let find = |body: &Content| sent(&form, "refresh-token", body);
        assert_eq!(
            find(&text("a=1&stub=undefined")),
            Sent::Text("undefined".into())
        );
        assert_eq!(find(&text("a=1")), Sent::Missing);
    }
}
