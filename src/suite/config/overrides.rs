//! `--set KEY=VALUE`: single values of the configuration that the command line gives.
//!
//! They are put into the tree of the file before anything is read from it, so that every key can be
//! set and every check counts for them, too. Each keeps its place in a text of its own, which stands
//! behind the file's: a diagnostic points at what was typed.

use std::sync::Arc;

use super::mask;
use crate::suite::node::{Content, Entry, Node, Span};
use crate::suite::suggest::suggest;
use crate::suite::{Problem, Problems, Source, toml};

const FORM: &str = "write it like `--set targets.local.services.api=http://127.0.0.1:4010`";

/// The file and what the command line puts into it.
#[derive(Debug, Clone)]
pub(in crate::suite) struct Document {
    /// The text of both, with secrets blotted out.
    pub(super) shown: Arc<Source>,
    /// The tree of both.
    pub(super) node: Node,
    /// The length of the file's part of the text.
    own: usize,
}

/// A key and its value, as they were typed.
struct Setting {
    path: Vec<String>,
    key_span: Span,
    value: Node,
}

impl Document {
    /// Reads the file and puts every setting into it, in their order.
    pub(in crate::suite) fn read(
        source: &Arc<Source>,
        settings: &[String],
    ) -> Result<Self, Problems> {
        let mut node =
            toml::parse(source).map_err(|problems| problems.shown_in(&mask::lines(source)))?;
        let mut text = source.text().to_owned();
        if !settings.is_empty() && !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let own = text.len();
        let mut read = Vec::new();
        for typed in settings {
            read.push(setting(typed, text.len()));
            text.push_str(typed);
            text.push('\n');
        }
        let whole = Source::new(source.name(), text);
        let declared = names_of_targets(&node);
        let mut problems = Problems::default();
        for setting in read {
            let placed = setting.and_then(|setting| {
                known_target(&setting, &declared)?;
                put(&mut node, setting)
            });
            if let Err((span, problem)) = placed {
                problems.push(problem.at(&whole, span));
            }
        }
        let document = Self {
            shown: mask::values(&whole, &node),
            node,
            own,
        };
        match problems.is_empty() {
            true => Ok(document),
            false => Err(document.placed(problems)),
        }
    }

    /// The same without its targets, and without a word about which of them is used.
    pub(super) fn without_targets(&self) -> Self {
        let mut document = self.clone();
        drop_entry(&mut document.node, "targets");
        if let Content::Map(entries) = &mut document.node.content {
            for Entry { key, value, .. } in entries {
                match (key.as_str(), &mut value.content) {
                    ("run", _) => drop_entry(value, "target"),
                    ("profiles", Content::Map(profiles)) => {
                        let profiles = profiles.iter_mut();
                        profiles.for_each(|own| drop_entry(&mut own.value, "target"));
                    }
                    _ => {}
                }
            }
        }
        document
    }

    /// The tree of both.
    pub(in crate::suite) fn node(&self) -> &Node {
        &self.node
    }

    /// Whether a place is one of the command line's.
    pub(super) fn is_typed(&self, span: &Span) -> bool {
        span.start >= self.own
    }

    /// Problems whose places say where each value comes from: the file, or the command line.
    pub(super) fn placed(&self, problems: Problems) -> Problems {
        let typed = self.shown.text().get(self.own..).unwrap_or_default();
        problems.split_at(self.own, &Source::new("--set", typed))
    }
}

fn drop_entry(node: &mut Node, key: &str) {
    if let Content::Map(entries) = &mut node.content {
        entries.retain(|entry| entry.key != key);
    }
}

type Refusal = (Span, Problem);

/// A setting as it may be told: without its value, where that may be a secret.
pub(crate) fn shown_setting(typed: &str) -> String {
    let text = Source::new("--set", typed);
    let hidden = match setting(typed, 0) {
        Ok(setting) => {
            let mut node = Node {
                span: 0..0,
                content: Content::Map(Vec::new()),
            };
            // Into an empty tree everything fits.
            let _ = put(&mut node, setting);
            mask::values(&text, &node)
        }
        Err(_) => text,
    };
    hidden.text().to_owned()
}

/// Reads `KEY=VALUE`, which stands at `start`.
fn setting(typed: &str, start: usize) -> Result<Setting, Refusal> {
    let all = start..start + typed.len();
    let Some((key, value)) = typed.split_once('=') else {
        let problem = Problem::new("`--set` needs a key and a value");
        return Err((all, problem.hint(FORM)));
    };
    let path = path_of(key.trim());
    let key_span = start..start + key.len();
    let Some(path) = path else {
        let problem = Problem::new("this is not a key of the configuration");
        return Err((key_span, problem.hint(FORM)));
    };
    let span = start + key.len() + 1..start + typed.len();
    Ok(Setting {
        path,
        key_span,
        value: value_of(value.trim(), &span),
    })
}

/// The words of a key with dots, as TOML has them.
fn path_of(key: &str) -> Option<Vec<String>> {
    let line = format!("{key} = 0");
    let mut node = toml::parse(&Source::new("", line)).ok()?;
    let mut path = Vec::new();
    while let Content::Map(entries) = node.content {
        let [entry] = <[Entry; 1]>::try_from(entries).ok()?;
        path.push(entry.key);
        node = entry.value;
    }
    Some(path)
}

/// A value as TOML has it; whatever is none is a text, so that no shell needs two kinds of quotes.
fn value_of(text: &str, span: &Span) -> Node {
    let parsed = toml::parse(&Source::new("", format!("v = {text}"))).ok();
    let parsed = parsed
        .filter(|_| text.starts_with(['"', '\'', '[', '{']) || !text.contains('#'))
        .and_then(|node| match node.content {
            Content::Map(entries) => <[Entry; 1]>::try_from(entries).ok(),
            _ => None,
        });
    let mut node = match parsed {
        Some([entry]) => entry.value,
        None => Node {
            span: span.clone(),
            content: Content::Quoted(text.to_owned()),
        },
    };
    place(&mut node, span);
    node
}

/// Lets everything below a node stand at one place.
fn place(node: &mut Node, span: &Span) {
    node.span = span.clone();
    match &mut node.content {
        Content::List(items) => items.iter_mut().for_each(|item| place(item, span)),
        Content::Map(entries) => {
            for entry in entries {
                entry.key_span = span.clone();
                place(&mut entry.value, span);
            }
        }
        Content::Plain(_) | Content::Quoted(_) => {}
    }
}

fn names_of_targets(root: &Node) -> Vec<String> {
    match root.at("/targets").map(|node| &node.content) {
        Some(Content::Map(entries)) => entries.iter().map(|entry| entry.key.clone()).collect(),
        _ => Vec::new(),
    }
}

/// A name that is no target's is a slip where the file has targets: a new one would be set in vain.
fn known_target(setting: &Setting, declared: &[String]) -> Result<(), Refusal> {
    match &setting.path[..] {
        [targets, name, ..] if targets == "targets" && !declared.is_empty() => {
            if declared.contains(name) {
                return Ok(());
            }
            let problem = Problem::new(format!("there is no target `{name}` to set something of"));
            let hint = suggest(name, declared.iter().map(String::as_str));
            Err((setting.key_span.clone(), problem.hint(hint)))
        }
        _ => Ok(()),
    }
}

/// Puts a value into the tree, with every table on the way.
fn put(root: &mut Node, setting: Setting) -> Result<(), Refusal> {
    let Setting {
        path,
        key_span,
        value,
    } = setting;
    let mut slot = root;
    let mut above = String::new();
    for word in path {
        slot = below(slot, &word, &above, &key_span)?;
        above = match above.is_empty() {
            true => word,
            false => format!("{above}.{word}"),
        };
    }
    *slot = value;
    Ok(())
}

/// What stands below a node by a word: a key, or the number of an item.
fn below<'n>(
    node: &'n mut Node,
    word: &str,
    above: &str,
    span: &Span,
) -> Result<&'n mut Node, Refusal> {
    let kind = node.kind();
    match &mut node.content {
        Content::Map(entries) => {
            let found = entries.iter().position(|entry| entry.key == word);
            let at = found.unwrap_or_else(|| {
                entries.push(Entry {
                    key: word.to_owned(),
                    key_span: span.clone(),
                    value: Node {
                        span: span.clone(),
                        content: Content::Map(Vec::new()),
                    },
                });
                entries.len() - 1
            });
            entries[at].key_span = span.clone();
            Ok(&mut entries[at].value)
        }
        Content::List(items) => {
            let count = items.len();
            let at: Option<usize> = word.parse().ok();
            at.and_then(|at| items.get_mut(at)).ok_or_else(|| {
                let problem = Problem::new(format!("`{above}` has no item `{word}`"));
                let hint = format!("its {count} items are counted from 0");
                (span.clone(), problem.hint(hint))
            })
        }
        Content::Plain(_) | Content::Quoted(_) => {
            let problem = Problem::new(format!("`{above}` is {kind}, so nothing stands below it"));
            Err((span.clone(), problem.hint(format!("set `{above}` itself"))))
        }
    }
}
