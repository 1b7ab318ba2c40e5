//! Pages that are asked for after the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::{WASTED, Waste, severity};
use crate::domain::contract::{NextPage, Paging};
use crate::domain::journal::{Act, EntryId, Fact};
use crate::domain::moment;
use crate::rules::context::{Context, Read};
use crate::rules::moment::Moment;
use crate::rules::rule::Rule;
use crate::rules::sync::paging::{asked, first};

/// How long after the end of a walk another page belongs to it.
const SOON: Duration = Duration::from_secs(60);
/// How many items of one walk are remembered.
const ITEMS: usize = 20_000;
/// How many pages of one walk are remembered.
const PAGES: usize = 512;

#[derive(Default)]
pub(in crate::rules::sync) struct PastTheEnd {
    walks: BTreeMap<String, Walk>,
    /// When the user last did anything but ask for more.
    acted: Option<EntryId>,
}

/// How far a walk through a list came.
#[derive(Default)]
struct Walk {
    /// What it is made with: another device of the same account has another.
    credential: Option<String>,
    keys: BTreeSet<String>,
    /// The answer that said that there is no further page.
    ended: Option<Moment>,
    /// The last answer for each page but the first, by what it is asked for with.
    pages: BTreeMap<String, Moment>,
}

impl Rule for PastTheEnd {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::Act(act) = &context.entry.fact
            && !matches!(act, Act::LoadMore { .. })
        {
            self.acted = Some(context.entry.id);
        }
        if let Some(read) = context.read()
            && let Some(paging) = &read.resource.paging
        {
            self.page(&read, paging, context);
        }
    }
}

impl PastTheEnd {
    fn page(&mut self, read: &Read<'_>, paging: &Paging, context: &Context<'_>) {
        let body = read.answer.body.json().filter(|_| read.ended.succeeded());
        let Some(body) = body else {
            // Nobody knows what it would have brought.
            self.walks.remove(&read.resource.name);
            return;
        };
        let page = asked(read.ended.request, &paging.next);
        let begins = page.is_none() || page == first(&paging.next);
        let walk = self.walks.entry(read.resource.name.clone()).or_default();
        if begins {
            *walk = Walk {
                credential: read.ended.opened.credential.clone(),
                ..Walk::default()
            };
        }
        let keys = keys(read, body);
        let is_new = keys.iter().any(|key| !walk.keys.contains(key));
        let before = match page.filter(|_| !begins && walk.pages.len() < PAGES) {
            Some(page) => walk.pages.insert(page, context.moment()),
            None => None,
        };
        let told = before.or(walk.ended).filter(|_| !begins && !is_new);
        if let Some(told) = told
            && self.acted < Some(told.id)
            && walk.is_asked_again(told, read, context)
        {
            wasted(told, before.is_some(), read, context);
        }
        let count = keys.len();
        if walk.keys.len() + count <= ITEMS {
            walk.keys.extend(keys);
        }
        let is_last = is_last(paging, read, body, count, walk.keys.len());
        if is_last && walk.ended.is_none() {
            context.exercised(&WASTED);
            walk.ended = Some(context.moment());
        } else if !is_last {
            walk.ended = None;
        }
    }
}

impl Walk {
    /// Whether a page was asked for by who had been told already what it brings, or that there is none.
    fn is_asked_again(&self, told: Moment, read: &Read<'_>, context: &Context<'_>) -> bool {
        let opened = read.ended.opened;
        opened.id() > told.id
            && opened.at() <= told.at + SOON
            && opened.credential.is_some()
            && opened.credential == self.credential
            && context.world.same_process_since(told.id)
    }
}

/// The keys of the items that an answer brings.
fn keys(read: &Read<'_>, body: &Value) -> Vec<String> {
    let (Some(items), Some(key)) = (&read.resource.items, &read.resource.key) else {
        return Vec::new();
    };
    let list = items.in_body(body).and_then(Value::as_array);
    let keys = list.into_iter().flatten();
    keys.filter_map(|item| key.in_body(item).map(ToString::to_string))
        .collect()
}

/// Whether an answer says that there is no page after it.
fn is_last(paging: &Paging, read: &Read<'_>, body: &Value, count: usize, found: usize) -> bool {
    let total = paging.total.as_ref().and_then(|total| total.in_body(body));
    let total = total.and_then(moment::number);
    if total.is_some_and(|total| found as f64 >= total) {
        return true;
    }
    match &paging.next {
        NextPage::Cursor { .. } => {
            let headers = read.answer.headers.iter();
            paging.next.cursor(headers, Some(body)).is_none()
        }
        NextPage::Page { .. } | NextPage::Offset { .. } => {
            count == 0 || size(paging, read).is_some_and(|size| (count as u64) < size)
        }
    }
}

/// How many items a whole page has. An app may ask for fewer than was agreed on; a server holds those that
/// ask for more to its own bounds, which nobody knows.
fn size(paging: &Paging, read: &Read<'_>) -> Option<u64> {
    let (query, agreed) = paging.size.as_ref()?;
    let asked = match read.ended.request.query(query) {
        Some(asked) => asked.parse().ok()?,
        None => *agreed,
    };
    (asked <= *agreed).then_some(asked)
}

fn wasted(told: Moment, again: bool, read: &Read<'_>, context: &Context<'_>) {
    let name = &read.resource.name;
    let (kind, message, expected) = match again {
        true => (
            "again",
            format!("the app asks for a page of `{name}` again that it has"),
            "each page of a walk once",
        ),
        false => (
            "past the end",
            format!("the app asks for a page of `{name}` after the last one"),
            "no further page once an answer said that there is none",
        ),
    };
    Waste {
        kind: format!("{kind} {name}"),
        message,
        expected,
        observed: format!("{}, which brought nothing new", read.ended.words()),
        evidence: vec![told.id, read.ended.opened.id(), context.entry.id],
        exchange: read.answer.exchange,
        severity: severity(context),
    }
    .tell(context);
}
