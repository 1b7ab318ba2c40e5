//! YAML into a tree of nodes, with limits that hostile files cannot pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span as Marks};

use super::node::{Content, Entry, Node, Span};
use super::problem::{Problem, Problems};
use super::source::Source;

/// How deep lists and maps may be nested, aliases followed.
const DEEPEST: usize = 64;

/// How many values a file may have, aliases followed: an alias bomb ends here.
const MOST_NODES: usize = 200_000;

/// Reads one document.
///
/// # Errors
/// What is wrong with the text as YAML: at most one error of syntax, since nothing after it can be
/// trusted, and every duplicate key before it.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Node, Problems> {
    parse_up_to(source, MOST_NODES)
}

/// Reads one document of so many values at most: what programs write is longer than what people do.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_up_to(source: &Arc<Source>, most: usize) -> Result<Node, Problems> {
    if let Some(at) = source.text().find('\0') {
        return Err(
            Problem::new("this file holds a NUL byte, so it is not text")
                .at(source, at..at + 1)
                .hint("is this the right file?")
                .into(),
        );
    }
    let options = options_within_limits();
    let mut tree = Tree {
        source,
        parser: Parser::new_from_str_with_options(source.text(), options),
        anchors: BTreeMap::new(),
        nodes: 0,
        most,
        problems: Problems::default(),
    };
    match tree.document() {
        Ok(node) => tree.problems.or(Some(node)),
        Err(problem) => {
            tree.problems.push(problem);
            Err(tree.problems)
        }
    }
}

fn options_within_limits() -> Options {
    let mut options = Options::default();
    options.block_nesting_limit = DEEPEST;
    options.flow_nesting_limit = DEEPEST;
    options.emit_unresolved_aliases = true;
    options
}

/// A finished node with what it takes to copy it.
struct Measured {
    node: Node,
    size: usize,
    height: usize,
}

struct Tree<'s, P> {
    source: &'s Arc<Source>,
    parser: P,
    anchors: BTreeMap<usize, Measured>,
    nodes: usize,
    most: usize,
    problems: Problems,
}

impl<'s, P> Tree<'s, P>
where
    P: Iterator<Item = Result<(Event<'s>, Marks), granit_parser::ScanError>>,
{
    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            let (event, marks) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => return Err(self.empty()),
                event => {
                    let root = self.value(event, &marks, 0)?;
                    if root.node.is_null() {
                        return Err(self.empty());
                    }
                    return self.end(root.node);
                }
            }
        }
    }

    fn empty(&self) -> Problem {
        Problem::new("this file is empty")
            .at(self.source, 0..0)
            .hint("see the formats' documentation for an example to start from")
    }

    /// Accepts nothing but the end after the one document.
    fn end(&mut self, root: Node) -> Result<Node, Problem> {
        loop {
            let (event, marks) = self.next()?;
            match event {
                Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(root),
                _ => {
                    return Err(self
                        .problem("a second document begins here", &marks)
                        .hint("a file holds one document: remove the `---` or split the file"));
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'s>, Marks), Problem> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                Err(
                    Problem::new(format!("not readable as YAML: {}", error.info()))
                        .at(self.source, at..at + 1),
                )
            }
            None => Ok((Event::StreamEnd, Marks::default())),
        }
    }

    fn value(
        &mut self,
        event: Event<'s>,
        marks: &Marks,
        depth: usize,
    ) -> Result<Measured, Problem> {
        self.count(1, marks)?;
        if depth > DEEPEST {
            return Err(self.too_deep(marks));
        }
        if event.tag().is_some() {
            let tag = marks.tag_span().unwrap_or(*marks);
            let problem = self
                .problem("tags are not read here", &tag)
                .hint("quote a value to make it text; its look decides otherwise");
            self.problems.push(problem);
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let text = text.into_owned();
                let content = match style {
                    ScalarStyle::Plain => Content::Plain(text),
                    _ => Content::Quoted(text),
                };
                let node = Node {
                    span: span_of(marks),
                    content,
                };
                self.keep(anchor, node, 1, 0, marks)
            }
            Event::SequenceStart(_, anchor, _) => self.list(anchor, marks, depth),
            Event::MappingStart(_, anchor, _) => self.map(anchor, marks, depth),
            Event::Alias(id) => self.alias(id, marks, depth),
            Event::UnresolvedAlias(name) => Err(self.unknown_anchor(&name, marks)),
            other => Err(self.problem(&format!("unexpected {other:?}"), marks)),
        }
    }

    fn list(&mut self, anchor: usize, marks: &Marks, depth: usize) -> Result<Measured, Problem> {
        let mut items = Vec::new();
        let (mut size, mut height) = (1, 0);
        loop {
            let (event, item_marks) = self.next()?;
            if event == Event::SequenceEnd {
                let span = span_of(marks).start..span_of(&item_marks).end;
                let content = Content::List(items);
                return self.keep(anchor, Node { span, content }, size, height + 1, marks);
            }
            let item = self.value(event, &item_marks, depth + 1)?;
            size += item.size;
            height = height.max(item.height);
            items.push(item.node);
        }
    }

    fn map(&mut self, anchor: usize, marks: &Marks, depth: usize) -> Result<Measured, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let (mut size, mut height) = (1, 0);
        loop {
            let (event, key_marks) = self.next()?;
            if event == Event::MappingEnd {
                let span = span_of(marks).start..span_of(&key_marks).end;
                let content = Content::Map(entries);
                return self.keep(anchor, Node { span, content }, size, height + 1, marks);
            }
            let key = self.value(event, &key_marks, depth + 1)?;
            let (event, value_marks) = self.next()?;
            let value = self.value(event, &value_marks, depth + 1)?;
            size += key.size + value.size;
            height = height.max(value.height);
            let Some(text) = key.node.scalar().map(str::to_owned) else {
                self.complain(
                    "a key must be a word",
                    key.node.span,
                    "quote it to make it text",
                );
                continue;
            };
            if text == "<<" {
                self.complain(
                    "merge keys are not read",
                    key.node.span,
                    "write the keys out, or use an alias for the whole value",
                );
                continue;
            }
            if let Some(first) = seen.get(&text) {
                let (line, _) = self.source.line_and_column(first.start);
                self.complain(
                    &format!("the key `{text}` stands here a second time"),
                    key.node.span,
                    &format!("the first one is in line {line}: keep one of them"),
                );
                continue;
            }
            seen.insert(text.clone(), key.node.span.clone());
            entries.push(Entry {
                key: text,
                key_span: key.node.span,
                value: value.node,
            });
        }
    }

    fn alias(&mut self, id: usize, marks: &Marks, depth: usize) -> Result<Measured, Problem> {
        let Some(known) = self.anchors.get(&id) else {
            return Err(self
                .problem("this alias stands inside the value that it names", marks)
                .hint("a value cannot contain itself"));
        };
        let (size, height) = (known.size, known.height);
        if depth + height > DEEPEST {
            return Err(self.too_deep(marks));
        }
        self.count(size, marks)?;
        let node = self
            .anchors
            .get(&id)
            .map(|known| known.node.clone())
            .ok_or_else(|| self.problem("unknown alias", marks))?;
        Ok(Measured { node, size, height })
    }

    /// Finishes a node; one with an anchor is copied, and the copy counts.
    fn keep(
        &mut self,
        anchor: usize,
        node: Node,
        size: usize,
        height: usize,
        marks: &Marks,
    ) -> Result<Measured, Problem> {
        if anchor != 0 {
            self.count(size, marks)?;
            let copy = Measured {
                node: node.clone(),
                size,
                height,
            };
            self.anchors.insert(anchor, copy);
        }
        Ok(Measured { node, size, height })
    }

    fn count(&mut self, more: usize, marks: &Marks) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > self.most {
            let most = self.most;
            return Err(self
                .problem(&format!("this file has more than {most} values"), marks)
                .hint("aliases count as often as they are used"));
        }
        Ok(())
    }

    fn too_deep(&self, marks: &Marks) -> Problem {
        self.problem(
            &format!("this is nested deeper than {DEEPEST} levels"),
            marks,
        )
    }

    fn unknown_anchor(&self, name: &str, marks: &Marks) -> Problem {
        self.problem(
            &format!("there is no anchor `&{name}` before this alias"),
            marks,
        )
        .hint("quote the value if it is a text that begins with `*`")
    }

    fn problem(&self, message: &str, marks: &Marks) -> Problem {
        Problem::new(message).at(self.source, span_of(marks))
    }

    fn complain(&mut self, message: &str, span: Span, hint: &str) {
        self.problems
            .push(Problem::new(message).at(self.source, span).hint(hint));
    }
}

fn span_of(marks: &Marks) -> Span {
    let start = marks.start.byte_offset().unwrap_or_default();
    start..marks.end.byte_offset().unwrap_or(start).max(start)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        parse(&Source::new("t.yaml", text)).map_err(|problems| problems.to_string())
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let text = "a: 1\nb: {c: [x, \"y\"]}\n";
        let Content::Map(entries) = read(text).unwrap().content else {
            panic!("not a map");
        };
        assert_eq!(&text[entries[1].key_span.clone()], "b");
        let Content::Map(inner) = &entries[1].value.content else {
            panic!("not a map");
        };
        let Content::List(items) = &inner[0].value.content else {
            panic!("not a list");
        };
        assert_eq!(&text[items[1].span.clone()], "\"y\"");
        assert_eq!(
            read(text).unwrap().to_json(),
            json!({"a": 1, "b": {"c": ["x", "y"]}})
        );
    }

    #[test]
    fn aliases_are_followed_as_far_as_the_limits_allow() {
        assert_eq!(
            read("a: &x {n: 1}\nb: *x\n").unwrap().to_json(),
            json!({"a": {"n": 1}, "b": {"n": 1}})
        );
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        let mut tower = "a0: &a0 [x]\n".to_owned();
        for level in 1..60 {
            let below = vec![format!("*a{}", level - 1); 9].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
            tower.push_str(&format!("a{level}: &a{level} [[[*a{}]]]\n", level - 1));
        }
        assert!(read(&bomb).unwrap_err().contains("more than 200000 values"));
        assert!(read(&tower).unwrap_err().contains("nested deeper"));
        assert!(
            read("a: &x [*x]\n")
                .unwrap_err()
                .contains("inside the value")
        );
        assert!(
            read("a: *gone\n")
                .unwrap_err()
                .contains("no anchor `&gone`")
        );
    }

    #[test]
    fn hostile_texts_are_refused_and_never_panic() {
        for text in [
            "",
            "# only a comment\n",
            "---\n...\n",
            "a: \0\n",
            "a: [1, 2\n",
            "? [a]\n: b\n",
            "<<: {a: 1}\n",
            "--- a\n--- b\n",
            "a: !!python/object x\n",
            "a: 1\na: 2\n",
            &"[".repeat(100_000),
            &"- ".repeat(100_000),
            &"{a: ".repeat(5_000),
        ] {
            let shown: String = text.chars().take(20).collect();
            assert!(read(text).is_err(), "{shown}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\-:{}\\[\\]&*!|>'\"# a\\n\\t,?%\\x00é]{0,60}") {
            let _ = read(&text).map(|node| node.to_json());
        }
    }
}
