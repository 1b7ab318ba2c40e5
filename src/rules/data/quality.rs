//! What can be made of data: all, nothing, or some of its records.

use serde_json::Value;

use crate::domain::contract::{Apply, EventRule, Resource};
use crate::domain::journal::{Answer, Content};

/// What can be made of an answer or an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quality {
    Good,
    Unreadable,
    /// Some of its records are bad, and so many are not.
    Mixed(usize),
}

impl Quality {
    /// That of a successful answer.
    pub(super) fn of_answer(resource: &Resource, answer: &Answer) -> Self {
        let body = match (&answer.body, answer.body.json()) {
            (_, Some(value)) if !answer.is_page() => value,
            // The rest of it may be good.
            (body, _) if body.is_partial() && !answer.is_page() => return Self::Good,
            _ => return Self::Unreadable,
        };
        let Some(items) = &resource.items else {
            return Self::Good;
        };
        match items.in_body(body) {
            Some(Value::Array(list)) => Self::of_records(resource, list),
            _ => Self::Unreadable,
        }
    }

    /// That of an event: whether it can change its resource.
    pub(super) fn of_event(event: &EventRule, resource: &Resource, args: &Content) -> Self {
        // The rest of it may be good.
        if args.is_partial() {
            return Self::Good;
        }
        let Some(payload) = args.json().and_then(|args| args.get(0)) else {
            return Self::Unreadable;
        };
        let change = match &event.items {
            Some(selector) => selector.in_body(payload),
            None => Some(payload),
        };
        let list = match (change, &resource.items, event.apply) {
            (Some(Value::Array(list)), Some(_), _) => list.as_slice(),
            (Some(change @ Value::Object(_)), Some(_), Apply::Merge) => {
                std::slice::from_ref(change)
            }
            (Some(change), Some(items), _) => match items.in_body(change) {
                Some(Value::Array(list)) => list.as_slice(),
                _ => return Self::Unreadable,
            },
            (Some(Value::Object(_)), None, _) => return Self::Good,
            (Some(Value::Array(_)), None, Apply::Replace) => return Self::Good,
            _ => return Self::Unreadable,
        };
        Self::of_records(resource, list)
    }

    /// That of a list: its records without their identity are bad.
    fn of_records(resource: &Resource, list: &[Value]) -> Self {
        let Some(key) = &resource.key else {
            return Self::Good;
        };
        let good = list.iter().filter(|item| {
            let key = key.in_body(item);
            key.is_some_and(|key| key.is_string() || key.is_number())
        });
        match good.count() {
            good if good == list.len() => Self::Good,
            good => Self::Mixed(good),
        }
    }

    /// How many good records were thrown away with the bad, if so many items are shown.
    pub(super) fn thrown_away(self, shown: usize) -> Option<usize> {
        match self {
            Self::Mixed(good) if good > 0 && shown == 0 => Some(good),
            _ => None,
        }
    }
}
