//! Whether a build is pulled, in the words that every format uses.

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

/// Everything that shows why a trigger fired, line by line: its findings, else its reasons.
pub(super) fn because(trigger: &Triggered) -> Vec<String> {
    if trigger.evidence.is_empty() {
        return trigger.reasons.clone();
    }
    trigger.evidence.iter().map(shown).collect()
}
