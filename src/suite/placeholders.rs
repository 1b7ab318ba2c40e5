//! Templates: which placeholders they may hold, and the constants that are filled in at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cursor::Cursor;
use super::node::{Content, Node};
use super::numeral::Keeping;
use super::suggest::suggest;
use super::trace::Seen;
use crate::domain::selector::{Template, fill_text};

/// A value that a contract names once and uses in many places.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    /// As it is written: what it is in texts.
    written: String,
    /// What it is in JSON, where it stands alone.
    value: Value,
}

impl Constant {
    /// A scalar: in JSON a boolean, `null` or a number where the look says so and nothing of the
    /// writing is lost.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let written = node.scalar()?.to_owned();
        let value = match node.to_json() {
            Value::Number(number) if number.to_string() != written => Value::from(written.as_str()),
            Value::Null if written != "null" => Value::from(written.as_str()),
            value => value,
        };
        Some(Self { written, value })
    }
}

/// The placeholders that a template may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placeholders<'a> {
    /// Filled at run time.
    pub(crate) live: &'a [&'a str],
    /// Filled while the file is read.
    pub(crate) constants: &'a BTreeMap<String, Constant>,
}

impl Placeholders<'_> {
    /// A text with its constants filled in, its other placeholders known.
    pub(crate) fn text(self, cursor: &Cursor<'_>) -> Option<String> {
        let text = cursor.text()?;
        self.names_are_known(cursor, &text)?;
        Some(self.keep_live(&text))
    }

    /// Any JSON value whose texts hold placeholders.
    pub(crate) fn template(self, cursor: &Cursor<'_>) -> Option<Template> {
        cursor.takes(|| Seen::Json);
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
            Content::Plain(_) => {
                cursor.numeral(node, Keeping::Writing)?;
                Some(node.to_json())
            }
            Content::Quoted(text) => {
                self.names_are_known(&here(), text)?;
                Some(self.in_json(text))
            }
            Content::List(items) => {
                let filled: Vec<Option<Value>> =
                    items.iter().map(|item| self.tree(cursor, item)).collect();
                filled.into_iter().collect()
            }
            Content::Map(entries) => {
                if let [only] = entries.as_slice()
                    && only.value.is_null()
                    && self.knows(&only.key)
                {
                    let name = &only.key;
                    return here().refuse(
                        format!(
                            "`{{{name}}}` without quotes is a mapping in YAML, and no placeholder"
                        ),
                        format!("write `\"{{{name}}}\"`"),
                    );
                }
                let filled: Vec<Option<(String, Value)>> = entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.tree(cursor, &entry.value)?)))
                    .collect();
                let fields: Option<Map<String, Value>> = filled.into_iter().collect();
                fields.map(Value::Object)
            }
        }
    }

    fn knows(self, name: &str) -> bool {
        self.live.contains(&name) || self.constants.contains_key(name)
    }

    /// Whether every placeholder is a constant, or filled at run time.
    fn names_are_known(self, cursor: &Cursor<'_>, text: &str) -> Option<()> {
        let names = Template(Value::from(text)).names();
        let unknown = names.iter().find(|name| !self.knows(name));
        let Some(name) = unknown else {
            return Some(());
        };
        let known = self
            .live
            .iter()
            .copied()
            .chain(self.constants.keys().map(String::as_str));
        cursor.refuse(
            format!("there is no placeholder `{{{name}}}` here"),
            format!("{}; a literal brace is written twice", suggest(name, known)),
        )
    }

    /// A text of a JSON template; one that is nothing but a constant takes the constant's type.
    fn in_json(self, text: &str) -> Value {
        let sole = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match sole.and_then(|name| self.constants.get(name)) {
            Some(Constant {
                value: Value::String(text),
                ..
            }) => Value::from(escape(text)),
            Some(constant) => constant.value.clone(),
            None => Value::from(self.keep_live(text)),
        }
    }

    /// A text with its constants filled in; every other placeholder stays.
    fn keep_live(self, text: &str) -> String {
        if Template(Value::from(text)).names().is_empty() {
            return text.to_owned();
        }
        // Braces that stand for themselves must survive this first filling. A text that is one
        // placeholder is filled like any other.
        let guarded = text.replace("{{", "{{{{").replace("}}", "}}}}");
        fill_text(&guarded, &|name| {
            Some(match self.constants.get(name) {
                Some(constant) => Value::from(escape(&constant.written)),
                None => Value::from(format!("{{{name}}}")),
            })
        })
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

    fn constant(written: &str) -> Constant {
        let node = Node {
            span: 0..0,
            content: Content::Plain(written.to_owned()),
        };
        Constant::of(&node).unwrap()
    }

    fn template(text: &str) -> Result<Value, String> {
        let source = Source::new("t.yaml", text);
        let node = yaml::parse(&source).unwrap();
        let diagnostics = Diagnostics::new(&source);
        let constants = BTreeMap::from([
            ("product".to_owned(), constant("desk{1}")),
            ("tenant".to_owned(), constant("7")),
            ("version".to_owned(), constant("1.10")),
            ("nothing".to_owned(), constant("~")),
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
    fn a_constant_whose_writing_no_number_keeps_is_a_text_in_json_too() {
        assert_eq!(
            template("{v: \"{version}\", w: \"v{version}\", n: \"{nothing}\"}"),
            Ok(json!({"v": "1.10", "w": "v1.10", "n": "~"}))
        );
    }

    #[test]
    fn a_number_of_a_request_that_would_go_out_differently_is_refused() {
        assert_eq!(template("{n: [1.5, 12]}"), Ok(json!({"n": [1.5, 12]})));
        for written in ["1.10", "0123", "5319E7", "12345678901234567890123", "+5"] {
            let problem = template(&format!("{{n: [{written}]}}")).unwrap_err();
            assert!(problem.contains("quote it"), "{problem}");
        }
    }

    #[test]
    fn an_unknown_placeholder_gets_the_nearest_known_one() {
        let problem = template("{u: \"{usrname}\"}").unwrap_err();
        assert!(problem.contains("did you mean `username`?"), "{problem}");
    }
}
