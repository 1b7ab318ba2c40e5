//! SYNC-12: a walk through the pages finds every item once, and ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{NextPage, Role};
use crate::domain::journal::{EntryId, Request};
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Paging loses no item and brings none twice, the walk ends, and foreign cursors are refused
    ///
    /// # Why
    /// Whoever scrolls through a list sees what its pages bring: an item that is lost between two
    /// of them is never seen, one that comes twice counts twice, and a walk without an end loads
    /// for ever.
    ///
    /// # How it is judged
    /// Judged on each walk that the client makes: from the first page on, by the cursor that the
    /// page before brought (or by the next number or offset). An item that two pages of one walk
    /// bring, a cursor that comes back, and a cursor that is refused within a minute of being handed
    /// out, with no lever moved between, are findings. With numbered pages a list that changes meanwhile shifts, so duplicates count
    /// only while nothing was seen to change. The harness's own walks are judged alike, a total that
    /// is smaller than what the pages hold among it. The harness walks three times, the second time with
    /// pages of another size: while the first and the last walk agree, an item that only the second
    /// finds, or misses, was lost between two pages, and so was one that the declared total counts.
    /// Where the contract says `refused-by`, a cursor of another account and one that was never
    /// handed out must be refused.
    ///
    /// # How to keep it
    /// Page by a stable key (the last item's sort key and id), not by position; end with an absent
    /// cursor; bind cursors to their account and sign them.
    ///
    /// # Source
    /// runbook S5.9
    pub(super) WALK: "SYNC-12", Backend, from [Wire, Probe],
        needs [Paging],
        set by ["resources[].paging", "resources[].key"]
}

/// How long a cursor must be good.
const GOOD: Duration = Duration::from_secs(60);
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
    /// When a page last came.
    came: Option<Duration>,
    /// Whether the list may have changed meanwhile.
    shifted: bool,
}

impl Rule for Paging {
    fn see(&mut self, context: &Context<'_>) {
        let changed = context.world.changed;
        if changed.is_some_and(|changed| changed.id == context.entry.id) {
            for walk in self.walks.values_mut() {
                walk.shifted = true;
            }
        }
        // Another user's walk is another one.
        if context
            .ended()
            .is_some_and(|ended| ended.request.role == Some(Role::SignIn) && ended.succeeded())
        {
            self.walks.clear();
        }
        if let Some(read) = context.read()
            && let Some(paging) = &read.resource.paging
        {
            let walk = self.walks.entry(read.resource.name.clone()).or_default();
            walk.page(&read, &paging.next, context);
        }
    }
}

impl Walk {
    fn page(&mut self, read: &Read<'_>, pages: &NextPage, context: &Context<'_>) {
        let asked = asked(read.ended.request, pages);
        let begins = asked.is_none() || asked == first(pages);
        if begins {
            *self = Self::default();
        } else if asked != self.next {
            // A page out of order belongs to no walk that can be judged.
            return;
        }
        let by_cursor = matches!(pages, NextPage::Cursor { .. });
        if !read.answer.is_success() {
            let is_fresh = self.came.is_some_and(|came| context.now <= came + GOOD);
            if by_cursor && !begins && is_fresh && !self.shifted {
                cursor_refused(read, context);
            }
            return;
        }
        context.exercised(&WALK);
        self.came = Some(context.now);
        let Some(body) = read.answer.body.json() else {
            return;
        };
        let count = self.items(read, body, by_cursor, context);
        self.next = match pages {
            NextPage::Cursor { .. } => pages.cursor(read.answer.headers.iter(), Some(body)),
            NextPage::Page { first, .. } => Some((number(asked, *first) + 1).to_string()),
            NextPage::Offset { .. } => Some((number(asked, 0) + count as u64).to_string()),
        };
        if by_cursor {
            self.cursor(read, context);
        }
    }

    /// Takes a page's items in and returns how many there are.
    fn items(
        &mut self,
        read: &Read<'_>,
        body: &Value,
        by_cursor: bool,
        context: &Context<'_>,
    ) -> usize {
        let selector = read.resource.items.as_ref();
        let list = selector.and_then(|selector| selector.in_body(body));
        let Some(list) = list.and_then(Value::as_array) else {
            return 0;
        };
        let Some(key) = &read.resource.key else {
            return list.len();
        };
        let keys = list.iter().filter_map(|item| key.in_body(item));
        for key in keys.map(Value::to_string) {
            if let Some(before) = self.items.get(&key) {
                if by_cursor || !self.shifted {
                    comes_twice(read, &key, *before, context);
                }
            } else if self.items.len() < ITEMS {
                self.items.insert(key, context.entry.id);
            }
        }
        list.len()
    }

    /// Takes the cursor of the next page in, which must be a new one.
    fn cursor(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let Some(cursor) = self.next.clone() else {
            return;
        };
        let observed = format!("the cursor `{cursor}` came back");
        if !self.cursors.insert(cursor) {
            context.violated(
                &WALK,
                does_not_add_up("endless", read)
                    .expected("a cursor that leads on, or none at the end")
                    .observed(observed)
                    .evidence([context.entry.id]),
            );
        }
    }
}

/// What a request asks for a page by; nothing where it asks for the first without saying so.
pub(super) fn asked(request: &Request, pages: &NextPage) -> Option<String> {
    let asked = request.query(pages.query()).map(decode);
    asked.filter(|asked| !asked.is_empty())
}

/// How the first page is asked for, where that can be said.
pub(super) fn first(pages: &NextPage) -> Option<String> {
    match pages {
        NextPage::Cursor { .. } => None,
        NextPage::Page { first, .. } => Some(first.to_string()),
        NextPage::Offset { .. } => Some("0".to_owned()),
    }
}

fn number(asked: Option<String>, first: u64) -> u64 {
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(first)
}

fn cursor_refused(read: &Read<'_>, context: &Context<'_>) {
    let status = read.answer.status;
    if !matches!(status, 400 | 404 | 410 | 422) {
        return;
    }
    let target = &read.ended.request.target;
    context.violated(
        &WALK,
        does_not_add_up("cursor refused", read)
            .expected("a cursor that was just handed out is good")
            .observed(format!("{target} was answered with {status}"))
            .evidence([context.entry.id]),
    );
}

fn comes_twice(read: &Read<'_>, key: &str, before: EntryId, context: &Context<'_>) {
    let id = context.entry.id;
    let evidence = Some(before).filter(|before| *before != id);
    context.violated(
        &WALK,
        does_not_add_up("twice", read)
            .expected("each item on one page of the walk")
            .observed(format!("the item {key} came again"))
            .evidence(evidence.into_iter().chain([id])),
    );
}

fn does_not_add_up(kind: &str, read: &Read<'_>) -> Violation {
    let name = &read.resource.name;
    Violation::new(format!("the pages of `{name}` do not add up"))
        .kind(format!("{kind} {name}"))
        .exchanges([read.answer.exchange])
}

fn decode(value: &str) -> String {
    let spaced = value.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}
