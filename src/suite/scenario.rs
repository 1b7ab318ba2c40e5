//! Scenario files into [`Scenario`]s.
//!
//! A step is a map with one of `do`, `set` and `expect`. Names are checked against the contract
//! where they are written, and the words `home`, `each` and `watched` become the names that they
//! stand for, so that a scenario can be played against any contract. `use` and `repeat` stand for other
//! steps, so that what is read is one list.

use super::cursor::{Cursor, Fields};
use super::flow::Library;
use super::node::{Content, write_entries};
use super::suggest::suggest;
use super::trace::Seen;
use crate::domain::contract::Contract;
use crate::domain::runbook::Runbook;
use crate::domain::scenario::{Change, Lever, Scenario, Step, StepKind, Waiver};
use crate::domain::world::World;
use crate::rules;

mod action;
mod expectation;
mod inclusion;
mod names;
mod places;
mod requests;
mod setting;

pub(crate) use names::Names;
use names::PARTS;
use places::Places;

/// What a scenario is read with. Without a contract, its names are not checked, nor without a world the
/// world's, nor without a runbook the ids of its items.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) contract: Option<&'a Contract>,
    pub(super) world: Option<&'a World>,
    pub(super) book: Option<&'a Runbook>,
    pub(super) flows: &'a Library,
    /// What the steps may call on by `check`: nothing, but where a scenario is written in code.
    pub(super) code: &'a [String],
}

/// Reads a scenario.
pub(super) fn read(root: &Cursor<'_>, beside: Beside<'_>) -> Option<Scenario> {
    let names = Names::of(beside.contract, beside.world);
    let fields = root.fields("a scenario")?;
    if fields.has("parameters") {
        fields.ignore_rest();
        return fields.refuse(
            "this is a flow and no scenario",
            "play a scenario that uses it",
        );
    }
    let name = fields.need("name").and_then(|cursor| cursor.name_text());
    let runbook = fields.or("runbook", Vec::new(), |place| runbook(place, beside.book));
    let tags = fields.or("tags", Vec::new(), |cursor| {
        cursor.one_or_more().iter().map(Cursor::name_text).collect()
    });
    let needs = fields.or("needs", Vec::new(), |place| levers(place, &names));
    let waivers = fields.or("waive", Vec::new(), waivers);
    let known_failure = fields.maybe("known-failure", Cursor::name_text);
    let lacks = fields.or("if", None, |part| lacks(part, &names));
    let devices = fields.or("devices", Vec::new(), devices);
    let mut places = Places::new(beside.flows, beside.code, devices.clone());
    places.are_left_out = matches!(lacks, Some(Some(_)));
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
        labels: places.into_labels(),
        devices: devices?,
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
                        suggest(&text, known),
                    )
                }
                _ => Some(text),
            }
        })
        .collect();
    ids.into_iter().collect()
}

/// The names of the devices.
fn devices(cursor: &Cursor<'_>) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for item in cursor.one_or_more() {
        let name = item.name_text()?;
        if name.contains(char::is_whitespace) {
            return item.refuse(
                format!("`{name}` is no name of a device"),
                "write one word, like `tablet`",
            );
        }
        if names.contains(&name) {
            return item.refuse(
                format!("the device `{name}` is named twice"),
                "give each its own name",
            );
        }
        names.push(name);
    }
    Some(names)
}

/// Whether a setting is a device's own, where the step names one.
fn check_reach(step: &Fields<'_>, setting: &Change) -> Option<()> {
    match (step.get("on"), setting.lever()) {
        (Some(place), Some(lever)) => place.refuse(
            format!("`{lever}` moves the backend, which is one for all devices"),
            "leave `on` away",
        ),
        _ => Some(()),
    }
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
        .map(|item| {
            item.takes(|| Seen::OtherNames);
            item.word(&words)
        })
        .collect();
    levers.into_iter().collect()
}

fn waivers(cursor: &Cursor<'_>) -> Option<Vec<Waiver>> {
    let waivers: Vec<Option<Waiver>> = cursor
        .entries()?
        .iter()
        .map(|(entry, reason)| {
            if rules::find(&entry.key).is_none_or(|rule| rule.id != entry.key) {
                let message = format!("there is no rule `{}`", entry.key);
                let known: Vec<&str> = rules::catalogue().map(|rule| rule.id).collect();
                let hint = suggest(&entry.key, known.into_iter());
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

fn steps(cursor: &Cursor<'_>, names: &Names<'_>, places: &mut Places<'_>) -> Option<Vec<Step>> {
    let steps = steps_of(cursor, names, places)?;
    if steps.is_empty() && !places.are_left_out {
        return cursor.refuse("this scenario has no steps", "begin with `- do: launch`");
    }
    Some(steps)
}

fn steps_of(cursor: &Cursor<'_>, names: &Names<'_>, places: &mut Places<'_>) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut whole = true;
    for item in cursor.list()? {
        let read = places
            .begin(&item)
            .and_then(|()| step(&item, names, places));
        match read {
            Some(read) => steps.extend(read),
            None => whole = false,
        }
        if places.are_too_many() {
            return None;
        }
    }
    whole.then_some(steps)
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

/// What a step is, by the one of these keys that it has.
const KINDS: [&str; 5] = ["do", "set", "expect", "use", "repeat"];

/// What a step is as well where a scenario is written in code.
const CHECK: &str = "check";

/// One step as written can be several, where it says `each` or stands for others, and none, where it
/// says `if` and the contract lacks that part.
fn step(cursor: &Cursor<'_>, names: &Names<'_>, places: &mut Places<'_>) -> Option<Vec<Step>> {
    cursor.takes(|| Seen::Shared("step"));
    let fields: Fields<'_> = cursor.fields("a step")?;
    let lacks = fields.or("if", None, |part| lacks(part, names))?;
    if places.are_left_out || lacks.is_some() {
        fields.ignore_rest();
        places.leave_out(&fields);
        return Some(Vec::new());
    }
    let on = places.device(&fields)?;
    let own = (!places.code.is_empty()).then_some(CHECK);
    let kinds = KINDS.into_iter().chain(own);
    let kinds = kinds.filter(|kind| fields.has(kind));
    let kinds = match kinds.collect::<Vec<_>>()[..] {
        ["do"] => {
            let actions = action::read(&fields, names)?.into_iter();
            actions.map(StepKind::Do).collect()
        }
        ["set"] => {
            let setting = setting::read(&fields, names)?;
            check_reach(&fields, &setting)?;
            vec![StepKind::Set(setting)]
        }
        ["expect"] => {
            places.label(&fields, true);
            vec![expectation::read(&fields, names)?]
        }
        [CHECK] => vec![StepKind::Own(places.code_named(&fields)?)],
        ["use"] => return inclusion::used(&fields, on, names, places),
        ["repeat"] => return inclusion::repeated(&fields, names, places),
        [] => return nothing(&fields),
        ref several => {
            fields.ignore_rest();
            return fields.refuse(
                format!(
                    "a step is one thing, and this one is {}",
                    several.join(" and ")
                ),
                "make it two steps",
            );
        }
    };
    let step = |kind| Step {
        number: places.number(),
        place: cursor.diagnostics.line(&cursor.node.span),
        text: text_of(cursor),
        on,
        kind,
    };
    Some(kinds.into_iter().map(step).collect())
}

/// A step that does nothing.
fn nothing(fields: &Fields<'_>) -> Option<Vec<Step>> {
    const FORM: &str = "write `do: ...`, `set: ...`, `expect: ...`, `use: ...` or `repeat: ...`";
    if fields.keys().next().is_none() {
        return fields.refuse("this step is empty", FORM);
    }
    // The nearest of all words is more helpful than a list of what is missing.
    let beside = [
        "as", "password", "within", "for", "since", "if", "label", "with", "steps", "on",
    ];
    for key in KINDS.into_iter().chain(beside) {
        let _ = fields.get(key);
    }
    fields.refuse("this step does nothing", FORM)
}
