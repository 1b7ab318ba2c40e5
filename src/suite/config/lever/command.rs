//! A program that an operator runs to move a lever.

use std::path::PathBuf;

use super::{Surroundings, placeholders};
use crate::domain::scenario::Lever;
use crate::domain::selector::Template;
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;

/// A program with its arguments. No shell reads them.
///
/// The words and the values of the environment are templates over `{service}`, `{event}`, `{payload}`
/// and `{env:NAME}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Variables that it is given beside those of the harness.
    pub environment: Vec<(String, String)>,
    /// Where it is started.
    pub folder: PathBuf,
    /// What counts as done.
    pub done: Finish,
}

/// How a program must end for something to count as done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finish {
    /// Its exit codes; 0 when there are none.
    pub codes: Vec<i32>,
    /// What a line of its output must contain.
    pub says: Option<String>,
}

impl Command {
    /// Everything in it that has placeholders.
    pub(super) fn templates(&self) -> impl Iterator<Item = Template> {
        let values = self.environment.iter().map(|(_, value)| value);
        let texts = self.words.iter().chain(values);
        texts.map(|text| Template(text.as_str().into()))
    }
}

impl Finish {
    /// Whether this is the code of a program that has done it.
    #[must_use]
    pub fn is_code(&self, code: i32) -> bool {
        match self.codes.is_empty() {
            true => code == 0,
            false => self.codes.contains(&code),
        }
    }
}

/// Reads a program and how it is told: as the file has it, for what is filled in may be secret.
pub(super) fn read(
    lever: &Lever,
    words: &Cursor<'_>,
    fields: &Fields<'_>,
    around: &mut Surroundings<'_>,
) -> Option<(String, Command)> {
    for key in ["request", "headers", "json", "text"] {
        if let Some(cursor) = fields.refused(key) {
            cursor.refuse::<()>(
                format!("a call by `command` has no `{key}`"),
                "a call is a program or a request: write two calls in a list for both",
            );
        }
    }
    let mut checked = |cursor: &Cursor<'_>, text: String| {
        let template = Template(text.as_str().into());
        placeholders(lever, cursor, &template, around)?;
        Some(text)
    };
    let words = argv(words, &mut checked);
    let environment = fields.or("environment", Vec::new(), |cursor| {
        let entries = cursor.entries()?.into_iter();
        let values = entries.map(|(entry, cursor)| {
            let value = checked(&cursor, cursor.text()?)?;
            Some((entry.key.clone(), value))
        });
        let values: Vec<Option<(String, String)>> = values.collect();
        values.into_iter().collect()
    });
    let done = fields.or("done", Finish::default(), finish);
    let words = words?;
    let shown = words.join(" ");
    let command = Command {
        words,
        environment: environment?,
        folder: around.folder.to_owned(),
        done: done?,
    };
    Some((shown, command))
}

/// The words of a command. One text would need a shell to take it apart.
fn argv(
    cursor: &Cursor<'_>,
    checked: &mut impl FnMut(&Cursor<'_>, String) -> Option<String>,
) -> Option<Vec<String>> {
    const FORM: &str =
        "write `command = [\"kubectl\", \"scale\", \"--replicas=0\", \"deploy/{service}\"]`";
    if !matches!(cursor.node.content, Content::List(_)) {
        return cursor.refuse(
            "a command is a list of a program and its arguments: no shell reads it",
            FORM,
        );
    }
    let items = cursor.list()?;
    if items.is_empty() {
        return cursor.refuse("this command has no program", FORM);
    }
    let words = items.iter().enumerate().map(|(at, item)| {
        // An argument may be empty, a program may not.
        let text = if at == 0 {
            item.name_text()
        } else {
            item.text()
        };
        checked(item, text?)
    });
    let words: Vec<Option<String>> = words.collect();
    words.into_iter().collect()
}

/// `done = { exit = [0, 3], output = "scaled" }`.
fn finish(cursor: &Cursor<'_>) -> Option<Finish> {
    let fields = cursor.fields("`done` of a command")?;
    let codes = fields.or("exit", Vec::new(), |cursor| {
        let codes = cursor.one_or_more();
        let codes: Vec<Option<i32>> = codes.iter().map(code).collect();
        codes.into_iter().collect()
    });
    let says = fields.maybe("output", Cursor::name_text);
    Some(Finish {
        codes: codes?,
        says: says?,
    })
}

fn code(cursor: &Cursor<'_>) -> Option<i32> {
    match cursor.whole(0)? {
        code @ 0..=255 => i32::try_from(code).ok(),
        _ => cursor.refuse("an exit code is at most 255", "write `exit = 0`"),
    }
}
