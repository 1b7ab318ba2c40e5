//! SYNC-12, on the walks that the harness makes: loops, items that come twice, cursors that are
//! refused, and totals that are too small, as on the walks of an app.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::paging::WALK;
use crate::domain::contract::{NextPage, Paging, Resource};
use crate::domain::journal::{EntryId, Question};
use crate::domain::moment;
use crate::rules::context::{Context, Read};
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// The walks that are made alike: what both show is no accident of a list that moves.
const ALIKE: [u8; 2] = [1, 3];
/// How many items of one walk are remembered.
const ITEMS: usize = 20_000;

#[derive(Default)]
pub(super) struct OwnWalks {
    lists: BTreeMap<String, BTreeMap<u8, Walk>>,
}

#[derive(Default)]
struct Walk {
    /// Items, and on which entry they came first.
    items: BTreeMap<String, EntryId>,
    /// Items that came again, and where.
    again: BTreeMap<String, EntryId>,
    cursors: BTreeSet<String>,
    total: Option<u64>,
    last: Option<EntryId>,
    exchange: u64,
}

impl Rule for OwnWalks {
    fn see(&mut self, context: &Context<'_>) {
        let Some((Question::Walk { walk, page }, _)) = context.answered() else {
            return;
        };
        let Some(read) = context.read_by_anyone() else {
            return;
        };
        let Some(paging) = &read.resource.paging else {
            return;
        };
        let list = self.lists.entry(read.resource.name.clone()).or_default();
        let walk = list.entry(*walk).or_default();
        if *page == 1 {
            *walk = Walk::default();
        }
        walk.page(*page, &read, paging, context);
    }

    fn end(&mut self, context: &Context<'_>) {
        for (name, walks) in &self.lists {
            let (Some(first), Some(last)) = (walks.get(&ALIKE[0]), walks.get(&ALIKE[1])) else {
                continue;
            };
            let is_still = first.items.keys().eq(last.items.keys()) && first.total == last.total;
            if is_still {
                let numbered = context.contract.resource(name).is_some_and(is_numbered);
                judge(name, first, last, numbered, context);
            }
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

fn is_numbered(resource: &Resource) -> bool {
    let paging = resource.paging.as_ref();
    paging.is_some_and(|paging| !matches!(paging.next, NextPage::Cursor { .. }))
}

impl Walk {
    fn page(&mut self, page: u32, read: &Read<'_>, paging: &Paging, context: &Context<'_>) {
        let by_cursor = matches!(paging.next, NextPage::Cursor { .. });
        if !read.answer.is_success() {
            if by_cursor && page > 1 && matches!(read.answer.status, 400 | 404 | 410 | 422) {
                refused(read, context);
            }
            return;
        }
        let Some(body) = read.answer.body.json() else {
            return;
        };
        self.last = Some(context.entry.id);
        self.exchange = read.answer.exchange;
        let total = paging.total.as_ref().and_then(|total| total.in_body(body));
        self.total = total.and_then(moment::number).map(|total| total as u64);
        self.take(read, body, by_cursor, context);
        if !by_cursor {
            return;
        }
        let cursor = paging.next.cursor(read.answer.headers.iter(), Some(body));
        if let Some(cursor) = cursor
            && !self.cursors.insert(cursor.clone())
        {
            context.violated(
                &WALK,
                does_not_add_up("endless", &read.resource.name)
                    .expected("a cursor that leads on, or none at the end")
                    .observed(format!("the cursor `{cursor}` came back"))
                    .evidence([context.entry.id])
                    .exchanges([read.answer.exchange]),
            );
        }
    }

    /// Takes the items of a page in. By a cursor nothing may come again, however the list moves.
    fn take(&mut self, read: &Read<'_>, body: &Value, by_cursor: bool, context: &Context<'_>) {
        let resource = read.resource;
        let list = resource
            .items
            .as_ref()
            .and_then(|items| items.in_body(body));
        let (Some(list), Some(key)) = (list.and_then(Value::as_array), &resource.key) else {
            return;
        };
        let id = context.entry.id;
        for key in list.iter().filter_map(|item| key.in_body(item)) {
            let key = key.to_string();
            match self.items.get(&key).copied() {
                None if self.items.len() < ITEMS => {
                    self.items.insert(key, id);
                }
                None => {}
                // Twice on one page is twice, however pages are asked for.
                Some(before) if by_cursor || before == id => {
                    let evidence = Some(before).filter(|before| *before != id);
                    let violation = twice(&resource.name, &key)
                        .evidence(evidence.into_iter().chain([id]))
                        .exchanges([read.answer.exchange]);
                    context.violated(&WALK, violation);
                }
                Some(_) => {
                    self.again.insert(key, id);
                }
            }
        }
    }
}

/// What two walks show that found the same items.
fn judge(name: &str, first: &Walk, last: &Walk, numbered: bool, context: &Context<'_>) {
    let mut again = first.again.iter();
    let both = again.find(|(key, _)| last.again.contains_key(*key));
    if let Some((key, id)) = both.filter(|_| numbered) {
        let before = first.items.get(key).copied();
        let violation = twice(name, key)
            .evidence(before.into_iter().chain([*id]))
            .exchanges([first.exchange]);
        context.violated(&WALK, violation);
    }
    let found = first.items.len() as u64;
    if let (Some(total), Some(id)) = (first.total.filter(|total| *total < found), first.last) {
        context.violated(
            &WALK,
            does_not_add_up("total", name)
                .expected(format!("a total of the {found} items that the pages hold"))
                .observed(format!("a total of {total}"))
                .evidence([id])
                .exchanges([first.exchange]),
        );
    }
}

fn refused(read: &Read<'_>, context: &Context<'_>) {
    context.violated(
        &WALK,
        does_not_add_up("cursor refused", &read.resource.name)
            .expected("a cursor that was just handed out is good")
            .observed(read.ended.words())
            .evidence([context.entry.id])
            .exchanges([read.answer.exchange]),
    );
}

fn twice(name: &str, key: &str) -> Violation {
    does_not_add_up("twice", name)
        .expected("each item on one page of the walk")
        .observed(format!("the item {key} came again"))
}

fn does_not_add_up(kind: &str, name: &str) -> Violation {
    Violation::new(format!("the pages of `{name}` do not add up")).kind(format!("{kind} {name}"))
}
