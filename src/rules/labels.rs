//! Finding secrets in what a journal holds, by the labels that stand in their places.

use serde_json::Value;

use crate::domain::journal::Content;

/// The labels in a text, in order: `‹access-1›`, `‹password tester-a›`.
pub(super) fn labels(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find('‹')?;
        let tail = &rest[start..];
        let end = tail.find('›')? + '›'.len_utf8();
        rest = &tail[end..];
        Some(&tail[..end])
    })
}

/// The first label in a text.
pub(super) fn first(text: &str) -> Option<&str> {
    labels(text).next()
}

/// The first wanted label anywhere in a JSON value, keys excepted.
pub(super) fn in_value<'a>(value: &'a Value, is_wanted: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    match value {
        Value::String(text) => labels(text).find(|label| is_wanted(label)),
        Value::Array(items) => items.iter().find_map(|item| in_value(item, is_wanted)),
        Value::Object(fields) => fields.values().find_map(|field| in_value(field, is_wanted)),
        _ => None,
    }
}

/// The first wanted label in a content.
pub(super) fn find<'a>(content: &'a Content, is_wanted: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    match content {
        Content::Json { value, .. } => in_value(value.value()?, is_wanted),
        Content::Text { text, .. } => labels(text).find(|label| is_wanted(label)),
        Content::Truncated { beginning, .. } => labels(beginning).find(|label| is_wanted(label)),
        Content::Empty | Content::Binary { .. } | Content::Unread { .. } => None,
    }
}

/// The first label in a content.
pub(super) fn in_content(content: &Content) -> Option<&str> {
    find(content, &|_| true)
}

/// A label as it compares with others: without its quotation marks.
pub(super) fn bare(label: &str) -> &str {
    label.trim_start_matches('‹').trim_end_matches('›')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_in_texts_and_values() {
        let found: Vec<&str> = labels("/x?a=‹access-1›&b=‹refresh-2›&c=‹").collect();
        assert_eq!(found, ["‹access-1›", "‹refresh-2›"]);
        assert_eq!(
            in_value(
                &serde_json::json!({"a": [1, "Bearer ‹access-3›"]}),
                &|_| true
            ),
            Some("‹access-3›")
        );
        assert_eq!(bare("‹access-3›"), "access-3");
        assert_eq!(first("nothing"), None);
    }
}
