//! Which requests a step means.

use super::Names;
use crate::domain::contract::RequestPattern;
use crate::domain::scenario::RequestMatch;
use crate::suite::cursor::Cursor;
use crate::suite::suggest::suggest;
use crate::suite::trace::Seen;

/// Words that mean more than one role, and the roles themselves.
const WORDS: [&str; 10] = [
    "any", "data", "writes", "sign-in", "refresh", "sign-out", "status", "health", "keys",
    "realtime",
];

/// Reads a role's or resource's name, `data`, `writes`, `any`, or a pattern.
pub(super) fn read(cursor: &Cursor<'_>, names: &Names<'_>) -> Option<RequestMatch> {
    let text = cursor.text()?;
    cursor.takes(|| Seen::Words(WORDS.map(str::to_owned).into()));
    cursor.takes(|| Seen::OtherNames);
    match text.as_str() {
        "any" => return Some(RequestMatch::Any),
        "data" => return Some(RequestMatch::Data),
        "writes" => return Some(RequestMatch::Writes),
        _ => {}
    }
    if text.contains(char::is_whitespace) || text.contains('/') {
        return match names.services() {
            Some(services) => cursor.request_pattern(&services).map(RequestMatch::Pattern),
            None => match RequestPattern::parse(&text) {
                Ok(pattern) => Some(RequestMatch::Pattern(pattern)),
                Err(why) => cursor.refuse(why, "write `METHOD service /path`"),
            },
        };
    }
    match names.role(&text) {
        Some((role, true)) => Some(RequestMatch::Role(role)),
        Some((_, false)) => cursor.refuse(
            format!("the contract declares no `{text}` request"),
            "declare it in the contract, or mean other requests",
        ),
        None => cursor.refuse(
            format!("`{text}` means no requests"),
            suggest(&text, WORDS.into_iter().chain(names.resources())),
        ),
    }
}
