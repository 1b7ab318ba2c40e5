//! A document as people and programs write it: JSON or YAML, with a place for every value.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::suite::{Content, Node, Problem, Problems, Source, parse_up_to};

/// How many values a document may have.
const MOST: usize = 4_000_000;

/// A document that could be read.
pub(super) struct Document {
    source: Arc<Source>,
    pub(super) root: Value,
    /// The tree with places, if it is YAML.
    node: Option<Node>,
}

impl Document {
    /// Reads it. What begins with a brace is JSON.
    pub(super) fn read(source: &Arc<Source>) -> Result<Self, Problems> {
        let text = source.text();
        if let Some(at) = text.find('\0') {
            return Err(
                Problem::new("this file holds a NUL byte, so it is not text")
                    .at(source, at..at + 1)
                    .hint("is this the right file?")
                    .into(),
            );
        }
        if !text.trim_start().starts_with(['{', '[']) {
            let node = parse_up_to(source, MOST)?;
            return Ok(Self {
                source: Arc::clone(source),
                root: node.to_json(),
                node: Some(node),
            });
        }
        match serde_json::from_str(text) {
            Ok(root) => Ok(Self {
                source: Arc::clone(source),
                root,
                node: None,
            }),
            Err(why) => {
                let at = byte_of(text, why.line(), why.column());
                let told = why.to_string();
                let told = told.split(" at line ").next().unwrap_or_default();
                Err(Problem::new(format!("not readable as JSON: {told}"))
                    .at(source, at..at + 1)
                    .into())
            }
        }
    }

    /// Something that is wrong at a place, which is named by the segments that lead there.
    pub(super) fn problem(&self, message: impl Into<String>, path: &[&str]) -> Problem {
        Problem::new(message).at(&self.source, self.span(path))
    }

    fn span(&self, path: &[&str]) -> Range<usize> {
        let found = match &self.node {
            Some(node) => in_tree(node, path),
            None => in_json(self.source.text(), path),
        };
        found.unwrap_or(0..0)
    }

    /// The value at a reference into this document.
    pub(super) fn at(&self, reference: &str) -> Option<&Value> {
        let pointer = reference.strip_prefix('#')?;
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8();
        self.root.pointer(&pointer.ok()?)
    }
}

fn in_tree(node: &Node, path: &[&str]) -> Option<Range<usize>> {
    let mut here = node;
    let mut span = here.span.clone();
    for segment in path {
        match &here.content {
            Content::Map(entries) => {
                let own = entries.iter().find(|own| own.key == *segment)?;
                span = own.key_span.clone();
                here = &own.value;
            }
            Content::List(items) => {
                here = items.get(segment.parse::<usize>().ok()?)?;
                span = here.span.clone();
            }
            Content::Plain(_) | Content::Quoted(_) => return None,
        }
    }
    Some(span)
}

fn in_json(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let mut here: &str = text.trim();
    for segment in path {
        let part: &RawValue = if here.starts_with('{') {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(here).ok()?;
            fields.get(*segment).copied()?
        } else {
            let items: Vec<&RawValue> = serde_json::from_str(here).ok()?;
            items.get(segment.parse::<usize>().ok()?).copied()?
        };
        here = part.get();
    }
    // Parts of a text lie in it.
    let start = here.as_ptr() as usize - text.as_ptr() as usize;
    Some(start..start + here.len())
}

fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column.saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_same_in_json_and_in_yaml() {
        for (text, place) in [
            ("{\n \"a\": [\n  {\"b\": 1}]}", (3, 9)),
            ("a:\n  - b: 1\n", (2, 5)),
        ] {
            let document = Document::read(&Source::new("d", text)).unwrap();
            let problem = document.problem("no", &["a", "0", "b"]);
            let (_, line, column) = problem.place().unwrap();
            assert_eq!((line, column), place, "{text}");
        }
        for text in ["{\"a\": }", "{", "a: [", "\0", ""] {
            assert!(Document::read(&Source::new("d", text)).is_err(), "{text}");
        }
    }
}
