//! How the backend tells the app to block.

use std::time::Duration;

use serde_json::{Value, json};

use super::context::Context;
use super::operation::{self, Use};
use crate::domain::contract::{Condition, FailMode, KillSwitch};
use crate::domain::selector::Selector;
use crate::suite::cursor::{Cursor, Fields};

pub(super) fn read(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<KillSwitch> {
    let fields = cursor.fields("`kill-switch`")?;
    let operation = operation::from_fields(&fields, context, Use::PUBLIC);
    let blocked_when = fields.need("blocked").and_then(|cursor| condition(&cursor));
    let answers = match (&blocked_when, fields.get("answers")) {
        (Some(condition), given) => answers(&fields, given.as_ref(), condition),
        (None, _) => None,
    };
    let data_refusal = fields.maybe("data-refusal", Cursor::status);
    let every = fields.or("every", Duration::from_secs(30), Cursor::positive_duration);
    let fresh_for = fields.or("fresh-for", Duration::from_secs(5), Cursor::duration);
    let within = fields.maybe("takes-effect-within", Cursor::positive_duration);
    let jitter = fields.or("jitter", false, Cursor::switch);
    let fail_mode = fields.or("fail-mode", FailMode::default(), |cursor| {
        cursor.word(&[
            ("last-known", FailMode::LastKnown),
            ("open", FailMode::Open),
            ("closed", FailMode::Closed),
        ])
    });
    let every = every?;
    let takes_effect_within = within?.unwrap_or(every + Duration::from_secs(5));
    if takes_effect_within < every {
        return fields.refuse(
            "`takes-effect-within` is shorter than `every`",
            "an app that asks every so often cannot notice sooner: raise it, or ask more often",
        );
    }
    let answers = answers?;
    Some(KillSwitch {
        operation: operation?,
        blocked_when: blocked_when?,
        answer_off: answers.off,
        answer_on: answers.on,
        status_on: answers.status,
        data_refusal: data_refusal?,
        every,
        fresh_for: fresh_for?,
        takes_effect_within,
        jitter: jitter?,
        fail_mode: fail_mode?,
    })
}

fn condition(cursor: &Cursor<'_>) -> Option<Condition> {
    const FORM: &str = "write `{ at: /maintenance, is: true }`, `{ at: /state, is-not: [open, degraded] }` or `{ status: 503 }`";
    let fields = cursor.fields("`blocked`")?;
    let at = fields.maybe("at", Cursor::selector);
    let is = fields.get("is").map(|cursor| values(&cursor));
    let is_not = fields.get("is-not").map(|cursor| values(&cursor));
    let status = fields.maybe("status", Cursor::statuses);
    match (at?, is, is_not, status?) {
        (Some(at), Some(values), None, None) => Some(Condition::OneOf(at, values)),
        (Some(at), None, Some(values), None) => Some(Condition::NoneOf(at, values)),
        (None, None, None, Some(statuses)) => Some(Condition::Status(statuses)),
        _ => fields.refuse("`blocked` asks one question about the answer", FORM),
    }
}

/// The values that are compared with: `on` and `off` stay words, as JSON knows them.
fn values(cursor: &Cursor<'_>) -> Vec<Value> {
    cursor
        .one_or_more()
        .iter()
        .map(|item| item.node.to_json())
        .collect()
}

struct Answers {
    off: Value,
    on: Value,
    status: u16,
}

/// The answers as written, or as they follow from the condition.
fn answers(
    parent: &Fields<'_>,
    given: Option<&Cursor<'_>>,
    condition: &Condition,
) -> Option<Answers> {
    let derived = derive(condition);
    let Some(cursor) = given else {
        return derived.or_else(|| {
            parent.refuse(
                "`kill-switch` needs `answers`: what is answered on and off does not follow from `blocked`",
                "add `answers: { off: ..., on: ... }`; they are what the mock and the gateway answer",
            )
        });
    };
    let fields = cursor.fields("`answers`")?;
    let off = fields.get("off").map(|cursor| cursor.node.to_json());
    let on = fields.get("on").map(|cursor| cursor.node.to_json());
    let usual = match condition {
        Condition::Status(statuses) => statuses.first().copied().unwrap_or(503),
        _ => 200,
    };
    let status = fields.or("status", usual, Cursor::status)?;
    let (derived_off, derived_on) = match derived {
        Some(answers) => (Some(answers.off), Some(answers.on)),
        None => (None, None),
    };
    let (Some(off), Some(on)) = (off.or(derived_off), on.or(derived_on)) else {
        return fields.refuse(
            "`answers` needs `off` and `on`",
            "write the whole body of the answer, as the backend would give it",
        );
    };
    if is_in_headers(condition) {
        return Some(Answers { off, on, status });
    }
    if !holds(condition, status, &on) {
        fields.refuse::<()>(
            "the answer `on` does not mean blocked, as `blocked` says it",
            "make `answers: { on: ... }` and `blocked` agree",
        );
    }
    if holds(condition, 200, &off) {
        fields.refuse::<()>(
            "the answer `off` means blocked, as `blocked` says it",
            "make `answers: { off: ... }` and `blocked` agree",
        );
    }
    Some(Answers { off, on, status })
}

fn derive(condition: &Condition) -> Option<Answers> {
    match condition {
        Condition::OneOf(at @ Selector::Pointer(_), values) => {
            let [Value::Bool(blocked)] = values[..] else {
                return None;
            };
            let written = |value: bool| {
                let mut body = json!({});
                at.write(&mut body, Value::Bool(value)).then_some(body)
            };
            Some(Answers {
                off: written(!blocked)?,
                on: written(blocked)?,
                status: 200,
            })
        }
        Condition::Status(statuses) => Some(Answers {
            off: json!({}),
            on: json!({}),
            status: statuses.first().copied()?,
        }),
        // Neither the mock nor the gateway can give such an answer; a real backend can.
        _ if is_in_headers(condition) => Some(Answers {
            off: json!({}),
            on: json!({}),
            status: 200,
        }),
        Condition::OneOf(..) | Condition::NoneOf(..) => None,
    }
}

fn is_in_headers(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::OneOf(Selector::Header(_) | Selector::Cookie(_), _)
            | Condition::NoneOf(Selector::Header(_) | Selector::Cookie(_), _)
    )
}

/// Whether an answer without headers means blocked.
fn holds(condition: &Condition, status: u16, body: &Value) -> bool {
    match condition {
        Condition::OneOf(at, values) => at.in_body(body).is_some_and(|own| values.contains(own)),
        Condition::NoneOf(at, values) => at.in_body(body).is_some_and(|own| !values.contains(own)),
        Condition::Status(statuses) => statuses.contains(&status),
    }
}
