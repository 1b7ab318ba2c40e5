//! `do`: what the user of the client does.

use super::Names;
use crate::domain::scenario::{Action, StorageAccident};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::trace::Seen;

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
    let cursor = fields.need("do")?;
    if cursor.node.scalar() == Some("sign-in") {
        cursor.takes(|| Seen::Words(vec!["sign-in".to_owned()]));
        let account = fields.need("as").and_then(|cursor| cursor.name_text());
        let wrong_password = fields.or("password", false, |cursor| {
            cursor.word(&[("right", false), ("wrong", true)])
        });
        return Some(vec![Action::SignIn {
            account: account?,
            wrong_password: wrong_password?,
        }]);
    }
    match &cursor.node.content {
        Content::Map(_) => with_object(&cursor, names),
        Content::List(_) => cursor.wrong("one action", "make it one step an action"),
        _ => word(&cursor).map(|action| vec![action]),
    }
}

fn word(cursor: &Cursor<'_>) -> Option<Action> {
    let text = cursor.node.scalar().unwrap_or_default();
    if ["open", "load-all", "wait", "storage", "clock"].contains(&text) {
        return cursor.refuse(format!("`{text}` needs an object"), FORM);
    }
    let mut words: Vec<(&str, Option<Action>)> = WORDS
        .iter()
        .map(|(word, action)| (*word, Some(action.clone())))
        .collect();
    cursor.takes(|| Seen::Words(WORDS.map(|(word, _)| word.to_owned()).into()));
    words.push(("sign-in", None));
    for word in ["open", "load-all", "wait", "storage", "clock"] {
        words.push((word, None));
    }
    cursor.word_or_hint(&words)?
}

fn with_object(cursor: &Cursor<'_>, names: &Names<'_>) -> Option<Vec<Action>> {
    let fields = cursor.fields("an action")?;
    fields.wants_one();
    let open = fields.get("open").map(|cursor| {
        let tabs = names.tabs(&cursor)?;
        Some(tabs.into_iter().map(Action::Open).collect())
    });
    let load = fields.get("load-all").map(|cursor| {
        let lists = names.paged(&cursor)?;
        Some(lists.into_iter().map(Action::LoadAll).collect())
    });
    let wait = fields
        .get("wait")
        .map(|cursor| Some(vec![Action::Wait(cursor.positive_duration()?)]));
    let storage = fields.get("storage").map(|cursor| {
        let accident = cursor.word(&[
            ("lost", StorageAccident::Lost),
            ("corrupt", StorageAccident::Corrupt),
            ("undecryptable", StorageAccident::Undecryptable),
            ("oversized", StorageAccident::Oversized),
        ])?;
        Some(vec![Action::Storage(accident)])
    });
    let clock = fields.get("clock").map(|cursor| clock(&cursor));
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
fn clock(cursor: &Cursor<'_>) -> Option<Vec<Action>> {
    let offset = if cursor.node.scalar().is_some() {
        cursor.word(&[("right", 0)])?
    } else {
        let fields = cursor.fields("`clock`")?;
        fields.wants_one();
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
