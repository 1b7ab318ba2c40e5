//! `rollback` of `runbook.yaml`: what has a build pulled. Nothing may stand there that nothing can fire.

use super::{Names, proofs};
use crate::domain::runbook::{Item, Proof, Trigger};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Span;

/// What a trigger may name beside rules, scenarios, expectations and checks.
pub(super) struct Beside<'a> {
    /// The names of the file.
    pub(super) names: &'a Names,
    /// The items, if all could be read.
    pub(super) items: Option<&'a [Item]>,
}

/// Every trigger, in the order of the file.
pub(super) fn triggers(
    cursor: &Cursor<'_>,
    beside: &Beside<'_>,
    named: &mut Vec<(Span, Proof)>,
) -> Option<Vec<Trigger>> {
    let entries = cursor.entries()?;
    // Every one is read, whatever is wrong with the one before it.
    let triggers: Vec<Option<Trigger>> = entries
        .iter()
        .map(|(entry, cursor)| {
            let fields = cursor.fields("a rollback trigger")?;
            trigger(&entry.key, &fields, beside, named)
        })
        .collect();
    triggers.into_iter().collect()
}

fn trigger(
    id: &str,
    fields: &Fields<'_>,
    beside: &Beside<'_>,
    named: &mut Vec<(Span, Proof)>,
) -> Option<Trigger> {
    super::check_id(id, "a rollback trigger", fields);
    let title = fields.need("title").and_then(|cursor| cursor.name_text());
    let actions = fields.need("actions").and_then(|cursor| actions(&cursor));
    let since = fields.maybe("since", |cursor| {
        Names::one_of(cursor, "version", beside.names.versions.as_deref())
    });
    let proofs = proofs(fields, named);
    let items = fields.or("items", Vec::new(), |cursor| items(cursor, beside));
    let (proofs, items) = (proofs?, items?);
    let fires = |id: &String| {
        let all = beside.items.unwrap_or_default();
        let item = all.iter().find(|own| own.id == *id);
        item.is_none_or(|own| !own.proofs.is_empty())
    };
    if proofs.is_empty() && !items.iter().any(fires) {
        let hint = match items.first() {
            None => {
                "name `rules`, `scenarios`, `expectations`, `checks` or `items` that do".to_owned()
            }
            Some(item) => format!(
                "only a person vouches for `{item}`: name something that a run can find broken"
            ),
        };
        return fields.refuse(format!("nothing can fire `{id}`"), hint);
    }
    Some(Trigger {
        id: id.to_owned(),
        title: title?,
        since: since?,
        actions: actions?,
        proofs,
        items,
    })
}

fn actions(cursor: &Cursor<'_>) -> Option<Vec<String>> {
    let all = cursor.one_or_more();
    if all.is_empty() {
        return cursor.refuse("`actions` is empty", "say what is to be done when it fires");
    }
    let all: Vec<Option<String>> = all.iter().map(Cursor::name_text).collect();
    all.into_iter().collect()
}

fn items(cursor: &Cursor<'_>, beside: &Beside<'_>) -> Option<Vec<String>> {
    let mut all: Vec<Option<String>> = Vec::new();
    for cursor in cursor.one_or_more() {
        let id = Names::one_of(&cursor, "item", beside.names.items.as_deref());
        if id.is_some() && all.contains(&id) {
            let id = id.clone().unwrap_or_default();
            cursor.refuse::<()>(format!("`{id}` is named twice"), "name it once");
        }
        all.push(id);
    }
    all.into_iter().collect()
}
