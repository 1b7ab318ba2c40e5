//! Whether a build is pulled, in the words that every format uses.

use super::text::count;
use crate::domain::runbook::{Answer, Build, Exhibit, State, Triggered};

/// What is to be done with the build and by which triggers, in one line; nothing where no trigger is
/// agreed on.
pub(super) fn advice(answer: &Answer) -> Option<String> {
    let build = answer.build()?;
    let named = |state: State| {
        let triggers = answer.triggers_in(state);
        triggers.map(named).collect::<Vec<_>>().join("; ")
    };
    Some(match build {
        Build::Pull => format!("{}: {}", build.words(), named(State::Fired)),
        Build::Keep => build.words().to_owned(),
        Build::Open => format!("{}: {}", build.words(), named(State::NotJudged)),
    })
}

/// A trigger, by its id and what has gone wrong.
pub(super) fn named(trigger: &Triggered) -> String {
    format!("{} {}", trigger.id, trigger.title)
}

/// A finding that fired a trigger, in one line.
pub(super) fn shown(exhibit: &Exhibit) -> String {
    let (rule, subject) = (&exhibit.rule, exhibit.subject.name());
    let (scenario, message) = (&exhibit.scenario, &exhibit.message);
    let entries = exhibit.entries.iter().map(|id| format!("#{}", id.0));
    let entries: Vec<String> = entries.collect();
    let mut line = format!("{rule} ({subject}) in {scenario}: {message}");
    if !entries.is_empty() {
        line.push_str(&format!(" [{}]", entries.join(" ")));
    }
    if !exhibit.request_ids.is_empty() {
        line.push_str(&format!("; requests {}", exhibit.request_ids.join(", ")));
    }
    line
}

/// What fired a trigger, with what was seen alike in many scenarios in one line.
pub(super) fn together<'a>(exhibits: impl IntoIterator<Item = &'a Exhibit>) -> Vec<String> {
    let mut alike: Vec<Vec<&Exhibit>> = Vec::new();
    for own in exhibits {
        let of = |one: &Exhibit| (one.rule.clone(), one.subject, one.message.clone());
        match alike.iter_mut().find(|all| of(all[0]) == of(own)) {
            Some(all) => all.push(own),
            None => alike.push(vec![own]),
        }
    }
    alike.iter().map(|all| all_of(all)).collect()
}

fn all_of(all: &[&Exhibit]) -> String {
    let [first, _, ..] = all else {
        return all.first().map_or_else(String::new, |only| shown(only));
    };
    let seen = all.iter().map(|own| {
        let entries = own.entries.iter().map(|id| format!("#{}", id.0));
        match own.entries.is_empty() {
            true => own.scenario.clone(),
            false => {
                let entries: Vec<String> = entries.collect();
                format!("{} [{}]", own.scenario, entries.join(" "))
            }
        }
    });
    let (rule, subject) = (&first.rule, first.subject.name());
    let scenarios = count(all.len() as u64, "scenario");
    let mut line = format!("{rule} ({subject}) in {scenarios}: {}: ", first.message);
    line.push_str(&seen.collect::<Vec<_>>().join(", "));
    let requests = all.iter().flat_map(|own| &own.request_ids);
    let requests: Vec<&str> = requests.map(String::as_str).collect();
    if !requests.is_empty() {
        line.push_str(&format!("; requests {}", requests.join(", ")));
    }
    line
}

/// Everything that shows why a trigger fired, line by line: its findings, else its reasons.
pub(super) fn because(trigger: &Triggered) -> Vec<String> {
    if trigger.evidence.is_empty() {
        return trigger.reasons.clone();
    }
    trigger.evidence.iter().map(shown).collect()
}
