//! API-4: an error gives nothing of the inside away.

use std::borrow::Cow;

use crate::domain::journal::Content;
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Errors show no stack traces, no statements of a database and no paths of the machine
    ///
    /// # Why
    /// Where a program failed, in which file and at which statement is what an attacker asks for
    /// first, and nothing that an app can show.
    ///
    /// # How it is judged
    /// The body of each answer of 400 or above that the backend gives is searched for the marks of
    /// stack traces (JavaScript, Java, Python, Go, Rust, .NET, PHP, Ruby), for SQL statements and
    /// for the errors that databases and their drivers write. What is quoted of them is cut short.
    ///
    /// # How to keep it
    /// Catch errors at the outermost layer, log them under the request id, and answer with a code of
    /// your own. Switch the framework's development mode off.
    ///
    /// # Source
    /// CWE-209; OWASP API Security Top 10 2023, API8: security misconfiguration
    pub(super) INSIDE: "API-4", Backend, from [Wire, Probe]
}

/// How much of a body is searched.
const SEARCHED: usize = 16 * 1024;
/// How much of what was found is quoted.
const QUOTED: usize = 60;

pub(super) struct Inside;

impl Rule for Inside {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend().filter(|answer| answer.status >= 400) else {
            return;
        };
        let Some(text) = text(&answer.body) else {
            return;
        };
        context.exercised(&INSIDE);
        let searched = &text[..text.floor_char_boundary(SEARCHED)];
        let Some((what, at)) = shown(searched) else {
            return;
        };
        let quote: String = searched[at..].chars().take(QUOTED).collect();
        context.violated(
            &INSIDE,
            Violation::new(format!("the backend shows {what} in an error"))
                .expected("an error that says nothing of the program behind it")
                .observed(format!("{}: `{quote}…`", ended.words()))
                .evidence([ended.opened.id(), context.entry.id])
                .exchanges([answer.exchange]),
        );
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

fn text(body: &Content) -> Option<Cow<'_, str>> {
    match body {
        // Line breaks within texts stay escaped, which the marks below allow for.
        Content::Json { value, .. } => Some(Cow::Owned(value.value()?.to_string())),
        Content::Text { text, .. } => Some(Cow::Borrowed(text)),
        Content::Truncated { beginning, .. } => Some(Cow::Borrowed(beginning)),
        Content::Empty | Content::Binary { .. } | Content::Unread { .. } => None,
    }
}

/// Texts that only a database, its driver or a runtime writes.
const MARKS: [(&str, &str); 22] = [
    ("Traceback (most recent call last)", "a stack trace"),
    ("thread 'main' panicked at", "a stack trace"),
    ("goroutine 1 [", "a stack trace"),
    ("Stack trace:", "a stack trace"),
    ("node_modules/", "paths of its machine"),
    ("site-packages/", "paths of its machine"),
    ("SQLSTATE[", "an error of its database"),
    ("SQLSTATE:", "an error of its database"),
    ("SQLITE_", "an error of its database"),
    ("ORA-0", "an error of its database"),
    ("syntax error at or near", "an error of its database"),
    (
        "You have an error in your SQL syntax",
        "an error of its database",
    ),
    ("violates unique constraint", "an error of its database"),
    (
        "violates foreign key constraint",
        "an error of its database",
    ),
    ("violates not-null constraint", "an error of its database"),
    ("violates check constraint", "an error of its database"),
    ("Unclosed quotation mark", "an error of its database"),
    ("MongoServerError", "an error of its database"),
    ("PrismaClient", "an error of its database"),
    ("SequelizeDatabaseError", "an error of its database"),
    ("psycopg2.", "an error of its database"),
    ("java.sql.", "an error of its database"),
];

/// The words of a statement of SQL, in their order. Nobody writes them so in a sentence.
const STATEMENTS: [(&str, &str); 4] = [
    ("SELECT ", " FROM "),
    ("INSERT INTO ", " VALUES"),
    ("UPDATE ", " SET "),
    ("DELETE FROM ", " WHERE "),
];

/// Endings of source files, as a frame of a stack trace has them before its line.
const SOURCES: [&str; 12] = [
    ".js:",
    ".mjs:",
    ".cjs:",
    ".ts:",
    ".java:",
    ".kt:",
    ".go:",
    ".rs:",
    ".rb:",
    ".php:",
    ".cs:line ",
    ".py\", line ",
];

/// How far the second word of a statement may be from its first.
const STATEMENT: usize = 400;

/// What of the inside a text shows, and where.
fn shown(text: &str) -> Option<(&'static str, usize)> {
    let marks = MARKS.iter().map(|(mark, what)| (text.find(mark), *what));
    let statements = STATEMENTS
        .iter()
        .map(|(first, then)| (statement(text, first, then), "a statement of SQL"));
    let sources = SOURCES
        .iter()
        .map(|ending| (frame(text, ending), "a stack trace"));
    let mut all = marks.chain(statements).chain(sources);
    all.find_map(|(at, what)| Some((what, at?)))
}

fn statement(text: &str, first: &str, then: &str) -> Option<usize> {
    text.match_indices(first).map(|(at, _)| at).find(|at| {
        let rest = &text[at + first.len() - 1..];
        rest[..rest.floor_char_boundary(STATEMENT)].contains(then)
    })
}

/// A source file with a line: `/srv/app/orders.js:41:7`. An address like `http://host.ts:80` has no
/// folder before it.
fn frame(text: &str, ending: &str) -> Option<usize> {
    text.match_indices(ending).find_map(|(at, _)| {
        let line = text[at + ending.len()..].chars().next()?;
        let before = text[..at].rfind([' ', '(', '"', '\n', '\t', '<', '`']);
        let begins = before.map_or(0, |before| before + 1);
        let file = &text[begins..at];
        let is_path = file.contains(['/', '\\']) && !file.contains("://");
        let is_called = text[..begins].ends_with("at ") || text[..begins].ends_with('(');
        (line.is_ascii_digit() && (is_path || is_called)).then_some(begins)
    })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_programs_write_about_themselves_is_known() {
        for text in [
            "TypeError: x is not a function\\n    at Order.find (/srv/app/orders.js:41:7)",
            "java.lang.NullPointerException\n\tat com.port.Ships.list(Ships.java:88)",
            "File \"/app/ships.py\", line 12, in list",
            "Traceback (most recent call last):",
            "panic: runtime error\n/go/src/ships/list.go:31 +0x1d",
            "at Port.Ships.List() in C:\\\\src\\\\Ships.cs:line 14",
            "/app/models/ship.rb:12:in `find'",
            "ERROR: syntax error at or near \"WHERE\"",
            "failed: SELECT id, name FROM ships WHERE owner = 7",
            "duplicate key value violates unique constraint \"ships_pkey\"",
        ] {
            assert!(shown(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_said_to_people_is_no_program() {
        for text in [
            "Select a ship from the list.",
            "the update was set aside",
            "see https://docs.port.example/errors.js:8080",
            "invalid argument at position 3 (line 12)",
            "{\"error\":\"not_found\",\"message\":\"no ship 9:41\"}",
            "wait until 12:30",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
