//! `{env:NAME}` and `{env:NAME:-default}`: what a file leaves to the environment.
//!
//! A file is checked without anybody's environment, and used with it: the same reader serves both.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::secrets::is_name;
use crate::domain::secret::Secret;
use crate::domain::selector::{Template, fill_text};
use crate::suite::cursor::Cursor;
use crate::suite::node::Span;
use crate::suite::{Problem, suggest};

/// What placeholders of the environment begin with.
const PREFIX: &str = "env:";

/// Finds the value of a variable.
type Lookup<'e> = &'e dyn Fn(&str) -> Option<Secret>;

/// The environment of one target, while its part of the file is read.
pub(super) struct Variables<'e> {
    /// Whom a missing variable is missed by.
    target: &'e str,
    /// Without one, the file is only checked, and every variable counts as set.
    lookup: Option<Lookup<'e>>,
    complained: RefCell<BTreeSet<String>>,
}

/// One placeholder of the environment.
struct Reference<'t> {
    variable: &'t str,
    default: Option<&'t str>,
}

impl<'t> Reference<'t> {
    /// What stands between the braces, if it names a variable.
    fn parse(name: &'t str) -> Option<Self> {
        let text = name.strip_prefix(PREFIX)?;
        let (variable, default) = match text.split_once(":-") {
            Some((variable, default)) => (variable, Some(default)),
            None => (text, None),
        };
        is_name(variable).then_some(Self { variable, default })
    }
}

impl<'e> Variables<'e> {
    pub(super) fn new(target: &'e str, lookup: Option<Lookup<'e>>) -> Self {
        Self {
            target,
            lookup,
            complained: RefCell::default(),
        }
    }

    /// Whether anybody's environment is at hand: without one the file is only checked.
    pub(super) fn are_known(&self) -> bool {
        self.lookup.is_some()
    }

    /// The value of a variable; a stand-in where the file is only checked. A variable that is
    /// missed is told once.
    pub(super) fn value(&self, cursor: &Cursor<'_>, variable: &str, span: &Span) -> Secret {
        let Some(lookup) = self.lookup else {
            return Secret::new("unknown");
        };
        lookup(variable).unwrap_or_else(|| {
            if self.complained.borrow_mut().insert(variable.to_owned()) {
                let message = format!(
                    "the variable `{variable}`, which the target `{}` needs, is not set",
                    self.target
                );
                let problem = Problem::new(message).hint(format!(
                    "set `{variable}` in the environment or in the `secrets-file`"
                ));
                cursor.diagnostics.note(span, problem);
            }
            Secret::new("")
        })
    }

    /// The value of what stands between braces; nothing if it names no variable, or one that is
    /// missed, which is told.
    pub(super) fn of_placeholder(&self, cursor: &Cursor<'_>, name: &str) -> Option<Secret> {
        let reference = Reference::parse(name)?;
        let found = self.lookup.and_then(|lookup| lookup(reference.variable));
        let value = found.or_else(|| reference.default.map(Secret::new));
        if value.is_none() {
            self.value(cursor, reference.variable, &cursor.node.span);
        }
        value
    }

    /// Whether every placeholder is a variable, or one of `live`. `place` says where this is.
    pub(super) fn check(
        cursor: &Cursor<'_>,
        template: &Template,
        live: &[&str],
        place: &str,
    ) -> Option<Vec<String>> {
        let mut variables = Some(Vec::new());
        for name in template.names() {
            if live.contains(&name.as_str()) {
                continue;
            }
            if Reference::parse(&name).is_some() {
                if let Some(all) = &mut variables {
                    all.push(name);
                }
                continue;
            }
            let words = live
                .iter()
                .copied()
                .chain(["env:NAME", "env:NAME:-default"]);
            let hint = match name.starts_with(['"', ' ']) {
                true => "a body is said apart: `{ request = \"POST …\", json = { … } }`".to_owned(),
                false => suggest::suggest(&name, words),
            };
            variables = cursor.refuse(
                format!("there is no placeholder `{{{name}}}` in {place}"),
                hint,
            );
        }
        variables
    }

    /// A text with its variables filled in, its `live` placeholders left for later. Nothing where
    /// the file is only checked and the text depends on a variable: nobody can say what is in it.
    pub(super) fn filled(&self, cursor: &Cursor<'_>, text: &str, live: &[&str]) -> Option<Filled> {
        let place = &cursor.name;
        let names = Self::check(cursor, &Template(text.into()), live, place)?;
        if names.is_empty() {
            return Some(Filled::Known(text.to_owned()));
        }
        if self.lookup.is_none() {
            return Some(Filled::Unknown);
        }
        let mut values = BTreeMap::new();
        for name in &names {
            values.insert(name.as_str(), self.of_placeholder(cursor, name));
        }
        // What is missed is told; what would follow from it is not.
        let values: BTreeMap<&str, Secret> = values
            .into_iter()
            .map(|(name, value)| Some((name, value?)))
            .collect::<Option<_>>()?;
        let guard = |text: &str| text.replace('{', "{{").replace('}', "}}");
        let guarded = text.replace("{{", "{{{{").replace("}}", "}}}}");
        let filled = fill_text(&guarded, &|name| {
            Some(Value::from(match values.get(name) {
                Some(value) if live.is_empty() => value.expose().to_owned(),
                Some(value) => guard(value.expose()),
                None => format!("{{{name}}}"),
            }))
        });
        Some(Filled::Known(filled))
    }
}

/// A text whose variables are filled in.
pub(super) enum Filled {
    /// As far as it is known now.
    Known(String),
    /// It depends on variables that nobody asked for.
    Unknown,
}
