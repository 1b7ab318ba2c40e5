//! SYNC-14, the numbers: a restart does not take them back.
//!
//! An app keeps the number of what it shows, and drops what has a smaller one as old: after a restart
//! that counts anew it would drop everything.

use std::collections::BTreeMap;

use super::numbers;
use super::restart::HOLDS;
use crate::domain::change::Change;
use crate::domain::journal::{EntryId, Fact};
use crate::rules::context::Context;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// The highest number of each resource, before and since the backend was last started.
#[derive(Default)]
pub(super) struct Renumbered {
    highest: BTreeMap<String, (i64, EntryId)>,
    /// What stood before the restart; judged once for each resource.
    before: BTreeMap<String, (i64, EntryId)>,
    restarted: Option<EntryId>,
    down: bool,
}

impl Rule for Renumbered {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(Change::Backend { .. }) = context.entry.fact.change() {
            let stopped = context.world.backend_is_stopped();
            if self.down && !stopped {
                self.before = std::mem::take(&mut self.highest);
                self.restarted = Some(context.entry.id);
            }
            self.down = stopped;
        }
        if let Fact::TokenIssued(token) = &context.entry.fact
            && token.username
                != context
                    .session
                    .current()
                    .and_then(|own| own.username.clone())
        {
            // Another user's data has numbers of its own.
            *self = Self::default();
        }
        if let Some(read) = context.read()
            && read.answer.is_success()
            && let Some(number) = numbers::in_answer(read.resource, read.answer)
        {
            let opened = read.ended.opened.id();
            if self.restarted.is_none_or(|restarted| restarted < opened) {
                self.number(&read.resource.name, number, context);
            }
        }
        if let Some((_, name, args)) = context.event_down()
            && let Some(rule) = context.contract.event(name)
            && let (Some(resource), Some(sequence)) = (&rule.updates, &rule.sequence)
            && let Some(number) = numbers::in_event(sequence, args)
        {
            self.number(resource, number, context);
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Renumbered {
    fn number(&mut self, resource: &str, number: i64, context: &Context<'_>) {
        let id = context.entry.id;
        match self.highest.get_mut(resource) {
            Some(highest) if highest.0 < number => *highest = (number, id),
            Some(_) => {}
            None => {
                self.highest.insert(resource.to_owned(), (number, id));
            }
        }
        let (Some((before, at)), Some(restarted)) = (self.before.remove(resource), self.restarted)
        else {
            return;
        };
        context.exercised(&HOLDS);
        if number < before {
            context.violated(
                &HOLDS,
                Violation::new(format!(
                    "after its restart the backend numbers `{resource}` anew"
                ))
                .expected(format!("a number from {before} on"))
                .observed(format!("{number}"))
                .evidence([at, restarted, id]),
            );
        }
    }
}
