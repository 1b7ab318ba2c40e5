//! What a client sends where the contract has a placeholder.

use serde_json::Value;

use crate::domain::contract::Body;
use crate::domain::journal::Content;

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
    let placeholder = format!("{{{name}}}");
    match (template, body) {
        (Body::Json(template), Content::Json { value, .. }) => value
            .value()
            .map_or(Sent::Unknown, |value| find_text(&template.0, name, value)),
        (Body::Form(fields), Content::Text { text, .. }) => {
            let Some((key, _)) = fields.iter().find(|(_, own)| own.contains(&placeholder)) else {
                return Sent::Unknown;
            };
            let mut pairs = url::form_urlencoded::parse(text.as_bytes());
            let found = pairs.find(|(own, _)| own == key);
            found.map_or(Sent::Missing, |(_, text)| Sent::Text(text.into_owned()))
        }
        _ => Sent::Unknown,
    }
}

/// What a JSON value has where its template has `{name}`.
pub(super) fn find_text(template: &Value, name: &str, value: &Value) -> Sent {
    match template {
        Value::String(text) if text.contains(&format!("{{{name}}}")) => match value {
            Value::Null => Sent::Missing,
            Value::String(text) => Sent::Text(text.clone()),
            other => Sent::Text(other.to_string()),
        },
        Value::Object(fields) => first_known(
            fields
                .iter()
                .map(|(key, field)| find_text(field, name, value.get(key).unwrap_or(&Value::Null))),
        ),
        Value::Array(items) => first_known(
            items
                .iter()
                .enumerate()
                .map(|(at, item)| find_text(item, name, value.get(at).unwrap_or(&Value::Null))),
        ),
        _ => Sent::Unknown,
    }
}

fn first_known(mut found: impl Iterator<Item = Sent>) -> Sent {
    found
        .find(|sent| *sent != Sent::Unknown)
        .unwrap_or(Sent::Unknown)
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
