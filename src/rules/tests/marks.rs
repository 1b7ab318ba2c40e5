//! A mark says what the user did, and takes nothing back: whatever was found before it stays found,
//! and nothing is found because of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{JudgeSettings, agreed_in, journals, judge_by};
use crate::domain::journal::{Act, Entry, EntryId, Fact, HarnessFact, StepPhase, StorageAccident};

/// How long after the last entry everything is overdue.
const OVERDUE: Duration = Duration::from_secs(200);

/// Marks that end what rules wait for, and how long after the last entry they come.
fn marks() -> Vec<(Act, Duration)> {
    let late = [
        Act::Launch,
        Act::SignOut,
        Act::Background,
        Act::Offline,
        Act::Refresh,
        Act::Storage {
            accident: StorageAccident::Lost,
        },
    ];
    let at_once = [Act::Kill, Act::SignOut];
    let late = late.into_iter().map(|act| (act, OVERDUE));
    late.chain(at_once.map(|act| (act, Duration::ZERO)))
        .collect()
}

/// What is found when a journal ends with this fact: rules, and what they say went wrong.
fn found(name: &str, entries: &[Arc<Entry>], fact: Fact, after: Duration) -> BTreeSet<String> {
    let last = entries.last().unwrap();
    let end = Arc::new(Entry {
        id: EntryId(last.id.0 + 1),
        at: last.at + after,
        device: None,
        fact,
    });
    let entries: Vec<Arc<Entry>> = entries.iter().cloned().chain([end]).collect();
    let judged = judge_by(agreed_in(name), &entries, JudgeSettings::default());
    let findings = judged.findings.into_iter();
    findings
        .map(|finding| {
            let message = finding
                .message
                .split(" (")
                .next()
                .unwrap_or_default()
                .to_owned();
            format!("{} {message}", finding.rule)
        })
        .collect()
}

fn nothing() -> Fact {
    Fact::Harness(HarnessFact::Step {
        step: 1,
        text: String::new(),
        phase: StepPhase::Began,
    })
}

fn is_end(entry: &Entry) -> bool {
    matches!(entry.fact, Fact::Harness(HarnessFact::Ended))
}

#[test]
fn no_mark_removes_or_adds_to_what_was_found_before_it() {
    let mut wrong = Vec::new();
    for (_, name, entries) in journals("breaks").into_iter().chain(journals("keeps")) {
        let until = entries.iter().position(|entry| is_end(entry));
        let entries = &entries[..until.unwrap_or(entries.len())];
        let before = [Duration::ZERO, OVERDUE].map(|after| found(&name, entries, nothing(), after));
        for (act, after) in marks() {
            let with = found(&name, entries, Fact::Act(act.clone()), after);
            let before = &before[usize::from(after == OVERDUE)];
            let lost: Vec<&String> = before.difference(&with).collect();
            let added: Vec<&String> = with.difference(before).collect();
            if !lost.is_empty() || !added.is_empty() {
                wrong.push(format!(
                    "{name}, {act:?} after {after:?} loses {lost:?} and adds {added:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_mark_that_says_what_is_so_already_changes_nothing() {
    let plainly = |name: &str, entries: &[Arc<Entry>]| {
        let judged = judge_by(agreed_in(name), entries, JudgeSettings::default());
        let findings = judged.findings.into_iter();
        let told = findings.map(|own| (own.rule, own.message, own.severity));
        told.collect::<Vec<_>>()
    };
    let all = journals("breaks").into_iter().chain(journals("keeps"));
    for (_, name, entries) in all {
        let whole = plainly(&name, &entries);
        for at in (1..entries.len()).step_by(13) {
            let gone = entries[..at]
                .iter()
                .rev()
                .find_map(|entry| match entry.fact {
                    Fact::Act(Act::Offline) => Some(true),
                    Fact::Act(Act::Online) => Some(false),
                    _ => None,
                });
            let act = if gone == Some(true) {
                Act::Offline
            } else {
                Act::Online
            };
            // It bears the number of the entry before it, so that the others keep theirs.
            let mark = Arc::new(Entry {
                device: None,
                fact: Fact::Act(act),
                ..(*entries[at - 1]).clone()
            });
            let mut marked = entries.clone();
            marked.insert(at, mark);
            assert_eq!(plainly(&name, &marked), whole, "{name} at {at}");
        }
    }
}
