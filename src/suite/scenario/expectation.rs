//! `expect`: what must come or stay true.

use super::{Names, requests};
use crate::domain::contract::TransportName;
use crate::domain::journal::{FeedState, LinkState};
use crate::domain::scenario::{Expectation, RequestMatch, Since, StepKind, Timing};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::problem::Problem;

/// The messages that the simulated app shows.
const NOTICES: [&str; 6] = [
    "sign-in-refused",
    "sign-in-failed",
    "session-expired",
    "offline",
    "data-unreadable",
    "data-refused",
];

/// Reads an expecting step with its timing.
pub(super) fn read(step: &Fields<'_>, names: &Names<'_>) -> Option<StepKind> {
    let all = step.need("expect").and_then(|cursor| all(&cursor, names));
    let within = step.maybe("within", Cursor::positive_duration);
    let hold = step.maybe("for", Cursor::positive_duration);
    let since = step.or("since", Since::default(), |cursor| {
        cursor.word(&[
            ("change", Since::Change),
            ("start", Since::Start),
            ("now", Since::Now),
        ])
    });
    let timing = match (within?, hold?) {
        (Some(_), Some(_)) => step.refuse(
            "an expectation has `within` or `for`, not both",
            "`within` waits until it comes true, `for` watches that it stays true",
        ),
        (Some(within), None) => Some(Timing::Within(within)),
        (None, Some(hold)) => Some(Timing::For(hold)),
        (None, None) => Some(Timing::Now),
    };
    let (all, timing) = (all?, timing?);
    check_timing(step, &all, timing);
    Some(StepKind::Expect {
        all,
        timing,
        since: since?,
    })
}

/// What is absent cannot come true in time, and what happens once cannot stay true.
fn check_timing(step: &Fields<'_>, all: &[Expectation], timing: Timing) {
    let absent = |expectation: &Expectation| match expectation {
        Expectation::NoEvent(_) => true,
        Expectation::Requests { at_most, .. } => *at_most == Some(0),
        _ => false,
    };
    let happens = |expectation: &Expectation| match expectation {
        Expectation::Updates(_) | Expectation::Event(_) => true,
        Expectation::Requests { at_least, .. } => *at_least > 0,
        _ => false,
    };
    let (key, message, hint) = match timing {
        Timing::Within(_) if all.iter().any(absent) => (
            "within",
            "what must not be seen cannot come true `within` a time",
            "watch for it with `for: 10s`, or look back with `since: start`",
        ),
        Timing::For(_) if all.iter().any(happens) => (
            "for",
            "what happens at a moment cannot stay true `for` a time",
            "wait for it with `within: 10s`, in a step of its own if need be",
        ),
        _ => return,
    };
    if let Some(cursor) = step.get(key) {
        let span = cursor.key_span.unwrap_or(&cursor.node.span);
        cursor
            .diagnostics
            .note(span, Problem::new(message).hint(hint));
    }
}

fn all(cursor: &Cursor<'_>, names: &Names<'_>) -> Option<Vec<Expectation>> {
    let fields = cursor.fields("`expect`")?;
    let mut all = of_state(&fields, names);
    all.extend(of_data(&fields, names));
    all.extend(of_requests(&fields, names));
    if fields.has("times") && !fields.has("request") {
        return fields.refuse("`times` counts requests", "add `request: ...`");
    }
    if fields.keys().next().is_none() {
        return fields.refuse(
            "nothing is expected",
            "write it like `{ screen: overview, feed: live }`",
        );
    }
    let all: Option<Vec<Vec<Expectation>>> = all.into_iter().collect();
    all.map(|all| all.concat())
}

/// What the keys of one kind say; nothing where a key cannot be read.
type Said = Vec<Option<Vec<Expectation>>>;

/// What the client shows of itself.
fn of_state(fields: &Fields<'_>, names: &Names<'_>) -> Said {
    let one = |key: &'static str, read: &dyn Fn(&Cursor<'_>) -> Option<Expectation>| {
        let cursor = fields.get(key)?;
        Some(read(&cursor).map(|one| vec![one]))
    };
    let links = [
        ("online", LinkState::Online),
        ("offline", LinkState::Offline),
    ];
    let transports = [
        ("websocket", TransportName::Websocket),
        ("polling", TransportName::Polling),
    ];
    let sessions = [("open", true), ("none", false)];
    let notices = NOTICES.map(|name| (name, name));
    let said = [
        one("screen", &|cursor| {
            names.screen(cursor).map(Expectation::Screen)
        }),
        one("link", &|cursor| cursor.word(&links).map(Expectation::Link)),
        one("feed", &|cursor| feed(cursor).map(Expectation::Feed)),
        one("session", &|cursor| {
            cursor.word(&sessions).map(Expectation::Session)
        }),
        one("notice", &|cursor| {
            let name = cursor.word(&notices)?;
            Some(Expectation::Notice(name.to_owned()))
        }),
        one("transport", &|cursor| {
            cursor.word(&transports).map(Expectation::Transport)
        }),
    ];
    said.into_iter().flatten().collect()
}

/// What the client shows of its data, and the events that bring it.
fn of_data(fields: &Fields<'_>, names: &Names<'_>) -> Said {
    let many = |key: &'static str, read: &dyn Fn(&Cursor<'_>) -> Option<Vec<Expectation>>| {
        let cursor = fields.get(key)?;
        Some(read(&cursor))
    };
    let said = [
        many("shows", &|cursor| {
            let names = names.shown(cursor)?;
            Some(names.into_iter().map(Expectation::Shows).collect())
        }),
        many("updates", &|cursor| {
            each(cursor, |item| {
                names.resource(item).map(Expectation::Updates)
            })
        }),
        many("complete", &|cursor| {
            let names = names.paged(cursor)?;
            Some(names.into_iter().map(Expectation::Complete).collect())
        }),
        many("value", &|cursor| each(cursor, |item| value(item, names))),
        many("event", &|cursor| {
            each(cursor, |item| names.event(item).map(Expectation::Event))
        }),
        many("no-event", &|cursor| {
            each(cursor, |item| names.event(item).map(Expectation::NoEvent))
        }),
    ];
    said.into_iter().flatten().collect()
}

/// What the client sends.
fn of_requests(fields: &Fields<'_>, names: &Names<'_>) -> Said {
    let times = fields.or("times", (1, None), times);
    let counting = |cursor: &Cursor<'_>, (at_least, at_most): (u64, Option<u64>)| {
        each(cursor, |item| {
            Some(counted(requests::read(item, names)?, at_least, at_most))
        })
    };
    let some = fields.get("request");
    let some = some.map(|cursor| counting(&cursor, times?));
    let none = fields.get("no-request");
    let none = none.map(|cursor| counting(&cursor, (0, Some(0))));
    some.into_iter().chain(none).collect()
}

fn each(
    cursor: &Cursor<'_>,
    read: impl Fn(&Cursor<'_>) -> Option<Expectation>,
) -> Option<Vec<Expectation>> {
    let items: Vec<Option<Expectation>> = cursor.one_or_more().iter().map(read).collect();
    items.into_iter().collect()
}

fn counted(which: RequestMatch, at_least: u64, at_most: Option<u64>) -> Expectation {
    Expectation::Requests {
        which,
        at_least,
        at_most,
    }
}

/// `2`, or `{ at-least: 1, at-most: 3 }`.
fn times(cursor: &Cursor<'_>) -> Option<(u64, Option<u64>)> {
    if cursor.node.scalar().is_some() {
        let times = cursor.whole(1)?;
        return Some((times, Some(times)));
    }
    let fields = cursor.fields("`times`")?;
    let at_least = fields.or("at-least", 0, |cursor| cursor.whole(0));
    let at_most = fields.maybe("at-most", |cursor| cursor.whole(1));
    let (at_least, at_most) = (at_least?, at_most?);
    if at_most.is_some_and(|at_most| at_most < at_least) {
        return fields.refuse("`at-most` is less than `at-least`", "swap them");
    }
    Some((at_least, at_most))
}

fn feed(cursor: &Cursor<'_>) -> Option<FeedState> {
    cursor.word(&[
        ("off", FeedState::Off),
        ("live", FeedState::Live),
        ("polling", FeedState::Polling),
        ("stale", FeedState::Stale),
    ])
}

/// `{ resource: overview, pointer: /mode, equals: RUNNING }`.
fn value(cursor: &Cursor<'_>, names: &Names<'_>) -> Option<Expectation> {
    let fields = cursor.fields("`value`")?;
    let resource = fields
        .need("resource")
        .and_then(|cursor| names.resource(&cursor));
    let pointer = fields.need("pointer").and_then(|cursor| cursor.pointer());
    let equals = if fields.has("equals") {
        // `null` is a value to compare with, and not a missing key.
        Some(
            fields
                .get("equals")
                .map_or(Some(serde_json::Value::Null), |cursor| cursor.json())?,
        )
    } else {
        fields.need("equals").map(|_| serde_json::Value::Null)
    };
    Some(Expectation::Value {
        resource: resource?,
        pointer: pointer?,
        equals: equals?,
    })
}
