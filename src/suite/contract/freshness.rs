//! How often and how soon events come, and how old data may be.

use crate::domain::change::Lever;
use crate::domain::contract::{AfterChange, AsOf, EventPromise};
use crate::domain::selector::Selector;
use crate::suite::cursor::{Cursor, Fields};

/// What the backend promises of an event: the keys that stand right in the event.
pub(super) fn promise(fields: &Fields<'_>) -> Option<EventPromise> {
    let at_least_every = fields.maybe("at-least-every", Cursor::positive_duration);
    let after = fields.or("after", Vec::new(), |cursor| {
        let all: Vec<Option<AfterChange>> = cursor.one_or_more().iter().map(after).collect();
        all.into_iter().collect()
    });
    let as_of = fields.maybe("as-of", |cursor| as_of(cursor, Cursor::body_selector));
    Some(EventPromise {
        at_least_every: at_least_every?,
        after: after?,
        as_of: as_of?,
    })
}

/// Reads `{ lever: close-trade, within: 10s }`.
fn after(cursor: &Cursor<'_>) -> Option<AfterChange> {
    let fields = cursor.fields("`after`")?;
    let lever = fields.need("lever").and_then(|cursor| {
        let name = cursor.name_text()?;
        if Lever::ALL.iter().any(|(_, own)| *own == name) {
            return cursor.refuse(
                format!("`{name}` is no change of the backend's own data, so no event follows it"),
                "name a change as the world or the target does, like `close-trade`; that a `push` arrives is judged anyway (SYNC-11)",
            );
        }
        Some(name)
    });
    let within = fields
        .need("within")
        .and_then(|cursor| cursor.positive_duration());
    Some(AfterChange {
        lever: lever?,
        within: within?,
    })
}

/// Reads `{ at: /asOf, at-most: 5s }`.
pub(super) fn as_of<'a>(
    cursor: &Cursor<'a>,
    place: impl Fn(&Cursor<'a>) -> Option<Selector>,
) -> Option<AsOf> {
    let fields = cursor.fields("`as-of`")?;
    let at = fields.need("at").and_then(|cursor| place(&cursor));
    let at_most = fields
        .need("at-most")
        .and_then(|cursor| cursor.positive_duration());
    Some(AsOf {
        at: at?,
        at_most: at_most?,
    })
}
