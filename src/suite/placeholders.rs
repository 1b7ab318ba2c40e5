//! Templates: which placeholders they may hold, and the constants that are filled in at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cursor::Cursor;
use super::node::{Content, Node};
use super::suggest::suggest;
use crate::domain::selector::{Template, fill_text};

/// The placeholders that a template may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placeholders<'a> {
    /// Filled at run time.
    pub(crate) live: &'a [&'a str],
    /// Filled while the file is read.
    pub(crate) constants: &'a BTreeMap<String, Value>,
}

impl Placeholders<'_> {
    /// A text with its constants filled in, its other placeholders known.
    pub(crate) fn text(self, cursor: &Cursor<'_>) -> Option<String> {
        match self.fill(cursor, Value::from(cursor.text()?))? {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// Any JSON value whose texts hold placeholders.
    pub(crate) fn template(self, cursor: &Cursor<'_>) -> Option<Template> {
        self.tree(cursor, cursor.node).map(Template)
    }

    /// Names with texts, in the order of the file.
    pub(crate) fn pairs(self, cursor: &Cursor<'_>) -> Option<Vec<(String, String)>> {
        let pairs: Vec<Option<(String, String)>> = cursor
            .entries()?
            .iter()
            .map(|(entry, value)| Some((entry.key.clone(), self.text(value)?)))
            .collect();
        pairs.into_iter().collect()
    }

    fn tree(self, cursor: &Cursor<'_>, node: &Node) -> Option<Value> {
        let here = || Cursor {
            node,
            ..cursor.clone()
        };
        match &node.content {
            Content::Plain(_) => Some(node.to_json()),
            Content::Quoted(text) => self.fill(&here(), Value::from(text.as_str())),
            Content::List(items) => {
                let filled: Vec<Option<Value>> =
                    items.iter().map(|item| self.tree(cursor, item)).collect();
                filled.into_iter().collect()
            }
            Content::Map(entries) => {
                let filled: Vec<Option<(String, Value)>> = entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.tree(cursor, &entry.value)?)))
                    .collect();
                let fields: Option<Map<String, Value>> = filled.into_iter().collect();
                fields.map(Value::Object)
            }
        }
    }

    /// Fills constants in; every other placeholder must be known and stays.
    fn fill(self, cursor: &Cursor<'_>, value: Value) -> Option<Value> {
        let template = Template(value);
        let mut unknown = None;
        for name in template.names() {
            if !self.live.contains(&name.as_str()) && !self.constants.contains_key(&name) {
                unknown = Some(name);
            }
        }
        if let Some(name) = unknown {
            let known = self
                .live
                .iter()
                .copied()
                .chain(self.constants.keys().map(String::as_str));
            return cursor.refuse(
                format!("there is no placeholder `{{{name}}}` here"),
                format!(
                    "{}; a literal brace is written twice",
                    suggest(&name, known)
                ),
            );
        }
        Some(self.keep_live(&template))
    }

    fn keep_live(self, template: &Template) -> Value {
        let Value::String(text) = &template.0 else {
            return template.0.clone();
        };
        if template.names().is_empty() {
            return template.0.clone();
        }
        // A text that is nothing but one constant takes the constant's type.
        if let Some(name) = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            && let Some(constant) = self.constants.get(name)
        {
            return match constant {
                Value::String(text) => Value::from(escape(text)),
                other => other.clone(),
            };
        }
        // Braces that stand for themselves must survive this first filling.
        let guarded = text.replace("{{", "{{{{").replace("}}", "}}}}");
        Value::from(fill_text(&guarded, &|name| {
            Some(match self.constants.get(name) {
                Some(Value::String(text)) => Value::from(escape(text)),
                Some(other) => other.clone(),
                None => Value::from(format!("{{{name}}}")),
            })
        }))
    }
}

fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::suite::diagnostics::Diagnostics;
    use crate::suite::source::Source;
    use crate::suite::yaml;

    fn template(text: &str) -> Result<Value, String> {
        let source = Source::new("t.yaml", text);
        let node = yaml::parse(&source).unwrap();
        let diagnostics = Diagnostics::new(&source);
        let constants = BTreeMap::from([
            ("product".to_owned(), json!("desk{1}")),
            ("tenant".to_owned(), json!(7)),
        ]);
        let placeholders = Placeholders {
            live: &["username"],
            constants: &constants,
        };
        let filled = placeholders.template(&Cursor::root(&diagnostics, &node));
        filled
            .map(|template| template.0)
            .ok_or_else(|| diagnostics.into_problems().to_string())
    }

    #[test]
    fn constants_are_filled_in_and_other_placeholders_stay() {
        assert_eq!(
            template(
                "{u: \"{username}\", t: \"{tenant}\", p: \"{product}/{username}\", b: \"{{x}}{tenant}\"}"
            ),
            Ok(json!({"u": "{username}", "t": 7, "p": "desk{{1}}/{username}", "b": "{{x}}7"}))
        );
    }

    #[test]
    fn an_unknown_placeholder_gets_the_nearest_known_one() {
        let problem = template("{u: \"{usrname}\"}").unwrap_err();
        assert!(problem.contains("did you mean `username`?"), "{problem}");
    }
}
