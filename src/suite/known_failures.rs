//! `known-failures.toml`: failures that somebody knows of and answers for.

use std::sync::Arc;

use jiff::civil::Date;

use super::attestations::parse_day;
use super::cursor::{Cursor, Fields};
use super::diagnostics::Diagnostics;
use super::problem::Problems;
use super::source::Source;
use super::suggest::suggest;
use super::toml;
use crate::domain::known_failure::{KnownFailure, is_beyond_excuse};
use crate::domain::verdict::STEP;
use crate::domain::wildcard::matches;
use crate::rules;

/// The file's name.
pub const KNOWN_FAILURES_FILE: &str = "known-failures.toml";

/// Reads what is known to fail in scenarios of these ids.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn read_known_failures(
    source: &Arc<Source>,
    scenarios: &[&str],
) -> Result<Vec<KnownFailure>, Problems> {
    let node = toml::parse(source)?;
    let diagnostics = Diagnostics::new(source);
    let read = all(&Cursor::root(&diagnostics, &node), scenarios);
    diagnostics.into_problems().or(read)
}

fn all(root: &Cursor<'_>, scenarios: &[&str]) -> Option<Vec<KnownFailure>> {
    let fields = root.fields("the known failures")?;
    let Some(list) = fields.get("known-failure") else {
        return Some(Vec::new());
    };
    let mut read: Vec<Option<KnownFailure>> = Vec::new();
    for cursor in list.list()? {
        let one = known(&cursor.fields("a known failure")?, scenarios);
        let same = |own: &&KnownFailure| {
            let place =
                |own: &KnownFailure| (own.rule.clone(), own.scenario.clone(), own.target.clone());
            one.as_ref().is_some_and(|one| place(one) == place(own))
        };
        if let Some(first) = read.iter().flatten().find(same) {
            let message = format!(
                "`{}` is known twice: {} does first",
                first.rule, first.owner
            );
            cursor.refuse::<()>(message, "keep the one that counts");
        }
        read.push(one);
    }
    read.into_iter().collect()
}

fn known(fields: &Fields<'_>, scenarios: &[&str]) -> Option<KnownFailure> {
    let rule = fields.need("rule").and_then(|cursor| rule(&cursor));
    let scenario = fields.need("scenario").and_then(|cursor| {
        let pattern = cursor.name_text()?;
        if !scenarios.iter().any(|id| matches(&pattern, id)) {
            return cursor.refuse(
                format!("there is no scenario `{pattern}`"),
                suggest(&pattern, scenarios.iter().copied()),
            );
        }
        Some(pattern)
    });
    let target = fields.maybe("target", Cursor::name_text);
    let reason = fields.need("reason").and_then(|cursor| cursor.name_text());
    let owner = fields.need("owner").and_then(|cursor| cursor.name_text());
    let until = fields.need("until").and_then(|cursor| day(&cursor));
    let at_most = fields.maybe("at-most", |cursor| usize::try_from(cursor.whole(1)?).ok());
    Some(KnownFailure {
        rule: rule?,
        scenario: scenario?,
        target: target?,
        reason: reason?,
        owner: owner?,
        until: until?,
        at_most: at_most?,
    })
}

fn rule(cursor: &Cursor<'_>) -> Option<String> {
    let id = cursor.name_text()?;
    if is_beyond_excuse(&id) {
        return cursor.refuse(
            format!("`{id}` cannot be a known failure: nobody may live with it"),
            "forbidden writes and other accounts' data fail every run",
        );
    }
    if id != STEP && rules::find(&id).is_none() {
        let known = rules::catalogue().map(|rule| rule.id).chain([STEP]);
        let known: Vec<&str> = known.collect();
        return cursor.refuse(
            format!("there is no rule `{id}`"),
            suggest(&id, known.into_iter()),
        );
    }
    Some(id)
}

fn day(cursor: &Cursor<'_>) -> Option<Date> {
    let text = cursor.written()?;
    match parse_day(&text) {
        Ok(day) => Some(day),
        Err(problem) => {
            cursor.diagnostics.note(&cursor.node.span, problem);
            None
        }
    }
}
