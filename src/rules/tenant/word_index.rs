//! The words of what was sent, to be looked up.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::journal::Content;

/// How short a word may be that is looked for, and a name inside longer texts.
const WORD: usize = 6;

/// The words of everything that was sent, to be looked up.
#[derive(Debug, Default)]
pub(super) struct WordIndex {
    words: BTreeSet<String>,
    whole: String,
}

impl WordIndex {
    pub(super) fn content(&mut self, content: &Content) {
        match content {
            Content::Json { value, .. } => value
                .value()
                .into_iter()
                .for_each(|value| self.value(value)),
            Content::Text { text, .. } => self.text(text),
            Content::Truncated { beginning, .. } => self.text(beginning),
            Content::Empty | Content::Binary { .. } | Content::Unread { .. } => {}
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.whole.push('\n');
        self.whole.push_str(text);
        let parts = text.split(|letter: char| {
            !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '@' | ':' | '+' | '-'))
        });
        self.words.extend(
            parts
                .filter(|part| part.len() >= WORD)
                .map(ToOwned::to_owned),
        );
        if text.len() <= 200 {
            self.words.insert(text.to_owned());
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.text(key);
                    self.value(field);
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Whether a distinctive text stands in it.
    pub(super) fn has(&self, value: &str) -> bool {
        self.words.contains(value)
    }

    /// Whether a name stands in it, by itself or inside a longer text; a short one only by itself.
    pub(super) fn names(&self, name: &str) -> bool {
        if self.words.contains(name) {
            return true;
        }
        let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        name.len() >= WORD
            && self.whole.match_indices(name).any(|(at, _)| {
                let before = self.whole[..at].chars().next_back();
                let after = self.whole[at + name.len()..].chars().next();
                !is_part(before) && !is_part(after)
            })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_found_in_a_text_but_not_in_another_name() {
        let mut index = WordIndex::default();
        index.content(&Content::Json {
            value: json!({"error": "order inv_801-1000 belongs to inv_8011"}).into(),
            bytes: 0,
        });
        assert!(index.names("inv_801") && index.names("inv_8011"));
        assert!(!index.names("inv_80"));
        assert!(index.has("inv_801-1000"));
    }
}
