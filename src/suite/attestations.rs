//! `attestations.toml`: what people vouch for, kept beside the configuration.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::civil::Date;

use super::cursor::{Cursor, Fields};
use super::diagnostics::Diagnostics;
use super::problem::{Problem, Problems};
use super::source::Source;
use super::suggest::suggest;
use super::toml;
use crate::domain::runbook::{Attestation, Runbook, Vouching};

/// The file's name.
pub const ATTESTATIONS_FILE: &str = "attestations.toml";

/// By what attestations are read.
#[derive(Debug, Clone, Copy)]
pub struct ReadBy<'a> {
    /// The runbooks whose items may be vouched for. Without a name, an attestation belongs to the
    /// first one.
    pub runbooks: &'a [&'a Runbook],
    /// The day on which they are read.
    pub today: Date,
    /// Whether one that has ended is wrong, and one for a runbook that is not known.
    pub strict: bool,
}

/// Reads what people vouch for.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn read_attestations(
    source: &Arc<Source>,
    by: ReadBy<'_>,
) -> Result<Vec<Attestation>, Problems> {
    let node = toml::parse(source)?;
    let diagnostics = Diagnostics::new(source);
    let read = all(&Cursor::root(&diagnostics, &node), by);
    diagnostics.into_problems().or(read)
}

fn all(root: &Cursor<'_>, by: ReadBy<'_>) -> Option<Vec<Attestation>> {
    let fields = root.fields("the attestations")?;
    let Some(list) = fields.get("attestation") else {
        return Some(Vec::new());
    };
    let mut read: Vec<Option<Attestation>> = Vec::new();
    for cursor in list.list()? {
        let one = attestation(&cursor.fields("an attestation")?, by);
        if let Some(one) = &one {
            let same = |own: &Attestation| own.item == one.item && own.runbook == one.runbook;
            if let Some(first) = read.iter().flatten().find(|own| same(own)) {
                let message = format!(
                    "`{}` is attested twice: {} did so first",
                    one.item, first.by
                );
                cursor.refuse::<()>(message, "keep the one that counts");
            }
        }
        read.push(one);
    }
    read.into_iter().collect()
}

fn attestation(fields: &Fields<'_>, by: ReadBy<'_>) -> Option<Attestation> {
    let runbook = fields.maybe("runbook", Cursor::name_text);
    let name = fields.need("by").and_then(|cursor| cursor.name_text());
    let note = fields.need("note").and_then(|cursor| cursor.name_text());
    let on = fields.need("on").and_then(|cursor| day(&cursor));
    let until = fields.maybe("until", day);
    let item = fields.need("item");
    let text = item.as_ref().and_then(Cursor::name_text);
    let runbook = runbook?;
    let book = match &runbook {
        Some(name) => by.runbooks.iter().find(|own| own.name == *name),
        None => by.runbooks.first(),
    };
    if let (Some(book), Some(cursor), Some(id)) = (book, &item, &text) {
        is_for_a_person(cursor, book, id);
    }
    if let (None, Some(name), true) = (book, &runbook, by.strict)
        && let Some(cursor) = fields.get("runbook")
    {
        let known = by.runbooks.iter().map(|own| own.name.as_str());
        cursor.refuse::<()>(
            format!("there is no runbook `{name}`"),
            suggest(name, known),
        );
    }
    let (on, until) = (on?, until?);
    let expired = until.is_some_and(|until| until < by.today);
    if let (Some(until), Some(cursor)) = (until, fields.get("until")) {
        if until < on {
            cursor.refuse::<()>("it ends before it begins", "write a later day, or none");
        } else if expired && by.strict {
            cursor.refuse::<()>(
                format!("this word ended on {until}"),
                "ask for it again with `rehearsal attest`, or take it out",
            );
        }
    }
    Some(Attestation {
        runbook,
        item: text?,
        by: name?,
        note: note?,
        on,
        until,
        expired,
    })
}

/// Whether there is such an item, and a person can vouch for it.
fn is_for_a_person(cursor: &Cursor<'_>, book: &Runbook, id: &str) {
    if let Err(problem) = vouchable(book, id) {
        cursor.diagnostics.note(&cursor.node.span, problem);
    }
}

/// Whether a person can vouch for this item.
///
/// # Errors
/// That there is no such item, or that it is proven in another way.
pub fn vouchable(book: &Runbook, id: &str) -> Result<(), Problem> {
    let Some(item) = book.item(id) else {
        let known = book.items.iter().map(|item| item.id.as_str());
        let message = format!("the runbook “{}” has no item `{id}`", book.name);
        return Err(Problem::new(message).hint(suggest(id, known)));
    };
    if item.attest != Vouching::Nobody {
        return Ok(());
    }
    let proofs: Vec<String> = item.proofs.iter().map(ToString::to_string).collect();
    let message = format!(
        "nobody can vouch for `{id}`: it is proven by {}",
        proofs.join(", ")
    );
    Err(Problem::new(message).hint("play it with `rehearsal run`, whose report answers it"))
}

fn day(cursor: &Cursor<'_>) -> Option<Date> {
    let text = cursor.written()?;
    match parse_day(&text) {
        Ok(day) => Some(day),
        Err(problem) => {
            cursor.diagnostics.note(&cursor.node.span, problem);
            None
        }
    }
}

/// A day, as it is written everywhere: `2026-12-31`.
///
/// # Errors
/// That it is none.
pub fn parse_day(text: &str) -> Result<Date, Problem> {
    let is_plain = text.len() == 10
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_digit());
    let day = is_plain.then(|| text.parse().ok()).flatten();
    day.ok_or_else(|| {
        Problem::new(format!("`{text}` is no day")).hint("write it like `2026-12-31`")
    })
}

/// One attestation as it stands in the file.
#[must_use]
pub fn written(one: &Attestation) -> String {
    let mut text = "[[attestation]]\n".to_owned();
    let mut line = |key: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key} = {value}");
    };
    if let Some(name) = &one.runbook {
        line("runbook", quoted(name));
    }
    line("item", quoted(&one.item));
    line("by", quoted(&one.by));
    line("note", quoted(&one.note));
    line("on", one.on.to_string());
    if let Some(until) = one.until {
        line("until", until.to_string());
    }
    text
}

/// A text in TOML's basic quotes, which are JSON's but for one character.
fn quoted(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{Rendering, Suite};

    const TODAY: Date = jiff::civil::date(2026, 3, 10);

    fn read(text: &str, strict: bool) -> Result<Vec<Attestation>, String> {
        let book = Suite::shipped().unwrap().runbook;
        let by = ReadBy {
            runbooks: &[&book],
            today: TODAY,
            strict,
        };
        let read = read_attestations(&Source::new(ATTESTATIONS_FILE, text), by);
        read.map_err(|problems| problems.render(Rendering::Plain))
    }

    fn vouched() -> Attestation {
        Attestation {
            runbook: Some("Beta of a mobile app".to_owned()),
            item: "P.2".to_owned(),
            by: "Ada \"the first\"".to_owned(),
            note: "line\nand \u{7f} line".to_owned(),
            on: TODAY,
            until: Some(jiff::civil::date(2026, 3, 9)),
            expired: false,
        }
    }

    #[test]
    fn what_was_written_is_read_again_to_the_letter() {
        let mut one = vouched();
        one.until = Some(TODAY);
        assert_eq!(read(&written(&one), true).unwrap(), [one]);
    }

    #[test]
    fn one_that_has_ended_is_there_and_does_not_count() {
        let mut one = vouched();
        one.on = jiff::civil::date(2026, 1, 1);
        let read_again = read(&written(&one), false).unwrap();
        assert!(read_again[0].expired);
        let told = read(&written(&one), true).unwrap_err();
        assert!(told.contains("this word ended on 2026-03-09"), "{told}");
    }

    #[test]
    fn those_for_another_runbook_are_passed_over_unless_all_runbooks_are_known() {
        let text = "[[attestation]]\nrunbook = \"Other\"\nitem = \"x\"\nby = \"A\"\nnote = \"n\"\non = 2026-01-01\n";
        assert_eq!(read(text, false).unwrap().len(), 1);
        assert!(
            read(text, true)
                .unwrap_err()
                .contains("there is no runbook `Other`")
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text = r#"
[[attestation]]
item = "P.22"
by = ""
note = "n"
on = "2026-02-30"
[[attestation]]
item = "S4.1"
by = "Ada"
note = "n"
on = "yesterday"
untill = 2026-04-01
[[attestation]]
item = "P.7"
by = "Ada"
note = "n"
on = 2026-01-01
until = 2025-01-01
[[attestation]]
item = "P.7"
by = "Bob"
note = "n"
on = 2026-01-01
"#;
        insta::assert_snapshot!(read(text, true).unwrap_err());
    }
}
