//! One resource as one user has it: how it drifts, what an event says about it, what a push does to it.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::drift::drift_numbers;
use super::writing::{find_mut, put};
use crate::domain::contract::{Apply, EventRule, Resource};
use crate::domain::selector::Selector;

/// A resource's whole answer, and its position in the stream of changes.
#[derive(Debug, Clone)]
pub(super) struct ResourceState {
    /// The answer in the contract's shape; a paged list stands here in full.
    pub(super) answer: Value,
    /// The position.
    pub(super) sequence: u64,
    /// When it last changed, since the run began.
    pub(super) changed: Duration,
}

/// What has changed when an event is composed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// Numbers drift: of one item where the event brings changed items, of all of them otherwise.
    Drift(&'a [Selector]),
    /// The list has a new first item.
    NewFirst,
    /// This item of the list is new, or another one.
    Item(usize),
    /// The list has lost an item.
    Lost(&'a Value),
    /// Anything may have changed.
    Anything,
}

/// What an event has moved.
#[derive(Debug)]
pub(super) enum Moved {
    /// Something is gone, of which this is said.
    Gone(Value),
    /// The part that the event is about.
    Part,
    /// This item of a list, or any of them.
    Item(Option<usize>),
    /// The whole.
    Whole,
}

impl ResourceState {
    pub(super) fn new(resource: &Resource, answer: Value) -> Self {
        let sequence = resource
            .sequence
            .as_ref()
            .and_then(|selector| selector.in_body(&answer))
            .and_then(Value::as_u64)
            .unwrap_or(0);
        Self {
            answer,
            sequence,
            changed: Duration::ZERO,
        }
    }

    /// The list in it.
    pub(super) fn items_mut(&mut self, resource: &Resource) -> Option<&mut Vec<Value>> {
        find_mut(resource.items.as_ref()?, &mut self.answer)?.as_array_mut()
    }

    /// Moves on by one event. What it says of that comes with [`Self::say`], when all that follows has moved, too.
    pub(super) fn step(
        &mut self,
        resource: &Resource,
        rule: &EventRule,
        change: Change<'_>,
        rng: &mut Rng,
    ) -> Moved {
        if let Some(payload) = self.lose(resource, rule, change) {
            return Moved::Gone(payload);
        }
        match (&rule.into, &resource.items) {
            (Some(into), _) => {
                if let Some(slot) = find_mut(into, &mut self.answer) {
                    drift_part(slot, change, rng);
                }
                Moved::Part
            }
            (None, Some(_)) => Moved::Item(self.step_list(resource, rule, change, rng)),
            (None, None) => {
                let drift = match change {
                    Change::Drift(drift) => drift,
                    _ => &[],
                };
                drift_numbers(&mut self.answer, drift, rng);
                Moved::Whole
            }
        }
    }

    /// Composes the event's first argument. Only what the event carries is cloned.
    pub(super) fn say(&mut self, resource: &Resource, rule: &EventRule, moved: Moved) -> Value {
        let part = match moved {
            Moved::Gone(payload) => return self.numbered(rule, payload),
            Moved::Part => {
                let place = rule.into.as_ref();
                let slot = place.and_then(|into| find_mut(into, &mut self.answer));
                slot.map_or(Value::Null, |slot| slot.clone())
            }
            Moved::Item(changed) => self.say_list(resource, rule, changed),
            // Merging the whole object has the same effect as merging the fields that have changed, and
            // keeps the schema of either.
            Moved::Whole => match rule.apply {
                Apply::Replace | Apply::Merge => self.answer.clone(),
                Apply::Refetch | Apply::Ignore => Value::Null,
            },
        };
        self.number(rule, part)
    }

    /// What an event says that takes an item away: the one that was lost, or else the last.
    fn lose(&mut self, resource: &Resource, rule: &EventRule, change: Change<'_>) -> Option<Value> {
        let place = rule.removed.as_ref()?;
        let (key, own) = rule.keys(resource)?;
        let lost = match change {
            Change::Lost(item) => item.clone(),
            _ if rule.items.is_none() => {
                let list = match &rule.into {
                    Some(into) => find_mut(into, &mut self.answer)?.as_array_mut()?,
                    None => self.items_mut(resource)?,
                };
                list.pop()?
            }
            _ => return None,
        };
        let id = key.in_body(&lost)?.clone();
        let mut payload = json!({});
        match place {
            // The argument is the item itself.
            Selector::Pointer(pointer) if pointer.is_empty() => put(&mut payload, own, id),
            place => put(&mut payload, place, json!([id])),
        };
        Some(payload)
    }

    /// A payload with its position.
    fn numbered(&mut self, rule: &EventRule, mut payload: Value) -> Value {
        if let Some(selector) = &rule.sequence {
            self.sequence += 1;
            put(&mut payload, selector, self.sequence.into());
        }
        payload
    }

    /// Which item of a list has changed, if it is one alone.
    fn step_list(
        &mut self,
        resource: &Resource,
        rule: &EventRule,
        change: Change<'_>,
        rng: &mut Rng,
    ) -> Option<usize> {
        let items = self.items_mut(resource)?;
        match change {
            Change::Drift(drift) if rule.apply == Apply::Merge && !items.is_empty() => {
                let at = rng.usize(..items.len());
                drift_numbers(&mut items[at], drift, rng);
                Some(at)
            }
            Change::Drift(drift) => {
                for item in items.iter_mut() {
                    drift_numbers(item, drift, rng);
                }
                None
            }
            Change::NewFirst => Some(0),
            Change::Item(at) => Some(at),
            Change::Lost(_) | Change::Anything => None,
        }
    }

    fn say_list(&mut self, resource: &Resource, rule: &EventRule, changed: Option<usize>) -> Value {
        let Some(items) = self.items_mut(resource) else {
            return Value::Null;
        };
        match (rule.apply, changed.and_then(|at| items.get(at))) {
            (Apply::Replace | Apply::Merge, None) => Value::Array(items.clone()),
            (Apply::Replace, Some(_)) => Value::Array(items.clone()),
            (Apply::Merge, Some(item)) if rule.items.is_some() => Value::Array(vec![item.clone()]),
            (Apply::Merge, Some(item)) => item.clone(),
            (Apply::Refetch | Apply::Ignore, _) => Value::Null,
        }
    }

    /// Makes a pushed payload true: the next snapshot holds what it said.
    pub(super) fn absorb(
        &mut self,
        resource: &Resource,
        rule: &EventRule,
        payload: Value,
    ) -> Value {
        if let Some((part, gone)) = rule.carries(&payload) {
            if let Some(part) = part {
                self.take_in(resource, rule, part);
            }
            if let Some(gone) = gone {
                self.give_away(resource, rule, gone);
            }
        }
        let said = rule
            .sequence
            .as_ref()
            .and_then(|selector| selector.in_body(&payload))
            .and_then(Value::as_u64);
        if let Some(said) = said {
            self.sequence = said;
            return payload;
        }
        let mut payload = payload;
        if let Some(selector) = &rule.sequence {
            self.sequence += 1;
            put(&mut payload, selector, self.sequence.into());
        }
        payload
    }

    fn take_in(&mut self, resource: &Resource, rule: &EventRule, part: &Value) {
        let (key, own_key) = rule.keys(resource).unzip();
        let list = match &rule.into {
            Some(into) => {
                let Some(slot) = find_mut(into, &mut self.answer) else {
                    put(&mut self.answer, into, part.clone());
                    return;
                };
                match slot {
                    Value::Array(items) => Some(items),
                    slot => {
                        match rule.apply {
                            Apply::Replace => slot.clone_from(part),
                            _ => merge(slot, part),
                        }
                        return;
                    }
                }
            }
            None => self.items_mut(resource),
        };
        match (rule.apply, list) {
            (Apply::Replace, Some(items)) => {
                if let Value::Array(new) = part {
                    items.clone_from(new);
                }
            }
            (Apply::Replace, None) => self.answer = part.clone(),
            (Apply::Merge, Some(items)) => {
                let changes = part
                    .as_array()
                    .map_or(std::slice::from_ref(part), Vec::as_slice);
                for change in changes {
                    let id = |item: &Value| key.and_then(|key| key.in_body(item)).cloned();
                    let wanted = own_key.and_then(|key| key.in_body(change)).cloned();
                    let known = items
                        .iter_mut()
                        .find(|item| wanted.is_some() && id(item) == wanted);
                    match known {
                        Some(item) => merge(item, change),
                        None if id(change).is_none() && rule.key.is_some() => {}
                        None => items.insert(0, change.clone()),
                    }
                }
            }
            (Apply::Merge, None) => merge(&mut self.answer, part),
            (Apply::Refetch | Apply::Ignore, _) => {}
        }
    }

    /// Takes out of a list what an event says has left it.
    fn give_away(&mut self, resource: &Resource, rule: &EventRule, gone: &Value) {
        let Some((key, own)) = rule.keys(resource) else {
            return;
        };
        let list = match &rule.into {
            Some(into) => find_mut(into, &mut self.answer).and_then(Value::as_array_mut),
            None => self.items_mut(resource),
        };
        let gone = gone
            .as_array()
            .map_or(std::slice::from_ref(gone), Vec::as_slice);
        let gone: Vec<&Value> = gone
            .iter()
            .filter_map(|item| {
                if item.is_object() {
                    own.in_body(item)
                } else {
                    Some(item)
                }
            })
            .collect();
        if let Some(list) = list {
            list.retain(|item| key.in_body(item).is_none_or(|id| !gone.contains(&id)));
        }
    }

    fn number(&mut self, rule: &EventRule, part: Value) -> Value {
        let sequence = rule.sequence.as_ref().map(|selector| {
            self.sequence += 1;
            (selector, self.sequence)
        });
        compose(rule, part, sequence)
    }
}

/// The first argument of an event: the part where the rule says, and the position where it says.
pub(super) fn compose(rule: &EventRule, part: Value, sequence: Option<(&Selector, u64)>) -> Value {
    let mut payload = match &rule.items {
        Some(selector) if !part.is_null() => {
            let mut payload = json!({});
            put(&mut payload, selector, part);
            payload
        }
        _ if part.is_null() => json!({}),
        _ => part,
    };
    if let Some((selector, sequence)) = sequence {
        put(&mut payload, selector, sequence.into());
    }
    payload
}

/// Moves a part of an answer on.
fn drift_part(slot: &mut Value, change: Change<'_>, rng: &mut Rng) {
    let Change::Drift(drift) = change else { return };
    match slot {
        Value::Array(items) => {
            for item in items {
                drift_numbers(item, drift, rng);
            }
        }
        slot => drift_numbers(slot, drift, rng),
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::EventPromise;

    fn place(text: &str) -> Option<Selector> {
        Some(Selector::Pointer(text.to_owned()))
    }

    /// The list of ships, with these.
    fn ships(answer: Value) -> (Resource, ResourceState) {
        let contract = crate::domain::contract::harbour::harbour();
        let resource = contract.resource("ships").unwrap().clone();
        let state = ResourceState::new(&resource, answer);
        (resource, state)
    }

    fn advance(
        state: &mut ResourceState,
        resource: &Resource,
        rule: &EventRule,
        change: Change<'_>,
        rng: &mut Rng,
    ) -> Value {
        let moved = state.step(resource, rule, change, rng);
        state.say(resource, rule, moved)
    }

    fn rule() -> EventRule {
        EventRule {
            name: "e".to_owned(),
            updates: Some("ships".to_owned()),
            apply: Apply::Merge,
            items: None,
            removed: None,
            into: None,
            key: None,
            sequence: None,
            schema: None,
            promise: EventPromise::default(),
        }
    }

    #[test]
    fn an_event_that_takes_away_says_what_was_lost_or_else_takes_the_last() {
        let (resource, mut state) = ships(json!({"ships": [{"imo": 1}, {"imo": 2}]}));
        let mut rng = Rng::with_seed(7);
        let gone = EventRule {
            removed: place("/gone"),
            ..rule()
        };
        let lost = json!({"imo": 9, "knots": 1});
        let said = advance(&mut state, &resource, &gone, Change::Lost(&lost), &mut rng);
        assert_eq!(said, json!({"gone": [9]}));
        let whole = EventRule {
            removed: place(""),
            ..rule()
        };
        let said = advance(&mut state, &resource, &whole, Change::Anything, &mut rng);
        assert_eq!(said, json!({"imo": 2}));
        assert_eq!(state.answer, json!({"ships": [{"imo": 1}]}));
    }

    #[test]
    fn what_is_pushed_into_a_part_or_taken_away_is_true_from_then_on() {
        let (resource, mut state) =
            ships(json!({"ships": [{"imo": 1}, {"imo": 2}], "tide": {"m": 1}}));
        let tide = EventRule {
            into: place("/tide"),
            ..rule()
        };
        state.absorb(&resource, &tide, json!({"m": 2}));
        let gone = EventRule {
            removed: place(""),
            ..rule()
        };
        state.absorb(&resource, &gone, json!([1]));
        let named = EventRule {
            key: place("/ship/imo"),
            ..rule()
        };
        for ship in [2, 3] {
            state.absorb(
                &resource,
                &named,
                json!({"ship": {"imo": ship}, "knots": 4}),
            );
        }
        assert_eq!(
            state.answer,
            json!({"ships": [{"imo": 2, "ship": {"imo": 2}, "knots": 4}], "tide": {"m": 2}})
        );
        let mut rng = Rng::with_seed(7);
        let drift = place("/m").unwrap();
        let said = advance(
            &mut state,
            &resource,
            &tide,
            Change::Drift(&[drift]),
            &mut rng,
        );
        assert_ne!(said, json!({"m": 2}));
        assert_eq!(said, state.answer["tide"]);
    }
}
