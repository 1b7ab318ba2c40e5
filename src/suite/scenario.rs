//! Scenario files into [`Scenario`]s.
//!
//! A step is a map with one of `do`, `set` and `expect`. Names are checked against the contract
//! where they are written, and the words `home`, `each` and `watched` become the names that they
//! stand for, so that a scenario can be played against any contract.

use super::cursor::{Cursor, Fields};
use super::node::{Content, write_entries};
use crate::domain::contract::Contract;
use crate::domain::runbook::{Labelled, Runbook};
use crate::domain::scenario::{Change, Lever, Scenario, Step, StepKind, Waiver};
use crate::domain::world::World;

mod action;
mod expectation;
mod names;
mod requests;
mod setting;

pub(crate) use names::Names;
use names::PARTS;

/// Where steps stand among all steps of a file, and what they are called.
#[derive(Default)]
struct Places {
    number: usize,
    labels: Vec<Labelled>,
    /// Whether the contract lacks what the whole file is about, so that only labels are read.
    are_left_out: bool,
}

/// Reads a scenario. Without a contract, its names are not checked, nor without a world the world's,
/// nor without a runbook the ids of its items.
pub(crate) fn read(
    root: &Cursor<'_>,
    contract: Option<&Contract>,
    world: Option<&World>,
    book: Option<&Runbook>,
) -> Option<Scenario> {
    let names = Names::of(contract, world);
    let fields = root.fields("a scenario")?;
    let name = fields.need("name").and_then(|cursor| cursor.name_text());
    let runbook = fields.or("runbook", Vec::new(), |place| runbook(place, book));
    let tags = fields.or("tags", Vec::new(), |cursor| {
        cursor.one_or_more().iter().map(Cursor::name_text).collect()
    });
    let needs = fields.or("needs", Vec::new(), |place| levers(place, &names));
    let waivers = fields.or("waive", Vec::new(), waivers);
    let known_failure = fields.maybe("known-failure", Cursor::name_text);
    let lacks = fields.or("if", None, |part| lacks(part, &names));
    let mut places = Places {
        are_left_out: matches!(lacks, Some(Some(_))),
        ..Places::default()
    };
    let steps = fields
        .need("steps")
        .and_then(|cursor| steps(&cursor, &names, &mut places));
    let finally = fields.or("finally", Vec::new(), |cursor| {
        steps_of(cursor, &names, &mut places)
    });
    let (steps, finally) = (steps?, finally?);
    let mut needs = needs?;
    for step in steps.iter().chain(&finally) {
        if let StepKind::Set(setting) = &step.kind {
            needs.extend(setting.lever());
        }
    }
    needs.sort_unstable();
    needs.dedup();
    let file = root.diagnostics.source().name();
    Some(Scenario {
        id: id_of(file),
        name: name?,
        file: file.to_owned(),
        runbook: runbook?,
        labels: places.labels,
        tags: tags?,
        lacks: lacks?,
        needs,
        waivers: waivers?,
        known_failure: known_failure?,
        steps,
        finally,
    })
}

/// Reads the setting of a step that has nothing but `set`.
pub(crate) fn read_setting(step: &Cursor<'_>, contract: &Contract) -> Option<Change> {
    setting::read(&step.fields("a step")?, &Names::of(Some(contract), None))
}

/// The file's name without folder and extension.
pub(super) fn id_of(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.')
        .map_or(name, |(stem, _)| stem)
        .to_owned()
}

fn runbook(cursor: &Cursor<'_>, book: Option<&Runbook>) -> Option<Vec<String>> {
    let ids: Vec<Option<String>> = cursor
        .one_or_more()
        .iter()
        .map(|item| {
            let text = item.text()?;
            match book {
                Some(book) if book.item(&text).is_none() => {
                    let known = book.items.iter().map(|item| item.id.as_str());
                    item.refuse(
                        format!("there is no runbook item `{text}`"),
                        super::suggest::suggest(&text, known),
                    )
                }
                _ => Some(text),
            }
        })
        .collect();
    ids.into_iter().collect()
}

fn levers(cursor: &Cursor<'_>, names: &Names<'_>) -> Option<Vec<Lever>> {
    let all = Lever::ALL
        .iter()
        .map(|(lever, name)| (*name, lever.clone()));
    let own = names.changes().iter();
    let own = own.map(|name| (*name, Lever::Own((*name).to_owned())));
    let words: Vec<(&str, Lever)> = all.chain(own).collect();
    let levers: Vec<Option<Lever>> = cursor
        .one_or_more()
        .iter()
        .map(|item| item.word(&words))
        .collect();
    levers.into_iter().collect()
}

fn waivers(cursor: &Cursor<'_>) -> Option<Vec<Waiver>> {
    let waivers: Vec<Option<Waiver>> = cursor
        .entries()?
        .iter()
        .map(|(entry, reason)| {
            let is_id = entry.key.split_once('-').is_some_and(|(family, number)| {
                !family.is_empty()
                    && family.bytes().all(|byte| byte.is_ascii_uppercase())
                    && number.parse::<u32>().is_ok()
            });
            if !is_id {
                let message = format!("`{}` is not the id of a rule", entry.key);
                let hint = "write it like `NET-1`; `rehearsal rules` lists them";
                cursor
                    .diagnostics
                    .note(&entry.key_span, super::Problem::new(message).hint(hint));
            }
            if reason.node.is_null() {
                let message = format!("`{}` is waived without a reason", entry.key);
                cursor.diagnostics.note(
                    &entry.key_span,
                    super::Problem::new(message).hint("write why it is not judged here"),
                );
                return None;
            }
            Some(Waiver {
                rule: entry.key.clone(),
                reason: reason.name_text()?,
            })
        })
        .collect();
    waivers.into_iter().collect()
}

fn steps(cursor: &Cursor<'_>, names: &Names<'_>, places: &mut Places) -> Option<Vec<Step>> {
    let steps = steps_of(cursor, names, places)?;
    if steps.is_empty() && !places.are_left_out {
        return cursor.refuse("this scenario has no steps", "begin with `- do: launch`");
    }
    Some(steps)
}

fn steps_of(cursor: &Cursor<'_>, names: &Names<'_>, places: &mut Places) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut whole = true;
    for item in cursor.list()? {
        places.number += 1;
        let Some(kinds) = step(&item, names, places) else {
            whole = false;
            continue;
        };
        let (line, _) = item
            .diagnostics
            .source()
            .line_and_column(item.node.span.start);
        steps.extend(kinds.into_iter().map(|kind| Step {
            number: places.number,
            line,
            text: text_of(&item),
            kind,
        }));
    }
    whole.then_some(steps)
}

impl Places {
    /// Takes down what a step is called, if it has a name; `is_there` says whether the contract has the
    /// part that it depends on.
    fn label(&mut self, step: &Fields<'_>, is_there: bool) {
        let Some(cursor) = step.get("label") else {
            return;
        };
        let Some(label) = cursor.name_text() else {
            return;
        };
        if label.contains(|char: char| char.is_whitespace() || char == '/') {
            cursor.refuse::<()>(
                format!("`{label}` is no label"),
                "write one word, like `blocks-at-once`",
            );
        }
        if self.labels.iter().any(|own| own.label == label) {
            cursor.refuse::<()>(
                format!("the label `{label}` is given twice"),
                "name each expectation by its own label",
            );
        }
        self.labels.push(Labelled {
            label,
            step: is_there.then_some(self.number),
        });
    }
}

fn text_of(item: &Cursor<'_>) -> String {
    match &item.node.content {
        Content::Map(entries) => {
            let mut line = String::new();
            write_entries(entries, &mut line);
            line
        }
        _ => item.node.on_one_line(),
    }
}

/// What `if` asks for and the contract lacks: the first part that it names, if it has none of them.
fn lacks(place: &Cursor<'_>, names: &Names<'_>) -> Option<Option<&'static str>> {
    let words = PARTS.map(|(word, part)| (word, (word, part)));
    let parts: Vec<Option<_>> = place
        .one_or_more()
        .iter()
        .map(|part| part.word(&words))
        .collect();
    let parts: Vec<_> = parts.into_iter().collect::<Option<_>>()?;
    let has_one = parts.iter().any(|(_, part)| names.has(*part));
    let first = parts.first().map(|(word, _)| *word);
    Some(first.filter(|_| !has_one))
}

/// One step as written can be several, where it says `each`, and none, where it says `if` and the
/// contract lacks that part.
fn step(cursor: &Cursor<'_>, names: &Names<'_>, places: &mut Places) -> Option<Vec<StepKind>> {
    const FORM: &str = "write `do: ...`, `set: ...` or `expect: ...`";
    let fields: Fields<'_> = cursor.fields("a step")?;
    let lacks = fields.or("if", None, |part| lacks(part, names))?;
    if places.are_left_out || lacks.is_some() {
        fields.ignore_rest();
        places.label(&fields, false);
        return Some(Vec::new());
    }
    let kinds: Vec<&str> = ["do", "set", "expect"]
        .into_iter()
        .filter(|kind| fields.has(kind))
        .collect();
    match kinds[..] {
        ["do"] => action::read(&fields, names)
            .map(|actions| actions.into_iter().map(StepKind::Do).collect()),
        ["set"] => setting::read(&fields, names).map(|setting| vec![StepKind::Set(setting)]),
        ["expect"] => {
            places.label(&fields, true);
            expectation::read(&fields, names).map(|expect| vec![expect])
        }
        [] => {
            // The nearest of the three words is more helpful than a list of what is missing.
            for kind in ["do", "set", "expect"] {
                let _ = fields.get(kind);
            }
            if fields.keys().next().is_none() {
                return fields.refuse("this step is empty", FORM);
            }
            let _ = ["as", "password", "within", "for", "since", "if", "label"]
                .map(|key| fields.get(key));
            fields.refuse("this step does nothing", FORM)
        }
        _ => {
            fields.ignore_rest();
            fields.refuse(
                format!(
                    "a step is one thing, and this one is {}",
                    kinds.join(" and ")
                ),
                "make it two steps",
            )
        }
    }
}
