//! How the backend tells the app to block.

use std::time::Duration;

use serde_json::{Value, json};

use super::context::Context;
use super::operation::{self, Use};
use crate::domain::contract::{Asked, Condition, FailMode, FeedWhileOn, KillSwitch};
use crate::domain::selector::Selector;
use crate::suite::cursor::{Cursor, Fields};

pub(super) fn read(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<KillSwitch> {
    let fields = cursor.fields("`kill-switch`")?;
    let operation = operation::from_fields(&fields, context, Use::PUBLIC);
    let asked = fields.need("blocked").and_then(|cursor| question(&cursor));
    let given = fields.get("answers");
    let answers = asked
        .as_ref()
        .and_then(|asked| answers(&fields, given.as_ref(), asked));
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
    let feed = fields.maybe("feed", |cursor| {
        cursor.word(&[
            ("open", FeedWhileOn::Open),
            ("refused", FeedWhileOn::Refused),
            ("ended", FeedWhileOn::Ended),
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
    let (asked, answers) = (asked?, answers?);
    Some(KillSwitch {
        operation: operation?,
        blocked_when: asked.condition,
        absent: asked.absent,
        answer_off: answers.off,
        answer_on: answers.on,
        status_on: answers.status,
        data_refusal: data_refusal?,
        every,
        fresh_for: fresh_for?,
        takes_effect_within,
        jitter: jitter?,
        fail_mode: fail_mode?,
        feed: feed?,
    })
}

/// `blocked`: the question, and what it means that nothing stands where it looks.
struct Question {
    condition: Condition,
    absent: Option<bool>,
}

fn question(cursor: &Cursor<'_>) -> Option<Question> {
    const FORM: &str = "write `{ at: /maintenance, is: true }`, `{ at: /state, is-not: [open, degraded] }` or `{ status: 503 }`";
    let fields = cursor.fields("`blocked`")?;
    let at = fields.maybe("at", Cursor::selector);
    let (is, is_not) = (fields.value("is"), fields.value("is-not"));
    let status = fields.maybe("status", Cursor::statuses);
    let absent = fields.maybe("absent", Cursor::switch);
    let condition = match (at?, is, is_not, status?) {
        (Some(at), Some(is), None, None) => {
            let values = values(&is, &at)?;
            Condition::OneOf(at, values)
        }
        (Some(at), None, Some(is_not), None) => {
            let values = values(&is_not, &at)?;
            Condition::NoneOf(at, values)
        }
        (None, None, None, Some(statuses)) => Condition::Status(statuses),
        _ => return fields.refuse("`blocked` asks one question about the answer", FORM),
    };
    let absent = absent?;
    if absent.is_some() && matches!(condition, Condition::Status(_)) {
        return fields.refuse(
            "`absent` is about what stands at `at`, and a status is never missing",
            "leave `absent` away",
        );
    }
    Some(Question { condition, absent })
}

/// The values that are compared with: `on` and `off` stay words, as JSON knows them.
fn values(cursor: &Cursor<'_>, at: &Selector) -> Option<Vec<Value>> {
    let values: Vec<Option<Value>> = cursor
        .one_or_more()
        .iter()
        .map(|item| item.compared_at(at))
        .collect();
    values.into_iter().collect()
}

struct Answers {
    off: Value,
    on: Value,
    status: u16,
}

/// The answers as written, or as they follow from the question.
fn answers(parent: &Fields<'_>, given: Option<&Cursor<'_>>, asked: &Question) -> Option<Answers> {
    let derived = derive(asked);
    let Some(cursor) = given else {
        return derived.or_else(|| {
            parent.refuse(
                "`kill-switch` needs `answers`: what is answered on and off does not follow from `blocked`",
                "add `answers: { off: ..., on: ... }`; they are what the mock and the gateway answer",
            )
        });
    };
    let fields = cursor.fields("`answers`")?;
    let off = fields.maybe("off", Cursor::json);
    let on = fields.maybe("on", Cursor::json);
    let usual = match &asked.condition {
        Condition::Status(statuses) => statuses.first().copied().unwrap_or(503),
        _ => 200,
    };
    let status = fields.or("status", usual, Cursor::status);
    let (derived_off, derived_on) = match derived {
        Some(answers) => (Some(answers.off), Some(answers.on)),
        None => (None, None),
    };
    let (off, on, status) = (off?, on?, status?);
    let (Some(off), Some(on)) = (off.or(derived_off), on.or(derived_on)) else {
        return fields.refuse(
            "`answers` needs `off` and `on`",
            "write the whole body of the answer, as the backend would give it",
        );
    };
    let answers = Answers { off, on, status };
    check(&fields, &answers, asked);
    Some(answers)
}

/// Whether the answers mean what they are there for, as `blocked` reads them.
fn check(fields: &Fields<'_>, answers: &Answers, asked: &Question) {
    if is_in_headers(&asked.condition) {
        return;
    }
    let says = |status, body: &Value| {
        let answer = Asked {
            status,
            is_page: false,
            body: Some(body),
        };
        let find = |at: &Selector| at.in_body(body).cloned();
        asked.condition.holds(asked.absent, answer, find)
    };
    let all = [
        ("on", says(answers.status, &answers.on), true),
        ("off", says(200, &answers.off), false),
    ];
    for (name, said, wanted) in all {
        let agree = format!("make `answers: {{ {name}: ... }}` and `blocked` agree");
        match said {
            Some(said) if said == wanted => {}
            Some(_) => {
                let means = if wanted { "does not mean" } else { "means" };
                fields.refuse::<()>(
                    format!("the answer `{name}` {means} blocked, as `blocked` says it"),
                    agree,
                );
            }
            None => {
                fields.refuse::<()>(
                    format!("the answer `{name}` decides nothing: where `blocked` looks, nothing stands in it"),
                    format!("if that is how the backend says it, add `absent: {name}` to `blocked`; else {agree}"),
                );
            }
        }
    }
}

/// What the mock and the gateway may answer without being told: as little as decides.
fn derive(asked: &Question) -> Option<Answers> {
    let nothing = || json!({});
    let written = |at: &Selector, value: &Value| {
        let mut body = json!({});
        at.write(&mut body, value.clone()).then_some(body)
    };
    let with = |off, on| Answers {
        off,
        on,
        status: 200,
    };
    match (&asked.condition, asked.absent) {
        (Condition::Status(statuses), _) => Some(Answers {
            status: statuses.first().copied()?,
            ..with(nothing(), nothing())
        }),
        // Neither the mock nor the gateway can give such an answer; a real backend can.
        (condition, _) if is_in_headers(condition) => Some(with(nothing(), nothing())),
        (Condition::OneOf(at, values), Some(false)) => {
            Some(with(nothing(), written(at, values.first()?)?))
        }
        (Condition::NoneOf(at, values), Some(true)) => {
            Some(with(written(at, values.first()?)?, nothing()))
        }
        (Condition::OneOf(at, values), _) => {
            let [Value::Bool(blocked)] = values[..] else {
                return None;
            };
            let answer = |value: bool| written(at, &Value::Bool(value));
            Some(with(answer(!blocked)?, answer(blocked)?))
        }
        (Condition::NoneOf(..), _) => None,
    }
}

fn is_in_headers(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::OneOf(Selector::Header(_) | Selector::Cookie(_), _)
            | Condition::NoneOf(Selector::Header(_) | Selector::Cookie(_), _)
    )
}
