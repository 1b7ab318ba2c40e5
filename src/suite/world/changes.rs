//! `changes`: what the backend does when it is told to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Context;
use crate::domain::change::Lever;
use crate::domain::selector::{Selector, Template};
use crate::domain::world::{Alteration, ItemMove, Taken, Turn, WorldChange};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::problem::Problem;

/// Placeholders of a new item that are no pointers.
const MADE_UP: [&str; 4] = ["now", "now-seconds", "now-millis", "new-id"];

/// `{ fill-order: { from: orders, to: history, … } }`
pub(super) fn read(
    place: &Cursor<'_>,
    context: &Context<'_>,
) -> Option<BTreeMap<String, WorldChange>> {
    let changes: Vec<Option<(String, WorldChange)>> = place
        .entries()?
        .iter()
        .map(|(entry, place)| {
            let name = entry.key.as_str();
            let sound = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
            let problem = if Lever::ALL.iter().any(|(_, own)| *own == name) {
                Some("is a lever of every backend and cannot be a change of this one")
            } else if name.is_empty() || !name.bytes().all(sound) {
                Some("cannot name a change, which has an address of its own")
            } else {
                None
            };
            if let Some(why) = problem {
                let problem = Problem::new(format!("`{name}` {why}"));
                let problem =
                    problem.hint("use lower-case letters, digits and `-`, like `fill-order`");
                place.diagnostics.note(&entry.key_span, problem);
            }
            let change = change(place, context)?;
            check_followed(name, &change, place, context);
            Some((name.to_owned(), change))
        })
        .collect();
    changes.into_iter().collect()
}

/// Whether a change emits what the contract promises after it.
fn check_followed(name: &str, change: &WorldChange, place: &Cursor<'_>, context: &Context<'_>) {
    let promised = context.contract.events().filter(|event| {
        let mut after = event.promise.after.iter();
        after.any(|after| after.lever == name) && !change.emits.contains(&event.name)
    });
    let missing: Vec<String> = promised.map(|event| format!("`{}`", event.name)).collect();
    if !missing.is_empty() {
        place.refuse::<()>(
            format!(
                "by the contract {} comes after this change, which does not emit it",
                missing.join(" and ")
            ),
            "add it under `emits`",
        );
    }
}

fn change(place: &Cursor<'_>, context: &Context<'_>) -> Option<WorldChange> {
    let fields = place.fields("a change")?;
    let (resource, turns) = (fields.get("in"), fields.get("turns"));
    let moves = ["from", "pick", "to", "item", "most"].map(|key| fields.get(key));
    let emits = fields.or("emits", Vec::new(), |cursor| {
        cursor
            .one_or_more()
            .iter()
            .map(|item| item.known_name("event", &context.events))
            .collect()
    });
    let what = match (&resource, &turns) {
        (None, None) => item_move(&fields, &moves, context).map(Alteration::Move),
        (Some(resource), Some(values)) => match moves.iter().flatten().next() {
            Some(other) => other.refuse(
                format!("{} does not go with `turns`", other.name),
                "make two changes of it",
            ),
            None => turn(resource, values, context).map(Alteration::Turn),
        },
        (Some(_), None) | (None, Some(_)) => fields.refuse(
            "`in` and `turns` go together",
            "name the resource, and what its values are in turn",
        ),
    };
    Some(WorldChange {
        what: what?,
        emits: emits?,
    })
}

fn lacks<T>(fields: &Fields<'_>, key: &str) -> Option<T> {
    fields.refuse(
        format!("a change needs `{key}`, or `in` and `turns`"),
        format!("add `{key}` here"),
    )
}

fn item_move(
    fields: &Fields<'_>,
    [from, pick, to, item, most]: &[Option<Cursor<'_>>; 5],
    context: &Context<'_>,
) -> Option<ItemMove> {
    let from = match (from, pick) {
        (Some(from), None) => list(from, context).map(Taken::Of),
        (None, Some(pick)) => choices(pick).map(Taken::OneOf),
        (Some(_), Some(pick)) => pick.refuse(
            "a new item is made of what another list loses, or of one of these, and not of both",
            "leave `from` or `pick` out",
        ),
        (None, None) => lacks(fields, "from"),
    };
    let to = match to {
        Some(to) => list(to, context),
        None => lacks(fields, "to"),
    };
    let item = match item {
        Some(item) => new_item(item),
        None => lacks(fields, "item"),
    };
    let most = match most {
        Some(most) => Some(usize::try_from(most.whole(1)?).ok()),
        None => Some(None),
    };
    Some(ItemMove {
        from: from?,
        to: to?,
        item: item?,
        most: most?,
    })
}

fn list(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<String> {
    let name = cursor.known_name("resource", &context.resources)?;
    match context.contract.resource(&name) {
        Some(resource) if resource.items.is_some() => Some(name),
        _ => cursor.refuse(
            format!("`{name}` is not a list"),
            "name a resource with `items`",
        ),
    }
}

fn new_item(cursor: &Cursor<'_>) -> Option<Value> {
    let item = cursor.json()?;
    let names = Template(item.clone()).names();
    let unknown = names
        .iter()
        .find(|name| !name.starts_with('/') && !MADE_UP.contains(&name.as_str()));
    match unknown {
        Some(name) => cursor.refuse(
            format!("there is no placeholder `{{{name}}}` here"),
            "write a pointer into what the item is made of, like `{/symbol}`, or `{now}`, `{now-seconds}`, `{now-millis}`, `{new-id}`",
        ),
        None => Some(item),
    }
}

/// At least one value.
fn choices(cursor: &Cursor<'_>) -> Option<Vec<Value>> {
    let values: Vec<Option<Value>> = cursor.list()?.iter().map(Cursor::json).collect();
    if values.is_empty() {
        return cursor.refuse("there is nothing to pick from", "write at least one");
    }
    values.into_iter().collect()
}

fn turn(resource: &Cursor<'_>, values: &Cursor<'_>, context: &Context<'_>) -> Option<Turn> {
    let resource = resource.known_name("resource", &context.resources);
    let mut count = None;
    let read: Vec<Option<(Selector, Vec<Value>)>> = values
        .entries()?
        .iter()
        .map(|(entry, cursor)| {
            let values = choices(cursor)?;
            if !entry.key.starts_with('/') {
                let problem = Problem::new(format!("`{}` is no pointer", entry.key));
                let problem = problem.hint("write one like `/health/status`");
                cursor.diagnostics.note(&entry.key_span, problem);
                return None;
            }
            if *count.get_or_insert(values.len()) != values.len() {
                return cursor.refuse(
                    "these are not as many as in the first place",
                    "write one for each turn",
                );
            }
            Some((Selector::Pointer(entry.key.clone()), values))
        })
        .collect();
    if read.is_empty() {
        return values.refuse(
            "nothing takes turns here",
            "write like `/health/status: [degraded, ok]`",
        );
    }
    Some(Turn {
        resource: resource?,
        values: read.into_iter().collect::<Option<_>>()?,
    })
}
