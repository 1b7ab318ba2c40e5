//! The numbers of changes, where the contract says that they stand.

use serde_json::Value;

use crate::domain::contract::Resource;
use crate::domain::journal::{Answer, Content};
use crate::domain::selector::Selector;

/// The number at which a snapshot stands.
pub(super) fn in_answer(resource: &Resource, answer: &Answer) -> Option<i64> {
    let selector = resource.sequence.as_ref()?;
    as_integer(&answer.find(selector)?)
}

/// The number in the first argument of an event. Feeds bring them by the million, so that nothing
/// else in them is looked at where the contract names the place.
pub(super) fn in_event(selector: &Selector, args: &Content) -> Option<i64> {
    match (selector, args) {
        (Selector::Pointer(pointer), Content::Json { value, .. }) => {
            as_integer(&*value.pointer(&format!("/0{pointer}"))?)
        }
        _ => as_integer(selector.in_body(args.json()?.get(0)?)?),
    }
}

fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
