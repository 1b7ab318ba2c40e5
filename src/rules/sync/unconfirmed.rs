//! Findings that the next answer for the kill-switch confirms or takes back: what stays away while
//! somebody keeps the app from its data by agreement is nobody's fault, and the app learns of it late.

use crate::domain::contract::Role;
use crate::domain::journal::EntryId;
use crate::rules::context::Context;
use crate::rules::info::RuleInfo;
use crate::rules::violation::Violation;

/// How many wait at once; of more, the first show the cause.
const WAITING: usize = 32;

/// What was found since the kill-switch last said anything.
#[derive(Default)]
pub(super) struct Unconfirmed(Vec<(EntryId, Violation)>);

impl Unconfirmed {
    /// Takes in what was found at this entry.
    pub(super) fn add(&mut self, violation: Violation, context: &Context<'_>) {
        if self.0.len() < WAITING {
            self.0.push((context.entry.id, violation));
        }
    }

    /// Tells what was found before a question for the kill-switch whose answer this entry is, unless
    /// it says that the app is blocked.
    pub(super) fn settle(&mut self, rule: &'static RuleInfo, context: &Context<'_>) {
        if self.0.is_empty() {
            return;
        }
        if context.may_be_blocked() {
            self.0.clear();
            return;
        }
        let answered = context
            .ended()
            .filter(|ended| ended.request.role == Some(Role::Status) && ended.succeeded());
        let asked = answered.map(|ended| ended.opened.id());
        let is_told = |found: EntryId| match &context.contract.kill_switch {
            Some(_) => asked.is_some_and(|asked| found < asked),
            None => true,
        };
        for (_, violation) in self.0.extract_if(.., |(found, _)| is_told(*found)) {
            context.violated(rule, violation);
        }
    }

    /// Tells the rest: nobody ever said that the app is blocked.
    pub(super) fn end(&mut self, rule: &'static RuleInfo, context: &Context<'_>) {
        for (_, violation) in self.0.drain(..) {
            context.violated(rule, violation);
        }
    }
}
