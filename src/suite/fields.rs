//! Reading a tree without ever stopping at the first error.
//!
//! Every getter notes what is wrong on the file's [`Sheet`] and returns `None`; a reader collects
//! all its parts first and puts them together last, so one pass finds every error of a file.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::node::{Content, Entry, Node, Span};
use super::problem::{Problem, Problems};
use super::source::Source;

/// One file that is being read, with what is wrong in it so far.
#[derive(Debug)]
pub(crate) struct Sheet {
    source: Arc<Source>,
    problems: RefCell<Vec<(Span, Problem)>>,
}

impl Sheet {
    pub(crate) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            problems: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Notes a problem at `span`.
    pub(crate) fn note(&self, span: &Span, problem: Problem) {
        let problem = problem.at(&self.source, span.clone());
        self.problems.borrow_mut().push((span.clone(), problem));
    }

    /// Everything noted, in the order of the file, each once.
    pub(crate) fn into_problems(self) -> Problems {
        let mut noted = self.problems.into_inner();
        noted.sort_by_key(|(span, _)| span.start);
        let mut problems = Problems::default();
        for (_, problem) in noted {
            if problems.all().last() != Some(&problem) {
                problems.push(problem);
            }
        }
        problems
    }
}

/// A value with what it is called, so that every message can name it.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    pub(crate) sheet: &'a Sheet,
    pub(crate) name: String,
    pub(crate) node: &'a Node,
    pub(crate) key_span: Option<&'a Span>,
}

impl<'a> Place<'a> {
    /// A file's whole content.
    pub(crate) fn root(sheet: &'a Sheet, node: &'a Node) -> Self {
        Self {
            sheet,
            name: "the file".to_owned(),
            node,
            key_span: None,
        }
    }

    /// Notes a problem with this value.
    pub(crate) fn refuse<T>(
        &self,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.sheet
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
        self.sheet.note(span, problem);
    }

    /// A text; numbers and words are taken as they are written.
    pub(crate) fn text(&self) -> Option<String> {
        match self.node.scalar() {
            Some(text) if !self.node.is_null() => Some(text.to_owned()),
            _ => self.wrong("a text", "write a word, or a text in quotes"),
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
        let text = self.node.scalar().unwrap_or_default();
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ if self.sheet.source.name().ends_with(".toml") => {
                self.word(&[("true", true), ("false", false)])
            }
            _ => self.word(&[("on", true), ("off", false)]),
        }
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
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
    pub(crate) fn list(&self) -> Option<Vec<Place<'a>>> {
        match &self.node.content {
            Content::List(items) => Some(self.items(items)),
            _ => self.wrong("a list", "write `[a, b]`, or one item a line after `- `"),
        }
    }

    /// The items of a list, or a single value in the place of a list with one item.
    pub(crate) fn one_or_more(&self) -> Vec<Place<'a>> {
        match &self.node.content {
            Content::List(items) => self.items(items),
            _ => vec![self.clone()],
        }
    }

    fn items(&self, items: &'a [Node]) -> Vec<Place<'a>> {
        items
            .iter()
            .enumerate()
            .map(|(at, node)| Place {
                sheet: self.sheet,
                name: format!("item {} of {}", at + 1, self.name),
                node,
                key_span: None,
            })
            .collect()
    }

    /// The entries of a map whose keys are names of the author's choice.
    pub(crate) fn entries(&self) -> Option<Vec<(&'a Entry, Place<'a>)>> {
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

    fn sub(&self, entry: &'a Entry) -> Place<'a> {
        Place {
            sheet: self.sheet,
            name: format!("`{}`", entry.key),
            node: &entry.value,
            key_span: Some(&entry.key_span),
        }
    }

    /// The fields of a map whose keys this format knows. `what` names the map: `a resource`.
    pub(crate) fn fields(&self, what: &'static str) -> Option<Fields<'a>> {
        match &self.node.content {
            Content::Map(entries) => Some(Fields {
                place: self.clone(),
                what,
                entries,
                known: RefCell::default(),
                all_known: Cell::new(false),
            }),
            _ => self.wrong(
                "a map",
                format!("{what} has keys: write `key: value`, one a line"),
            ),
        }
    }
}

/// A map whose keys this format knows. Unknown ones are noted when it is dropped.
pub(crate) struct Fields<'a> {
    pub(crate) place: Place<'a>,
    what: &'static str,
    entries: &'a [Entry],
    known: RefCell<Vec<&'static str>>,
    all_known: Cell<bool>,
}

impl<'a> Fields<'a> {
    /// The value at `key`, if the key is there with a value.
    pub(crate) fn get(&self, key: &'static str) -> Option<Place<'a>> {
        self.known.borrow_mut().push(key);
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| self.place.sub(entry))
            .filter(|place| !place.node.is_null())
    }

    /// The value at `key`, which must be there.
    pub(crate) fn need(&self, key: &'static str) -> Option<Place<'a>> {
        let found = self.get(key);
        if found.is_none() {
            let empty = self.entries.iter().find(|entry| entry.key == key);
            let (span, hint) = match empty {
                Some(entry) => (entry.key_span.clone(), format!("give `{key}` a value")),
                None => (self.head(), format!("add `{key}` here")),
            };
            let message = format!("{} needs `{key}`", self.what);
            let problem = Problem::new(message).hint(hint);
            self.place.sheet.note(&span, problem);
        }
        found
    }

    /// The value at `key` as `read` understands it; `default` without it.
    pub(crate) fn or<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Place<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.get(key) {
            Some(place) => read(&place),
            None => Some(default),
        }
    }

    /// The value at `key` as `read` understands it; `Some(None)` without it.
    pub(crate) fn maybe<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Place<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.or(key, None, |place| read(place).map(Some))
    }

    /// Whether the key stands here, with or without a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The keys that stand here, as written.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// Where this map is pointed at as a whole: its name, or its first key.
    pub(crate) fn head(&self) -> Span {
        match (self.place.key_span, self.entries.first()) {
            (Some(key), _) => key.clone(),
            (None, Some(entry)) => entry.key_span.clone(),
            (None, None) => self.place.node.span.clone(),
        }
    }

    /// Notes a problem with the map as a whole.
    pub(crate) fn refuse<T>(
        &self,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.place
            .sheet
            .note(&self.head(), Problem::new(message).hint(hint));
        None
    }

    /// Leaves keys that nobody asked for alone.
    pub(crate) fn ignore_rest(&self) {
        self.all_known.set(true);
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        if self.all_known.get() {
            return;
        }
        let known = self.known.borrow();
        for entry in self.entries {
            if !known.contains(&entry.key.as_str()) {
                let message = format!("{} has no key `{}`", self.what, entry.key);
                let hint = suggest(&entry.key, known.iter().copied());
                self.place
                    .sheet
                    .note(&entry.key_span, Problem::new(message).hint(hint));
            }
        }
    }
}

/// What to write in the place of `word`: the nearest of `known`, or all of them.
pub(crate) fn suggest<'w>(word: &str, known: impl Iterator<Item = &'w str> + Clone) -> String {
    nearest(word, known.clone()).map_or_else(
        || match any_of(known) {
            all if all.is_empty() => "there is none to choose from".to_owned(),
            all => format!("write {all}"),
        },
        |near| format!("did you mean `{near}`?"),
    )
}

pub(crate) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let word = word.to_ascii_lowercase();
    known
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`; each word once.
pub(crate) fn any_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for word in words {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    let quoted: Vec<String> = unique.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::yaml;

    fn noted(text: &str, read: impl FnOnce(&Fields<'_>)) -> Vec<String> {
        let source = Source::new("t.yaml", text);
        let node = yaml::parse(&source).unwrap();
        let sheet = Sheet::new(&source);
        if let Some(fields) = Place::root(&sheet, &node).fields("a thing") {
            read(&fields);
        }
        let problems = sheet.into_problems();
        problems.all().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_error_of_a_map_is_noted_in_the_order_of_the_file() {
        let messages = noted("evry: 5s\nsize: many\n", |fields| {
            fields.need("every");
            fields.get("size").map(|place| place.whole(1));
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
                    fields.get("a").and_then(|place| place.switch()),
                    Some(value)
                );
            });
            assert!(messages.is_empty(), "{messages:?}");
        }
        assert_eq!(
            noted("a: onn\n", |fields| {
                fields.get("a").map(|place| place.switch());
            }),
            ["t.yaml:1:4: `a` cannot be `onn` (did you mean `on`?)"]
        );
    }

    #[test]
    fn a_far_off_word_gets_the_whole_choice() {
        assert_eq!(
            suggest("banana", ["on", "off"].into_iter()),
            "write `on` or `off`"
        );
        assert_eq!(
            suggest("x", std::iter::empty()),
            "there is none to choose from"
        );
    }
}
