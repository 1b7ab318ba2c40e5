//! Reading a tree without ever stopping at the first error.
//!
//! Every getter notes what is wrong on the file's [`Diagnostics`] and returns `None`; a reader collects
//! all its parts first and puts them together last, so one pass finds every error of a file.

mod fields;

use super::diagnostics::Diagnostics;
use super::node::{Content, Entry, Node, Span};
use super::problem::Problem;
use super::suggest::{any_of, suggest};
use super::trace::{Keys, Seen};
pub(crate) use fields::Fields;

/// A value with what it is called, so that every message can name it.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    pub(crate) diagnostics: &'a Diagnostics,
    pub(crate) name: String,
    pub(crate) node: &'a Node,
    pub(crate) key_span: Option<&'a Span>,
}

impl<'a> Cursor<'a> {
    /// A file's whole content.
    pub(crate) fn root(diagnostics: &'a Diagnostics, node: &'a Node) -> Self {
        Self {
            diagnostics,
            name: "the file".to_owned(),
            node,
            key_span: None,
        }
    }

    /// Another value in the place of this one: what it stands for.
    pub(crate) fn within<'n>(&self, node: &'n Node) -> Cursor<'n>
    where
        'a: 'n,
    {
        Cursor {
            diagnostics: self.diagnostics,
            name: "`steps`".to_owned(),
            node,
            key_span: None,
        }
    }

    /// Notes what is taken here, for whoever writes that down.
    pub(crate) fn takes(&self, seen: impl FnOnce() -> Seen) {
        if let Some(trace) = self.diagnostics.trace() {
            trace.note(self.node, seen());
        }
    }

    /// Notes a problem with this value.
    pub(crate) fn refuse<T>(
        &self,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.diagnostics
            .note(&self.node.span, Problem::new(message).hint(hint));
        None
    }

    /// Notes that this value is not `wanted`.
    pub(crate) fn wrong<T>(&self, wanted: &str, hint: impl Into<String>) -> Option<T> {
        let message = format!("{} must be {wanted}, not {}", self.name, self.node.kind());
        self.note_at_head(Problem::new(message).hint(hint));
        None
    }

    /// Notes a problem where an empty value has no text of its own to point at.
    fn note_at_head(&self, problem: Problem) {
        let span = match self.key_span {
            Some(key) if self.node.span.is_empty() => key,
            _ => &self.node.span,
        };
        self.diagnostics.note(span, problem);
    }

    /// A text; numbers and words are taken as they are written.
    pub(crate) fn text(&self) -> Option<String> {
        self.takes(|| Seen::Text);
        match self.node.scalar() {
            Some(text) if !self.node.is_null() => Some(text.to_owned()),
            Some(text) if !text.is_empty() => {
                self.wrong("a text", format!("quote it to make it one: `\"{text}\"`"))
            }
            _ => self.wrong("a text", "write a word, or a text in quotes"),
        }
    }

    /// A scalar as it is written, whatever it looks like: `~` and `null` are texts, too.
    pub(crate) fn written(&self) -> Option<String> {
        self.takes(|| Seen::Written);
        match self.node.scalar() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong("a text", "write a word, or a text in quotes"),
        }
    }

    /// A text that is not empty.
    pub(crate) fn name_text(&self) -> Option<String> {
        let text = self.text()?;
        if text.trim().is_empty() {
            return self.refuse(format!("{} is empty", self.name), "write a text");
        }
        Some(text)
    }

    /// A switch: `true` and `false`, also as the words that people write for them. The advice is in
    /// the file's own language.
    pub(crate) fn switch(&self) -> Option<bool> {
        self.takes(|| Seen::Switch);
        let text = self.node.scalar().unwrap_or_default();
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ if self.diagnostics.source().name().ends_with(".toml") => {
                self.word(&[("true", true), ("false", false)])
            }
            _ => self.word(&[("on", true), ("off", false)]),
        }
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        self.takes(|| Seen::Words(words.iter().map(|(word, _)| (*word).to_owned()).collect()));
        self.word_or_hint(words)
    }

    /// One of these words, of which the reader has refused some already: they are there to be told.
    pub(crate) fn word_or_hint<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let names = || words.iter().map(|(word, _)| *word);
        let Some(text) = self.node.scalar().filter(|_| !self.node.is_null()) else {
            return self.wrong("a word", format!("write {}", any_of(names())));
        };
        let lower = text.to_ascii_lowercase();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == lower) {
            return Some(value.clone());
        }
        self.refuse(
            format!("{} cannot be `{text}`", self.name),
            suggest(text, names()),
        )
    }

    /// A whole number from `least` on.
    pub(crate) fn whole(&self, least: u64) -> Option<u64> {
        self.takes(|| Seen::Whole(least));
        let number = self.unquoted().and_then(|value| value.as_u64());
        match number {
            Some(number) if number >= least => Some(number),
            _ => self.refuse(
                format!("{} must be a whole number, {least} or more", self.name),
                "write digits without quotes",
            ),
        }
    }

    /// A number between two others.
    pub(crate) fn number_between(&self, least: f64, most: f64) -> Option<f64> {
        self.takes(|| Seen::Number(least, most));
        match self.unquoted().and_then(|value| value.as_f64()) {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => self.refuse(
                format!("{} must be a number from {least} to {most}", self.name),
                "write it without quotes",
            ),
        }
    }

    fn unquoted(&self) -> Option<serde_json::Value> {
        match &self.node.content {
            Content::Plain(_) => Some(self.node.to_json()),
            _ => None,
        }
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Option<Vec<Cursor<'a>>> {
        self.takes(|| Seen::Items);
        match &self.node.content {
            Content::List(items) => Some(self.items(items)),
            _ => self.wrong("a list", "write `[a, b]`, or one item a line after `- `"),
        }
    }

    /// The items of a list, or a single value in the place of a list with one item.
    pub(crate) fn one_or_more(&self) -> Vec<Cursor<'a>> {
        self.takes(|| Seen::OneOrMore);
        match &self.node.content {
            Content::List(items) => self.items(items),
            _ => vec![self.clone()],
        }
    }

    fn items(&self, items: &'a [Node]) -> Vec<Cursor<'a>> {
        items
            .iter()
            .enumerate()
            .map(|(at, node)| Cursor {
                diagnostics: self.diagnostics,
                name: format!("item {} of {}", at + 1, self.name),
                node,
                key_span: None,
            })
            .collect()
    }

    /// The entries of a map whose keys are names of the author's choice.
    pub(crate) fn entries(&self) -> Option<Vec<(&'a Entry, Cursor<'a>)>> {
        self.takes(|| Seen::Names);
        self.all_entries()
    }

    /// The entries of a map whose keys are among these words. Whoever reads them refuses all others.
    pub(crate) fn entries_among(
        &self,
        what: &'static str,
        words: impl Iterator<Item = &'static str>,
    ) -> Option<Vec<(&'a Entry, Cursor<'a>)>> {
        self.takes(|| {
            Seen::Keys(Keys {
                what,
                known: words.collect(),
                needed: Vec::new(),
                only_one: false,
            })
        });
        self.all_entries()
    }

    fn all_entries(&self) -> Option<Vec<(&'a Entry, Cursor<'a>)>> {
        match &self.node.content {
            Content::Map(entries) => Some(
                entries
                    .iter()
                    .map(|entry| (entry, self.sub(entry)))
                    .collect(),
            ),
            _ => self.wrong("a map", "write `name: value`, one a line"),
        }
    }

    fn sub(&self, entry: &'a Entry) -> Cursor<'a> {
        Cursor {
            diagnostics: self.diagnostics,
            name: format!("`{}`", entry.key),
            node: &entry.value,
            key_span: Some(&entry.key_span),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::source::Source;
    use crate::suite::yaml;

    fn noted(text: &str, read: impl FnOnce(&Fields<'_>)) -> Vec<String> {
        let source = Source::new("t.yaml", text);
        let node = yaml::parse(&source).unwrap();
        let diagnostics = Diagnostics::new(&source);
        if let Some(fields) = Cursor::root(&diagnostics, &node).fields("a thing") {
            read(&fields);
        }
        let problems = diagnostics.into_problems();
        problems.all().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_error_of_a_map_is_noted_in_the_order_of_the_file() {
        let messages = noted("evry: 5s\nsize: many\n", |fields| {
            fields.need("every");
            fields.get("size").map(|cursor| cursor.whole(1));
        });
        assert_eq!(
            messages,
            [
                "t.yaml:1:1: a thing needs `every` (add `every` here)",
                "t.yaml:1:1: a thing has no key `evry` (did you mean `every`?)",
                "t.yaml:2:7: `size` must be a whole number, 1 or more (write digits without quotes)",
            ]
        );
    }

    #[test]
    fn switches_are_read_from_the_words_people_write() {
        for (text, value) in [
            ("on", true),
            ("False", false),
            ("yes", true),
            ("\"off\"", false),
        ] {
            let messages = noted(&format!("a: {text}\n"), |fields| {
                assert_eq!(
                    fields.get("a").and_then(|cursor| cursor.switch()),
                    Some(value)
                );
            });
            assert!(messages.is_empty(), "{messages:?}");
        }
        assert_eq!(
            noted("a: onn\n", |fields| {
                fields.get("a").map(|cursor| cursor.switch());
            }),
            ["t.yaml:1:4: `a` cannot be `onn` (did you mean `on`?)"]
        );
    }
}
