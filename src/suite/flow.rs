//! Flows: steps in a file of their own, which scenarios use with parameters instead of copying them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::cursor::Cursor;
use super::diagnostics::Diagnostics;
use super::node::{Content, Entry, Node, Span};
use super::problem::{Problem, Problems};
use super::source::Source;
use super::suggest::suggest;
use super::trace::Seen;
use super::{FLOWS, SHIPPED, yaml};
use crate::domain::scenario::SHIPPED_PLACE;
use crate::domain::selector::{Template, fill_text};

mod library;

pub(super) use library::Library;

/// The flows that the shipped scenarios and the stages of the self-test use.
pub(super) fn shipped() -> Library {
    Library::embedded(&SHIPPED, SHIPPED_PLACE)
}

/// Steps that others use.
#[derive(Debug)]
pub(super) struct Flow {
    source: Arc<Source>,
    parameters: Vec<Parameter>,
    steps: Node,
}

/// What a flow is told by the step that uses it.
#[derive(Debug)]
struct Parameter {
    name: String,
    /// What it is unless told otherwise; without it, it must be told.
    default: Option<Node>,
}

impl Flow {
    /// Reads what a flow declares. Its steps are read where they are used, with their parameters.
    ///
    /// # Errors
    /// Everything that is wrong with it whoever uses it.
    fn read(source: &Arc<Source>) -> Result<Self, Problems> {
        let node = yaml::parse(source)?;
        let diagnostics = Diagnostics::new(source);
        let flow = declared(&Cursor::root(&diagnostics, &node), source);
        diagnostics.into_problems().or(flow)
    }

    /// The text that its steps stand in.
    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The values of its parameters, as the step that names the flow gives them under `with`; nothing
    /// if one is missing.
    pub(super) fn arguments<'n>(
        &'n self,
        name: &Cursor<'_>,
        with: Option<&Cursor<'n>>,
    ) -> Option<BTreeMap<&'n str, Argument<'n>>> {
        let given = match with {
            Some(with) => {
                // What they are is for the steps to say that use them.
                with.takes(|| Seen::Json);
                with.entries()?
            }
            None => Vec::new(),
        };
        let mut values = BTreeMap::new();
        let mut whole = true;
        for parameter in &self.parameters {
            let own = given.iter().find(|(entry, _)| entry.key == parameter.name);
            let value = match (own, &parameter.default) {
                (Some((entry, _)), _) if !entry.value.is_null() => Argument::Given(&entry.value),
                (_, Some(default)) => Argument::Default(default),
                (_, None) => {
                    let key = &parameter.name;
                    let message = format!("the flow `{}` needs `{key}`", name.node.on_one_line());
                    name.refuse::<()>(message, format!("add `with: {{ {key}: ... }}`"));
                    whole = false;
                    continue;
                }
            };
            values.insert(parameter.name.as_str(), value);
        }
        let known = self.parameters.iter().map(|own| own.name.as_str());
        for (entry, value) in &given {
            if !known.clone().any(|own| own == entry.key) {
                let (flow, key) = (name.node.on_one_line(), &entry.key);
                let message = format!("the flow `{flow}` has no parameter `{key}`");
                let problem = Problem::new(message).hint(match known.clone().next() {
                    Some(_) => suggest(key, known.clone()),
                    None => "it takes none: leave `with` away".to_owned(),
                });
                value.diagnostics.note(&entry.key_span, problem);
            }
        }
        whole.then_some(values)
    }

    /// Its steps with their parameters filled in. Places of its own text are counted from `base`; a
    /// value that was given keeps the place where it was given.
    pub(super) fn filled(&self, base: usize, arguments: &BTreeMap<&str, Argument<'_>>) -> Node {
        Filling { base, arguments }.node(&self.steps)
    }
}

/// The value of a parameter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Argument<'n> {
    /// Given by the step that uses the flow.
    Given(&'n Node),
    /// The flow's own.
    Default(&'n Node),
}

/// Reads what a flow declares.
pub(super) fn declared(root: &Cursor<'_>, source: &Arc<Source>) -> Option<Flow> {
    let fields = root.fields("a flow")?;
    let name = fields.need("name").and_then(|cursor| cursor.name_text());
    let parameters = fields.or("parameters", Vec::new(), parameters);
    let steps = fields.need("steps").and_then(|cursor| {
        // They are read where they are used.
        cursor.takes(|| Seen::Json);
        if cursor.list()?.is_empty() {
            return cursor.refuse("this flow has no steps", "begin with `- do: launch`");
        }
        Some(cursor)
    });
    let (parameters, steps) = (parameters?, steps?);
    let known: Vec<&str> = parameters
        .iter()
        .map(|(_, own)| own.name.as_str())
        .collect();
    let mut used = BTreeSet::new();
    check_names(&steps, steps.node, &known, &mut used);
    for (span, parameter) in &parameters {
        if is_name(&parameter.name) && !used.contains(&parameter.name) {
            let problem = Problem::new(format!("no step of this flow uses `{}`", parameter.name));
            let hint = format!(
                "write `\"{{{}}}\"` where it belongs, or take it away",
                parameter.name
            );
            root.diagnostics.note(span, problem.hint(hint));
        }
    }
    name?;
    Some(Flow {
        source: Arc::clone(source),
        parameters: parameters.into_iter().map(|(_, own)| own).collect(),
        steps: steps.node.clone(),
    })
}

fn parameters(cursor: &Cursor<'_>) -> Option<Vec<(Span, Parameter)>> {
    cursor.takes(|| Seen::Json);
    let parameters = cursor.entries()?.into_iter().map(|(entry, _)| {
        if !is_name(&entry.key) {
            let problem = Problem::new(format!("`{}` is no name of a parameter", entry.key));
            let hint = "write one word of letters, digits and `-`, like `account`";
            cursor.diagnostics.note(&entry.key_span, problem.hint(hint));
        }
        // A default stands for itself: no parameter can be filled into it.
        check_names(cursor, &entry.value, &[], &mut BTreeSet::new());
        let default = (!entry.value.is_null()).then(|| entry.value.clone());
        let name = entry.key.clone();
        (entry.key_span.clone(), Parameter { name, default })
    });
    Some(parameters.collect())
}

/// Whether it can stand between braces.
fn is_name(text: &str) -> bool {
    let fits = |char: char| char.is_alphanumeric() || char == '-' || char == '_';
    !text.is_empty() && text.chars().all(fits)
}

/// Whether every placeholder below `node` is a parameter, and which are used.
fn check_names(place: &Cursor<'_>, node: &Node, known: &[&str], used: &mut BTreeSet<String>) {
    match &node.content {
        Content::Plain(text) | Content::Quoted(text) => {
            for name in Template(Value::from(text.as_str())).names() {
                if !known.contains(&name.as_str()) {
                    let message = format!("this flow has no parameter `{name}`");
                    let (message, hint) = match known {
                        [] => (
                            format!("no parameter `{name}` can stand here"),
                            "a literal brace is written twice".to_owned(),
                        ),
                        known => {
                            let choice = suggest(&name, known.iter().copied());
                            (
                                message,
                                format!("{choice}; a literal brace is written twice"),
                            )
                        }
                    };
                    let problem = Problem::new(message);
                    place.diagnostics.note(&node.span, problem.hint(hint));
                }
                used.insert(name);
            }
        }
        Content::List(items) => {
            for item in items {
                check_names(place, item, known, used);
            }
        }
        Content::Map(entries) => {
            for entry in entries {
                check_names(place, &entry.value, known, used);
            }
        }
    }
}

/// Filling parameters into the steps of a flow.
struct Filling<'f> {
    base: usize,
    arguments: &'f BTreeMap<&'f str, Argument<'f>>,
}

impl Filling<'_> {
    fn node(&self, node: &Node) -> Node {
        let content = match &node.content {
            Content::Plain(text) | Content::Quoted(text) if text.contains(['{', '}']) => {
                if let Some(value) = self.sole(text) {
                    return value;
                }
                let filled = fill_text(text, &|name| self.text(name).map(Value::from));
                match &node.content {
                    Content::Plain(_) => Content::Plain(filled),
                    _ => Content::Quoted(filled),
                }
            }
            Content::List(items) => {
                Content::List(items.iter().map(|item| self.node(item)).collect())
            }
            Content::Map(entries) => {
                let entries = entries.iter().map(|entry| Entry {
                    key: entry.key.clone(),
                    key_span: self.moved(&entry.key_span),
                    value: self.node(&entry.value),
                });
                Content::Map(entries.collect())
            }
            scalar => scalar.clone(),
        };
        let span = self.moved(&node.span);
        Node { span, content }
    }

    /// The value of the parameter that a text is nothing but.
    fn sole(&self, text: &str) -> Option<Node> {
        let name = text.strip_prefix('{')?.strip_suffix('}')?;
        Some(match self.arguments.get(name)? {
            Argument::Given(node) => (*node).clone(),
            // It stands in the same text, where nothing is filled in any more.
            Argument::Default(node) => self.default(node),
        })
    }

    /// A default: it holds no parameters, but stands in the flow's text.
    fn default(&self, node: &Node) -> Node {
        let none = BTreeMap::new();
        let base = self.base;
        Filling {
            base,
            arguments: &none,
        }
        .node(node)
    }

    fn text(&self, name: &str) -> Option<String> {
        let (Argument::Given(node) | Argument::Default(node)) = self.arguments.get(name)?;
        Some(
            node.scalar()
                .map_or_else(|| node.on_one_line(), str::to_owned),
        )
    }

    fn moved(&self, span: &Span) -> Span {
        span.start + self.base..span.end + self.base
    }
}
