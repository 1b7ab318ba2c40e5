//! What another client of the same backend reads.

use super::context::Context;
use super::operation::{self, Use};
use super::{resource, session};
use crate::domain::contract::{Counterpart, Parity, Resource, TokenAnswer};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::problem::Problem;
use crate::suite::suggest::suggest;

/// Reads `parity`. Its resources are those of the contract, which may not have been understood; its
/// sign-in is answered as the app's, unless it says otherwise.
pub(super) fn read(
    cursor: &Cursor<'_>,
    context: &Context<'_>,
    resources: Option<&[Resource]>,
    answer: Option<&TokenAnswer>,
) -> Option<Parity> {
    let fields = cursor.fields("`parity`")?;
    let sign_in = fields.maybe("sign-in", |cursor| {
        session::request(cursor, context, Use::SIGN_IN, answer)
    });
    let compared = fields.need("resources").and_then(|cursor| {
        let entries = cursor.entries()?;
        if entries.is_empty() {
            return cursor.refuse(
                "nothing is compared",
                "write `resources: { positions: same }`",
            );
        }
        let all: Vec<Option<Counterpart>> = entries
            .iter()
            .map(|(entry, cursor)| {
                if !context.resources.contains(&entry.key.as_str()) {
                    let message = format!("there is no resource `{}`", entry.key);
                    let hint = suggest(&entry.key, context.resources.iter().copied());
                    let problem = Problem::new(message).hint(hint);
                    cursor.diagnostics.note(&entry.key_span, problem);
                    return None;
                }
                let own = resources?.iter().find(|own| own.name == entry.key)?;
                let compared = counterpart(own, cursor, context)?;
                if compared.resource.items.is_some() && compared.resource.key.is_none() {
                    return cursor.refuse(
                        format!(
                            "the items of `{}` have no `key` to be compared by",
                            own.name
                        ),
                        "add `key: /id` to the resource",
                    );
                }
                Some(compared)
            })
            .collect();
        all.into_iter().collect()
    });
    Some(Parity {
        sign_in: sign_in?,
        resources: compared?,
    })
}

/// Reads `same`, or what the other client reads.
fn counterpart(own: &Resource, cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Counterpart> {
    if !matches!(cursor.node.content, Content::Map(_)) {
        cursor.word(&[("same", ())])?;
        return Some(Counterpart {
            of: own.name.clone(),
            resource: own.clone(),
            renamed: Vec::new(),
            apart: Vec::new(),
        });
    }
    let fields = cursor.fields("what another client reads")?;
    let renamed = fields.or("fields", Vec::new(), renamed);
    let apart = fields.or("apart", Vec::new(), |cursor| {
        cursor.one_or_more().iter().map(Cursor::pointer).collect()
    });
    let resource = if fields.has("request") {
        elsewhere(own, &fields, context)
    } else {
        Some(own.clone())
    };
    Some(Counterpart {
        of: own.name.clone(),
        resource: resource?,
        renamed: renamed?,
        apart: apart?,
    })
}

/// Reads a request of the other client's own, and where its list stands.
fn elsewhere(own: &Resource, fields: &Fields<'_>, context: &Context<'_>) -> Option<Resource> {
    let operation = operation::from_fields(fields, context, Use::DATA);
    let items = fields.maybe("items", Cursor::body_selector);
    let key = fields.or("key", own.key.clone(), |cursor| {
        cursor.body_selector().map(Some)
    });
    let paging = fields.maybe("paging", resource::paging);
    let (items, key, paging) = (items?, key?, paging?);
    if items.is_some() != own.items.is_some() || (items.is_none() && paging.is_some()) {
        let (has, hint) = match own.items {
            Some(_) => (
                "is a list",
                "say with `items` where the other client's list stands",
            ),
            None => ("is no list", "leave `items` and `paging` away"),
        };
        return fields.refuse(
            format!(
                "`{}` {has}, and what is compared with it is not alike",
                own.name
            ),
            hint,
        );
    }
    Some(Resource {
        items,
        key,
        paging,
        ..Resource::plain(&own.name, operation?)
    })
}

/// Reads fields that the other client calls otherwise: `{ /pnl: /profit }`.
fn renamed(cursor: &Cursor<'_>) -> Option<Vec<(String, String)>> {
    let all = cursor.entries()?;
    let pairs: Vec<Option<(String, String)>> = all
        .iter()
        .map(|(entry, other)| {
            if !entry.key.starts_with('/') {
                let message = format!("`{}` is not a JSON Pointer", entry.key);
                let hint = "write the app's field like `/pnl`, and behind it the other client's";
                cursor
                    .diagnostics
                    .note(&entry.key_span, Problem::new(message).hint(hint));
                return None;
            }
            Some((entry.key.clone(), other.pointer()?))
        })
        .collect();
    pairs.into_iter().collect()
}
