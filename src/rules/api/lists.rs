//! API-7: a list holds each item once, in its order, and no more than was asked for.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::contract::{ItemOrder, Paging};
use crate::domain::moment;
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A list holds each item once, in the promised order, and no more than was asked for
    ///
    /// # Why
    /// An app shows a list as it comes. An item that stands in it twice counts twice, one in the
    /// wrong place looks like news, and a page that is longer than asked for moves all that follow.
    ///
    /// # How it is judged
    /// Judged on each successful answer for a list, whoever asked. Two items of one answer with the
    /// same `key` are a finding; for a list of pages SYNC-12 says so. So are items that stand in
    /// another order than `order` says (equal ones may stand as they like), more items than the
    /// page's `size` asked for, and a `total` that is smaller than the number of items that came
    /// with it. A list that the harness spoils on purpose is not judged.
    ///
    /// # How to keep it
    /// Order by a column that the contract names and then by the key, and limit after joining.
    ///
    /// # Source
    /// runbook S5.6, S5.9
    pub(super) LISTS: "API-7", Backend, from [Wire, Probe],
        set by ["resources[].key", "resources[].order", "resources[].paging"]
}

pub(super) struct Lists;

impl Rule for Lists {
    fn see(&mut self, context: &Context<'_>) {
        let Some(read) = context.read_by_anyone() else {
            return;
        };
        let resource = read.resource;
        let list = resource.items.as_ref().and_then(|items| {
            let body = read.answer.body.json()?;
            items.in_body(body)?.as_array()
        });
        let Some(list) = list.filter(|_| read.answer.is_success()) else {
            return;
        };
        if context.world.is_spoilt(&resource.name) {
            return;
        }
        context.exercised(&LISTS);
        if resource.paging.is_none() {
            twice(list, &read, context);
        }
        if let Some(order) = &resource.order {
            disorder(list, order, &read, context);
        }
        if let Some(paging) = &resource.paging {
            too_many(list, paging, &read, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

fn twice(list: &[Value], read: &Read<'_>, context: &Context<'_>) {
    let Some(key) = &read.resource.key else {
        return;
    };
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let keys = list.iter().map(|item| key.in_body(item));
    for (at, key) in keys.enumerate() {
        let Some(key) = key.filter(|key| !key.is_null()) else {
            continue;
        };
        if let Some(before) = seen.insert(key.to_string(), at) {
            let observed = format!("the item {key} stands at {} and at {}", before + 1, at + 1);
            let violation = not_a_list("twice", read, context);
            context.violated(
                &LISTS,
                violation.expected("each item once").observed(observed),
            );
            return;
        }
    }
}

fn disorder(list: &[Value], order: &ItemOrder, read: &Read<'_>, context: &Context<'_>) {
    let values: Vec<&Value> = list
        .iter()
        .filter_map(|item| order.by.in_body(item))
        .collect();
    let wrong = values.windows(2).find(|pair| {
        let (first, then) = match order.descending {
            true => (pair[1], pair[0]),
            false => (pair[0], pair[1]),
        };
        is_greater(first, then)
    });
    let Some(pair) = wrong else {
        return;
    };
    let direction = if order.descending {
        "descending"
    } else {
        "ascending"
    };
    let violation = not_a_list("order", read, context);
    context.violated(
        &LISTS,
        violation
            .expected(format!(
                "items in {direction} order, as the contract's `order` says"
            ))
            .observed(format!("{} before {}", pair[0], pair[1])),
    );
}

/// Whether one value is greater than another of its kind: numbers and moments as such, other texts
/// as they are written. Nothing is said of values of different kinds.
fn is_greater(one: &Value, other: &Value) -> bool {
    match (moment::unix(one), moment::unix(other)) {
        (Some(one), Some(other)) => one > other,
        (None, None) => one
            .as_str()
            .zip(other.as_str())
            .is_some_and(|(one, other)| one > other),
        _ => false,
    }
}

fn too_many(list: &[Value], paging: &Paging, read: &Read<'_>, context: &Context<'_>) {
    let agreed = paging.size.as_ref();
    let asked = agreed.and_then(|(name, size)| {
        let asked: u64 = read.ended.request.query(name)?.parse().ok()?;
        // What nobody agreed on a server may hold to its own bounds.
        (asked == *size).then_some(asked)
    });
    if let Some(asked) = asked.filter(|asked| list.len() as u64 > *asked) {
        let violation = not_a_list("size", read, context);
        context.violated(
            &LISTS,
            violation
                .expected(format!("at most {asked} items, as asked for"))
                .observed(format!("{} items", list.len())),
        );
    }
    let body = read.answer.body.json();
    let total = body.and_then(|body| moment::number(paging.total.as_ref()?.in_body(body)?));
    if let Some(total) = total.filter(|total| *total < list.len() as f64) {
        let violation = not_a_list("total", read, context);
        context.violated(
            &LISTS,
            violation
                .expected("a total of all items of the list")
                .observed(format!("a total of {total} beside {} items", list.len())),
        );
    }
}

fn not_a_list(kind: &str, read: &Read<'_>, context: &Context<'_>) -> Violation {
    let name = &read.resource.name;
    let message = match kind {
        "twice" => format!("`{name}` holds an item twice"),
        "order" => format!("`{name}` is not in its order"),
        "size" => format!("a page of `{name}` is longer than asked for"),
        _ => format!("the total of `{name}` is smaller than the list"),
    };
    Violation::new(message)
        .evidence([read.ended.opened.id(), context.entry.id])
        .exchanges([read.answer.exchange])
}
