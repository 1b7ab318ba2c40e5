//! What a run changes against those before it, in lines for people.

use std::time::Duration;

use super::rfc3339;
use super::text::count;
use crate::domain::changes::{Change, Changes, What};
use crate::domain::class::Class;

/// How many are named before the rest is counted.
const NAMED: usize = 12;

/// What changed, a word and a line each; what did not change comes last. The first line says against
/// what.
pub(super) fn lines(changes: &Changes) -> Vec<(&'static str, String)> {
    let before = &changes.before;
    let mut lines = vec![(
        "before",
        format!(
            "{} on {}, and so since {}",
            before.verdict,
            moment(before.started),
            moment(before.since)
        ),
    )];
    for (word, all, tells_since) in [
        ("new", &changes.new, false),
        ("fixed", &changes.fixed, true),
        ("still", &changes.still, true),
    ] {
        if !all.is_empty() {
            lines.push((word, named(all, tells_since)));
        }
    }
    if lines.len() == 1 {
        lines.push(("changed", "nothing, and nothing fails".to_owned()));
    }
    lines
}

/// The names of changes, scenarios first, with since when and whose fault.
fn named(all: &[Change], tells_since: bool) -> String {
    let mut words: Vec<String> = Vec::new();
    for change in all.iter().take(NAMED) {
        let kind = match change.what {
            What::Scenario => String::new(),
            what => format!("{} ", what.word()),
        };
        let class = change.class.map(Class::word).map(str::to_owned);
        let since = tells_since.then(|| format!("since {}", moment(change.since)));
        let aside: Vec<String> = class.into_iter().chain(since).collect();
        let aside = match aside.is_empty() {
            true => String::new(),
            false => format!(" ({})", aside.join(", ")),
        };
        words.push(format!("{kind}{}{aside}", change.id));
    }
    if all.len() > NAMED {
        words.push(format!("{} more", all.len() - NAMED));
    }
    words.join(", ")
}

/// How much changed, in one line: `2 new, 1 fixed`.
pub(super) fn headline(changes: &Changes) -> String {
    let scenarios = |all: &[Change]| {
        let scenarios = all.iter().filter(|own| own.what == What::Scenario);
        scenarios.count()
    };
    let counts = [
        (scenarios(&changes.new), "failing anew"),
        (scenarios(&changes.fixed), "fixed"),
        (scenarios(&changes.still), "still failing"),
    ];
    let told = counts.iter().filter(|(number, _)| *number > 0);
    let told: Vec<String> = told
        .map(|(number, word)| format!("{} {word}", count(*number as u64, "scenario")))
        .collect();
    match told.is_empty() {
        true => "no scenario changed".to_owned(),
        false => told.join(", "),
    }
}

/// When a run began, in UTC.
pub(super) fn moment(seconds: u64) -> String {
    rfc3339(Duration::from_secs(seconds)).replace(".000", "")
}
