//! What the server emits, and what it changes.

use super::context::Context;
use super::{freshness, resource};
use crate::domain::contract::{Apply, EventPromise, EventRule, Resource};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Entry;
use crate::suite::trace::Seen;

pub(super) fn read(
    entry: &Entry,
    cursor: &Cursor<'_>,
    context: &Context<'_>,
    resources: Option<&[Resource]>,
) -> Option<EventRule> {
    let ignored = EventRule {
        name: entry.key.clone(),
        updates: None,
        apply: Apply::Ignore,
        items: None,
        removed: None,
        into: None,
        key: None,
        sequence: None,
        schema: None,
        promise: EventPromise::default(),
    };
    if cursor.node.is_null() {
        cursor.takes(|| Seen::Nothing);
        return Some(ignored);
    }
    if cursor.node.scalar().is_some() {
        return Some(EventRule {
            updates: Some(resource::name(cursor, context)?),
            apply: Apply::Refetch,
            ..ignored
        });
    }
    let fields = cursor.fields("an event")?;
    let updates = fields.maybe("updates", |cursor| resource::name(cursor, context));
    let apply = apply(&fields);
    let items = fields.maybe("items", Cursor::body_selector);
    let removed = fields.maybe("removed", Cursor::body_selector);
    let into = fields.maybe("into", Cursor::body_selector);
    let key = fields.maybe("key", Cursor::body_selector);
    let sequence = fields.maybe("sequence", Cursor::body_selector);
    let schema = fields.maybe("schema", |cursor| cursor.schema(context.depth));
    let promise = freshness::promise(&fields);
    let rule = EventRule {
        updates: updates?,
        apply: apply?,
        items: items?,
        removed: removed?,
        into: into?,
        key: key?,
        sequence: sequence?,
        schema: schema?,
        promise: promise?,
        ..ignored
    };
    let resource = resources
        .zip(rule.updates.as_deref())
        .and_then(|(resources, name)| resources.iter().find(|resource| resource.name == name));
    if let Some(resource) = resource {
        check_applied(&fields, &rule, resource);
        check_places(&fields, &rule, resource);
    }
    Some(rule)
}

/// How it changes its resource: as it says, or as its other keys say.
fn apply(fields: &Fields<'_>) -> Option<Apply> {
    let given = fields.maybe("apply", |cursor| {
        cursor.word(&[
            ("replace", Apply::Replace),
            ("merge", Apply::Merge),
            ("refetch", Apply::Refetch),
            ("ignore", Apply::Ignore),
        ])
    })?;
    // Only what changes data has a place to change it.
    let has_places = ["removed", "into", "key"].iter().any(|key| fields.has(key));
    match (fields.get("updates").is_some(), given) {
        (false, Some(Apply::Ignore)) => Some(Apply::Ignore),
        (false, None) if !has_places => Some(Apply::Ignore),
        (false, _) => fields.refuse(
            "an event that is applied needs `updates`",
            "name the resource",
        ),
        (true, Some(given)) => Some(given),
        (true, None) if has_places => Some(Apply::Merge),
        (true, None) => Some(Apply::Refetch),
    }
}

/// Whether a resource has what an event that changes it is applied by.
fn check_applied(fields: &Fields<'_>, rule: &EventRule, resource: &Resource) {
    let name = &resource.name;
    let changes_the_list = rule.into.is_none() && resource.items.is_some();
    if rule.apply == Apply::Merge && changes_the_list && resource.key.is_none() {
        fields.refuse::<()>(
            format!("items cannot be merged into `{name}`, which has no `key`"),
            format!("add `key: /id` to the resource `{name}`, or `apply: replace`"),
        );
    }
    if rule.sequence.is_some() && resource.sequence.is_none() {
        fields.refuse::<()>(
            format!("this event has a `sequence`, and `{name}` has none to compare with"),
            format!("add `sequence: ...` to the resource `{name}`"),
        );
    }
}

/// Whether the places where an event changes data belong together.
fn check_places(fields: &Fields<'_>, rule: &EventRule, resource: &Resource) {
    let name = &resource.name;
    let has_places = [&rule.removed, &rule.into, &rule.key]
        .iter()
        .any(|place| place.is_some());
    if has_places && !matches!(rule.apply, Apply::Merge | Apply::Replace) {
        fields.refuse::<()>(
            "`removed`, `into` and `key` say how an event changes data, and this one brings none",
            "write `apply: merge`, or leave them away",
        );
    }
    if rule.removed.is_some() && rule.apply == Apply::Replace {
        fields.refuse::<()>(
            "an event that brings the whole list has nothing to remove",
            "write `apply: merge`, or leave `removed` away",
        );
    }
    if rule.removed.is_some() && rule.into.is_none() && resource.items.is_none() {
        fields.refuse::<()>(
            format!("nothing can be removed from `{name}`, which is no list"),
            format!("add `items: ...` to the resource `{name}`"),
        );
    }
    if rule.removed.is_some() && rule.keys(resource).is_none() {
        fields.refuse::<()>(
            format!("nothing can be removed from `{name}` without a `key`"),
            "add `key: /id` to the resource, or to this event if it is about a list inside the answer",
        );
    }
}
