//! What was sent beside what the contract writes for it, place by place.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::contract::Body;
use crate::domain::journal::Content;
use crate::domain::selector::Template;

/// One place of a template, or of what was sent.
pub(super) struct Part<'a> {
    /// Where it is: a pointer from the outermost value.
    pub(super) path: &'a str,
    /// What the contract has there; nothing if it says nothing of the place.
    pub(super) template: Option<&'a Value>,
    /// What was sent there.
    pub(super) sent: Option<&'a Value>,
}

/// Shows each place of a template with what was sent there, then what was sent where it has none.
pub(super) fn walk(template: &Value, sent: Option<&Value>, see: &mut dyn FnMut(&Part<'_>)) {
    part(template, sent, "", see);
}

/// The same for a list of templates, such as those of an emit's arguments.
pub(super) fn list(templates: &[Template], sent: &[Value], see: &mut dyn FnMut(&Part<'_>)) {
    for (at, Template(template)) in templates.iter().enumerate() {
        part(template, sent.get(at), &format!("/{at}"), see);
    }
    for (at, sent) in sent.iter().enumerate().skip(templates.len()) {
        beside(sent, &format!("/{at}"), see);
    }
}

fn part(template: &Value, sent: Option<&Value>, path: &str, see: &mut dyn FnMut(&Part<'_>)) {
    match template {
        Value::Object(fields) => {
            for (name, template) in fields {
                let sent = sent.and_then(|sent| sent.get(name));
                part(template, sent, &format!("{path}/{name}"), see);
            }
            let own = sent.and_then(Value::as_object).into_iter().flatten();
            for (name, sent) in own.filter(|(name, _)| !fields.contains_key(*name)) {
                beside(sent, &format!("{path}/{name}"), see);
            }
        }
        Value::Array(items) if is_taken_apart(template) => {
            for (at, template) in items.iter().enumerate() {
                let sent = sent.and_then(|sent| sent.get(at));
                part(template, sent, &format!("{path}/{at}"), see);
            }
            let own = sent.and_then(Value::as_array).into_iter().flatten();
            for (at, sent) in own.enumerate().skip(items.len()) {
                beside(sent, &format!("{path}/{at}"), see);
            }
        }
        _ => see(&Part {
            path,
            template: Some(template),
            sent,
        }),
    }
}

/// A place of which the template says nothing.
fn beside(sent: &Value, path: &str, see: &mut dyn FnMut(&Part<'_>)) {
    see(&Part {
        path,
        template: None,
        sent: Some(sent),
    });
}

/// Whether a list has places of its own; one of plain values is a value as a whole.
fn is_taken_apart(list: &Value) -> bool {
    let items = list.as_array().into_iter().flatten();
    let mut items = items.filter(|item| item.is_object() || item.is_array());
    items.next().is_some() || !Template(list.clone()).names().is_empty()
}

/// A body's template as one value; nothing where the contract has no body.
pub(super) fn of_body(body: &Body) -> Option<Value> {
    match body {
        Body::Empty => None,
        Body::Form(fields) => Some(of_pairs(fields)),
        Body::Json(template) => Some(template.0.clone()),
    }
}

/// The templates of a query or form as the fields of an object.
pub(super) fn of_pairs(pairs: &[(String, String)]) -> Value {
    object(pairs.iter().map(|(name, own)| (name.clone(), own.clone())))
}

/// The pairs of a query or form that was sent as the fields of an object.
pub(super) fn pairs(text: &str) -> Value {
    object(url::form_urlencoded::parse(text.as_bytes()).into_owned())
}

/// The query of a target as the fields of an object.
pub(super) fn query(target: &str) -> Value {
    pairs(target.split_once('?').map_or("", |(_, query)| query))
}

/// The first value of each name.
fn object(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut fields = Map::new();
    for (name, value) in pairs {
        fields.entry(name).or_insert(Value::from(value));
    }
    Value::Object(fields)
}

/// A body that was sent as one value; nothing where it was not read whole.
pub(super) fn sent(body: &Content) -> Option<Arc<Value>> {
    match body {
        Content::Empty => Some(Arc::new(Value::Null)),
        Content::Json { value, .. } => value.value().map(Arc::clone),
        Content::Text { text, .. } => Some(Arc::new(pairs(text))),
        Content::Truncated { .. } | Content::Binary { .. } | Content::Unread { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(template: &Value, sent: &Value) -> Vec<String> {
        let mut shown = Vec::new();
        walk(template, Some(sent), &mut |part| {
            let has = |value: Option<&Value>| value.map_or("-".to_owned(), Value::to_string);
            shown.push(format!(
                "{} {} {}",
                part.path,
                has(part.template),
                has(part.sent)
            ));
        });
        shown
    }

    #[test]
    fn every_place_is_shown_with_what_stands_there_and_then_what_stands_elsewhere() {
        let template = json!({"a": {"b": "{name}"}, "c": [1, 2], "d": ["{x}", "y"]});
        let sent = json!({"a": {"b": "Ada", "z": 1}, "c": [1], "d": ["q", "y", "w"], "e": null});
        assert_eq!(
            shown(&template, &sent),
            [
                r#"/a/b "{name}" "Ada""#,
                "/a/z - 1",
                "/c [1,2] [1]",
                r#"/d/0 "{x}" "q""#,
                r#"/d/1 "y" "y""#,
                r#"/d/2 - "w""#,
                "/e - null",
            ]
        );
    }

    #[test]
    fn of_a_name_that_stands_twice_the_first_counts() {
        assert_eq!(query("/x?a=1&b=2&a=3"), json!({"a": "1", "b": "2"}));
    }
}
