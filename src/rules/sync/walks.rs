//! SYNC-12, as the harness asks for it: walks that agree, and cursors that are refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::paging::WALK;
use crate::domain::contract::{Resource, Role};
use crate::domain::journal::{EntryId, Question, Reference};
use crate::domain::moment;
use crate::rules::context::Context;
use crate::rules::exchange::{Ended, Reception};
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// The walks that are compared: the first and the last are made alike, the one between them has
/// its pages end elsewhere.
const WALKS: u8 = 3;

#[derive(Default)]
pub(super) struct Walks {
    lists: BTreeMap<String, Walked>,
}

/// What the walks through one list brought.
#[derive(Default)]
struct Walked {
    walks: BTreeMap<u8, Walk>,
}

#[derive(Default)]
struct Walk {
    items: BTreeSet<String>,
    pages: Vec<EntryId>,
    exchanges: Vec<u64>,
    /// How many items there are, as the answers say.
    total: Option<u64>,
    broken: bool,
    /// Whether a page had more items than were asked for.
    oversized: bool,
}

impl Rule for Walks {
    fn see(&mut self, context: &Context<'_>) {
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let Some(Role::Resource(name)) = &ended.request.role else {
            return;
        };
        let Some(resource) = context.contract.resource(name) else {
            return;
        };
        match question {
            Question::Walk { walk, .. } => {
                let list = self.lists.entry(name.clone()).or_default();
                let walk = list.walks.entry(*walk).or_default();
                walk.page(context.entry.id, resource, &ended);
            }
            Question::UnknownCursor => foreign_cursor("no-cursor", resource, &ended, context),
            Question::OfAnother {
                what: Reference::Cursor,
                ..
            } => {
                foreign_cursor("foreign cursor", resource, &ended, context);
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for (name, list) in &self.lists {
            list.judge(name, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// Where the contract says how a cursor is refused, one that is nobody's or another's must be.
fn foreign_cursor(kind: &str, resource: &Resource, ended: &Ended<'_>, context: &Context<'_>) {
    let name = &resource.name;
    let refused_by = match &resource.paging {
        Some(paging) if !paging.refused_by.is_empty() => &paging.refused_by,
        _ => return,
    };
    match ended.reception() {
        Reception::Refused => context.exercised(&WALK),
        Reception::Unclear(why) => context.unable(&WALK, why),
        Reception::Granted => context.violated(
            &WALK,
            Violation::new(format!(
                "`{name}` takes a cursor that was never handed out to this account"
            ))
            .kind(format!("{kind} {name}"))
            .expected(format!("{refused_by:?}, as the contract says"))
            .observed(ended.words())
            .evidence([ended.opened.id(), context.entry.id])
            .exchanges([ended.request.exchange]),
        ),
    }
}

impl Walk {
    fn page(&mut self, id: EntryId, resource: &Resource, ended: &Ended<'_>) {
        let answer = ended.by_backend().filter(|_| ended.succeeded());
        let body = answer.and_then(|answer| answer.body.json());
        let (Some(body), Some(items), Some(key)) = (body, &resource.items, &resource.key) else {
            self.broken = true;
            return;
        };
        self.pages.push(id);
        self.exchanges.push(ended.request.exchange);
        let list = items.in_body(body).and_then(Value::as_array);
        if let Some(paging) = &resource.paging {
            let total = paging.total.as_ref().and_then(|total| total.in_body(body));
            if let Some(total) = total {
                self.total = moment::number(total).map(|total| total as u64);
            }
            let size = paging.size.as_ref();
            let asked = size.and_then(|(size, _)| ended.request.query(size)?.parse().ok());
            self.oversized |= asked
                .zip(list)
                .is_some_and(|(size, list)| list.len() > size);
        }
        let keys = list
            .into_iter()
            .flatten()
            .filter_map(|item| key.in_body(item));
        self.items.extend(keys.map(ToString::to_string));
    }
}

impl Walked {
    fn judge(&self, name: &str, context: &Context<'_>) {
        let whole = |number: u8| self.walks.get(&number).filter(|walk| !walk.broken);
        let Some((first, last)) = whole(1).zip(whole(WALKS)) else {
            let why = format!("the harness could not walk through `{name}`");
            context.unable(&WALK, why);
            return;
        };
        if first.items != last.items || first.total != last.total {
            // The list changed meanwhile; what is missing may have gone.
            let why = format!("`{name}` changed while the harness walked through it");
            context.unable(&WALK, why);
            return;
        }
        context.exercised(&WALK);
        // Pages whose size is the server's own end where the others do.
        let between = whole(2).filter(|walk| !walk.oversized);
        let lost = lost_of_total(first).or_else(|| lost_between(first, between?));
        if let Some(lost) = lost {
            context.violated(
                &WALK,
                Violation::new(format!(
                    "a walk through `{name}` loses items between its pages"
                ))
                .expected(lost.expected)
                .observed(lost.observed)
                .evidence(lost.by.pages.clone())
                .exchanges(lost.by.exchanges.clone()),
            );
        }
    }
}

/// What a walk lost.
struct Lost<'a> {
    by: &'a Walk,
    expected: String,
    observed: String,
}

/// Of the items that the answers count, some were on no page.
fn lost_of_total(walk: &Walk) -> Option<Lost<'_>> {
    let found = walk.items.len();
    let total = walk.total.filter(|total| *total > found as u64)?;
    Some(Lost {
        by: walk,
        expected: format!("{total} items, as the answer says"),
        observed: format!("{found} items on {} pages", walk.pages.len()),
    })
}

/// An item that one walk found was on no page of the other.
fn lost_between<'a>(first: &'a Walk, between: &'a Walk) -> Option<Lost<'a>> {
    [(between, first), (first, between)]
        .into_iter()
        .find_map(|(here, there)| {
            let lost = there.items.difference(&here.items).next()?;
            Some(Lost {
                by: here,
                expected: "the same items, whatever the size of the pages".to_owned(),
                observed: format!(
                    "the item {lost} is on no page of one walk and on one of the other, \
                     whose pages end elsewhere"
                ),
            })
        })
}
