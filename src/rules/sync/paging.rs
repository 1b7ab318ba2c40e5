//! SYNC-12: a walk through the pages finds every item once, and ends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::contract::{NextPage, Resource, Role};
use crate::domain::journal::{Answer, Answerer, Entry, EntryId, Fact, Request, is_success};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Paging loses no item and brings none twice, the walk ends, and foreign cursors are refused
    ///
    /// # Why
    /// Judged on each walk that the client makes: from the first page on, by the cursor that the
    /// page before brought (or by the next number or offset). An item that two pages of one walk
    /// bring, a cursor that comes back, and a cursor that is refused right after it was handed out
    /// are findings. With numbered pages a list that changes meanwhile shifts, so duplicates count
    /// only while nothing was seen to change. The harness walks three times, the second time with
    /// pages of another size: while the first and the last walk agree, an item that only the second
    /// finds, or misses, was lost between two pages, and so was one that the declared total counts.
    /// Where the contract says `refused-by`, a cursor of another account and one that was never
    /// handed out must be refused.
    ///
    /// # How it is judged
    ///
    /// # How to keep it
    /// Page by a stable key (the last item's sort key and id), not by position; end with an absent
    /// cursor; bind cursors to their account and sign them.
    ///
    /// # Source
    /// runbook S5.9
    pub(super) WALK: "SYNC-12", Backend, from [Wire, Probe],
        set by ["resources[].paging", "resources[].key"]
}

/// How many items of one walk are remembered.
const ITEMS: usize = 20_000;

#[derive(Default)]
pub(super) struct Paging {
    walks: BTreeMap<String, Walk>,
}

#[derive(Default)]
struct Walk {
    /// Items seen in this walk, and on which entry.
    items: BTreeMap<String, EntryId>,
    cursors: BTreeSet<String>,
    /// What the next page is asked by.
    next: Option<String>,
    shifted: bool,
}

impl Rule for Paging {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        if matches!(entry.fact, Fact::Harness(_))
            && context
                .world
                .changed
                .is_some_and(|changed| changed.id == entry.id)
        {
            for walk in self.walks.values_mut() {
                walk.shifted = true;
            }
        }
        let Some(ended) = context.ended() else {
            return;
        };
        let (Some(answer), Some(Role::Resource(name))) = (ended.answer, &ended.request.role) else {
            return;
        };
        let Some(resource) = context.contract.resource(name) else {
            return;
        };
        if answer.from == Answerer::Backend && resource.paging.is_some() {
            let walk = self.walks.entry(name.clone()).or_default();
            walk.page(entry, resource, ended.request, answer, context);
        }
    }
}

impl Walk {
    fn page(
        &mut self,
        entry: &Entry,
        resource: &Resource,
        request: &Request,
        answer: &Answer,
        context: &Context<'_>,
    ) {
        let Some(paging) = &resource.paging else {
            return;
        };
        let first = match &paging.next {
            NextPage::Cursor { .. } => None,
            NextPage::Page { first, .. } => Some(first.to_string()),
            NextPage::Offset { .. } => Some("0".to_owned()),
        };
        let asked = request
            .query(paging.next.query())
            .map(decode)
            .filter(|asked| !asked.is_empty());
        let begins = asked.is_none() || asked == first;
        if begins {
            *self = Self::default();
        } else if asked != self.next {
            // A page out of order belongs to no walk that can be judged.
            return;
        }
        let by_cursor = matches!(paging.next, NextPage::Cursor { .. });
        if !is_success(answer.status) {
            if by_cursor && matches!(answer.status, 400 | 404 | 410 | 422) && !begins {
                let observed = format!("{} was answered with {}", request.target, answer.status);
                let expected = "a cursor that was just handed out is good".to_owned();
                breach(
                    entry,
                    resource,
                    "cursor refused",
                    expected,
                    observed,
                    answer,
                    None,
                    context,
                );
            }
            return;
        }
        context.exercised(&WALK);
        let Some(body) = answer.body.json() else {
            return;
        };
        let count = self.items(entry, resource, body, by_cursor, answer, context);
        self.next = match &paging.next {
            NextPage::Cursor { .. } => paging.next.cursor(answer.headers.iter(), Some(body)),
            NextPage::Page { first, .. } => {
                let page = asked.and_then(|asked| asked.parse().ok()).unwrap_or(*first);
                Some((page + 1).to_string())
            }
            NextPage::Offset { .. } => {
                let offset: u64 = asked.and_then(|asked| asked.parse().ok()).unwrap_or(0);
                Some((offset + count as u64).to_string())
            }
        };
        if let Some(cursor) = self.next.clone().filter(|_| by_cursor)
            && !self.cursors.insert(cursor.clone())
        {
            let expected = "a cursor that leads on, or none at the end".to_owned();
            let observed = format!("the cursor `{cursor}` came back");
            breach(
                entry, resource, "endless", expected, observed, answer, None, context,
            );
        }
    }

    /// Takes a page's items in and returns how many there are.
    fn items(
        &mut self,
        entry: &Entry,
        resource: &Resource,
        body: &Value,
        by_cursor: bool,
        answer: &Answer,
        context: &Context<'_>,
    ) -> usize {
        let list = resource
            .items
            .as_ref()
            .and_then(|selector| selector.in_body(body));
        let Some(list) = list.and_then(Value::as_array) else {
            return 0;
        };
        let Some(key) = &resource.key else {
            return list.len();
        };
        for item in list {
            let Some(key) = key.in_body(item).map(Value::to_string) else {
                continue;
            };
            if let Some(before) = self.items.get(&key) {
                if by_cursor || !self.shifted {
                    let expected = "each item on one page of the walk".to_owned();
                    let observed = format!("the item {key} came again");
                    breach(
                        entry,
                        resource,
                        "twice",
                        expected,
                        observed,
                        answer,
                        Some(*before),
                        context,
                    );
                }
            } else if self.items.len() < ITEMS {
                self.items.insert(key, entry.id);
            }
        }
        list.len()
    }
}

#[expect(clippy::too_many_arguments, reason = "one finding in all its parts")]
fn breach(
    entry: &Entry,
    resource: &Resource,
    kind: &str,
    expected: String,
    observed: String,
    answer: &Answer,
    before: Option<EntryId>,
    context: &Context<'_>,
) {
    context.violated(
        &WALK,
        Violation::new(format!("the pages of `{}` do not add up", resource.name))
            .kind(format!("{kind} {}", resource.name))
            .expected(expected)
            .observed(observed)
            .evidence(
                before
                    .into_iter()
                    .filter(|before| *before != entry.id)
                    .chain([entry.id]),
            )
            .exchanges([answer.exchange]),
    );
}

fn decode(value: &str) -> String {
    let spaced = value.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}
