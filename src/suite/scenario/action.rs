//! `do`: what the user of the client does.

use super::Names;
use crate::domain::scenario::{Action, StorageAccident};
use crate::suite::fields::{Fields, Place};
use crate::suite::node::Content;

const FORM: &str =
    "write a word like `launch`, or an action with its object like `{ open: overview }`";

/// The actions that are said in one word.
const WORDS: [(&str, Action); 6] = [
    ("launch", Action::Launch),
    ("kill", Action::Kill),
    ("sign-out", Action::SignOut),
    ("refresh", Action::Refresh),
    ("background", Action::Background),
    ("foreground", Action::Foreground),
];

/// Reads the actions of one step; `each` makes several.
pub(super) fn read(fields: &Fields<'_>, names: &Names<'_>) -> Option<Vec<Action>> {
    let place = fields.need("do")?;
    if place.node.scalar() == Some("sign-in") {
        let account = fields.need("as").and_then(|place| place.name_text());
        let wrong_password = fields.or("password", false, |place| {
            place.word(&[("right", false), ("wrong", true)])
        });
        return Some(vec![Action::SignIn {
            account: account?,
            wrong_password: wrong_password?,
        }]);
    }
    match &place.node.content {
        Content::Map(_) => with_object(&place, names),
        Content::List(_) => place.wrong("one action", "make it one step an action"),
        _ => word(&place).map(|action| vec![action]),
    }
}

fn word(place: &Place<'_>) -> Option<Action> {
    let text = place.node.scalar().unwrap_or_default();
    if ["open", "load-all", "wait", "storage", "clock"].contains(&text) {
        return place.refuse(format!("`{text}` needs an object"), FORM);
    }
    let mut words: Vec<(&str, Option<Action>)> = WORDS
        .iter()
        .map(|(word, action)| (*word, Some(action.clone())))
        .collect();
    words.push(("sign-in", None));
    for word in ["open", "load-all", "wait", "storage", "clock"] {
        words.push((word, None));
    }
    place.word(&words)?
}

fn with_object(place: &Place<'_>, names: &Names<'_>) -> Option<Vec<Action>> {
    let fields = place.fields("an action")?;
    let open = fields.get("open").map(|place| {
        let tabs = names.tabs(&place)?;
        Some(tabs.into_iter().map(Action::Open).collect())
    });
    let load = fields.get("load-all").map(|place| {
        let lists = names.paged(&place)?;
        Some(lists.into_iter().map(Action::LoadAll).collect())
    });
    let wait = fields
        .get("wait")
        .map(|place| Some(vec![Action::Wait(place.positive_duration()?)]));
    let storage = fields.get("storage").map(|place| {
        let accident = place.word(&[
            ("lost", StorageAccident::Lost),
            ("corrupt", StorageAccident::Corrupt),
            ("undecryptable", StorageAccident::Undecryptable),
            ("oversized", StorageAccident::Oversized),
        ])?;
        Some(vec![Action::Storage(accident)])
    });
    let clock = fields.get("clock").map(|place| clock(&place));
    let mut given = [open, load, wait, storage, clock].into_iter().flatten();
    match (given.next(), given.next(), fields.keys().count()) {
        (Some(actions), None, 1) => actions,
        (Some(_), Some(_), _) => {
            fields.refuse("a step is one action", "make it one step an action")
        }
        // The unknown key is noted by itself.
        (Some(_), None, _) => None,
        (None, _, 0) => fields.refuse("this action is empty", FORM),
        (None, ..) => None,
    }
}

/// `{ ahead: 24h }`, `{ behind: 10m }` or `right`.
fn clock(place: &Place<'_>) -> Option<Vec<Action>> {
    let offset = if place.node.scalar().is_some() {
        place.word(&[("right", 0)])?
    } else {
        let fields = place.fields("`clock`")?;
        let seconds = |key: &'static str| {
            let span = fields.get(key)?.positive_duration()?;
            i64::try_from(span.as_secs()).ok()
        };
        match (seconds("ahead"), seconds("behind")) {
            (Some(ahead), None) => ahead,
            (None, Some(behind)) => -behind,
            _ => {
                return fields.refuse(
                    "a clock is ahead or behind",
                    "write `clock: { ahead: 24h }`, `clock: { behind: 10m }` or `clock: right`",
                );
            }
        }
    };
    Some(vec![Action::Clock(offset)])
}
