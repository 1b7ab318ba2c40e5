//! API-14: what lives moves.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Apply, EventRule, Resource};
use crate::domain::duration::show;
use crate::domain::journal::{Content, EntryId};
use crate::domain::moment;
use crate::domain::selector::Selector;
use crate::rules::context::{Context, Read};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A value that the contract calls live moves as long as its feed speaks
    ///
    /// # Why
    /// A feed that goes on with the same price looks alive to every monitor: its socket is open, its
    /// events are numbered and keep their schema. What is shown is old, and nothing says so.
    ///
    /// # How it is judged
    /// Judged where a resource names a value that `moves`, in each of its items or in its object. On
    /// the feed: thirty events in a row over a minute that bring the value, of whatever items, and
    /// never another than before. In answers: three in a row over a minute with one value, before each
    /// of which the feed has said last what no rounding makes of it. While a fault is on, and for ten seconds after a lever or a
    /// fault was moved, nothing is counted. Of a resource the first 64 items are followed.
    ///
    /// # How to keep it
    /// Watch the age of what the feed is made of, and end the feed, or say that it is stale, when its
    /// source stands still.
    ///
    /// # Source
    /// the contract itself; stuck market data behind a live connection, as exchanges describe it
    pub(super) MOVES: "API-14", Backend, from [Wire],
        needs [Moves],
        set by ["resources[].moves"]
}

/// How many events, over which time, must say nothing new.
const EVENTS: u32 = 30;
const LONG: Duration = Duration::from_secs(60);
/// How many answers must stand still.
const ANSWERS: u32 = 3;
/// How many items of a resource are followed.
const ITEMS: usize = 64;

#[derive(Default)]
pub(super) struct Moves(BTreeMap<String, Followed>);

/// The live values of one resource.
#[derive(Default)]
struct Followed {
    /// By item: what the feed last said, and what the last answers held.
    items: BTreeMap<String, Item>,
    still: Still,
}

#[derive(Default)]
struct Item {
    said: Option<(Value, EntryId)>,
    read: Option<Value>,
    /// How many answers in a row stood still although the feed had said otherwise, and since when.
    behind: u32,
    since: Duration,
}

/// Events in a row that say nothing new.
#[derive(Default)]
struct Still {
    events: u32,
    since: Option<(Duration, EntryId)>,
}

impl Rule for Moves {
    fn see(&mut self, context: &Context<'_>) {
        if context.is_provoked_since(context.now) {
            self.0
                .values_mut()
                .for_each(|own| own.still = Still::default());
            return;
        }
        if let Some((_, name, args)) = context.event_down() {
            self.event(name, args, context);
        } else if let Some(read) = context.read().filter(|read| read.answer.is_success()) {
            self.answer(&read, context);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Moves {
    fn event(&mut self, name: &str, args: &Content, context: &Context<'_>) {
        let rule = context.contract.event(name);
        let Some((rule, (resource, moves))) =
            rule.and_then(|rule| Some((rule, live(rule, context)?)))
        else {
            return;
        };
        let Some(first) = args.json().and_then(|args| args.get(0)) else {
            return;
        };
        let values = brought(rule, resource, moves, first);
        if values.is_empty() {
            return;
        }
        context.exercised(&MOVES);
        let followed = self.0.entry(resource.name.clone()).or_default();
        let mut moved = false;
        for (key, value) in values {
            let Some(item) = followed.item(key) else {
                // What is not followed may have moved.
                moved = true;
                continue;
            };
            moved |= item.said.as_ref().is_some_and(|(said, _)| said != value);
            item.said = Some((value.clone(), context.entry.id));
        }
        followed.still.take(moved, &resource.name, context);
    }

    fn answer(&mut self, read: &Read<'_>, context: &Context<'_>) {
        let resource = read.resource;
        let (Some(moves), Some(body)) = (&resource.moves, read.answer.body.json()) else {
            return;
        };
        if context.world.is_spoilt(&resource.name) {
            return;
        }
        let followed = self.0.entry(resource.name.clone()).or_default();
        for (key, value) in in_answer(resource, moves, body) {
            let Some(item) = followed.item(key) else {
                continue;
            };
            if let Some((said, id)) = item.read(value, read.ended.opened.id(), context.now) {
                let name = &resource.name;
                context.violated(
                    &MOVES,
                    Violation::new(format!(
                        "the answers for `{name}` stand still although the feed says that it moves"
                    ))
                    .kind("answers")
                    .expected(format!("`{moves}` as the feed has said it, or later"))
                    .observed(format!("{value} in each answer, after {said} on the feed"))
                    .evidence([id, read.ended.opened.id(), context.entry.id])
                    .exchanges([read.answer.exchange]),
                );
            }
        }
    }
}

impl Item {
    /// Takes in what an answer holds, to a request that was sent after entry `asked`. Answers what the
    /// feed has said instead, once answers have stood still for long.
    fn read(&mut self, value: &Value, asked: EntryId, now: Duration) -> Option<(Value, EntryId)> {
        let same = self.read.replace(value.clone()).as_ref() == Some(value);
        // What is said from now on counts for the next answer.
        let said = self.said.take();
        if !same {
            (self.behind, self.since) = (0, now);
            return None;
        }
        let (said, id) = said.filter(|(_, id)| *id < asked)?;
        if !is_another(&said, value) {
            (self.behind, self.since) = (0, now);
            return None;
        }
        self.behind += 1;
        (self.behind >= ANSWERS && now >= self.since + LONG).then_some((said, id))
    }
}

/// Whether the feed has said another value than an answer holds: one that no rounding makes of it.
fn is_another(said: &Value, read: &Value) -> bool {
    match (moment::number(said), moment::number(read)) {
        (Some(said), Some(read_as)) => {
            let text = read.to_string();
            let decimals = text.trim_matches('"').split_once('.');
            let decimals = decimals.map_or(0, |(_, decimals)| decimals.len().min(12));
            let unit = 0.1_f64.powi(i32::try_from(decimals).unwrap_or_default());
            (said - read_as).abs() > 2.0 * unit
        }
        _ => said != read,
    }
}

impl Followed {
    fn item(&mut self, key: String) -> Option<&mut Item> {
        let full = self.items.len() >= ITEMS;
        match self.items.contains_key(&key) || !full {
            true => Some(self.items.entry(key).or_default()),
            false => None,
        }
    }
}

impl Still {
    fn take(&mut self, moved: bool, name: &str, context: &Context<'_>) {
        let now = (context.now, context.entry.id);
        if moved {
            *self = Self::default();
        }
        let (since, first) = *self.since.get_or_insert(now);
        self.events += 1;
        let lasted = context.now.saturating_sub(since);
        if self.events < EVENTS || lasted < LONG {
            return;
        }
        context.violated(
            &MOVES,
            Violation::new(format!(
                "the feed of `{name}` speaks, and what it says never moves"
            ))
            .kind("events")
            .expected("another value now and then, as the contract's `moves` says")
            .observed(format!(
                "{} events in {} without one",
                self.events,
                show(lasted)
            ))
            .evidence([first, context.entry.id]),
        );
        *self = Self::default();
    }
}

/// The resource that an event changes, and its live value.
fn live<'c>(rule: &EventRule, context: &'c Context<'_>) -> Option<(&'c Resource, &'c Selector)> {
    let brings = matches!(rule.apply, Apply::Merge | Apply::Replace) && rule.into.is_none();
    let resource = context.contract.resource(rule.updates.as_deref()?)?;
    Some((resource, resource.moves.as_ref().filter(|_| brings)?))
}

/// The live values that an event brings, by item.
fn brought<'v>(
    rule: &EventRule,
    resource: &Resource,
    moves: &Selector,
    first: &'v Value,
) -> Vec<(String, &'v Value)> {
    let part = match &rule.items {
        Some(items) => items.in_body(first),
        None => Some(first),
    };
    let Some(part) = part else {
        return Vec::new();
    };
    if resource.items.is_none() {
        let value = moves.in_body(part);
        return value
            .map(|value| (String::new(), value))
            .into_iter()
            .collect();
    }
    let key = rule.key.as_ref().or(resource.key.as_ref());
    of_items(listed(part), key, moves)
}

/// The live values of an answer, by item.
fn in_answer<'v>(
    resource: &Resource,
    moves: &Selector,
    body: &'v Value,
) -> Vec<(String, &'v Value)> {
    match &resource.items {
        Some(items) => {
            let list = items.in_body(body).map(listed).unwrap_or_default();
            of_items(list, resource.key.as_ref(), moves)
        }
        None => {
            let value = moves.in_body(body);
            value
                .map(|value| (String::new(), value))
                .into_iter()
                .collect()
        }
    }
}

/// A list, or the single item that stands in its place.
fn listed(part: &Value) -> &[Value] {
    match part {
        Value::Array(items) => items,
        item => std::slice::from_ref(item),
    }
}

fn of_items<'v>(
    items: &'v [Value],
    key: Option<&Selector>,
    moves: &Selector,
) -> Vec<(String, &'v Value)> {
    let named = items.iter().filter_map(|item| {
        let key = key?.in_body(item)?;
        Some((key.to_string(), moves.in_body(item)?))
    });
    named.collect()
}
