//! SYNC-12, as the harness asks for it: walks that agree, and cursors that are refused.

use std::collections::{BTreeMap, BTreeSet};

use super::paging::WALK;
use crate::domain::contract::{Resource, Role};
use crate::domain::journal::{Entry, EntryId, Question, Reference};
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
        let entry = context.entry;
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
                list.walks
                    .entry(*walk)
                    .or_default()
                    .page(entry, resource, &ended);
            }
            Question::UnknownCursor => refusal(resource, "no-cursor", entry, &ended, context),
            Question::OfAnother {
                what: Reference::Cursor,
                ..
            } => {
                refusal(resource, "foreign cursor", entry, &ended, context);
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
fn refusal(
    resource: &Resource,
    kind: &str,
    entry: &Entry,
    ended: &Ended<'_>,
    context: &Context<'_>,
) {
    let refused_by = resource
        .paging
        .as_ref()
        .map_or(&[][..], |paging| &paging.refused_by);
    if refused_by.is_empty() {
        return;
    }
    match ended.reception() {
        Reception::Refused => context.exercised(&WALK),
        Reception::Unclear(why) => context.unable(&WALK, why),
        Reception::Granted => context.violated(
            &WALK,
            Violation::new(format!(
                "`{}` takes a cursor that was never handed out to this account",
                resource.name
            ))
            .kind(format!("{kind} {}", resource.name))
            .expected(format!("{refused_by:?}, as the contract says"))
            .observed(ended.words())
            .evidence([ended.opened.id(), entry.id])
            .exchanges([ended.request.exchange]),
        ),
    }
}

impl Walk {
    fn page(&mut self, entry: &Entry, resource: &Resource, ended: &Ended<'_>) {
        let answer = ended.by_backend().filter(|_| ended.succeeded());
        let body = answer.and_then(|answer| answer.body.json());
        let (Some(body), Some(items), Some(key)) = (body, &resource.items, &resource.key) else {
            self.broken = true;
            return;
        };
        self.pages.push(entry.id);
        self.exchanges.push(ended.request.exchange);
        if let Some(total) = resource
            .paging
            .as_ref()
            .and_then(|paging| paging.total.as_ref()?.in_body(body))
        {
            self.total = moment::number(total).map(|total| total as u64);
        }
        let list = items.in_body(body).and_then(|list| list.as_array());
        let size = resource
            .paging
            .as_ref()
            .and_then(|paging| ended.request.query(&paging.size.as_ref()?.0))
            .and_then(|size| size.parse::<usize>().ok());
        self.oversized |= size.is_some_and(|size| list.is_some_and(|list| list.len() > size));
        self.items.extend(
            list.into_iter()
                .flatten()
                .filter_map(|item| key.in_body(item).map(ToString::to_string)),
        );
    }
}

impl Walked {
    fn judge(&self, name: &str, context: &Context<'_>) {
        let whole = |number: u8| self.walks.get(&number).filter(|walk| !walk.broken);
        let (first, last) = (whole(1), whole(WALKS));
        let Some((first, last)) = first.zip(last) else {
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
        let found = first.items.len();
        if let Some(total) = first.total.filter(|total| *total > found as u64) {
            let observed = format!("{found} items on {} pages", first.pages.len());
            breach(
                name,
                format!("{total} items, as the answer says"),
                observed,
                first,
                context,
            );
            return;
        }
        // Pages whose size is the server's own end where the others do.
        let Some(between) = whole(2).filter(|walk| !walk.oversized) else {
            return;
        };
        for (here, there) in [(between, first), (first, between)] {
            if let Some(lost) = there.items.difference(&here.items).next() {
                let observed = format!(
                    "the item {lost} is on no page of one walk and on one of the other, whose pages end elsewhere"
                );
                let expected = "the same items, whatever the size of the pages".to_owned();
                breach(name, expected, observed, here, context);
                return;
            }
        }
    }
}

fn breach(name: &str, expected: String, observed: String, walk: &Walk, context: &Context<'_>) {
    context.violated(
        &WALK,
        Violation::new(format!(
            "a walk through `{name}` loses items between its pages"
        ))
        .kind(format!("lost {name}"))
        .expected(expected)
        .observed(observed)
        .evidence(walk.pages.clone())
        .exchanges(walk.exchanges.clone()),
    );
}
